//! Workbench: a repository and a state directory of a test's own, and the engine
//! in between.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A repository, a state directory, and the engine.
pub(crate) struct Workbench {
    directory: TempDir,
}

/// What the engine printed, and how it ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Workbench {
    /// A repository with one commit on `main`.
    pub(crate) fn new() -> Self {
        let bench = Self {
            directory: tempfile::tempdir().expect("a directory"),
        };
        fs::create_dir(bench.repository()).expect("made");
        bench.git(&["init", "-q", "-b", "main"]);
        bench.write("README", "hello\n");
        bench.commit("first");
        bench
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.directory.path().join("repository")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Writes a file of the repository.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.repository().join(path);
        fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    /// Copies a guest of the tests into the repository, as `<name>.wasm`.
    pub(crate) fn guest(&self, name: &str) {
        let from = Path::new(env!("GUESTS")).join(format!("guest_{name}.wasm"));
        let to = self.repository().join(format!("{name}.wasm"));
        fs::copy(&from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    }

    pub(crate) fn commit(&self, message: &str) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .current_dir(self.repository())
            .args([
                "-c",
                "user.name=A Person",
                "-c",
                "user.email=person@example.org",
            ])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .expect("git is there");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// The engine in the repository, before it starts.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine-under-test"));
        let home = self.directory.path().join("home");
        fs::create_dir_all(&home).expect("made");
        command
            .current_dir(self.repository())
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            // Compiled guests are shared by all tests: they are the same bytes.
            .env(
                "XDG_CACHE_HOME",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"),
            )
            .env(
                "XDG_STATE_HOME",
                Path::new(env!("CARGO_TARGET_TMPDIR")).join("state"),
            )
            .env("ENGINE_STATE_DIR", self.state())
            .stdin(Stdio::null());
        command
    }

    /// Runs the engine to its end.
    pub(crate) fn engine(&self, arguments: &[&str]) -> Ended {
        self.command(arguments)
            .output()
            .expect("the engine starts")
            .into()
    }

    /// Runs a pipeline text; the facts of its run and how it ended.
    pub(crate) fn run(&self, pipeline: &str) -> (Ended, Vec<Value>) {
        self.run_with(pipeline, &[])
    }

    /// The same with more arguments.
    pub(crate) fn run_with(&self, pipeline: &str, more: &[&str]) -> (Ended, Vec<Value>) {
        self.write("pipeline.yaml", pipeline);
        let ended = self.engine(&[&["run", "--output", "jsonl"], more].concat());
        let events = ended.stdout.lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        let events = events.collect();
        (ended, events)
    }

    /// Runs one stage of the guest `probe`; its end, what it failed with or
    /// returned, and the events of the run.
    pub(crate) fn probe(&self, inputs: &str, more: &str) -> Probed {
        self.guest("probe");
        let pipeline = format!("{PROBE}    with: {inputs}\n{more}");
        let (ended, events) = self.run(&pipeline);
        Probed { ended, events }
    }
}

/// The beginning of a pipeline with one stage, which is the guest `probe`.
pub(crate) const PROBE: &str =
    "version: 1\nname: probe\nstages:\n  probe:\n    uses: ./probe.wasm\n";

/// One run of the guest `probe`.
pub(crate) struct Probed {
    pub(crate) ended: Ended,
    pub(crate) events: Vec<Value>,
}

impl Probed {
    /// Exit code and the code of the failure.
    pub(crate) fn failure(&self) -> (Option<i32>, String) {
        let failed = self
            .events
            .iter()
            .find(|event| event["event"] == "attempt-failed");
        let code = failed.and_then(|event| event["failure"]["code"].as_str());
        (self.ended.code, code.unwrap_or("none").to_owned())
    }

    /// What the guest returned.
    pub(crate) fn seen(&self) -> &Value {
        let committed = self
            .events
            .iter()
            .find(|event| event["event"] == "stage-committed");
        let committed =
            committed.unwrap_or_else(|| panic!("it did not succeed: {}", self.ended.stdout));
        &committed["outputs"]["seen"]
    }

    /// The host calls of a decision: interface and function.
    pub(crate) fn calls(&self, decision: &str) -> Vec<String> {
        let called = self
            .events
            .iter()
            .filter(|event| event["event"] == "host-called" && event["decision"] == decision);
        let name = |event: &Value| {
            format!(
                "{} {}",
                event["interface"].as_str().unwrap_or_default(),
                event["function"].as_str().unwrap_or_default()
            )
        };
        called.map(name).collect()
    }
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
