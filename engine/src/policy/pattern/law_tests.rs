//! Tests of laws that hold for every pattern, whatever the text.

use proptest::prelude::*;
use url::Url;

use super::{GitPattern, GitUrl, HostPattern, HttpPattern, request_url};

fn http(text: &str) -> HttpPattern {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is a pattern: {error}"))
}

/// Segments of a tiny alphabet, so that patterns and requests often meet.
fn path(wild: bool) -> impl Strategy<Value = String> {
    let words: &'static [&'static str] = if wild {
        &["a", "b", "*", "c.git", ""]
    } else {
        &["a", "b", "c", "c.git", ""]
    };
    let ends: &'static [&'static str] = if wild { &["", "/**", "/*"] } else { &["", "/"] };
    (
        prop::collection::vec(prop::sample::select(words), 1..4),
        prop::sample::select(ends),
    )
        .prop_map(|(segments, end)| format!("/{}{end}", segments.join("/")))
}

fn host(wild: bool) -> impl Strategy<Value = &'static str> {
    prop::sample::select(if wild {
        &["h.test", "*.h.test", "*.a.h.test", "a.h.test"][..]
    } else {
        &["h.test", "a.h.test", "b.a.h.test", "evilh.test"][..]
    })
}

fn http_pattern() -> impl Strategy<Value = HttpPattern> {
    let methods = prop::sample::select(&["GET", "GET,POST", "POST"][..]);
    let query = prop::sample::select(&["", "?q"][..]);
    (methods, host(true), path(true), query, any::<bool>()).prop_map(
        |(methods, host, path, query, private)| {
            http(&format!("{methods} https://{host}{path}{query}")).with_private(private)
        },
    )
}

fn git_pattern() -> impl Strategy<Value = GitPattern> {
    let places = prop::sample::select(&["https://", "ssh://git@"][..]);
    (places, host(true), path(true)).prop_filter_map("no empty segments", |(place, host, path)| {
        format!("{place}{host}{path}").parse().ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn what_a_contained_http_pattern_covers_is_covered(
        outer in http_pattern(),
        inner in http_pattern(),
        requests in prop::collection::vec((host(false), path(false), any::<bool>()), 16),
    ) {
        prop_assert!(outer.contains(&outer));
        for (host, path, query) in requests {
            let url = Url::parse(&format!("https://{host}{path}{}", if query { "?q" } else { "" })).unwrap();
            if outer.contains(&inner) && inner.matches("GET", &url) {
                prop_assert!(outer.matches("GET", &url), "{outer} {inner} {url}");
            }
        }
    }

    #[test]
    fn what_a_contained_git_pattern_covers_is_covered(
        outer in git_pattern(),
        inner in git_pattern(),
        urls in prop::collection::vec((host(false), path(false)), 16),
    ) {
        prop_assert!(outer.contains(&outer));
        for (host, path) in urls {
            let Ok(url) = format!("https://{host}{path}").parse::<GitUrl>() else { continue };
            if outer.contains(&inner) && inner.matches(&url) {
                prop_assert!(outer.matches(&url), "{outer} {inner} {url}");
            }
        }
    }

    #[test]
    fn a_shown_pattern_is_read_as_the_same_pattern(http in http_pattern(), git in git_pattern()) {
        let private = http.private;
        prop_assert_eq!(http.to_string().parse::<HttpPattern>().unwrap().with_private(private), http);
        prop_assert_eq!(git.to_string().parse::<GitPattern>().unwrap(), git);
    }

    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_is_shown_as_it_is_meant(
        text in "(GET |)(https|http|ssh|file|)(://|:|)([a-z*.@:\\[\\]-]|\\PC){0,12}[/?#%.*a-f0-9\\\\-]{0,12}",
    ) {
        if let Ok(pattern) = text.parse::<HttpPattern>() {
            prop_assert_eq!(pattern.to_string().parse::<HttpPattern>().unwrap(), pattern);
        }
        if let Ok(pattern) = text.parse::<GitPattern>() {
            prop_assert_eq!(pattern.to_string().parse::<GitPattern>().unwrap(), pattern);
        }
        if let Ok(url) = text.parse::<GitUrl>() {
            prop_assert_eq!(url.to_string().parse::<GitUrl>().unwrap(), url.clone());
            // An address of a remote covers itself.
            prop_assert!(url.to_string().parse::<GitPattern>().unwrap().matches(&url));
        }
        if let Ok(host) = text.parse::<HostPattern>() {
            prop_assert_eq!(host.to_string().parse::<HostPattern>().unwrap(), host);
        }
        if let Ok(url) = request_url(&text) {
            prop_assert!(!url.as_str().contains(['@', '#', '\\']));
            prop_assert!(request_url(url.as_str()).is_ok());
        }
    }

    /// Row C10: values that widen a pattern.
    #[test]
    fn a_value_never_adds_a_host_or_a_segment(value in "[a-z0-9./*%@:#?\\\\-]{0,6}|\\PC{0,4}") {
        let text = "GET https://a.${{ x }}.h.test/b/${{ x }}/c";
        if let Ok(pattern) = HttpPattern::parse_template(text, &mut |_| Ok(value.clone())) {
            let shown = pattern.to_string();
            prop_assert_eq!(shown.matches('/').count(), 5);
            prop_assert_eq!(shown.split('/').nth(2).unwrap().split('.').count(), 4);
            prop_assert!(!shown.contains('*'));
        }
    }
}
