//! Tests of HTTP patterns: tables of what is read, covered and refused.

use url::Url;

use super::{HttpPattern, request_url};

fn http(text: &str) -> HttpPattern {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is a pattern: {error}"))
}

const HTTP_COVERED: &[(&str, &str, bool)] = &[
    ("GET https://h.test/a", "GET https://h.test/a", true),
    ("GET https://h.test/a", "GET https://h.test:443/a", true),
    ("GET https://h.test:443/a", "GET https://h.test/a", true),
    ("GET https://h.test/a", "GET https://h.test:8443/a", false),
    ("GET https://h.test/a", "GET http://h.test/a", false),
    ("GET https://h.test/a", "GET https://h.test/A", false),
    ("GET https://h.test/a", "GET https://h.test/a/", false),
    ("GET https://h.test/a", "HEAD https://h.test/a", false),
    ("GET https://h.test/a", "get https://h.test/a", false),
    ("GET,HEAD https://h.test/a", "HEAD https://h.test/a", true),
    ("GET https://h.test/a", "GET https://h.test/a?b=c", true),
    ("GET https://h.test/a?b=c", "GET https://h.test/a?b=c", true),
    (
        "GET https://h.test/a?b=c",
        "GET https://h.test/a?b=d",
        false,
    ),
    ("GET https://h.test/a?b=c", "GET https://h.test/a", false),
    ("GET https://h.test/a?", "GET https://h.test/a", true),
    ("GET https://h.test/a?", "GET https://h.test/a?b", false),
    ("GET https://h.test/*", "GET https://h.test/a", true),
    ("GET https://h.test/*", "GET https://h.test/", false),
    ("GET https://h.test/*", "GET https://h.test/a/b", false),
    ("GET https://h.test/**", "GET https://h.test/", true),
    ("GET https://h.test/**", "GET https://h.test/a/b/c", true),
    ("GET https://h.test/a/**", "GET https://h.test/a/b", true),
    ("GET https://h.test/a/**", "GET https://h.test/a/", true),
    ("GET https://h.test/a/**", "GET https://h.test/a", false),
    ("GET https://h.test/a/**", "GET https://h.test/ab", false),
    ("GET https://h.test/a/*/c", "GET https://h.test/a/b/c", true),
    ("GET https://h.test/a/*/c", "GET https://h.test/a//c", false),
    ("GET https://h.test/a%20b", "GET https://h.test/a b", true),
    ("GET https://h.test/%61", "GET https://h.test/a", true),
    ("GET https://h.test/a%2Ab", "GET https://h.test/a*b", true),
    (
        "GET https://h.test/caf%C3%A9",
        "GET https://h.test/café",
        true,
    ),
    // Encoded slashes and their like belong to no pattern, `**` included.
    ("GET https://h.test/**", "GET https://h.test/a%2fb", false),
    ("GET https://h.test/**", "GET https://h.test/a%5Cb", false),
    ("GET https://h.test/**", "GET https://h.test/a%00", false),
    (
        "GET https://h.test/**",
        "GET https://h.test/a%0d%0ab",
        false,
    ),
    (
        "GET https://h.test/**",
        "GET https://h.test/%252e%252e/b",
        false,
    ),
    ("GET https://h.test/**", "GET https://h.test/a%252fb", false),
    ("GET https://h.test/**", "GET https://h.test/..;/b", false),
    ("GET https://h.test/**", "GET https://h.test/a%zz", false),
    ("GET https://h.test/**", "GET https://h.test/a#b", false),
    ("GET https://h.test/**", "GET https://u@h.test/a", false),
    ("GET https://h.test/**", "GET https://:p@h.test/a", false),
    // What the parser normalises is judged in its normal form.
    (
        "GET https://h.test/a/**",
        "GET https://h.test/a/../b",
        false,
    ),
    (
        "GET https://h.test/a/**",
        "GET https://h.test/a/%2e%2e/b",
        false,
    ),
    ("GET https://h.test/**", "GET https://h.test./a", false),
    ("GET https://h.test/**", "GET https://H.TEST/a", true),
    // Whole labels.
    ("GET https://*.h.test/", "GET https://a.h.test/", true),
    ("GET https://*.h.test/", "GET https://a.b.h.test/", true),
    ("GET https://*.h.test/", "GET https://h.test/", false),
    ("GET https://*.h.test/", "GET https://evilh.test/", false),
    (
        "GET https://*.h.test/",
        "GET https://a.h.test.evil.test/",
        false,
    ),
    ("GET https://*.h.test/", "GET https://a.h.test./", false),
    // Addresses are compared as numbers, however the request writes them.
    ("GET http://127.0.0.1/", "GET http://2130706433/", true),
    ("GET http://127.0.0.1/", "GET http://0177.0.0.1/", true),
    ("GET http://127.0.0.1/", "GET http://0x7f.1/", true),
    ("GET http://h.test/", "GET http://127.1/", false),
    ("GET http://[::1]/", "GET http://[0:0::1]/", true),
];

/// Row C10, C16: hosts, methods and paths beside a pattern.
#[test]
fn an_http_pattern_covers_what_it_says() {
    let check = |pattern: &str, request: &str, covered: bool| {
        let (method, url) = request.split_once(' ').unwrap();
        let url = Url::parse(url).unwrap();
        assert_eq!(
            http(pattern).matches(method, &url),
            covered,
            "`{pattern}` and `{request}`"
        );
    };
    for &(pattern, request, covered) in HTTP_COVERED {
        check(pattern, request, covered);
    }
}

const HTTP_REFUSED: &[(&str, &str)] = &[
    ("", "method is missing"),
    ("https://h.test/", "method is missing"),
    ("https://h.test/ GET", "stands behind the URL"),
    ("get https://h.test/", "capitals"),
    ("GET, HEAD https://h.test/", "not a method"),
    ("GET,,HEAD https://h.test/", "not a method"),
    ("* https://h.test/", "not a method"),
    ("CONNECT https://h.test/", "never granted"),
    ("TRACE https://h.test/", "never granted"),
    ("GET h.test/", "scheme is missing"),
    ("GET ftp://h.test/", "not a scheme of the web"),
    ("GET HTTPS://h.test/", "lower case"),
    ("GET https://h.test", "path is missing"),
    ("GET https://h.test?a", "path is missing"),
    ("GET https:///a", "host is missing"),
    ("GET https://u@h.test/", "user information"),
    ("GET https://h.test@evil.test/", "user information"),
    ("GET https://h.test:80@127.0.0.1/", "user information"),
    ("GET https://h.test/#a", "fragment"),
    ("GET https://evil.test#h.test/", "fragment"),
    ("GET https://h.test:0/", "not a port"),
    ("GET https://h.test:080/", "not a port"),
    ("GET https://h.test:65536/", "not a port"),
    ("GET https://h.test:+80/", "not a port"),
    ("GET https://h.test:/", "not a port"),
    ("GET https://[::1/", "not a port"),
    ("GET https://[::1]80/", "neither a port"),
    ("GET https://H.test/", "normal form"),
    ("GET https://h.test./", "not a host name"),
    ("GET https://h..test/", "not a host name"),
    ("GET https://-h.test/", "not a host name"),
    ("GET https://bücher.test/", "normal form"),
    ("GET https://ⓗ.test/", "normal form"),
    ("GET https://h.test%00.evil.test/", "not a host"),
    ("GET https://%68.test/", "normal form"),
    ("GET https://2130706433/", "normal form"),
    ("GET https://0177.0.0.1/", "normal form"),
    ("GET https://0x7f.1/", "normal form"),
    ("GET https://127.1/", "normal form"),
    ("GET https://1.2.3.4.5/", "not a host"),
    ("GET https://256.0.0.1/", "not a host"),
    ("GET https://[::ffff:127.0.0.1]/", "normal form"),
    ("GET https://[fe80::1%25eth0]/", "not a host"),
    ("GET https://*/", "stands at its beginning"),
    ("GET https://*.test/", "far more than one"),
    ("GET https://a.*.h.test/", "stands at its beginning"),
    ("GET https://*h.test/", "stands at its beginning"),
    ("GET https://*.*.h.test/", "not a host"),
    ("GET https://*.0.0.1/", "normal form"),
    ("GET https://*.10.0.0.1/", "address"),
    ("GET https://h.test/a*", "whole segment"),
    ("GET https://h.test/***", "whole segment"),
    ("GET https://h.test/**/a", "comes last"),
    ("GET https://h.test/../a", "dot segment"),
    ("GET https://h.test/%2e%2E/a", "dot segment"),
    ("GET https://h.test/%252e%252e/a", "dot segment"),
    ("GET https://h.test/..;x/a", "dot segment"),
    ("GET https://h.test/a%2fb", "encoded `/`"),
    ("GET https://h.test/a%5cb", "encoded `\\\\`"),
    ("GET https://h.test/a\\b", "cannot stand here"),
    ("GET https://h.test/a%00", "encoded"),
    ("GET https://h.test/%ff", "not UTF-8"),
    ("GET https://h.test/%4", "hexadecimal"),
    ("GET https://h.test/é", "cannot stand in a URL"),
    ("GET https://h.test/a b", "cannot stand in a URL"),
    ("GET https://h.test/\u{202e}a", "cannot stand here"),
    ("GET https://h.test/\u{e000}a", "cannot stand here"),
    ("GET https://h.test/a\nb", "cannot stand here"),
    ("GET https://h.test/?a=*", "cannot stand in a query"),
    ("GET https://h.test/?a=é", "cannot stand in a query"),
    ("GET https://${{ a }}.h.test/", "an expression cannot stand"),
];

/// Row C10: patterns that would cover too much.
#[test]
fn text_that_is_no_http_pattern_is_refused_with_its_reason() {
    let check = |text: &str, reason: &str| {
        let error = text.parse::<HttpPattern>().expect_err(text);
        assert!(error.message.contains(reason), "`{text}`: {error}");
    };
    for &(text, reason) in HTTP_REFUSED {
        check(text, reason);
    }
    check(
        &format!("GET https://h.test/{}", "a".repeat(4096)),
        "longer",
    );
}

fn check_fill(text: &str, value: &str, expected: Result<&str, &str>) {
    let pattern = HttpPattern::parse_template(text, &mut |source| {
        assert_eq!(source, "inputs.x");
        Ok(value.to_owned())
    });
    match (pattern, expected) {
        (Ok(pattern), Ok(expected)) => assert_eq!(pattern.to_string(), expected, "`{text}`"),
        (Err(error), Err(reason)) => {
            assert!(error.message.contains(reason), "`{text}`: {error}");
        }
        (result, _) => panic!("`{text}` with `{value}`: {result:?}"),
    }
}

#[test]
fn values_fill_a_pattern_without_changing_its_shape() {
    let check = check_fill;
    let host = "PUT https://k8s.${{ inputs.x }}.example.org:6443/apis/**";
    check(
        host,
        "dev",
        Ok("PUT https://k8s.dev.example.org:6443/apis/**"),
    );
    for value in [
        "",
        "*",
        "a.b",
        "a/b",
        "evil.test/",
        "a:1",
        "u@h",
        "Dev",
        "-a",
        "a-",
        "a b",
        "é",
        "a\n",
        "a%2e",
        "#",
        "?",
        "[",
        "a\\",
    ] {
        check(host, value, Err("not one label"));
    }
    check(host, &"a".repeat(64), Err("not one label"));
    let path = "GET https://h.test/a/v-${{inputs.x}}/b";
    check(path, "1", Ok("GET https://h.test/a/v-1/b"));
    check(path, "café x", Ok("GET https://h.test/a/v-caf%C3%A9%20x/b"));
    for value in [
        "", "*", "**", "a/b", "%2f", "a?b", "a#b", "a\\b", "\0", "\u{202e}",
    ] {
        check(path, value, Err("the value of"));
    }
    check(
        "GET https://h.test/.${{ inputs.x }}/b",
        ".",
        Err("dot segment"),
    );
    check(
        "GET https://h.test/${{ inputs.x }}/b",
        "..",
        Err("dot segment"),
    );
    for text in [
        "${{ inputs.x }} https://h.test/",
        "GET https://h.test:${{ inputs.x }}/",
        "GET https://h.test/?a=${{ inputs.x }}",
    ] {
        check(text, "1", Err("host and in the path alone"));
    }
    for text in [
        "GET https://a${{ inputs.x }}.h.test/",
        "GET https://${{ inputs.x }}.test/",
        "GET https://${{ inputs.x }}/",
        "GET https://h.${{ inputs.x }}/",
    ] {
        check(text, "a", Err("one whole label"));
    }
    check("GET ${{ inputs.x }}://h.test/", "https", Err("lower case"));
    check("GET https://h.test/${{ inputs.x", "1", Err("never closed"));
    check(
        "GET https://${{ inputs.x }}.0.0.1/",
        "127",
        Err("an address"),
    );
}

#[test]
fn an_expression_ends_at_the_first_braces_outside_quotes() {
    let mut seen = Vec::new();
    let pattern = HttpPattern::parse_template(
        "GET https://h.test/${{ {'a}}': \"\\\"}}\"}[x] }}/${{ y }}",
        &mut |source| {
            seen.push(source.to_owned());
            Ok(format!("v{}", seen.len()))
        },
    );
    assert_eq!(pattern.unwrap().to_string(), "GET https://h.test/v1/v2");
    assert_eq!(seen, ["{'a}}': \"\\\"}}\"}[x]", "y"]);
    let refused = HttpPattern::parse_template("GET https://h.test/${{ x }}", &mut |_| {
        Err("no such input".to_owned())
    });
    assert_eq!(refused.unwrap_err().message, "`${{ x }}`: no such input");
}

/// Row C06, C09: URLs that can be read in two ways.
#[test]
fn a_request_url_that_can_be_read_in_two_ways_is_refused() {
    for (text, normal) in [
        ("https://h.test/a/b?c=d", "https://h.test/a/b?c=d"),
        ("https://h.test", "https://h.test/"),
        ("https://h.test?a=../b", "https://h.test/?a=../b"),
        ("https://H.Test:443/A", "https://h.test/A"),
        ("http://127.0.0.1:8080/", "http://127.0.0.1:8080/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("https://h.test/a%20b", "https://h.test/a%20b"),
    ] {
        let url = request_url(text).unwrap_or_else(|error| panic!("`{text}`: {error}"));
        assert_eq!(url.as_str(), normal);
    }
    for text in [
        "",
        "h.test/",
        "//h.test/",
        "file:///etc/passwd",
        "ftp://h.test/",
        "https:h.test/",
        "https:///h.test/",
        "https://h.test@evil.test/",
        "https://h.test:80@127.0.0.1/",
        "https://u:p@h.test/",
        "https://@h.test/",
        "https://h.test./",
        "https://h.test%00.evil.test/",
        "https://h.test%2f@evil.test/",
        "https://h.test\\@evil.test/",
        "https://h.test\\evil/",
        "https://evil.test#h.test/",
        "https://h.test/a#b",
        "https://h.test/../a",
        "https://h.test/a/./b",
        "https://h.test/a/%2e%2e/b",
        "https://h.test/a/.%2E/b",
        "https://h.test/a%2fb",
        "https://h.test/a%5cb",
        "https://h.test/a\tb",
        "https://h.test/a\nb",
        "https://h.test/a b",
        " https://h.test/",
        "https://h.test/é",
        "https://bücher.test/",
        "https://2130706433/",
        "https://0177.0.0.1/",
        "https://0x7f.1/",
        "https://127.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://h.test:/",
        "https://h.test:99999/",
        "https://*.h.test/",
        "https://*/",
    ] {
        assert!(request_url(text).is_err(), "`{text}`");
    }
}

#[test]
fn one_pattern_contains_another_or_does_not() {
    let check = |outer: &str, inner: &str, contained: bool| {
        assert_eq!(
            http(outer).contains(&http(inner)),
            contained,
            "`{outer}` and `{inner}`"
        );
    };
    for (outer, inner, contained) in [
        ("GET,POST https://h.test/**", "GET https://h.test/a/*", true),
        ("GET https://h.test/**", "GET,POST https://h.test/a", false),
        ("GET https://h.test/*", "GET https://h.test/a", true),
        ("GET https://h.test/a", "GET https://h.test/*", false),
        ("GET https://h.test/*", "GET https://h.test/**", false),
        ("GET https://h.test/a/**", "GET https://h.test/a/**", true),
        ("GET https://h.test/a/**", "GET https://h.test/**", false),
        (
            "GET https://h.test/a/*/**",
            "GET https://h.test/a/**",
            false,
        ),
        ("GET https://*.h.test/", "GET https://a.h.test/", true),
        ("GET https://*.h.test/", "GET https://*.a.h.test/", true),
        ("GET https://*.a.h.test/", "GET https://*.h.test/", false),
        ("GET https://*.h.test/", "GET https://*.evilh.test/", false),
        ("GET https://h.test/", "GET https://*.h.test/", false),
        ("GET https://h.test/a", "GET https://h.test/a?b", true),
        ("GET https://h.test/a?b", "GET https://h.test/a", false),
        ("GET https://h.test/", "GET http://h.test/", false),
    ] {
        check(outer, inner, contained);
    }
    let public = http("GET http://127.0.0.1/**");
    let private = public.clone().with_private(true);
    assert!(private.contains(&public) && !public.contains(&private));
}

#[test]
fn reading_is_inward_and_everything_else_is_outward() {
    assert!(!http("GET,HEAD https://h.test/").is_outward());
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"] {
        assert!(http(&format!("GET,{method} https://h.test/")).is_outward());
    }
}

#[test]
fn the_serialised_form_is_a_text_or_allow_with_private() {
    let check = |json: &str, private: bool| {
        let pattern: HttpPattern = serde_json::from_str(json).unwrap();
        assert_eq!(pattern.private, private);
        assert_eq!(serde_json::to_string(&pattern).unwrap(), json);
    };
    check(r#""GET https://h.test/**""#, false);
    check(r#"{"allow":"GET https://h.test/**","private":true}"#, true);
    for bad in [
        "1",
        "{}",
        r#"{"private":true}"#,
        r#"{"allow":"GET https://h.test/","public":true}"#,
        r#"{"allow":"GET https://h.test/","allow":"GET https://h.test/"}"#,
        r#"{"allow":"GET https://h.test/","private":"yes"}"#,
        r#""https://h.test/""#,
    ] {
        assert!(serde_json::from_str::<HttpPattern>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_pattern_that_would_be_too_long_when_it_is_written_out_is_refused() {
    // Each of these characters is written as three.
    let text = |count| format!("GET https://ok.example.org/{}", "`".repeat(count));
    assert!(text(600).parse::<HttpPattern>().is_ok());
    let error = text(900).parse::<HttpPattern>().expect_err("too long");
    assert!(error.to_string().contains("longer than"), "{error}");
}
