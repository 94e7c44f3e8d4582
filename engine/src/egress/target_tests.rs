//! Target: every notation of a URL that leads to this machine is seen to do so.

use super::{Scheme, Target};
use crate::egress::Error;

fn target(url: &str) -> Result<Target, Error> {
    let uri: http::Uri = url.parse().map_err(|_| Error::Url { reason: "uri" })?;
    Target::of(&uri)
}

/// Row C06: other notations of an address in a target.
#[test]
fn a_target_has_one_form() {
    for (url, form) in [
        ("https://OK.Test", "https://ok.test/"),
        ("https://ok.test.", "https://ok.test/"),
        ("https://ok.test:443/", "https://ok.test/"),
        ("http://ok.test:80/", "http://ok.test/"),
        ("https://ok.test:8443/", "https://ok.test:8443/"),
        ("https://xn--bcher-kva.test/", "https://xn--bcher-kva.test/"),
        ("http://2130706433/", "http://127.0.0.1/"),
        ("http://0x7f.1:8080/", "http://127.0.0.1:8080/"),
        ("http://[::ffff:127.0.0.1]/", "http://[::ffff:127.0.0.1]/"),
        ("http://[0:0:0:0:0:0:0:1]:81/", "http://[::1]:81/"),
    ] {
        let target = target(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(target.url("/"), form, "{url}");
    }
}

/// Row C09: hosts in disguise.
#[test]
fn disguises_are_refused() {
    for url in [
        "https://ok.test@evil.test/",
        "https://user:pass@ok.test/",
        "https://ok.test:80@127.0.0.1/",
        "https://@ok.test/",
        "https://ok.test%00.evil.test/",
        "https://%6f%6b.test/",
        "https://ok.test:/",
        "https://ok.test:0/",
        "https://ok.test:65536/",
        "https://ok.test:+80/",
        "https://ok..test/",
        "https://ok.test../",
        "https://.ok.test/",
        "https://-ok.test/",
        "https://./",
        "https:///",
        "https://256.256.256.256/",
        "https://1.2.3.4.5/",
        "https://0x7f.evil.1/",
        "https://[::1%25lo]/",
        "https://[v1.x]/",
        "https://[127.0.0.1]/",
        "https://xn--/",
        "ftp://ok.test/",
        "file:///etc/passwd",
        "/etc/passwd",
        "ok.test:443",
        "*",
    ] {
        let found = target(url);
        assert!(matches!(found, Err(Error::Url { .. })), "{url}: {found:?}");
    }
    let long = format!("https://{}test/", "a.".repeat(130));
    assert!(target(&long).is_err());
    assert!(target(&format!("https://{}/", "a".repeat(64))).is_err());
}

#[test]
fn the_scheme_decides_the_port() {
    let port = |url| target(url).map(|target| (target.scheme, target.port));
    assert_eq!(port("http://ok.test/"), Ok((Scheme::Http, 80)));
    assert_eq!(port("https://ok.test/"), Ok((Scheme::Https, 443)));
    assert_eq!(port("HTTPS://ok.test:80/"), Ok((Scheme::Https, 80)));
}
