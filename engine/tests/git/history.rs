//! Questions about a repository of the workspace.

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

async fn open(path: &std::path::Path, root: &std::path::Path) -> Result<Session, GitFailure> {
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
    std::os::unix::fs::symlink("x", work.join("src/deep/three.txt")).unwrap();
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
    std::os::unix::fs::symlink(outside.join(".git"), inside.join(".git")).unwrap();
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
