//! Exit: the codes that the process ends with, one list for all commands.

use std::process::ExitCode;

use crate::model::Outcome;
use crate::run::RunReport;

/// How the process ends. `docs/cli.md` has the same table; a test keeps them equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Success, also with warned stages.
    Success = 0,
    /// A stage failed.
    Failed = 1,
    /// Usage, or the pipeline is invalid, or nothing was selected.
    Usage = 2,
    /// Denied: policy, or a capability.
    Denied = 3,
    /// Cancelled.
    Cancelled = 6,
    /// Timed out.
    TimedOut = 7,
    /// Integrity: a digest or the record does not match.
    Integrity = 8,
    /// Infrastructure: the store or the machine failed. Worth trying again.
    Infrastructure = 9,
    /// Interrupted (SIGINT).
    Interrupted = 130,
    /// Terminated (SIGTERM).
    Terminated = 143,
}

impl Exit {
    /// All codes with what they mean.
    pub const ALL: [(Self, &'static str); 10] = [
        (Self::Success, "success, also with warned stages"),
        (Self::Failed, "a stage failed"),
        (
            Self::Usage,
            "usage, or the pipeline is invalid, or nothing was selected",
        ),
        (Self::Denied, "denied: policy, or a capability"),
        (Self::Cancelled, "cancelled"),
        (Self::TimedOut, "timed out"),
        (
            Self::Integrity,
            "integrity: a digest or the record does not match",
        ),
        (
            Self::Infrastructure,
            "infrastructure: the store or the machine failed; worth trying again",
        ),
        (Self::Interrupted, "interrupted (SIGINT)"),
        (Self::Terminated, "terminated (SIGTERM)"),
    ];

    /// The code.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// How a process ends whose run went so. The gravest wins:
    /// 9, 130 and 143, 6, 3, 7, 1, 0.
    pub(super) fn of_run(report: &RunReport, fail_on_warnings: bool) -> Self {
        let errored = report
            .stages
            .iter()
            .any(|stage| stage.outcome == Outcome::Errored);
        // How `finally` ended is one fact, whatever it was.
        let any = |outcome| {
            let mut main = report.stages.iter().filter(|stage| !stage.finally);
            main.any(|stage| stage.outcome == outcome)
        };
        if errored {
            return Self::Infrastructure;
        }
        match report.cancelled_by.as_deref() {
            Some("interrupt") => return Self::Interrupted,
            Some("terminate") => return Self::Terminated,
            Some(_) => return Self::Cancelled,
            None => {}
        }
        if any(Outcome::Denied) {
            Self::Denied
        } else if any(Outcome::TimedOut) {
            Self::TimedOut
        } else if any(Outcome::Failed) || report.finally_failed {
            Self::Failed
        } else if any(Outcome::Cancelled) {
            Self::Cancelled
        } else if fail_on_warnings && any(Outcome::Warned) {
            Self::Failed
        } else {
            Self::Success
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
