//! Environment: the process's surroundings, read in one place.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::arguments::{Color, Global};
use super::failure::Failure;
use super::places::Places;
use super::{Exit, facts};
use crate::model::ChildProgram;

/// The process's surroundings.
#[derive(Debug)]
pub(super) struct Environment {
    /// The directory that the command works in, absolute.
    pub(super) directory: PathBuf,
    state_dir: Option<PathBuf>,
    color: Color,
}

impl Environment {
    pub(super) fn of_process(global: &Global) -> Self {
        start_tracing(global.log.as_deref());
        let current = std::env::current_dir().unwrap_or_default();
        let directory = global
            .directory
            .as_deref()
            .map_or_else(|| current.clone(), |d| current.join(d));
        Self {
            directory,
            state_dir: global.state_dir.clone(),
            color: global.color,
        }
    }

    /// A variable of the process; none also if it is not UTF-8.
    #[expect(
        clippy::unused_self,
        reason = "what reads the environment needs this value"
    )]
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    /// A path as it was typed, seen from the directory of the command.
    pub(super) fn path(&self, typed: &Path) -> PathBuf {
        self.directory.join(typed)
    }

    /// The environment as capabilities' set-up wants it: any value, raw.
    #[expect(
        clippy::unused_self,
        reason = "what reads the environment needs this value"
    )]
    pub(super) fn variable_os(&self, name: &str) -> Option<std::ffi::OsString> {
        std::env::var_os(name)
    }

    /// Where this user's things lie, for the repository that holds `directory`.
    pub(super) fn places(&self, directory: &Path) -> Result<Places, Failure> {
        let root = facts::repository_root(directory).unwrap_or_else(|| directory.to_owned());
        // What builds a wall around a tool looks from another directory.
        let state_dir = self.state_dir.as_ref().map(std::path::absolute);
        let state_dir = state_dir.transpose().map_err(|error| {
            Failure::new(
                Exit::Usage,
                format!("the state directory has no place: {error}"),
            )
        })?;
        Places::of(&root, state_dir.as_deref(), |name| self.variable(name))
            .map_err(|message| Failure::new(Exit::Infrastructure, message))
    }

    /// This program, as a child of itself that does `what`.
    #[expect(
        clippy::unused_self,
        reason = "what reads the environment needs this value"
    )]
    pub(super) fn child(&self, what: &str) -> Result<ChildProgram, Failure> {
        let path = std::env::current_exe().map_err(|error| {
            Failure::new(
                Exit::Infrastructure,
                format!("the engine cannot find itself: {error}"),
            )
        })?;
        Ok(ChildProgram {
            path,
            arguments: vec!["internal".to_owned(), what.to_owned()],
        })
    }

    /// Whether text on standard error may have colours.
    pub(super) fn color_on_stderr(&self) -> bool {
        self.wants_color(io::stderr().is_terminal())
    }

    /// Whether text on standard output may have colours.
    pub(super) fn color_on_stdout(&self) -> bool {
        self.wants_color(io::stdout().is_terminal())
    }

    fn wants_color(&self, terminal: bool) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if self.variable("NO_COLOR").is_some() => false,
            Color::Auto
                if self
                    .variable("CLICOLOR_FORCE")
                    .is_some_and(|force| force != "0") =>
            {
                true
            }
            Color::Auto => terminal && self.variable("TERM").is_none_or(|term| term != "dumb"),
        }
    }

    /// Data, on standard output. A reader that went away is no error.
    #[expect(clippy::unused_self, reason = "siblings that write need this value")]
    pub(super) fn print(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Talk, on standard error.
    #[expect(clippy::unused_self, reason = "siblings that write need this value")]
    pub(super) fn tell(&self, text: &str) {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}

/// The engine's own diagnostics; never text of a guest.
fn start_tracing(filter: Option<&str>) {
    let filter = tracing_subscriber::EnvFilter::builder().parse_lossy(filter.unwrap_or("error"));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr)
        .try_init();
}
