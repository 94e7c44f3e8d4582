//! Failure: why a stage failed, built a part at a time.

use std::error::Error;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use serde::Serialize;

use crate::bindings::engine::stage::types as contract;
pub use crate::bindings::engine::stage::types::{FailureClass, Problem, SourceLocation};

/// The code of every failure that a cancelled run causes.
const CANCELLED: &str = "cancelled";

/// Why a stage failed.
///
/// It dereferences to the contract's record, so that every field can be read
/// and set; the record stands in a box, so that a `Result` stays small.
///
/// ```
/// use engine_sdk::{Failure, FailureClass};
///
/// let failure = Failure::user_error("branch.missing", "there is no branch `mian`")
///     .hint("did you mean `main`?")
///     .location("pipelines/release.yaml", 7);
/// assert_eq!(failure.class, FailureClass::UserError);
/// assert_eq!(failure.to_string(), "there is no branch `mian`");
/// ```
#[derive(Debug, Clone)]
pub struct Failure(Box<contract::Failure>);

impl Failure {
    /// A failure with nothing but class, code and message.
    ///
    /// `code` is a stable dotted identifier of the plugin's own, `message` one
    /// line without a trailing period and without secrets.
    pub fn new(class: FailureClass, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self(Box::new(contract::Failure {
            class,
            code: code.into(),
            message: message.into(),
            hint: None,
            causes: Vec::new(),
            location: None,
            retry_after: None,
            details: None,
        }))
    }

    /// The pipeline's author must change something. Never tried again.
    pub fn user_error(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureClass::UserError, code, message)
    }

    /// The work itself failed (a compile error, a red test). Never tried again.
    pub fn work_failed(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureClass::WorkFailed, code, message)
    }

    /// It might succeed if simply tried again (network, lock, 5xx).
    pub fn transient(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureClass::Transient, code, message)
    }

    /// A capability was refused. Believed only when the host recorded a refusal
    /// in the same attempt.
    pub fn denied(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureClass::Denied, code, message)
    }

    /// The run was cancelled or its deadline passed.
    pub fn cancelled() -> Self {
        Self::new(FailureClass::Cancelled, CANCELLED, "the run was cancelled")
    }

    /// A bug in the plugin.
    pub fn internal(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(FailureClass::Internal, code, message)
    }

    /// What a host call said, under the class that follows from it: code,
    /// message and hint are passed on.
    pub fn from_problem(class: FailureClass, problem: Problem) -> Self {
        let mut failure = Self::new(class, problem.code, problem.message);
        failure.hint = problem.hint;
        failure
    }

    /// What to do next, in the imperative.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Appends what led to it; call it with the outermost cause first.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Appends an error and everything that led to it.
    #[must_use]
    pub fn caused_by(mut self, error: &dyn Error) -> Self {
        let mut next = Some(error);
        while let Some(cause) = next {
            self.causes.push(cause.to_string());
            next = cause.source();
        }
        self
    }

    /// The line, from 1, of a file of the workspace that it is about. For a
    /// column or a range, set the field.
    #[must_use]
    pub fn location(mut self, path: impl Into<String>, line: u32) -> Self {
        self.location = Some(SourceLocation {
            path: path.into(),
            line: Some(line),
            column: None,
            end_line: None,
            end_column: None,
        });
        self
    }

    /// Lower bound of the wait before another try; read for
    /// [`FailureClass::Transient`] only.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Machine-readable extras, as JSON. What cannot be written as JSON is left
    /// out: a failure must not fail.
    #[must_use]
    pub fn details(mut self, details: &impl Serialize) -> Self {
        self.details = serde_json::to_string(details).ok();
        self
    }
}

impl Deref for Failure {
    type Target = contract::Failure;

    fn deref(&self) -> &contract::Failure {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut contract::Failure {
        &mut self.0
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl From<Failure> for contract::Failure {
    fn from(failure: Failure) -> Self {
        *failure.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_outermost_first() {
        let inner = std::io::Error::other("disk on fire");
        let failure = Failure::internal("x.y", "no")
            .cause("first")
            .caused_by(&inner);
        assert_eq!(failure.causes, ["first", "disk on fire"]);
    }

    #[test]
    fn a_problem_keeps_its_words() {
        let failure = Failure::from_problem(
            FailureClass::Denied,
            Problem {
                code: "git.denied".into(),
                message: "not granted".into(),
                hint: Some("add it".into()),
            },
        );
        assert_eq!(failure.class, FailureClass::Denied);
        assert_eq!(failure.code, "git.denied");
        assert_eq!(failure.message, "not granted");
        assert_eq!(failure.hint.as_deref(), Some("add it"));
    }

    #[test]
    fn details_are_json_text() {
        let failure = Failure::internal("x", "y")
            .details(&[1, 2])
            .retry_after(Duration::from_secs(2));
        assert_eq!(failure.details.as_deref(), Some("[1,2]"));
        assert_eq!(failure.retry_after, Some(2000));
    }
}
