//! URL policy: what a pattern covers goes to the host that the pattern names.

#![no_main]

use engine::policy::{GitUrl, HttpPattern, request_url};
use libfuzzer_sys::fuzz_target;

const PATTERNS: [&str; 4] = [
    "GET https://ok.example.org/api/**",
    "GET,POST https://*.example.net/v1/*/hook",
    "GET https://[2001:db8::1]:8443/**",
    "GET http://ok.example.org/only",
];

fuzz_target!(|text: &str| {
    let _ = text.parse::<GitUrl>();
    // A pattern that a person wrote is shown as one that reads the same.
    if let Ok(pattern) = text.parse::<HttpPattern>() {
        let shown = pattern.to_string();
        let again = shown.parse::<HttpPattern>();
        assert_eq!(again.as_ref(), Ok(&pattern), "{shown}");
        assert!(pattern.contains(&pattern));
    }
    let Ok(url) = request_url(text) else {
        return;
    };
    let host = url.host_str().unwrap_or_default();
    let covered: Vec<bool> = PATTERNS
        .iter()
        .map(|pattern| {
            let pattern: HttpPattern = pattern.parse().expect("it is ours");
            pattern.matches("GET", &url)
        })
        .collect();
    let hosts = [
        host == "ok.example.org",
        host.ends_with(".example.net"),
        host == "[2001:db8::1]",
        host == "ok.example.org",
    ];
    for (covered, is_host) in covered.iter().zip(hosts) {
        assert!(!covered || is_host, "{url}");
    }
    if covered.iter().any(|covered| *covered) {
        let lower = url.path().to_ascii_lowercase();
        assert!(url.username().is_empty() && url.password().is_none());
        assert!(!lower.contains("%2f") && !lower.contains("%5c"), "{url}");
        assert!(!lower.split('/').any(|part| part == ".." || part == "."), "{url}");
    }
});
