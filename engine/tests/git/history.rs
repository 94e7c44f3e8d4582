//! Questions about a repository of the workspace.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use engine::capability::git::protocol::{
    Answer, Bounds, ChangeKind, OpenHistory, ProcessLimits, Query,
};
use engine::capability::git::{GitFailure, Session};
use tokio::time::Instant;

use super::support::{World, block_on, child, git};

fn later() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

async fn open(path: &Path, root: &Path) -> Result<Session, GitFailure> {
    let request = OpenHistory {
        path: path.to_owned(),
        root: root.to_owned(),
        bounds: Bounds::default(),
    };
    Session::open(&child(), request, ProcessLimits::default(), later()).await
}

#[test]
fn one_session_answers_many_questions() {
    let world = World::new();
    let work = world.repository("shop");
    let id = |name: &str| git(&work, &["rev-parse", &format!("{name}^{{commit}}")]);
    block_on(async {
        let mut session = open(&work, &work).await.unwrap();
        for revision in ["HEAD", "main", "v2", "refs/heads/side", &id("v1")[..10]] {
            let query = Query::Resolve {
                revision: revision.to_owned(),
            };
            match session.ask(query, later()).await.unwrap() {
                Answer::Oid(oid) => assert_eq!(oid, id(revision), "{revision}"),
                other => panic!("{other:?}"),
            }
        }
        let query = Query::Log {
            start: id("main"),
            exclude: vec![id("v1")],
            limit: 10,
        };
        match session.ask(query, later()).await.unwrap() {
            Answer::Commits(commits) => {
                let ids: Vec<String> = commits.iter().map(|commit| commit.oid.clone()).collect();
                assert_eq!(ids, [id("main"), id("v2")]);
                assert_eq!(commits[0].message, "three: a commit\n\nwith a body\n");
                assert_eq!(commits[0].parents, [id("v2")]);
                assert_eq!(commits[0].committer.offset_minutes, 90);
            }
            other => panic!("{other:?}"),
        }
        let query = Query::MergeBase {
            a: id("main"),
            b: id("side"),
        };
        match session.ask(query, later()).await.unwrap() {
            Answer::MaybeText(base) => assert_eq!(base, Some(id("side"))),
            other => panic!("{other:?}"),
        }
        for name in ["main", "side", "v1"] {
            match session
                .ask(Query::Describe { at: id(name) }, later())
                .await
                .unwrap()
            {
                Answer::MaybeText(text) => {
                    assert_eq!(text.unwrap(), git(&work, &["describe", "--tags", name]));
                }
                other => panic!("{other:?}"),
            }
        }
        let query = Query::ReadBlob {
            at: id("v1"),
            path: "src/deep/one.txt".into(),
            max_bytes: 300,
        };
        match session.ask(query, later()).await.unwrap() {
            // `oneone…` in base64.
            Answer::Blob(text) => assert_eq!(text, "b25l".repeat(100)),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn a_question_without_an_answer_does_not_end_the_session() {
    let world = World::new();
    let work = world.repository("shop");
    let id = |name: &str| git(&work, &["rev-parse", &format!("{name}^{{commit}}")]);
    let blob = |path: &str, max_bytes| Query::ReadBlob {
        at: id("v1"),
        path: path.into(),
        max_bytes,
    };
    let resolve = |revision: &str| Query::Resolve {
        revision: revision.into(),
    };
    let nowhere = "1".repeat(40);
    block_on(async {
        let mut session = open(&work, &work).await.unwrap();
        for (query, code) in [
            (resolve("none"), "git.revision-not-found"),
            (resolve(":/two"), "git.revision-not-found"),
            (resolve("HEAD^{/x}"), "git.revision-not-found"),
            (resolve("--all"), "git.revision-not-found"),
            (resolve(""), "git.revision-not-found"),
            (
                Query::ReadCommit {
                    at: nowhere.clone(),
                },
                "git.object-not-found",
            ),
            (Query::ReadCommit { at: "zz".into() }, "git.object-id"),
            (
                Query::ReadCommit {
                    at: git(&work, &["rev-parse", "HEAD:src"]),
                },
                "git.no-commit",
            ),
            (
                Query::MergeBase {
                    a: nowhere.clone(),
                    b: id("main"),
                },
                "git.revision-not-found",
            ),
            (blob("src/deep/one.txt", 299), "limit.git-blob"),
            (blob("src", 100), "git.path-not-found"),
            (blob("../x", 100), "git.path-not-found"),
            (blob("/etc/passwd", 100), "git.path-not-found"),
        ] {
            let shown = format!("{query:?}");
            let failure = session.ask(query, later()).await.unwrap_err();
            assert_eq!(failure.code, code, "{shown}: {failure:?}");
        }
        session.ask(resolve("HEAD"), later()).await.unwrap();
    });
}

#[test]
fn changes_are_told_by_kind() {
    let world = World::new();
    let work = world.repository("shop");
    let old = git(&work, &["rev-parse", "HEAD"]);
    git(&work, &["mv", "src/deep/one.txt", "moved.txt"]);
    git(&work, &["rm", "-q", "src/deep/two.txt"]);
    std::fs::write(work.join("step.txt"), "changed").unwrap();
    std::fs::create_dir_all(work.join("a/b")).unwrap();
    std::fs::write(work.join("a/b/c.txt"), "added\n").unwrap();
    std::fs::remove_file(work.join("src/deep/three.txt")).unwrap();
    symlink("x", work.join("src/deep/three.txt")).unwrap();
    git(&work, &["add", "-A"]);
    git(&work, &["commit", "-q", "-m", "changes"]);
    let new = git(&work, &["rev-parse", "HEAD"]);
    block_on(async {
        let mut session = open(&work, &work).await.unwrap();
        let query = Query::Diff {
            old: Some(old),
            new: new.clone(),
        };
        let Answer::Changes(changes) = session.ask(query, later()).await.unwrap() else {
            panic!("no changes");
        };
        let mut told: Vec<(ChangeKind, &str, Option<&str>)> = changes
            .iter()
            .map(|change| {
                (
                    change.kind,
                    change.path.as_str(),
                    change.old_path.as_deref(),
                )
            })
            .collect();
        told.sort_by_key(|(_, path, _)| *path);
        assert_eq!(
            told,
            [
                (ChangeKind::Added, "a/b/c.txt", None),
                (ChangeKind::Renamed, "moved.txt", Some("src/deep/one.txt")),
                (ChangeKind::TypeChanged, "src/deep/three.txt", None),
                (ChangeKind::Deleted, "src/deep/two.txt", None),
                (ChangeKind::Modified, "step.txt", None),
            ]
        );
        let Answer::Changes(all) = session
            .ask(Query::Diff { old: None, new }, later())
            .await
            .unwrap()
        else {
            panic!("no changes");
        };
        assert!(all.iter().all(|change| change.kind == ChangeKind::Added));
        assert_eq!(all.len(), 4);
    });
}

#[test]
fn only_what_lies_in_the_mount_is_opened() {
    let world = World::new();
    let work = world.repository("shop");
    let elsewhere = World::new();
    let outside = elsewhere.repository("secret");
    let inside = world.path("workspace/x");
    std::fs::create_dir(&inside).unwrap();
    symlink(outside.join(".git"), inside.join(".git")).unwrap();
    block_on(async {
        let code = |opened: Result<Session, GitFailure>| opened.err().unwrap().code;
        let mount = world.path("workspace");
        assert_eq!(code(open(&inside, &mount).await), "denied.git-outside-root");
        assert_eq!(code(open(&work, &mount).await), "denied.git-outside-root");
        assert_eq!(
            code(open(&work.join("src"), &work).await),
            "git.repository-not-found"
        );
    });
}

/// What a guest can write into its own `.git` to reach a repository outside.
/// Each is given the mount's repository and the other one.
type Attack = (&'static str, fn(&Path, &Path));

const ATTACKS: [Attack; 13] = [
    ("a gitdir file", |own, other| {
        std::fs::remove_dir_all(own.join(".git")).unwrap();
        let text = format!("gitdir: {}/.git\n", other.display());
        std::fs::write(own.join(".git"), text).unwrap();
    }),
    ("a gitdir file with a relative path", |own, other| {
        std::fs::remove_dir_all(own.join(".git")).unwrap();
        let up = "../".repeat(own.components().count());
        let other = other.strip_prefix("/").unwrap();
        let text = format!("gitdir: {up}{}/.git\n", other.display());
        std::fs::write(own.join(".git"), text).unwrap();
    }),
    ("commondir", |own, other| {
        let text = format!("{}/.git\n", other.display());
        std::fs::write(own.join(".git/commondir"), text).unwrap();
    }),
    ("alternates", |own, other| {
        let text = format!("{}/.git/objects\n", other.display());
        std::fs::write(own.join(".git/objects/info/alternates"), text).unwrap();
    }),
    ("alternates of alternates", |own, other| {
        let between = own.join("between/info");
        std::fs::create_dir_all(&between).unwrap();
        let text = format!("{}/.git/objects\n", other.display());
        std::fs::write(between.join("alternates"), text).unwrap();
        let list = own.join(".git/objects/info/alternates");
        std::fs::write(list, "../../between\n").unwrap();
    }),
    ("a linked pack file", |own, other| {
        git(other, &["repack", "-q", "-a", "-d"]);
        for entry in std::fs::read_dir(other.join(".git/objects/pack")).unwrap() {
            let entry = entry.unwrap();
            let link = own.join(".git/objects/pack").join(entry.file_name());
            symlink(entry.path(), link).unwrap();
        }
    }),
    ("a linked folder of loose objects", |own, other| {
        let id = git(other, &["rev-parse", "HEAD"]);
        let folder = own.join(".git/objects").join(&id[..2]);
        let _ = std::fs::remove_dir_all(&folder);
        symlink(other.join(".git/objects").join(&id[..2]), folder).unwrap();
    }),
    ("linked objects", |own, other| link(own, other, "objects")),
    ("linked refs", |own, other| link(own, other, "refs")),
    ("a linked ref", |own, other| {
        link(own, other, "refs/heads/main");
    }),
    ("linked packed refs", |own, other| {
        git(other, &["pack-refs", "--all"]);
        link(own, other, "packed-refs");
    }),
    ("a linked HEAD", |own, other| link(own, other, "HEAD")),
    ("linked configuration", |own, other| {
        link(own, other, "config");
    }),
];

/// Makes a part of one repository a link to that of another.
fn link(own: &Path, other: &Path, part: &str) {
    let at = own.join(".git").join(part);
    if at.is_dir() {
        std::fs::remove_dir_all(&at).unwrap();
    } else if at.exists() {
        std::fs::remove_file(&at).unwrap();
    }
    symlink(other.join(".git").join(part), at).unwrap();
}

#[test]
fn no_repository_leads_out_of_the_mount() {
    let elsewhere = World::new();
    let outside = elsewhere.repository("secret");
    for (name, attack) in ATTACKS {
        // The mount may be the repository itself, or a folder above it.
        for is_mount in [true, false] {
            let world = World::new();
            let own = world.repository("shop");
            let mount = if is_mount {
                own.clone()
            } else {
                world.path(".")
            };
            let path = if is_mount {
                own.clone()
            } else {
                mount.join("work-shop")
            };
            block_on(async {
                open(&path, &mount).await.expect("an honest repository");
                attack(&own, &outside);
                let failure = open(&path, &mount).await.err().expect(name);
                let shown = format!("{name}: {failure:?}");
                assert_eq!(failure.code, "denied.git-outside-root", "{shown}");
                let secret = elsewhere.folder.path().to_str().unwrap();
                assert!(!failure.message.contains(secret), "{shown}");
            });
        }
    }
}

#[test]
fn a_repository_that_is_changed_while_it_is_open_answers_no_more() {
    let elsewhere = World::new();
    let outside = elsewhere.repository("secret");
    std::fs::write(outside.join("more.txt"), "more").unwrap();
    git(&outside, &["add", "."]);
    git(&outside, &["commit", "-q", "-m", "not in the mount"]);
    let secret = git(&outside, &["rev-parse", "HEAD"]);
    for (name, attack) in ATTACKS {
        let world = World::new();
        let own = world.repository("shop");
        block_on(async {
            let mut session = open(&own, &own).await.unwrap();
            let head = Query::Resolve {
                revision: "HEAD".to_owned(),
            };
            session.ask(head, later()).await.unwrap();
            attack(&own, &outside);
            let commit = Query::ReadCommit { at: secret.clone() };
            let failure = session.ask(commit, later()).await.unwrap_err();
            let shown = format!("{name}: {failure:?}");
            assert_eq!(failure.code, "denied.git-outside-root", "{shown}");
        });
    }
}

#[test]
fn a_link_in_the_mount_is_not_followed_to_a_repository() {
    let world = World::new();
    let own = world.repository("shop");
    let elsewhere = World::new();
    let outside = elsewhere.repository("secret");
    let mount = world.path(".");
    symlink(&outside, world.path("out")).unwrap();
    symlink(&own, world.path("in")).unwrap();
    symlink(world.folder.path(), world.path("above")).unwrap();
    symlink("/nowhere/at/all", world.path("nowhere")).unwrap();
    block_on(async {
        for path in ["out", "in", "above/work-shop", "nowhere"] {
            let failure = open(&mount.join(path), &mount).await.err().expect(path);
            assert_eq!(
                failure.code, "denied.git-outside-root",
                "{path}: {failure:?}"
            );
        }
        // Nor up and out again.
        let up = mount.join("work-shop/../work-shop");
        let failure = open(&up, &mount).await.err().unwrap();
        assert_eq!(failure.code, "denied.git-outside-root", "{failure:?}");
    });
}

#[test]
fn what_lies_in_the_mount_as_a_whole_is_opened_however_it_is_made() {
    let world = World::new();
    let own = world.repository("shop");
    let mount = world.path(".");
    let at = |path: &str| mount.join(path);
    let tree = at("tree");
    git(
        &own,
        &["worktree", "add", "-q", tree.to_str().unwrap(), "side"],
    );
    let borrower = ["clone", "-q", "--shared", "work-shop", "borrower"];
    git(&mount, &borrower);
    // A hook that is a link is read by nobody.
    std::fs::create_dir_all(own.join(".git/hooks")).unwrap();
    symlink("/bin/true", own.join(".git/hooks/pre-push")).unwrap();
    block_on(async {
        for path in ["work-shop", "tree", "borrower", "remotes/shop.git"] {
            let mut session = open(&at(path), &mount).await.expect(path);
            let query = Query::Resolve {
                revision: "HEAD".to_owned(),
            };
            match session.ask(query, later()).await.expect(path) {
                Answer::Oid(oid) => {
                    assert_eq!(oid, git(&at(path), &["rev-parse", "HEAD"]), "{path}");
                }
                other => panic!("{other:?}"),
            }
        }
    });
}
