//! Tests of git URLs and their patterns: tables of what is read, covered and refused.

use super::{GitPattern, GitTransport, GitUrl};

fn git(text: &str) -> GitPattern {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is a pattern: {error}"))
}

fn git_url(text: &str) -> GitUrl {
    text.parse()
        .unwrap_or_else(|error| panic!("`{text}` is a git URL: {error}"))
}

const GIT_SHOWN: &[(&str, &str, GitTransport)] = &[
    (
        "https://h.test/shop/api.git",
        "https://h.test/shop/api.git",
        GitTransport::Https,
    ),
    (
        "https://h.test:443/shop/",
        "https://h.test/shop",
        GitTransport::Https,
    ),
    (
        "https://h.test:8443/a%20b",
        "https://h.test:8443/a%20b",
        GitTransport::Https,
    ),
    (
        "http://127.0.0.1:80/a",
        "http://127.0.0.1/a",
        GitTransport::Http,
    ),
    (
        "ssh://git@h.test/a",
        "ssh://git@h.test/a",
        GitTransport::Ssh,
    ),
    (
        "ssh://git@h.test:22/a",
        "ssh://git@h.test/a",
        GitTransport::Ssh,
    ),
    (
        "ssh://git@h.test:2222/a",
        "ssh://git@h.test:2222/a",
        GitTransport::Ssh,
    ),
    (
        "git@h.test:a/b.git",
        "git@h.test:a/b.git",
        GitTransport::Ssh,
    ),
    (
        "git@h.test:/a/b.git",
        "ssh://git@h.test/a/b.git",
        GitTransport::Ssh,
    ),
    ("git@[::1]:a", "git@[::1]:a", GitTransport::Ssh),
    (".", ".", GitTransport::Local),
    ("./", ".", GitTransport::Local),
    ("./a//b/", "a/b", GitTransport::Local),
    ("a/../b", "b", GitTransport::Local),
    ("a/..", ".", GitTransport::Local),
    ("größe/x", "größe/x", GitTransport::Local),
];

#[test]
fn git_urls_are_read_and_shown_in_their_normal_form() {
    let check = |text: &str, shown: &str, transport: GitTransport| {
        let url = git_url(text);
        assert_eq!(url.to_string(), shown, "`{text}`");
        assert_eq!(url.transport(), transport, "`{text}`");
    };
    for &(text, shown, transport) in GIT_SHOWN {
        check(text, shown, transport);
    }
    let url = git_url("ssh://git@h.test:2222/a");
    assert_eq!((url.user(), url.port()), (Some("git"), Some(2222)));
    assert_eq!(
        url.host().map(ToString::to_string).as_deref(),
        Some("h.test")
    );
    assert_eq!(git_url("git@h.test:a").port(), Some(22));
    assert_eq!(git_url("./a/b").local_path().as_deref(), Some("a/b"));
    assert_eq!(git_url(".").local_path().as_deref(), Some(""));
}

const GIT_REFUSED: &[(&str, &str)] = &[
    ("", "empty"),
    ("-x", "begin with `-`"),
    ("--upload-pack=x", "begin with `-`"),
    ("-oProxyCommand=x@h.test:a", "begin with `-`"),
    ("ext::sh -c id", "neither a URL"),
    ("fd::3", "neither a URL"),
    ("host:path", "neither a URL"),
    ("C:/a", "neither a URL"),
    ("file:///etc", "never granted"),
    ("git://h.test/a", "never granted"),
    ("ftp://h.test/a", "never granted"),
    ("ext://h.test/a", "never granted"),
    ("git+ssh://git@h.test/a", "lower case"),
    ("ssh://h.test/a", "user is missing"),
    ("ssh://@h.test/a", "not a name"),
    ("ssh://-oProxyCommand=x@h.test/a", "not a name"),
    ("ssh://-x@h.test/a", "not a name"),
    ("ssh://git@-oproxy/a", "not a host name"),
    ("ssh://git@-oProxyCommand=x/a", "normal form"),
    ("ssh://git@h.test/-x", "begin with `-`"),
    ("ssh://git@h.test/%2dx", "begin with `-`"),
    ("git@h.test:-x", "begin with `-`"),
    ("git@-h.test:x", "not a host name"),
    ("./-x", "begin with `-`"),
    ("https://user:hunter2@h.test/a", "user information"),
    ("https://hunter2@h.test/a", "user information"),
    ("ssh://git:hunter2@h.test/a", "password"),
    ("user:hunter2@h.test:a", "neither a URL"),
    ("foo://user:hunter2@h.test/a", "never granted"),
    ("git@x:hunter2@h.test:a", "behind the host"),
    ("https://h.test", "path of the repository"),
    ("https://h.test/", "path of the repository"),
    ("git@h.test:", "path of the repository"),
    ("https://h.test//a", "empty segment"),
    ("https://h.test/a/../b", "dot segment"),
    ("ssh://git@h.test/a/%2e%2e/b", "dot segment"),
    ("git@h.test:a/../b", "dot segment"),
    ("https://h.test/a?b", "query"),
    ("https://h.test/a#b", "fragment"),
    ("https://H.test/a", "normal form"),
    ("https://0x7f.1/a", "normal form"),
    ("https://h.test/*", "cannot stand in a git URL"),
    ("https://h.test/**", "cannot stand in a git URL"),
    ("https://*.h.test/a", "cannot stand in a git URL"),
    ("/etc", "relative path"),
    ("~/a", "relative path"),
    ("..", "leaves"),
    ("a/../..", "leaves"),
    ("a/../../b", "leaves"),
    ("a/.git/modules", "leads into"),
    (".GIT", "leads into"),
    ("a\\b", "cannot stand here"),
    ("a\0b", "cannot stand here"),
    ("a\nb", "cannot stand here"),
    ("${{ inputs.x }}", "an expression cannot stand"),
];

/// Row D07: a password in a git URL.
/// Row F01, F02: remotes in a grant.
#[test]
fn text_that_is_no_git_url_is_refused_and_passwords_are_not_repeated() {
    let check = |text: &str, reason: &str| {
        let error = text.parse::<GitUrl>().expect_err(text);
        assert!(error.message.contains(reason), "`{text}`: {error}");
        let shown = format!("{error:?}");
        assert!(!shown.contains("hunter2"), "`{text}`: {shown}");
    };
    for &(text, reason) in GIT_REFUSED {
        check(text, reason);
    }
}

const GIT_COVERED: &[(&str, &str, bool)] = &[
    (
        "https://h.test/shop/api",
        "https://h.test/shop/api.git",
        true,
    ),
    (
        "https://h.test/shop/api.git",
        "https://h.test/shop/api",
        true,
    ),
    ("https://h.test/shop/*", "https://h.test/shop/api.git", true),
    ("https://h.test/shop/*", "https://h.test/shop/a/b", false),
    ("https://h.test/shop/*", "https://h.test/shop", false),
    ("https://h.test/shop/**", "https://h.test/shop/a/b", true),
    ("https://h.test/shop/**", "https://h.test/shop", false),
    ("https://h.test/shop/**", "https://h.test/shopping/a", false),
    ("https://h.test/**", "http://h.test/a", false),
    ("http://h.test/**", "http://h.test/a", true),
    ("https://h.test/**", "https://h.test:8443/a", false),
    ("https://*.h.test/a", "https://git.h.test/a", true),
    ("https://*.h.test/a", "https://evilh.test/a", false),
    ("ssh://git@h.test/**", "git@h.test:a/b", true),
    ("git@h.test:a/b", "ssh://git@h.test/a/b.git", true),
    ("ssh://git@h.test/**", "ssh://root@h.test/a", false),
    ("ssh://git@h.test/**", "ssh://git@h.test:2222/a", false),
    ("ssh://git@h.test:22/**", "ssh://git@h.test/a", true),
    ("ssh://git@h.test/**", "https://h.test/a", false),
    (".", ".", true),
    (".", "a", false),
    ("**", "a/b", true),
    ("**", ".", false),
    ("a/*", "a/./b", true),
    ("a/*", "b/../a/c", true),
    ("**", "https://h.test/a", false),
    // `.git` alone is a name, not an ending.
    ("https://h.test/a/*", "https://h.test/a/.git", true),
];

#[test]
fn a_git_pattern_covers_what_it_says() {
    let check = |pattern: &str, url: &str, covered: bool| {
        assert_eq!(
            git(pattern).matches(&git_url(url)),
            covered,
            "`{pattern}` and `{url}`"
        );
    };
    for &(pattern, url, covered) in GIT_COVERED {
        check(pattern, url, covered);
    }
}

#[test]
fn values_fill_a_git_pattern_without_changing_its_shape() {
    let fill = |text: &str, value: &str| {
        GitPattern::parse_template(text, &mut |_| Ok(value.to_owned()))
            .map(|pattern| pattern.to_string())
            .map_err(|error| error.message)
    };
    assert_eq!(
        fill("https://git.${{ x }}.h.test/shop/${{ x }}", "eu"),
        Ok("https://git.eu.h.test/shop/eu".to_owned())
    );
    assert_eq!(fill("a/${{ x }}", "b"), Ok("a/b".to_owned()));
    for (text, value) in [
        ("${{ x }}", "https://evil.test/a"),
        ("${{ x }}", ".."),
        ("${{ x }}", "-x"),
        ("a/${{ x }}/../..", "b"),
        ("a/*/../..", "b"),
        ("ssh://${{ x }}@h.test/a", "git"),
        ("${{ x }}@h.test:a", "git"),
        ("git@h.test:${{ x }}", "a/b"),
    ] {
        assert!(fill(text, value).is_err(), "`{text}` with `{value}`");
    }
}

#[test]
fn one_git_pattern_contains_another_or_does_not() {
    let check = |outer: &str, inner: &str, contained: bool| {
        assert_eq!(
            git(outer).contains(&git(inner)),
            contained,
            "`{outer}` and `{inner}`"
        );
    };
    for (outer, inner, contained) in [
        ("https://h.test/**", "https://h.test/a/*", true),
        ("https://h.test/*", "https://h.test/**", false),
        ("https://h.test/a", "https://h.test/a.git", true),
        ("https://h.test/a.git", "https://h.test/a", true),
        ("https://*.h.test/a", "https://a.h.test/a", true),
        ("https://h.test/a", "http://h.test/a", false),
        ("ssh://git@h.test/**", "git@h.test:a/*", true),
        ("ssh://git@h.test/**", "ssh://root@h.test/a", false),
        ("**", "a/*", true),
        ("**", ".", false),
    ] {
        check(outer, inner, contained);
    }
    let public = git("http://127.0.0.1/**");
    let private = public.clone().with_private(true);
    assert!(private.contains(&public) && !public.contains(&private));
}

#[test]
fn the_serialised_forms_are_read_again_and_hold_no_password() {
    let json = r#"{"allow":"git@h.test:a","private":true}"#;
    let pattern: GitPattern = serde_json::from_str(json).unwrap();
    assert!(pattern.private);
    assert_eq!(serde_json::to_string(&pattern).unwrap(), json);
    let error = serde_json::from_str::<GitUrl>(r#""https://u:hunter2@h.test/a""#).unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}
