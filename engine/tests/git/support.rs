//! Support: repositories to fetch, the child to fetch with, and a short way to
//! ask it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use engine::capability::git::protocol::{
    Answer, Bounds, CheckedOut, Clone, Credential, LsRefs, MirrorPlace, ProcessLimits, Progress,
    Remote, RemoteRef, Request, SecretText,
};
use engine::capability::git::{Address, GitFailure, call};
use engine::model::ChildProgram;
use tempfile::TempDir;

#[path = "../../../tests/src/servers/git_http.rs"]
mod git_http;
pub use git_http::{Fault, GitServer};

/// A folder with everything that one test needs.
pub struct World {
    pub folder: TempDir,
    pub progress: Mutex<Vec<Progress>>,
}

impl World {
    pub fn new() -> Self {
        let folder = TempDir::new().unwrap();
        for part in ["remotes", "cache", "workspace"] {
            std::fs::create_dir(folder.path().join(part)).unwrap();
        }
        Self {
            folder,
            progress: Mutex::default(),
        }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    /// A repository with a few commits, tags and branches; served bare.
    ///
    /// ```text
    /// one (v1) ── two (v2, annotated) ── three (main)
    ///                    └── side
    /// ```
    pub fn repository(&self, name: &str) -> PathBuf {
        let work = self.path(&format!("work-{name}"));
        std::fs::create_dir(&work).unwrap();
        git(&work, &["init", "-q", "-b", "main"]);
        for (step, tag) in [("one", Some("v1")), ("two", Some("v2")), ("three", None)] {
            std::fs::create_dir_all(work.join("src/deep")).unwrap();
            std::fs::write(work.join("step.txt"), step).unwrap();
            std::fs::write(work.join(format!("src/deep/{step}.txt")), step.repeat(100)).unwrap();
            git(&work, &["add", "."]);
            git(
                &work,
                &[
                    "commit",
                    "-q",
                    "-m",
                    &format!("{step}: a commit\n\nwith a body"),
                ],
            );
            match tag {
                Some("v1") => git(&work, &["tag", "v1"]),
                Some(tag) => git(&work, &["tag", "-a", "-m", "annotated", tag]),
                None => String::new(),
            };
        }
        git(&work, &["branch", "side", "v2"]);
        self.publish(name);
        work
    }

    /// Copies a working repository to where it is served from.
    pub fn publish(&self, name: &str) {
        let (work, bare) = (
            self.path(&format!("work-{name}")),
            self.path(&format!("remotes/{name}.git")),
        );
        if bare.exists() {
            git(
                &work,
                &["push", "-q", "--force", "--all", bare.to_str().unwrap()],
            );
            git(
                &work,
                &["push", "-q", "--force", "--tags", bare.to_str().unwrap()],
            );
        } else {
            git(
                &self.path("."),
                &[
                    "clone",
                    "-q",
                    "--bare",
                    work.to_str().unwrap(),
                    bare.to_str().unwrap(),
                ],
            );
        }
    }

    pub fn server(&self) -> GitServer {
        GitServer::start(&self.path("remotes")).unwrap()
    }

    pub fn mirror(&self) -> MirrorPlace {
        MirrorPlace {
            cache: self.path("cache"),
            scope: "anonymous".to_owned(),
        }
    }

    /// What a clone of `url` into a fresh staging folder asks for.
    pub fn clone_request(&self, url: &str) -> Clone {
        let staging = tempfile::Builder::new()
            .prefix("staging-")
            .tempdir_in(self.path("workspace"))
            .unwrap()
            .keep();
        Clone {
            remote: self.remote(url),
            mirror: Some(self.mirror()),
            staging,
            revision: None,
            depth: None,
            tags: false,
            history: false,
            uncommitted: false,
            expect: None,
            bounds: Bounds::default(),
        }
    }

    pub fn remote(&self, url: &str) -> Remote {
        Remote {
            address: Address::parse(url).unwrap(),
            credential: None,
            private: true,
            local_root: Some(self.folder.path().to_owned()),
            ssh: None,
        }
    }

    pub fn clone(&self, request: Clone) -> Result<CheckedOut, GitFailure> {
        match self.call(Request::Clone(Box::new(request)))? {
            Answer::CheckedOut(result) => Ok(*result),
            other => panic!("{other:?}"),
        }
    }

    pub fn ls_refs(&self, url: &str, prefixes: &[&str]) -> Result<Vec<RemoteRef>, GitFailure> {
        self.ls_refs_with(url, prefixes, None)
    }

    pub fn ls_refs_with(
        &self,
        url: &str,
        prefixes: &[&str],
        token: Option<&str>,
    ) -> Result<Vec<RemoteRef>, GitFailure> {
        let mut remote = self.remote(url);
        remote.credential = token.map(|token| Credential::Token(SecretText::new(token.to_owned())));
        let request = Request::LsRefs(Box::new(LsRefs {
            remote,
            prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
            bounds: Bounds::default(),
        }));
        match self.call(request)? {
            Answer::Refs(refs) => Ok(refs),
            other => panic!("{other:?}"),
        }
    }

    pub fn call(&self, request: Request) -> Result<Answer, GitFailure> {
        self.call_within(request, Duration::from_mins(1))
    }

    pub fn call_within(&self, request: Request, time: Duration) -> Result<Answer, GitFailure> {
        block_on(async {
            call(
                &child(),
                request,
                ProcessLimits::default(),
                tokio::time::Instant::now() + time,
                &|step| self.progress.lock().unwrap().push(step),
            )
            .await
        })
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// The engine itself, as the child of another.
pub fn child() -> ChildProgram {
    ChildProgram {
        path: PathBuf::from(env!("CARGO_BIN_EXE_engine")),
        arguments: vec!["internal".to_owned(), "git".to_owned()],
    }
}

/// Runs git, which makes the repositories of the tests and never the product's.
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_command(folder).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

pub fn git_command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_AUTHOR_DATE", "1700000000 +0130")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_DATE", "1700000000 +0130");
    command
}

/// The files below a folder with what is in them, `.git` left out.
pub fn files(folder: &Path) -> Vec<(String, String)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == ".git" {
                continue;
            }
            let meta = path.symlink_metadata().unwrap();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if meta.is_dir() {
                walk(root, &path, found);
            } else if meta.is_symlink() {
                let target = std::fs::read_link(&path).unwrap();
                found.push((name, format!("-> {}", target.display())));
            } else {
                found.push((
                    name,
                    String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into(),
                ));
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, folder, &mut found);
    found.sort();
    found
}
