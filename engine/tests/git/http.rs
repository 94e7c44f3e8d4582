//! Fetching over HTTP.

use std::time::{Duration, Instant};

use engine::capability::git::FailureKind;
use engine::capability::git::protocol::{Credential, Request, SecretText};

use super::support::{Fault, World, files, git};

#[test]
fn the_refs_of_a_remote_are_listed_without_a_clone() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let refs = world.ls_refs(&server.url("shop.git"), &[]).unwrap();
    let names: Vec<&str> = refs.iter().map(|remote| remote.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "HEAD",
            "refs/heads/main",
            "refs/heads/side",
            "refs/tags/v1",
            "refs/tags/v2"
        ]
    );
    assert_eq!(refs[0].symref_target.as_deref(), Some("refs/heads/main"));
    assert_eq!(refs[1].oid, git(&work, &["rev-parse", "main"]));
    assert_eq!(refs[3].peeled, None);
    assert_eq!(refs[4].oid, git(&work, &["rev-parse", "v2"]));
    assert_eq!(
        refs[4].peeled,
        Some(git(&work, &["rev-parse", "v2^{commit}"]))
    );

    let refs = world
        .ls_refs(&server.url("shop.git"), &["refs/tags/v1", "HEAD"])
        .unwrap();
    let names: Vec<&str> = refs.iter().map(|remote| remote.name.as_str()).collect();
    assert_eq!(names, ["HEAD", "refs/tags/v1"]);
}

#[test]
fn a_shallow_clone_has_the_files_and_no_repository() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let request = world.clone_request(&server.url("shop.git"));
    let staging = request.staging.clone();
    let result = world.clone(request).unwrap();
    assert_eq!(result.commit, git(&work, &["rev-parse", "main"]));
    assert_eq!(result.tree, git(&work, &["rev-parse", "main^{tree}"]));
    assert_eq!(result.reference.as_deref(), Some("refs/heads/main"));
    assert_eq!(result.subject, "three: a commit");
    assert_eq!(result.author.name, "Ada");
    assert_eq!(
        (result.author.seconds, result.author.offset_minutes),
        (1_700_000_000, 90)
    );
    assert_eq!(result.describe, None);
    assert!(result.shallow);
    assert_eq!(files(&staging), files(&work));
    assert_eq!(result.files, files(&work).len() as u64);
    assert!(!staging.join(".git").exists());
}

#[test]
fn a_token_is_sent_to_its_host_and_nothing_without_it_is_answered() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    // base64 of `x-access-token:right-token`
    server.require("Basic eC1hY2Nlc3MtdG9rZW46cmlnaHQtdG9rZW4=");
    let url = server.url("shop.git");
    assert!(world.ls_refs_with(&url, &[], Some("right-token")).is_ok());
    for token in [None, Some("wrong-token")] {
        let failure = world.ls_refs_with(&url, &[], token).unwrap_err();
        assert_eq!(failure.kind, FailureKind::AuthFailed, "{failure:?}");
        assert_eq!(failure.code, "git.auth-failed");
        assert!(!format!("{failure:?}").contains("wrong-token"));
    }
    // A whole clone carries it on every request.
    server.take_log();
    let mut request = world.clone_request(&url);
    request.remote.credential = Some(Credential::Token(SecretText::new("right-token".into())));
    world.clone(request).unwrap();
    let log = server.take_log();
    assert!(log.len() >= 3, "{log:?}");
    assert!(log.iter().all(|served| served.authorization.is_some()));
}

#[test]
fn user_and_password_are_sent_as_they_are() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    server.require("Basic YWRhOmxvdmVsYWNl"); // ada:lovelace
    let mut request = world.clone_request(&server.url("shop.git"));
    request.remote.credential = Some(Credential::Basic(SecretText::new("ada:lovelace".into())));
    world.clone(request).unwrap();
}

/// Row F13, D07: tokens in a checkout or a mirror.
#[test]
fn no_secret_is_left_in_the_checkout_or_the_mirror() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    server.require("Basic eC1hY2Nlc3MtdG9rZW46Y2FuYXJ5LWNhbmFyeS1jYW5hcnk=");
    let mut request = world.clone_request(&server.url("shop.git"));
    request.remote.credential = Some(Credential::Token(SecretText::new(
        "canary-canary-canary".into(),
    )));
    request.history = true;
    world.clone(request).unwrap();
    let found = std::process::Command::new("grep")
        .args(["-rE", "canary-canary|Y2FuYXJ5LWNh"])
        .args([world.path("cache"), world.path("workspace")])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&found.stdout), "");
}

/// A clone of `url` fails like this.
fn check_failure(world: &World, url: &str, kind: FailureKind, code: &str, says: &str) {
    let failure = world.clone(world.clone_request(url)).unwrap_err();
    assert_eq!(
        (failure.kind, failure.code.as_str()),
        (kind, code),
        "{failure:?}"
    );
    assert!(failure.message.contains(says), "{failure:?}");
    assert!(failure.hint.is_some(), "{failure:?}");
}

/// Row C08, F08: a redirect, a web page and other answers that are none.
#[test]
fn each_answer_that_is_none_has_its_own_word() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    let url = server.url("shop.git");
    let redirect = Fault::Redirect("http://other.test:1".to_owned());
    for (fault, kind, code, says) in [
        (
            Fault::Status(404),
            FailureKind::NotFound,
            "git.repository-not-found",
            "404",
        ),
        (
            Fault::Status(401),
            FailureKind::AuthFailed,
            "git.auth-failed",
            "401",
        ),
        (
            Fault::Status(403),
            FailureKind::AuthFailed,
            "git.forbidden",
            "403",
        ),
        (
            Fault::Status(503),
            FailureKind::Unavailable,
            "git.unavailable",
            "503",
        ),
        (
            redirect,
            FailureKind::Unsupported,
            "git.redirect",
            "http://other.test:1/shop.git",
        ),
        (
            Fault::WebPage,
            FailureKind::Other,
            "git.no-git-server",
            "text/html",
        ),
    ] {
        server.fail(Some(fault));
        check_failure(&world, &url, kind, code, says);
    }
}

#[test]
fn each_remote_that_is_none_has_its_own_word() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    let tls = format!("https://127.0.0.1:{}/x", server.port());
    for (url, kind, code) in [
        (
            server.url("nothing.git"),
            FailureKind::NotFound,
            "git.repository-not-found",
        ),
        (
            "http://127.0.0.1:1/x".to_owned(),
            FailureKind::Unavailable,
            "git.unavailable",
        ),
        (
            "http://none.invalid/x".to_owned(),
            FailureKind::NotFound,
            "git.unknown-host",
        ),
        (tls, FailureKind::Other, "git.tls"),
    ] {
        check_failure(&world, &url, kind, code, url.split('/').nth(2).unwrap());
    }
}

#[test]
fn an_unknown_branch_tag_or_commit_is_not_found() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    let nowhere = "1234567890123456789012345678901234567890";
    for (revision, code) in [
        ("no-such-branch", "git.revision-not-found"),
        ("refs/heads/none", "git.revision-not-found"),
        ("a..b", "git.revision"),
        ("--upload-pack=id", "git.revision"),
        (nowhere, "git.object-not-found"),
    ] {
        let mut request = world.clone_request(&server.url("shop.git"));
        request.revision = Some(revision.to_owned());
        let failure = world.clone(request).unwrap_err();
        assert_eq!(
            (failure.kind, failure.code.as_str()),
            (FailureKind::NotFound, code),
            "{failure:?}"
        );
    }
    // The mirror is of use after that.
    world
        .clone(world.clone_request(&server.url("shop.git")))
        .unwrap();
}

/// Row F10: a pack that breaks off.
#[test]
fn an_answer_that_breaks_off_leaves_nothing_behind() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    for bytes in [0, 1, 10, 100, 300, 700] {
        server.fail(Some(Fault::Truncate(bytes)));
        let failure = world
            .clone(world.clone_request(&server.url("shop.git")))
            .unwrap_err();
        assert_eq!(
            failure.kind,
            FailureKind::Unavailable,
            "{bytes}: {failure:?}"
        );
    }
    server.fail(None);
    world
        .clone(world.clone_request(&server.url("shop.git")))
        .unwrap();
}

/// Row F12: silence before and within an answer.
#[test]
fn a_server_that_falls_silent_is_left_at_the_deadline() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    for fault in [Fault::Silence, Fault::Stall(400)] {
        server.fail(Some(fault));
        let start = Instant::now();
        let request = Request::Clone(Box::new(world.clone_request(&server.url("shop.git"))));
        let failure = world
            .call_within(request, Duration::from_secs(1))
            .unwrap_err();
        assert_eq!(failure.code, "git.deadline", "{failure:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    // What was being written when the child was killed does not stand in the way.
    server.fail(None);
    world
        .clone(world.clone_request(&server.url("shop.git")))
        .unwrap();
}

/// Row F01: this machine without leave.
#[test]
fn a_private_address_is_refused_without_leave() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    let mut request = world.clone_request(&server.url("shop.git"));
    request.remote.private = false;
    let failure = world.clone(request).unwrap_err();
    assert_eq!(
        (failure.kind, failure.code.as_str()),
        (FailureKind::Denied, "denied.git-address"),
        "{failure:?}"
    );
    assert_eq!(server.take_log(), []);
}

/// Row F09: more bytes, objects, files or refs than there may be.
#[test]
fn more_than_the_limits_is_refused_with_what_was_seen() {
    type Change = fn(&mut engine::capability::git::protocol::Bounds);
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let cases: [(Change, &str); 6] = [
        (|bounds| bounds.pack_bytes = 300, "limit.git-pack-bytes"),
        (|bounds| bounds.objects = 3, "limit.git-objects"),
        (|bounds| bounds.files = 2, "limit.git-files"),
        (
            |bounds| bounds.checkout_bytes = 100,
            "limit.git-checkout-bytes",
        ),
        (|bounds| bounds.depth = 2, "limit.git-depth"),
        (|bounds| bounds.object_bytes = 250, "limit.git-object-bytes"),
    ];
    for (change, code) in cases {
        let mut request = world.clone_request(&server.url("shop.git"));
        request.mirror.as_mut().unwrap().scope = code.to_owned();
        change(&mut request.bounds);
        let staging = request.staging.clone();
        let failure = world.clone(request).unwrap_err();
        assert_eq!(
            (failure.kind, failure.code.as_str()),
            (FailureKind::LimitExceeded, code),
            "{failure:?}"
        );
        assert_eq!(files(&staging), []);
    }
    git(&work, &["branch", "another"]);
    world.publish("shop");
    let request = engine::capability::git::protocol::LsRefs {
        remote: world.remote(&server.url("shop.git")),
        prefixes: Vec::new(),
        bounds: engine::capability::git::protocol::Bounds {
            refs: 3,
            ..Default::default()
        },
    };
    let failure = world.call(Request::LsRefs(Box::new(request))).unwrap_err();
    assert_eq!(failure.code, "limit.git-refs", "{failure:?}");
}
