//! Problem: why a command did not run, as the guest is told.

use std::io;

use super::super::bindings::exec::Error;
use super::super::bindings::types::Problem;
use crate::model::{CallDecision, Digest, Failure, FailureClass, WallLevel};
use crate::sandbox::{LaunchError, ToolError, Wall, tree::TreeError};

/// A refusal or a failure, for the guest and for the record.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) error: Error,
    pub(super) decision: CallDecision,
}

impl Refusal {
    /// The dotted code.
    pub(super) fn code(&self) -> &str {
        match &self.error {
            Error::Denied(problem)
            | Error::ToolMissing(problem)
            | Error::SpawnFailed(problem)
            | Error::LimitExceeded(problem)
            | Error::Other(problem) => &problem.code,
            Error::Cancelled => "exec.cancelled",
            Error::TimedOut => "exec.timed-out",
        }
    }

    fn failed(error: Error) -> Self {
        Self {
            error,
            decision: CallDecision::Allowed,
        }
    }

    fn denied(problem: Problem) -> Self {
        Self {
            error: Error::Denied(problem),
            decision: CallDecision::Denied,
        }
    }
}

fn problem(code: &str, message: String, hint: Option<String>) -> Problem {
    Problem {
        code: code.to_owned(),
        message,
        hint,
    }
}

pub(super) fn not_granted(tool: &str) -> Refusal {
    Refusal::denied(problem(
        "denied.exec",
        format!("the tool `{tool}` is not granted to this stage"),
        Some(format!(
            "add  exec: [{{ tool: {tool}, network: none }}]  to its capabilities"
        )),
    ))
}

/// Why no tool may run on this machine.
pub(super) fn too_weak(wall: &Wall, required: WallLevel) -> Failure {
    let message = format!(
        "the wall around native tools is `{}` on this machine, and at least `{}` is required",
        wall.level.as_str(),
        required.as_str()
    );
    let mut failure = Failure::new(FailureClass::Denied, "denied.sandbox", message);
    failure.causes.clone_from(&wall.reasons);
    failure.with_hint(format!(
        "{}; or accept what it does not hold with --allow-weaker-sandbox",
        wall.remedy
    ))
}

pub(super) fn hosts_unsupported(tool: &str, level: WallLevel) -> Refusal {
    Refusal::denied(problem(
        "exec.unsupported",
        format!(
            "`{tool}` is granted a list of hosts, which needs a network namespace; the wall of this machine is `{}`",
            level.as_str()
        ),
        Some(format!(
            "`engine doctor` says what is missing; or grant  exec: [{{ tool: {tool}, network: none }}]  and fetch what it needs in a stage before"
        )),
    ))
}

pub(super) fn outside(path: &str) -> Refusal {
    Refusal::denied(problem(
        "denied.exec",
        format!("the working directory `{path}` is outside the folders of this stage"),
        Some(format!(
            "add  workspace: {{ read: [{path}] }}  to its capabilities"
        )),
    ))
}

pub(super) fn secret_missing(name: &str) -> Refusal {
    Refusal::failed(Error::Other(problem(
        "exec.secret-missing",
        format!("nobody supplied a value for the secret `{name}`"),
        None,
    )))
}

pub(super) fn malformed(message: String) -> Refusal {
    Refusal::failed(Error::Other(problem("exec.malformed", message, None)))
}

pub(super) fn limit(code: &str, message: String) -> Refusal {
    let memory = "raise `resources: { memory: … }` of the stage";
    let hint = (code == "limit.memory").then(|| memory.to_owned());
    Refusal::failed(Error::LimitExceeded(problem(code, message, hint)))
}

pub(super) fn not_on_this_machine(tool: &str) -> Refusal {
    Refusal::failed(Error::ToolMissing(problem(
        "exec.tool-missing",
        format!("`{tool}` is not on this machine"),
        Some(format!(
            "install {tool}, or put its folder in PATH, and plan again"
        )),
    )))
}

pub(super) fn missing(error: &ToolError) -> Refusal {
    Refusal::failed(Error::ToolMissing(problem(
        "exec.tool-missing",
        error.to_string(),
        None,
    )))
}

pub(super) fn changed(tool: &str, planned: Digest, now: Digest) -> Refusal {
    Refusal::failed(Error::ToolMissing(problem(
        "exec.tool-changed",
        format!(
            "the program of `{tool}` is not the one of the plan: {} is now {}",
            planned.short(),
            now.short()
        ),
        Some("start a new run".to_owned()),
    )))
}

pub(super) fn disk(error: &io::Error) -> Refusal {
    Refusal::failed(Error::SpawnFailed(problem(
        "exec.spawn-failed",
        format!("a private file could not be written: {error}"),
        None,
    )))
}

pub(super) fn tree(error: &TreeError) -> Refusal {
    let code = match error {
        TreeError::Nested { .. } => "exec.unsupported",
        TreeError::Disk { .. } => "exec.spawn-failed",
    };
    Refusal::failed(Error::SpawnFailed(problem(code, error.to_string(), None)))
}

pub(super) fn launch(tool: &str, error: &LaunchError) -> Refusal {
    Refusal::failed(Error::SpawnFailed(problem(
        "exec.spawn-failed",
        format!("`{tool}`: {error}"),
        None,
    )))
}

pub(super) fn lost(error: &LaunchError) -> Refusal {
    Refusal::failed(Error::Other(problem("exec.lost", error.to_string(), None)))
}

pub(super) fn unavailable() -> Refusal {
    Refusal::failed(Error::SpawnFailed(problem(
        "exec.unavailable",
        "this engine was started without what native tools need".to_owned(),
        None,
    )))
}

pub(super) fn stream(error: &io::Error) -> Refusal {
    Refusal::failed(Error::Other(problem(
        "exec.stream",
        error.to_string(),
        None,
    )))
}

pub(super) fn cancelled() -> Refusal {
    Refusal::failed(Error::Cancelled)
}

pub(super) fn timed_out() -> Refusal {
    Refusal::failed(Error::TimedOut)
}
