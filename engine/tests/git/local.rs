//! Local repositories, and working trees as they stand.

use engine::capability::git::FailureKind;

use super::support::{World, files, git};

#[test]
fn a_local_repository_is_asked_and_checked_out_like_a_remote() {
    let world = World::new();
    let work = world.repository("shop");
    let refs = world.ls_refs("work-shop", &["refs/tags/", "HEAD"]).unwrap();
    let names: Vec<&str> = refs.iter().map(|remote| remote.name.as_str()).collect();
    assert_eq!(names, ["HEAD", "refs/tags/v1", "refs/tags/v2"]);
    assert_eq!(refs[0].symref_target.as_deref(), Some("refs/heads/main"));
    assert_eq!(
        refs[2].peeled,
        Some(git(&work, &["rev-parse", "v2^{commit}"]))
    );

    let mut request = world.clone_request("work-shop");
    (request.history, request.tags) = (true, true);
    request.mirror = None;
    let staging = request.staging.clone();
    let result = world.clone(request).unwrap();
    assert_eq!(result.commit, git(&work, &["rev-parse", "main"]));
    assert_eq!(
        result.describe.as_deref(),
        Some(git(&work, &["describe", "--tags"]).as_str())
    );
    assert_eq!(git(&staging, &["fsck", "--no-dangling"]), "");
    assert_eq!(git(&staging, &["status", "--porcelain"]), "");
    assert_eq!(files(&staging), files(&work));
}

/// Row F01: folders beside the granted one.
#[test]
fn nothing_outside_the_granted_folder_is_opened() {
    let world = World::new();
    world.repository("shop");
    let elsewhere = World::new();
    let outside = elsewhere.repository("secret");
    std::fs::create_dir(world.path("inside")).unwrap();
    // A link to a repository, a `.git` that points out, borrowed objects.
    std::os::unix::fs::symlink(&outside, world.path("inside/link")).unwrap();
    let pointer = world.path("inside/pointer");
    std::fs::create_dir(&pointer).unwrap();
    std::fs::write(
        pointer.join(".git"),
        format!("gitdir: {}/.git\n", outside.display()),
    )
    .unwrap();
    let linked = world.path("inside/linked");
    std::fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(outside.join(".git"), linked.join(".git")).unwrap();
    let borrower = world.path("inside/borrower");
    let shared = [
        "clone",
        "-q",
        "--shared",
        outside.to_str().unwrap(),
        borrower.to_str().unwrap(),
    ];
    git(&world.path("inside"), &shared);
    for name in ["link", "pointer", "linked", "borrower"] {
        let url = format!("inside/{name}");
        let failure = world.ls_refs(&url, &[]).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Denied, "{name}: {failure:?}");
        let failure = world.clone(world.clone_request(&url)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::Denied, "{name}: {failure:?}");
        assert!(
            !failure.message.contains(outside.to_str().unwrap()),
            "{failure:?}"
        );
    }
    // Without a granted folder there is nothing at all.
    let mut request = world.clone_request("work-shop");
    request.remote.local_root = None;
    let failure = world.clone(request).unwrap_err();
    assert_eq!(failure.code, "denied.git-local", "{failure:?}");
}

#[test]
fn folders_above_are_not_looked_at() {
    let world = World::new();
    let work = world.repository("shop");
    assert!(work.join("src/deep").is_dir());
    let failure = world.ls_refs("work-shop/src/deep", &[]).unwrap_err();
    assert_eq!(failure.code, "git.repository-not-found", "{failure:?}");
    let failure = world.ls_refs("work-shop/none", &[]).unwrap_err();
    assert_eq!(failure.code, "git.repository-not-found", "{failure:?}");
}

#[test]
fn a_linked_working_tree_is_a_repository_when_it_is_the_root() {
    let world = World::new();
    let work = world.repository("shop");
    let tree = world.path("linked-tree");
    git(
        &work,
        &["worktree", "add", "-q", tree.to_str().unwrap(), "side"],
    );
    let mut request = world.clone_request(".");
    request.remote.local_root = Some(tree.clone());
    request.history = true;
    let staging = request.staging.clone();
    let result = world.clone(request).unwrap();
    assert_eq!(result.commit, git(&work, &["rev-parse", "side"]));
    assert_eq!(git(&staging, &["status", "--porcelain"]), "");
}

#[test]
fn a_working_tree_is_taken_as_it_stands() {
    let world = World::new();
    let work = world.repository("shop");
    let outside = world.path("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("secret"), "secret").unwrap();
    std::fs::write(work.join("step.txt"), "changed").unwrap();
    std::fs::write(work.join("new.txt"), "new").unwrap();
    std::fs::create_dir(work.join("more")).unwrap();
    std::fs::write(work.join("more/new.txt"), "newer").unwrap();
    std::fs::write(work.join(".gitignore"), "ignored*\nbuild/\n").unwrap();
    std::fs::write(work.join("ignored.txt"), "no").unwrap();
    std::fs::create_dir(work.join("build")).unwrap();
    std::fs::write(work.join("build/x"), "no").unwrap();
    std::fs::remove_file(work.join("src/deep/one.txt")).unwrap();
    std::os::unix::fs::symlink(outside.join("secret"), work.join("leak")).unwrap();
    // A tracked folder that has become a link.
    std::fs::remove_dir_all(work.join("src")).unwrap();
    std::os::unix::fs::symlink(&outside, work.join("src")).unwrap();
    git(&work, &["init", "-q", "nested"]);
    std::fs::write(work.join("nested/file"), "nested").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        work.join("pipe"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::from_raw_mode(0o644),
        0,
    )
    .unwrap();

    let mut request = world.clone_request("work-shop");
    request.uncommitted = true;
    let staging = request.staging.clone();
    let result = world.clone(request).unwrap();
    let link = |to: &std::path::Path| format!("-> {}", to.display());
    let expected = [
        (".gitignore", "ignored*\nbuild/\n".to_owned()),
        ("leak", link(&outside.join("secret"))),
        ("more/new.txt", "newer".to_owned()),
        ("new.txt", "new".to_owned()),
        ("src", link(&outside)),
        ("step.txt", "changed".to_owned()),
    ];
    let found = files(&staging);
    let found: Vec<(&str, String)> = found
        .iter()
        .map(|(name, text)| (name.as_str(), text.clone()))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(result.commit, git(&work, &["rev-parse", "HEAD"]));
    assert_eq!(result.files, 6);
    assert!(
        result
            .remarks
            .iter()
            .any(|remark| remark.contains("submodules")),
        "{result:?}"
    );
}

#[test]
fn a_working_tree_has_no_revision_and_no_remote() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    let mut request = world.clone_request(&server.url("shop.git"));
    request.uncommitted = true;
    assert_eq!(
        world.clone(request).unwrap_err().code,
        "git.uncommitted-remote"
    );
    let mut request = world.clone_request("work-shop");
    (request.uncommitted, request.revision) = (true, Some("side".to_owned()));
    assert_eq!(
        world.clone(request).unwrap_err().code,
        "git.uncommitted-revision"
    );
    let mut request = world.clone_request("remotes/shop.git");
    request.uncommitted = true;
    assert_eq!(
        world.clone(request).unwrap_err().code,
        "git.no-working-tree"
    );
}
