//! Exec: running native tools that the pipeline granted by name.
//!
//! A native tool runs code outside the WebAssembly sandbox; what bounds it is
//! the sandbox that the engine puts around the process.
//!
//! ```no_run
//! use engine_sdk::{Failure, exec};
//!
//! fn version() -> Result<String, Failure> {
//!     let output = exec::Command::new("go")
//!         .args(["version"])
//!         .stdout(exec::OutputMode::Pipe)
//!         .capture(4096)?;
//!     Ok(String::from_utf8_lossy(&output.stdout).into_owned())
//! }
//! ```

use std::time::Duration;

use crate::bindings::engine::exec::process as host;
pub use crate::bindings::engine::exec::process::{
    Captured, Child, Chunk, Command, EnvValue, Error, Exit, Input, Outcome, OutputMode, ToolInfo,
    Usage, tools,
};
use crate::secrets::Secret;
use crate::{Failure, FailureClass};

/// # Building and running
impl<'a> Command<'a> {
    /// A command without arguments. Its output goes to the stage's log, its
    /// standard input is empty, and it runs in the workspace.
    ///
    /// `tool` is a name from the grant (`cargo`), never a path.
    pub fn new(tool: impl Into<String>) -> Self {
        Self {
            tool: tool.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            working_directory: None,
            stdin: Input::None,
            stdout: OutputMode::Log,
            stderr: OutputMode::Log,
            timeout: None,
        }
    }

    /// Appends arguments. They never pass through a shell.
    #[must_use]
    pub fn args<A: Into<String>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets an environment variable to a text.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let value = EnvValue::Plain(value.into());
        self.environment.push((name.into(), value));
        self
    }

    /// Sets an environment variable to the path of a file that holds a secret.
    #[must_use]
    pub fn env_secret_file(mut self, name: impl Into<String>, secret: &'a Secret) -> Self {
        let value = EnvValue::SecretFile(secret);
        self.environment.push((name.into(), value));
        self
    }

    /// Sets an environment variable to a secret. Prefer
    /// [`Self::env_secret_file`]: a program's environment leaks more easily.
    #[must_use]
    pub fn env_secret(mut self, name: impl Into<String>, secret: &'a Secret) -> Self {
        let value = EnvValue::Secret(secret);
        self.environment.push((name.into(), value));
        self
    }

    /// Runs it in a folder, relative to the workspace.
    #[must_use]
    pub fn working_directory(mut self, path: impl Into<String>) -> Self {
        self.working_directory = Some(path.into());
        self
    }

    /// Where standard input comes from.
    #[must_use]
    pub fn stdin(mut self, input: Input<'a>) -> Self {
        self.stdin = input;
        self
    }

    /// Where standard output goes.
    #[must_use]
    pub fn stdout(mut self, mode: OutputMode) -> Self {
        self.stdout = mode;
        self
    }

    /// Where standard error goes.
    #[must_use]
    pub fn stderr(mut self, mode: OutputMode) -> Self {
        self.stderr = mode;
        self
    }

    /// Kills it after this time.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        self
    }

    /// Runs it to its end. No stream may be [`OutputMode::Pipe`].
    ///
    /// # Errors
    ///
    /// The host's. A tool that ends with another code than 0 is no error.
    pub fn run(&self) -> Result<Outcome, Error> {
        host::run(self)
    }

    /// Runs it to its end and collects up to `max_bytes` of each stream whose
    /// mode is [`OutputMode::Pipe`].
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn capture(&self, max_bytes: u64) -> Result<Captured, Error> {
        host::capture(self, max_bytes)
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn spawn(&self) -> Result<Child, Error> {
        host::spawn(self)
    }
}

impl Exit {
    /// Whether it ended by itself with code 0.
    pub fn success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (class, problem) = match error {
            Error::Denied(problem) => (FailureClass::Denied, problem),
            Error::ToolMissing(problem) | Error::LimitExceeded(problem) => {
                (FailureClass::UserError, problem)
            }
            // Mostly a machine that is out of processes or memory just now.
            Error::SpawnFailed(problem) => (FailureClass::Transient, problem),
            Error::Cancelled => return Self::cancelled(),
            Error::TimedOut => {
                return Self::work_failed("exec.timed-out", "the command ran out of its time");
            }
            Error::Other(problem) => (FailureClass::WorkFailed, problem),
        };
        Self::from_problem(class, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;

    #[test]
    fn a_command_is_quiet_about_what_it_was_not_told() {
        let command = Command::new("go").args(["build", "./..."]).env("A", "b");
        assert_eq!(command.arguments, ["build", "./..."]);
        assert!(
            matches!(&command.environment[..], [(name, EnvValue::Plain(value))]
            if name == "A" && value == "b")
        );
        assert!(matches!(command.stdin, Input::None));
        assert!(matches!(command.stdout, OutputMode::Log));
        assert_eq!(command.working_directory, None);
        let command = command.timeout(Duration::from_secs(3));
        assert_eq!(command.timeout, Some(3000));
    }

    #[test]
    fn every_error_has_the_class_that_follows_from_it() {
        let problem = || Problem {
            code: "exec.x".into(),
            message: "m".into(),
            hint: None,
        };
        let table = [
            (Error::Denied(problem()), FailureClass::Denied),
            (Error::ToolMissing(problem()), FailureClass::UserError),
            (Error::SpawnFailed(problem()), FailureClass::Transient),
            (Error::Cancelled, FailureClass::Cancelled),
            (Error::TimedOut, FailureClass::WorkFailed),
            (Error::LimitExceeded(problem()), FailureClass::UserError),
            (Error::Other(problem()), FailureClass::WorkFailed),
        ];
        for (error, class) in table {
            assert_eq!(Failure::from(error).class, class);
        }
    }
}
