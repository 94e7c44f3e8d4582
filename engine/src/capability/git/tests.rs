//! The grant table, and the methods as a guest calls them, without wasm.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wasmtime::component::Resource;

use super::*;
use crate::capability::bindings::git::checkout::{CloneOptions, Host as _};
use crate::capability::bindings::git::history::HostRepository as _;
use crate::capability::bindings::git::remote::{Host as _, LsOptions};
use crate::capability::bindings::git::types::Error;
use crate::model::{Digest, Fact, HostCall, RunId, StageId, SystemClock};
use crate::plan::{Access, Effects, Mount, StageLimits};
use crate::policy::{GitGrant, Grants};
use crate::store::{AttemptMessage, AttemptSink, Redactor};

/// A request of a stage with these grants; `private ` before a pattern gives
/// leave for private addresses.
fn request(list: &[&str], fetch: &[&str]) -> StageRequest {
    let patterns = |texts: &[&str]| -> Vec<GitPattern> {
        let read = |text: &&str| match text.strip_prefix("private ") {
            Some(text) => text.parse::<GitPattern>().unwrap().with_private(true),
            None => text.parse().unwrap(),
        };
        texts.iter().map(read).collect()
    };
    let git = (!list.is_empty() || !fetch.is_empty()).then(|| GitGrant {
        list: patterns(list),
        fetch: patterns(fetch),
    });
    StageRequest {
        run: RunId::new(),
        pipeline: "test".to_owned(),
        stage: StageId::new("fetch").unwrap(),
        attempt: 1,
        max_attempts: 1,
        trigger: "manual".to_owned(),
        component: Digest::of(b""),
        inputs: serde_json::Value::Null,
        env: std::collections::BTreeMap::new(),
        grants: Grants {
            git,
            ..Grants::default()
        },
        limits: StageLimits::default(),
        effects: Effects::Repeatable,
        secrets: Vec::new(),
        tools: std::collections::BTreeMap::new(),
        mounts: Vec::new(),
        local_root: None,
    }
}

#[test]
fn a_url_needs_a_pattern_that_covers_it() {
    let request = request(
        &["https://a.test/shop/*", "private http://127.0.0.1:80/**"],
        &["https://b.test/shop/api", ".", "ssh://git@c.test/x.git"],
    );
    for (url, list, fetch) in [
        ("https://a.test/shop/api", Some(false), None),
        ("https://a.test/shop/api.git", Some(false), None),
        ("https://a.test/shop/api/more", None, None),
        ("https://a.test/other", None, None),
        ("http://a.test/shop/api", None, None),
        ("http://127.0.0.1/x", Some(true), None),
        ("https://b.test/shop/api.git", Some(false), Some(false)),
        ("https://b.test.evil/shop/api", None, None),
        ("ssh://git@c.test/x", Some(false), Some(false)),
        ("ssh://root@c.test/x", None, None),
        (".", Some(false), Some(false)),
        ("vendor", None, None),
        ("../x", None, None),
        ("file:///etc", None, None),
        ("ext::sh -c id", None, None),
        ("git://a.test/shop/x", None, None),
        ("https://me:hunter2hunter2@a.test/shop/x", None, None),
        ("--upload-pack=id", None, None),
        ("ssh://-oProxyCommand=id/x", None, None),
    ] {
        for (need, expected) in [(Need::List, list), (Need::Fetch, fetch)] {
            match (granted(&request, url, need), expected) {
                (Ok(granted), Some(private)) => assert_eq!(granted.private, private, "{url}"),
                (Err(failure), None) => {
                    assert_eq!(failure.kind, FailureKind::Denied, "{url}: {failure:?}");
                    assert!(failure.code.starts_with("denied."), "{url}");
                    assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
                }
                (other, _) => panic!("{url} {need:?}: {other:?}"),
            }
        }
    }
}

#[test]
fn nothing_is_granted_without_a_grant() {
    let failure = granted(&request(&[], &[]), ".", Need::List).unwrap_err();
    assert_eq!(
        failure.hint.as_deref(),
        Some("add  git: { list: [\".\"] }  to its capabilities")
    );
}

#[test]
fn a_secret_goes_only_to_hosts_that_it_is_bound_to() {
    let handle = |hosts: &[&str]| SecretHandle {
        name: "token".to_owned(),
        kind: SecretKind::Token,
        hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
    };
    for (hosts, url, allowed) in [
        (&["git.test"][..], "https://git.test/a", true),
        (&["git.test"], "https://git.test:8443/a", true),
        (&["git.test"], "ssh://git@git.test/a", true),
        (&["*.hub.test"], "https://git.hub.test/a", true),
        (&["git.test"], "https://evil.test/a", false),
        (&["git.test"], "https://git.test.evil/a", false),
        (&["git.test"], "https://sub.git.test/a", false),
        (&[], "https://git.test/a", false),
        (&["not a host"], "https://git.test/a", false),
    ] {
        let bound = bound(&handle(hosts), &url.parse().unwrap());
        match bound {
            Ok(()) => assert!(allowed, "{hosts:?} {url}"),
            Err(failure) => {
                assert!(!allowed, "{hosts:?} {url}");
                assert_eq!(failure.code, "denied.git-credentials");
            }
        }
    }
}

/// An attempt with a folder of its own, and what it has reported.
struct House {
    folder: TempDir,
    attempt: Attempt,
    calls: Arc<Mutex<Vec<HostCall>>>,
    cancel: CancellationToken,
}

/// None, said loudly, where the child was not built: `cargo test` does so, unless
/// it is told to build the library alone.
fn house(list: &[&str], fetch: &[&str]) -> Option<House> {
    let own = std::env::current_exe().unwrap();
    let path = own.parent()?.with_file_name("engine");
    if !path.is_file() {
        eprintln!("SKIPPED: the engine, which is the child, is not built (cargo build)");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let mount = |path: &str, access| {
        let root = folder.path().join("layers");
        std::fs::create_dir_all(root.join(path)).unwrap();
        Mount {
            path: path.to_owned(),
            root,
            access,
        }
    };
    let mut request = request(list, fetch);
    request.mounts = vec![mount("src", Access::Write), mount("docs", Access::Read)];
    request.local_root = Some(folder.path().join("repository"));
    let services = Services {
        git: Some(GitServices {
            child: ChildProgram {
                path,
                arguments: vec!["internal".to_owned(), "git".to_owned()],
            },
            mirrors: folder.path().join("mirrors"),
            scratch: folder.path().to_owned(),
            known_hosts: None,
            dial: None,
            secret: Box::new(|_| None),
        }),
        ..Services::default()
    };
    let (sender, mut messages) = mpsc::channel(1024);
    let calls = Arc::<Mutex<Vec<HostCall>>>::default();
    let kept = Arc::clone(&calls);
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            if let AttemptMessage::Fact(Fact::HostCalled(call)) = message {
                kept.lock().unwrap().push(call);
            }
        }
    });
    let sink = AttemptSink::new(
        request.stage.clone(),
        1,
        Arc::new(SystemClock::default()),
        Arc::new(Redactor::default()),
        sender,
        None,
        u64::MAX,
    );
    let cancel = CancellationToken::new();
    let deadline = Instant::now() + Duration::from_mins(1);
    let services = Arc::new(services);
    let request = Arc::new(request);
    let attempt = Attempt::new(request, sink, cancel.clone(), deadline, &services).unwrap();
    Some(House {
        folder,
        attempt,
        calls,
        cancel,
    })
}

impl House {
    fn repository(&self) -> std::path::PathBuf {
        let path = self.folder.path().join("repository");
        std::fs::create_dir(&path).unwrap();
        git(&path, &["init", "-q", "-b", "main"]);
        std::fs::write(path.join("file"), "text").unwrap();
        git(&path, &["add", "."]);
        git(&path, &["commit", "-q", "-m", "first"]);
        path
    }

    /// The calls on record, once there are so many.
    async fn calls(&self, count: usize) -> Vec<HostCall> {
        loop {
            let calls = self.calls.lock().unwrap().clone();
            if calls.len() >= count {
                return calls;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(arguments)
        .status()
        .unwrap();
    assert!(status.success());
}

fn options() -> CloneOptions {
    CloneOptions {
        revision: None,
        depth: None,
        tags: false,
        history: true,
        uncommitted: false,
        expect: None,
    }
}

#[tokio::test]
async fn a_granted_commit_arrives_in_the_workspace_and_its_history_is_read() {
    let Some(mut house) = house(&[], &["."]) else {
        return;
    };
    house.repository();
    let attempt = &mut house.attempt;
    let options = options();
    let done = attempt
        .clone(".".into(), "src/app".into(), options, None)
        .await;
    let done = done.unwrap().unwrap();
    assert_eq!(
        (done.subject.as_str(), done.files, done.shallow),
        ("first", 1, false)
    );
    let layers = house.folder.path().join("layers");
    assert_eq!(
        std::fs::read_to_string(layers.join("src/app/file")).unwrap(),
        "text"
    );
    assert_eq!(
        std::fs::read_dir(&layers).unwrap().count(),
        2,
        "no staging is left"
    );

    let opened = attempt.open("src/app".into()).await.unwrap().unwrap();
    let this = || Resource::<Repository>::new_borrow(opened.rep());
    let head = attempt
        .resolve(this(), "HEAD".into())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(head, done.commit);
    let blob = attempt.read_blob(this(), head, "file".into(), 10).await;
    assert_eq!(blob.unwrap().unwrap(), b"text");
    let calls = house.calls(2).await;
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.function.as_str(), call.decision))
        .collect();
    assert_eq!(
        told,
        [
            ("clone", CallDecision::Allowed),
            ("open", CallDecision::Allowed)
        ]
    );
    assert_eq!(calls[0].arguments, ". HEAD to src/app");
    assert_eq!(calls[0].result, Some(format!("{}, 1 files", done.commit)));
}

#[tokio::test]
async fn a_refusal_is_a_fact_and_nothing_else_happens() {
    let Some(mut house) = house(&["."], &[]) else {
        return;
    };
    house.repository();
    let attempt = &mut house.attempt;
    let limits = LsOptions {
        prefixes: Vec::new(),
        limit: 10,
    };
    let refs = attempt
        .ls_refs(".".into(), limits.clone(), None)
        .await
        .unwrap();
    assert_eq!(refs.unwrap().len(), 2);
    let refused = attempt
        .ls_refs("https://h.test/x".into(), limits, None)
        .await;
    assert!(matches!(refused.unwrap(), Err(Error::Denied(problem)) if problem.hint.is_some()));
    let refused = attempt
        .clone(".".into(), "src".into(), options(), None)
        .await;
    assert!(matches!(refused.unwrap(), Err(Error::Denied(_))));
    let refused = attempt.open("../repository".into()).await;
    assert!(matches!(refused.unwrap(), Err(Error::Denied(_))));
    let calls = house.calls(4).await;
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call.decision, call.error.as_deref()))
        .collect();
    assert_eq!(
        told,
        [
            (CallDecision::Allowed, None),
            (CallDecision::Denied, Some("denied.git-list")),
            (CallDecision::Denied, Some("denied.git-fetch")),
            (CallDecision::Denied, Some("denied.git-path")),
        ]
    );
}

#[tokio::test]
async fn a_checkout_goes_only_where_the_stage_may_write() {
    let Some(mut house) = house(&[], &["."]) else {
        return;
    };
    house.repository();
    for destination in ["docs", "docs/x", "", "/tmp/x", "../x", "other"] {
        let done = house
            .attempt
            .clone(".".into(), destination.into(), options(), None)
            .await;
        assert!(
            matches!(done.unwrap(), Err(Error::Denied(_))),
            "{destination}"
        );
    }
    std::fs::write(house.folder.path().join("layers/src/there"), "").unwrap();
    let done = house
        .attempt
        .clone(".".into(), "src".into(), options(), None)
        .await;
    assert!(matches!(done.unwrap(), Err(Error::Unsupported(_))));
}

#[tokio::test]
async fn a_cancelled_run_ends_a_call() {
    let Some(mut house) = house(&[], &["."]) else {
        return;
    };
    house.repository();
    house.cancel.cancel();
    let done = house
        .attempt
        .clone(".".into(), "src".into(), options(), None)
        .await;
    assert!(matches!(done.unwrap(), Err(Error::Cancelled)));
    let layers = house.folder.path().join("layers");
    assert_eq!(std::fs::read_dir(layers.join("src")).unwrap().count(), 0);
}

#[tokio::test]
async fn open_repositories_are_bounded() {
    let Some(mut house) = house(&[], &["."]) else {
        return;
    };
    house.repository();
    house
        .attempt
        .clone(".".into(), "src".into(), options(), None)
        .await
        .unwrap()
        .unwrap();
    let mut open = Vec::new();
    for _ in 0..limits::GIT_SESSIONS {
        open.push(house.attempt.open("src".into()).await.unwrap().unwrap());
    }
    let refused = house.attempt.open("src".into()).await.unwrap();
    assert!(matches!(refused, Err(Error::LimitExceeded(_))));
    let last = open.pop().unwrap();
    house.attempt.drop(last).await.unwrap();
    house.attempt.open("src".into()).await.unwrap().unwrap();
}
