//! What a checkout is made of: revisions, depths, tags, `.git`.

use engine::capability::git::FailureKind;

use super::support::{World, files, git};

#[test]
fn branch_tag_ref_and_commit_are_all_revisions() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let two = git(&work, &["rev-parse", "v2^{commit}"]);
    let one = git(&work, &["rev-parse", "v1"]);
    for (revision, commit, reference) in [
        ("side", &two, Some("refs/heads/side")),
        ("v2", &two, Some("refs/tags/v2")),
        ("v1", &one, Some("refs/tags/v1")),
        ("refs/heads/side", &two, Some("refs/heads/side")),
        ("refs/tags/v2", &two, Some("refs/tags/v2")),
        (one.as_str(), &one, None),
    ] {
        let mut request = world.clone_request(&server.url("shop.git"));
        request.revision = Some(revision.to_owned());
        let staging = request.staging.clone();
        let result = world.clone(request).unwrap();
        assert_eq!(&result.commit, commit, "{revision}");
        assert_eq!(result.reference.as_deref(), reference, "{revision}");
        let step = std::fs::read_to_string(staging.join("step.txt")).unwrap();
        assert_eq!(step, if commit == &one { "one" } else { "two" });
    }
}

#[test]
fn a_complete_repository_stands_on_its_own() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let mut request = world.clone_request(&server.url("shop.git"));
    request.history = true;
    request.tags = true;
    let staging = request.staging.clone();
    let result = world.clone(request).unwrap();
    assert!(!result.shallow);
    assert_eq!(
        result.describe.as_deref(),
        Some(git(&work, &["describe", "--tags"]).as_str())
    );
    // The mirror may go: nothing is borrowed from it.
    std::fs::remove_dir_all(world.path("cache")).unwrap();
    assert_eq!(git(&staging, &["fsck", "--strict"]), "");
    assert_eq!(git(&staging, &["status", "--porcelain"]), "");
    assert_eq!(git(&staging, &["symbolic-ref", "HEAD"]), "refs/heads/main");
    assert_eq!(
        git(&staging, &["log", "--format=%H"]),
        git(&work, &["log", "--format=%H"])
    );
    assert_eq!(git(&staging, &["tag"]), "v1\nv2");
    assert_eq!(git(&staging, &["rev-parse", "origin/main"]), result.commit);
    assert_eq!(
        git(&staging, &["remote", "get-url", "origin"]),
        server.url("shop.git")
    );
    assert!(!staging.join(".git/objects/info/alternates").exists());
    assert!(!staging.join(".git/hooks").exists());
    assert_eq!(files(&staging), files(&work));
}

#[test]
fn a_depth_cuts_history_whatever_the_mirror_holds() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let check = |depth: Option<u32>, commits: usize, shallow: bool, describe: Option<&str>| {
        let mut request = world.clone_request(&server.url("shop.git"));
        (request.history, request.tags, request.depth) = (true, true, depth);
        let staging = request.staging.clone();
        let result = world.clone(request).unwrap();
        let log = git(&staging, &["log", "--format=%H"]);
        assert_eq!(log.lines().count(), commits, "{depth:?}");
        assert_eq!(result.shallow, shallow, "{depth:?}");
        assert_eq!(
            git(&staging, &["rev-parse", "--is-shallow-repository"]),
            shallow.to_string()
        );
        assert_eq!(result.describe.as_deref(), describe, "{depth:?}");
        assert_eq!(git(&staging, &["fsck", "--no-dangling"]), "");
    };
    let full = git(&work, &["describe", "--tags"]);
    // Deepened step by step, then the same again out of a mirror that has all.
    for _ in 0..2 {
        check(Some(1), 1, true, None);
        check(Some(2), 2, true, Some(&full));
        check(None, 3, false, Some(&full));
        check(Some(100), 3, false, Some(&full));
    }
}

/// Row F11: a ref that moved since it was judged.
#[test]
fn another_commit_than_expected_is_refused() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let main = git(&work, &["rev-parse", "main"]);
    let two = git(&work, &["rev-parse", "v2^{commit}"]);
    let tag = git(&work, &["rev-parse", "v2"]);
    let check = |revision: &str, expect: &str, right: bool| {
        let mut request = world.clone_request(&server.url("shop.git"));
        request.revision = Some(revision.to_owned());
        request.expect = Some(expect.to_owned());
        let staging = request.staging.clone();
        match world.clone(request) {
            Ok(result) => assert!(right && result.commit == expect, "{revision} {expect}"),
            Err(failure) => {
                assert!(!right, "{failure:?}");
                assert_eq!(
                    (failure.kind, failure.code.as_str()),
                    (FailureKind::Unsupported, "git.unexpected-commit")
                );
                assert_eq!(files(&staging), []);
            }
        }
    };
    check("main", &two, false);
    check("v2", &tag, false);
    check("main", &main, true);
    check("v2", &two, true);
}

#[test]
fn a_repository_with_sha256_is_no_different() {
    let world = World::new();
    let work = world.path("work-new");
    std::fs::create_dir(&work).unwrap();
    git(
        &work,
        &["init", "-q", "-b", "main", "--object-format=sha256"],
    );
    std::fs::write(work.join("file"), "text").unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "first"]);
    world.publish("new");
    let server = world.server();
    let mut request = world.clone_request(&server.url("new.git"));
    request.history = true;
    let staging = request.staging.clone();
    let result = world.clone(request).unwrap();
    assert_eq!(result.commit.len(), 64);
    assert_eq!(git(&staging, &["rev-parse", "HEAD"]), result.commit);
    assert_eq!(git(&staging, &["status", "--porcelain"]), "");
}

#[test]
fn an_empty_repository_says_so() {
    let world = World::new();
    git(
        &world.path("remotes"),
        &["init", "-q", "--bare", "empty.git"],
    );
    let server = world.server();
    let failure = world
        .clone(world.clone_request(&server.url("empty.git")))
        .unwrap_err();
    assert_eq!(
        (failure.kind, failure.code.as_str()),
        (FailureKind::NotFound, "git.empty-repository"),
        "{failure:?}"
    );
    assert_eq!(world.ls_refs(&server.url("empty.git"), &[]).unwrap(), []);
}

#[test]
fn links_modes_and_odd_names_arrive_as_they_are() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let work = world.repository("shop");
    std::os::unix::fs::symlink("/etc/shadow", work.join("outside")).unwrap();
    std::os::unix::fs::symlink("step.txt", work.join("inside")).unwrap();
    std::fs::write(work.join("run"), "#!/bin/sh").unwrap();
    std::fs::set_permissions(work.join("run"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(work.join("größe und {x}"), "odd").unwrap();
    std::fs::write(work.join("-rf"), "dash").unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "odd"]);
    world.publish("shop");
    let server = world.server();
    let request = world.clone_request(&server.url("shop.git"));
    let staging = request.staging.clone();
    world.clone(request).unwrap();
    assert_eq!(files(&staging), files(&work));
    assert_ne!(
        staging.join("run").metadata().unwrap().permissions().mode() & 0o100,
        0
    );
}
