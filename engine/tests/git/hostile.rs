//! Repositories that mean harm: trees that reach out, bombs, configuration that
//! runs programs.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use engine::capability::git::FailureKind;
use engine::capability::git::Session;
use engine::capability::git::protocol::{Bounds, OpenHistory, ProcessLimits, Query};

use super::support::{World, block_on, child, files, git, git_command};

/// Writes an object as it is, whatever git thinks of it.
pub fn object(repository: &Path, kind: &str, content: &[u8]) -> String {
    let mut child = git_command(repository)
        .args(["hash-object", "-t", kind, "--literally", "-w", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(content).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A tree object of these entries, in this order.
pub fn tree(repository: &Path, entries: &[(&str, &[u8], &str)]) -> String {
    let mut content = Vec::new();
    for (mode, name, id) in entries {
        content.extend_from_slice(mode.as_bytes());
        content.push(b' ');
        content.extend_from_slice(name);
        content.push(0);
        content.extend(
            (0..40)
                .step_by(2)
                .map(|at| u8::from_str_radix(&id[at..at + 2], 16).unwrap()),
        );
    }
    object(repository, "tree", &content)
}

/// Makes a tree the content of `main` of a served repository.
pub fn serve_tree(world: &World, name: &str, make: impl FnOnce(&Path) -> String) {
    git(
        &world.path("remotes"),
        &["init", "-q", "--bare", "-b", "main", name],
    );
    let repository = world.path("remotes").join(name);
    let tree = make(&repository);
    let commit = git(&repository, &["commit-tree", "-m", "hostile", &tree]);
    git(&repository, &["update-ref", "refs/heads/main", &commit]);
}

/// Row F05: names of git's own folder, of folders above, of devices.
#[test]
fn names_that_reach_out_or_mean_git_are_refused() {
    let names: [&[u8]; 19] = [
        b".git",
        b".GIT",
        b".Git",
        b".git ",
        b".git.",
        b"git~1",
        b"GIT~1",
        b".g\xe2\x80\x8cit",
        b".git\xe2\x80\x8d",
        b".git::$INDEX_ALLOCATION",
        b"..",
        b".",
        b"a/b",
        b"../x",
        b"/etc/x",
        b"a\\..\\b",
        b"..\\x",
        b"CON",
        b"",
    ];
    for (number, name) in names.into_iter().enumerate() {
        for mode in ["100644", "40000", "120000"] {
            let world = World::new();
            serve_tree(&world, "bad.git", |repository| {
                let blob = object(repository, "blob", b"/etc/passwd");
                let inner = tree(repository, &[("100644", b"config", &blob)]);
                let id = if mode == "40000" { &inner } else { &blob };
                tree(repository, &[(mode, name, id)])
            });
            let server = world.server();
            for history in [false, true] {
                let mut request = world.clone_request(&server.url("bad.git"));
                request.history = history;
                let staging = request.staging.clone();
                let failure = world
                    .clone(request)
                    .expect_err(&String::from_utf8_lossy(name));
                let shown = format!(
                    "{number} {mode} {}: {failure:?}",
                    String::from_utf8_lossy(name)
                );
                assert_ne!(failure.code, "git.child-died", "{shown}");
                assert!(
                    failure.message.contains("refused") || failure.code.starts_with("git."),
                    "{shown}"
                );
                assert_eq!(files(&staging), [], "{shown}");
                assert!(!staging.join(".git").exists());
            }
        }
    }
}

/// Row F06: a file behind a link of the same name.
#[test]
fn nothing_is_written_through_a_link() {
    let world = World::new();
    let outside = world.path("outside");
    std::fs::create_dir(&outside).unwrap();
    let target = outside.display().to_string();
    serve_tree(&world, "link.git", |repository| {
        let link = object(repository, "blob", target.as_bytes());
        let blob = object(repository, "blob", b"text");
        let inner = tree(repository, &[("100644", b"x", &blob)]);
        tree(
            repository,
            &[("120000", b"a", &link), ("40000", b"a", &inner)],
        )
    });
    let server = world.server();
    let request = world.clone_request(&server.url("link.git"));
    let _ = world.clone(request);
    assert_eq!(files(&outside), []);
}

/// Row F09: trees of trees, of files, folders and submodules.
#[test]
fn a_tree_bomb_is_found_before_anything_is_written() {
    let world = World::new();
    // Ten levels of ten times the level below, of files, empty folders and
    // submodules alike.
    for (name, leaf) in [
        ("files.git", "100644"),
        ("folders.git", "40000"),
        ("modules.git", "160000"),
    ] {
        serve_tree(&world, name, |repository| {
            let blob = object(repository, "blob", b"x");
            let empty = tree(repository, &[]);
            let mut below = if leaf == "40000" { empty } else { blob };
            let mut mode = leaf;
            for _ in 0..10 {
                let names: Vec<String> = (0..10).map(|n| format!("d{n}")).collect();
                let entries: Vec<(&str, &[u8], &str)> = names
                    .iter()
                    .map(|name| (mode, name.as_bytes(), below.as_str()))
                    .collect();
                below = tree(repository, &entries);
                mode = "40000";
            }
            below
        });
        let server = world.server();
        let start = std::time::Instant::now();
        let request = world.clone_request(&server.url(name));
        let staging = request.staging.clone();
        let failure = world.clone(request).unwrap_err();
        assert_eq!(
            (failure.kind, failure.code.as_str()),
            (FailureKind::LimitExceeded, "limit.git-files"),
            "{name}: {failure:?}"
        );
        assert!(start.elapsed().as_secs() < 20);
        assert_eq!(files(&staging), []);
    }
}

/// Row F09: a tree that is too deep.
#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let world = World::new();
    serve_tree(&world, "deep.git", |repository| {
        let blob = object(repository, "blob", b"x");
        let mut below = tree(repository, &[("100644", b"x", &blob)]);
        for _ in 0..150 {
            below = tree(repository, &[("40000", b"d", &below)]);
        }
        below
    });
    let server = world.server();
    let failure = world
        .clone(world.clone_request(&server.url("deep.git")))
        .unwrap_err();
    assert_eq!(failure.code, "limit.git-depth", "{failure:?}");
}

/// Row F09: more memory than the child has.
#[test]
fn a_child_without_memory_dies_and_says_so() {
    let world = World::new();
    world.repository("shop");
    let server = world.server();
    let request = engine::capability::git::protocol::Request::Clone(Box::new(
        world.clone_request(&server.url("shop.git")),
    ));
    let process = ProcessLimits {
        memory_bytes: 1024 * 1024,
        cpu_seconds: 10,
    };
    let failure = block_on(engine::capability::git::call(
        &child(),
        request,
        process,
        tokio::time::Instant::now() + std::time::Duration::from_secs(20),
        &|_| {},
    ))
    .unwrap_err();
    assert_eq!(failure.kind, FailureKind::Other, "{failure:?}");
}

/// Row F05: names that are one name to some file systems.
#[test]
fn names_that_differ_only_in_case_do_not_overwrite_each_other() {
    let world = World::new();
    serve_tree(&world, "case.git", |repository| {
        let one = object(repository, "blob", b"one");
        let two = object(repository, "blob", b"two");
        tree(
            repository,
            &[("100644", b"FILE", &one), ("100644", b"file", &two)],
        )
    });
    let server = world.server();
    let request = world.clone_request(&server.url("case.git"));
    let staging = request.staging.clone();
    match world.clone(request) {
        // Where the file system tells them apart both are there, …
        Ok(_) => assert_eq!(files(&staging).len(), 2),
        // … elsewhere neither is, and it is said why.
        Err(failure) => assert_eq!(failure.code, "git.collision"),
    }
}

/// Row F05, F06: one name twice.
#[test]
fn the_same_name_twice_is_no_success() {
    let world = World::new();
    serve_tree(&world, "twice.git", |repository| {
        let one = object(repository, "blob", b"one");
        let two = object(repository, "blob", b"two");
        tree(
            repository,
            &[("100644", b"file", &one), ("100644", b"file", &two)],
        )
    });
    let server = world.server();
    let failure = world
        .clone(world.clone_request(&server.url("twice.git")))
        .unwrap_err();
    assert_eq!(failure.code, "git.collision", "{failure:?}");
}

/// Configuration that would run a program at every turn, each leaving a trace.
fn booby_trap(repository: &Path, git_folder: &Path, trace: &Path) {
    let run = |what: &str| format!("touch {}/{what}", trace.display());
    for (key, what) in [
        ("core.fsmonitor", "fsmonitor"),
        ("core.sshCommand", "ssh"),
        ("core.hooksPath", "hooks"),
        ("core.pager", "pager"),
        ("core.editor", "editor"),
        ("core.askPass", "askpass"),
        ("credential.helper", "credential"),
        ("filter.evil.smudge", "smudge"),
        ("filter.evil.clean", "clean"),
        ("filter.evil.process", "process"),
        ("diff.external", "external"),
        ("diff.evil.command", "command"),
        ("diff.evil.textconv", "textconv"),
        ("merge.evil.driver", "merge"),
        ("gpg.program", "gpg"),
        ("uploadpack.packObjectsHook", "pack"),
        ("alias.log", "alias"),
    ] {
        let value = if what == "credential" {
            format!("!{}", run(what))
        } else {
            run(what)
        };
        git(repository, &["config", key, &value]);
    }
    git(repository, &["config", "filter.evil.required", "true"]);
    std::fs::create_dir_all(git_folder.join("hooks")).unwrap();
    for hook in [
        "post-checkout",
        "reference-transaction",
        "post-index-change",
        "pre-commit",
    ] {
        use std::os::unix::fs::PermissionsExt;
        let path = git_folder.join("hooks").join(hook);
        std::fs::write(&path, format!("#!/bin/sh\n{}\n", run(hook))).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// Row E22, F03, F14: hooks, filters, helpers and monitors.
#[test]
fn no_program_that_a_repository_names_is_run() {
    let world = World::new();
    let work = world.repository("shop");
    let trace = world.path("trace");
    std::fs::create_dir(&trace).unwrap();
    let attributes = "* filter=evil diff=evil merge=evil\n";
    std::fs::write(work.join(".gitattributes"), attributes).unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "attributes"]);
    world.publish("shop");
    booby_trap(&work, &work.join(".git"), &trace);
    let server = world.server();

    // From a remote, and from the trapped repository itself.
    for (url, uncommitted) in [
        (server.url("shop.git"), false),
        ("work-shop".to_owned(), false),
        ("work-shop".to_owned(), true),
    ] {
        let mut request = world.clone_request(&url);
        (request.history, request.tags, request.uncommitted) = (true, true, uncommitted);
        let staging = request.staging.clone();
        world.clone(request).unwrap();
        assert_eq!(
            std::fs::read_to_string(staging.join("step.txt")).unwrap(),
            "three"
        );
        let config = std::fs::read_to_string(staging.join(".git/config")).unwrap();
        assert!(!config.contains("touch"), "{config}");
    }
    world.ls_refs("work-shop", &[]).unwrap();

    // Reading the history of the trapped repository.
    let open = OpenHistory {
        path: work.clone(),
        root: world.folder.path().to_owned(),
        bounds: Bounds::default(),
    };
    block_on(async {
        let later = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        let process = ProcessLimits::default();
        let mut session = Session::open(&child(), open, process, later).await.unwrap();
        let (head, one) = (
            git(&work, &["rev-parse", "HEAD"]),
            git(&work, &["rev-parse", "v1"]),
        );
        for query in [
            Query::Resolve {
                revision: "HEAD".into(),
            },
            Query::Log {
                start: head.clone(),
                exclude: vec![],
                limit: 10,
            },
            Query::Diff {
                old: Some(one.clone()),
                new: head.clone(),
            },
            Query::Describe { at: head.clone() },
            Query::MergeBase {
                a: head.clone(),
                b: one,
            },
            Query::ReadBlob {
                at: head,
                path: "step.txt".into(),
                max_bytes: 100,
            },
        ] {
            session.ask(query, later).await.unwrap();
        }
    });
    assert_eq!(files(&trace), [], "a program was run");
}
