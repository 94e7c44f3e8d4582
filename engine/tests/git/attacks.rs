//! Attacks: servers that lie, submodules that mean harm, and packs that are more
//! than they seem.

use std::net::TcpListener;
use std::path::Path;

use engine::capability::git::FailureKind;
use engine::capability::git::protocol::{Credential, SecretText};

use super::hostile::{object, serve_tree, tree};
use super::support::{Fault, World, files, git};

/// Nothing lies beside the folders that a clone may write to.
fn assert_nothing_beside(world: &World) {
    let mut names: Vec<_> = std::fs::read_dir(world.folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with("work-"))
        .collect();
    names.sort();
    assert_eq!(names, ["cache", "remotes", "workspace"]);
}

/// Row F03, F07: submodules that run a program, lie outside, are fetched with
/// options, or end in a character that some readers drop.
#[test]
fn submodules_are_neither_fetched_nor_configured() {
    let trace = "owned";
    let world = World::new();
    let server = world.server();
    let cases = [
        ("sub", "ext::sh -c 'touch owned'", "checkout"),
        ("sub", "https://127.0.0.1:1/x", "!touch owned"),
        ("sub", "-u./payload", "checkout"),
        ("sub", "--upload-pack=touch owned", "checkout"),
        ("sub", "file:///etc", "checkout"),
        ("../sub", "./x", "checkout"),
        ("/tmp/sub", "./x", "checkout"),
        (".git/hooks", "./x", "checkout"),
        ("sub\r", "./x", "checkout"),
        ("sub", "./x\r", "!touch owned"),
    ];
    for (number, (path, url, update)) in cases.into_iter().enumerate() {
        let repository = format!("bad{number}.git");
        serve_tree(&world, &repository, |repository| {
            let text = format!(
                "[submodule \"../../x\"]\n\tpath = \"{path}\"\n\turl = \"{url}\"\n\tupdate = {update}\n"
            );
            let modules = object(repository, "blob", text.as_bytes());
            let blob = object(repository, "blob", b"text");
            let name = path.trim_start_matches(['.', '/']).replace('/', "-");
            let commit = "1234567890123456789012345678901234567890";
            tree(
                repository,
                &[
                    ("100644", b".gitmodules", &modules),
                    ("100644", b"file", &blob),
                    ("160000", name.as_bytes(), commit),
                ],
            )
        });
        for history in [false, true] {
            let mut request = world.clone_request(&server.url(&repository));
            request.history = history;
            let staging = request.staging.clone();
            if let Err(failure) = world.clone(request) {
                assert_eq!(
                    (failure.code.as_str(), path),
                    ("git.forbidden-name", "sub\r")
                );
                assert_eq!(files(&staging), []);
                continue;
            }
            let found = files(&staging);
            let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, [".gitmodules", "file"], "{path:?} {url:?}");
            assert!(!staging.join(".git/modules").exists());
            let config = std::fs::read_to_string(staging.join(".git/config")).unwrap_or_default();
            assert!(!config.contains("submodule"), "{config}");
            assert!(!staging.join(trace).exists() && !Path::new(trace).exists());
        }
        assert_nothing_beside(&world);
    }
}

/// Row F04: a link where git looks for its submodules.
#[test]
fn a_link_instead_of_the_list_of_submodules_is_not_followed() {
    let world = World::new();
    let outside = world.path("work-outside");
    std::fs::write(&outside, "[submodule \"x\"]\n\tpath = x\n\turl = ./x\n").unwrap();
    for (number, name) in [
        &b".gitmodules"[..],
        b".GITMODULES",
        b".gitattributes",
        b".gitignore",
        b".mailmap",
    ]
    .into_iter()
    .enumerate()
    {
        let repository = format!("link{number}.git");
        serve_tree(&world, &repository, |repository| {
            let link = object(repository, "blob", outside.display().to_string().as_bytes());
            let blob = object(repository, "blob", b"text");
            tree(
                repository,
                &[("120000", name, &link), ("100644", b"file", &blob)],
            )
        });
        let server = world.server();
        let mut request = world.clone_request(&server.url(&repository));
        request.history = true;
        let staging = request.staging.clone();
        // Refused, or a link among the files that nothing follows.
        match world.clone(request) {
            Ok(_) => {
                let found = files(&staging);
                let target = found
                    .iter()
                    .find(|(name, _)| name.starts_with('.'))
                    .map(|(_, text)| text.as_str());
                assert!(
                    target.is_some_and(|text| text.starts_with("-> ")),
                    "{found:?}"
                );
                let config = std::fs::read_to_string(staging.join(".git/config")).unwrap();
                assert!(!config.contains("submodule"), "{config}");
            }
            Err(failure) => assert_eq!(files(&staging), [], "{failure:?}"),
        }
    }
    let text = std::fs::read_to_string(outside).unwrap();
    assert!(text.starts_with("[submodule"), "it was not written through");
}

/// Row F08: a server that says where to get the data instead.
#[test]
fn data_is_fetched_from_nowhere_else() {
    let world = World::new();
    let work = world.repository("shop");
    let canary = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = format!("http://{}/bundle", canary.local_addr().unwrap());
    let bare = world.path("remotes/shop.git");
    for (key, value) in [
        ("uploadpack.advertiseBundleURIs", "true"),
        ("bundle.version", "1"),
        ("bundle.mode", "all"),
        ("bundle.a.uri", &elsewhere),
    ] {
        git(&bare, &["config", key, value]);
    }
    let server = world.server();
    let request = world.clone_request(&server.url("shop.git"));
    let staging = request.staging.clone();
    world.clone(request).unwrap();
    assert_eq!(files(&staging), files(&work));
    canary.set_nonblocking(true).unwrap();
    assert!(canary.accept().is_err(), "somebody asked elsewhere");
}

/// Row F13, F08: a server that sends whoever has credentials on to another.
#[test]
fn credentials_do_not_follow_a_redirect() {
    let world = World::new();
    world.repository("shop");
    let (first, second) = (world.server(), world.server());
    let to = second.url("");
    first.fail(Some(Fault::Redirect(to.trim_end_matches('/').to_owned())));
    let mut request = world.clone_request(&first.url("shop.git"));
    let token = SecretText::new("canary-canary-canary".to_owned());
    request.remote.credential = Some(Credential::Token(token));
    let failure = world.clone(request).unwrap_err();
    assert_eq!(failure.code, "git.redirect", "{failure:?}");
    assert!(!format!("{failure:?}").contains("canary-canary"));
    assert_eq!(second.take_log(), []);
}

/// Row F09: a pack of a few kilobytes that is gigabytes of zeros, or many files
/// that are nearly the same.
#[test]
fn what_is_small_on_the_way_may_not_be_large_on_arrival() {
    let world = World::new();
    let work = world.repository("shop");
    for number in 0..40_u8 {
        let mut bytes = vec![0; 4 << 20];
        bytes[usize::from(number)] = number;
        std::fs::write(work.join(format!("zeros{number}")), bytes).unwrap();
    }
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "zeros"]);
    world.publish("shop");
    let server = world.server();
    for (object_bytes, checkout_bytes, code) in [
        (1 << 20, u64::MAX, "limit.git-object-bytes"),
        (u64::MAX, 100 << 20, "limit.git-checkout-bytes"),
    ] {
        server.take_log();
        let mut request = world.clone_request(&server.url("shop.git"));
        request.mirror.as_mut().unwrap().scope = code.to_owned();
        request.bounds.object_bytes = object_bytes;
        request.bounds.checkout_bytes = checkout_bytes;
        let staging = request.staging.clone();
        let failure = world.clone(request).unwrap_err();
        assert_eq!(
            (failure.kind, failure.code.as_str()),
            (FailureKind::LimitExceeded, code),
            "{failure:?}"
        );
        assert_eq!(files(&staging), []);
        let sent: usize = server.take_log().iter().map(|served| served.bytes).sum();
        assert!(sent < 1 << 20, "it was small on the way: {sent}");
    }
}

/// Row F10: one byte of what the server sends is another, anywhere.
#[test]
fn a_damaged_answer_is_an_error_or_does_not_matter() {
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let commit = git(&work, &["rev-parse", "main"]);
    let mut failed = Vec::new();
    for place in (0..1_600).step_by(89) {
        server.fail(Some(Fault::Damage(place)));
        let mut request = world.clone_request(&server.url("shop.git"));
        request.mirror.as_mut().unwrap().scope = format!("damage{place}");
        let staging = request.staging.clone();
        match world.clone(request) {
            Ok(result) => {
                assert_eq!(result.commit, commit, "{place}");
                assert_eq!(files(&staging), files(&work), "{place}");
            }
            Err(failure) => {
                failed.push(place);
                assert_ne!(failure.code, "git.child-died", "{place}: {failure:?}");
                assert_eq!(files(&staging), [], "{place}: {failure:?}");
            }
        }
    }
    assert!(failed.len() > 5, "{failed:?}");
    // What was kept of them does no harm later.
    server.fail(None);
    for place in failed {
        let mut request = world.clone_request(&server.url("shop.git"));
        request.mirror.as_mut().unwrap().scope = format!("damage{place}");
        let staging = request.staging.clone();
        world.clone(request).unwrap();
        assert_eq!(files(&staging), files(&work));
    }
}

/// Row F11: names of refs that lead out of a repository, or read as something else.
#[test]
fn a_ref_is_a_name_and_leads_nowhere() {
    let truth = "refs/heads/side";
    let world = World::new();
    let work = world.repository("shop");
    let server = world.server();
    let url = server.url("shop.git");
    let lies = [
        "../../../../etc",
        "refs/../../../x",
        "/etc/refs/heads",
        "refs/heads/..xx",
        "refs/heads/a..b",
        "refs/heads/-opt",
        "--upload-pack=x",
        "refs/heads/a\u{1}bc",
        "refs/heads/a bc",
        "refs/heads/a:bc",
        "refs/heads/.git",
        "refs/heads/a/./",
        "config.worktree",
        "hooks/post-chec",
        "objects/info/ab",
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        server.fail(Some(Fault::Lie(truth.to_owned(), lie.to_owned())));
        if let Ok(refs) = world.ls_refs(&url, &[]) {
            let names: Vec<&str> = refs.iter().map(|found| found.name.as_str()).collect();
            assert!(
                names.iter().all(|name| *name != lie || is_plain(name)),
                "{lie}: {names:?}"
            );
        }
        for revision in [None, Some(lie)] {
            let mut request = world.clone_request(&url);
            request.mirror.as_mut().unwrap().scope = format!("lie{number}");
            (request.history, request.tags) = (true, true);
            request.revision = revision.map(str::to_owned);
            let staging = request.staging.clone();
            match world.clone(request) {
                Ok(result) => {
                    assert_eq!(revision, None, "{lie}: {result:?}");
                    assert_eq!(files(&staging), files(&work));
                    let refs = git(&staging, &["for-each-ref", "--format=%(refname)"]);
                    assert!(!refs.contains(lie), "{lie}: {refs}");
                    assert_eq!(git(&staging, &["fsck", "--no-dangling"]), "");
                }
                Err(failure) => assert_eq!(files(&staging), [], "{lie}: {failure:?}"),
            }
        }
        assert_nothing_beside(&world);
    }
}

/// Whether git itself would take the name.
fn is_plain(name: &str) -> bool {
    super::support::git_command(Path::new("."))
        .args(["check-ref-format", name])
        .status()
        .unwrap()
        .success()
}

/// Row F11: a branch that is named like a commit.
#[test]
fn a_whole_object_id_is_never_a_branch() {
    let world = World::new();
    let work = world.repository("shop");
    let [one, three] = ["v1", "main"].map(|name| git(&work, &["rev-parse", name]));
    let bare = world.path("remotes/shop.git");
    std::fs::write(
        bare.join("packed-refs"),
        format!("{three} refs/heads/main\n{three} refs/heads/{one}\n{one} refs/tags/v1\n"),
    )
    .unwrap();
    let server = world.server();
    let mut request = world.clone_request(&server.url("shop.git"));
    request.revision = Some(one.clone());
    assert_eq!(world.clone(request).unwrap().commit, one);
}
