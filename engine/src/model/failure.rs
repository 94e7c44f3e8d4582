//! Failure: why a stage did not succeed, for the scheduler and for people.

use serde::{Deserialize, Serialize};

/// What the scheduler branches on; the contract's `failure-class`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The pipeline's author must change something.
    UserError,
    /// The work itself failed.
    WorkFailed,
    /// It might succeed if tried again. The only class that `retry` may name.
    Transient,
    /// A capability was refused.
    Denied,
    /// The run was cancelled.
    Cancelled,
    /// A deadline or another limit of the attempt was reached.
    Limit,
    /// A bug in the plugin.
    Internal,
    /// The engine or the machine failed.
    Host,
}

/// A place in a file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SourceLocation {
    /// Relative to the workspace, `/` separated.
    pub path: String,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// Why a stage did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Failure {
    /// What the scheduler branches on.
    pub class: FailureClass,
    /// A stable dotted code. `limit. denied. host. git. http. exec.` are the
    /// host's; a plugin's own code is stored as `plugin.<code>`.
    pub code: String,
    /// One line.
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// What led to it, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// Where, if it is about a file of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<SourceLocation>,
    /// Lower bound of the wait before another try, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// How the native tool ended that the failure is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The end of what the guest wrote to standard error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr_tail: Option<String>,
}

impl Failure {
    /// A failure with nothing but class, code and message.
    pub fn new(class: FailureClass, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            hint: None,
            causes: Vec::new(),
            location: None,
            retry_after_ms: None,
            exit_code: None,
            stderr_tail: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
