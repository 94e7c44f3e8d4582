//! Reporter: what turns the events of a run into output.

use std::io::{self, Write};

use jiff::tz::TimeZone;

use super::{github::Github, jsonl::Jsonl, plain::Plain, quiet::Quiet, tty::Tty};
use crate::model::{Event, Level, Timestamp};

/// Turns the events of a run into output.
///
/// A reporter never stops a run: what cannot be written is told by `finish`.
pub trait Reporter: Send {
    /// Takes in the next event. Facts arrive in the order of the journal.
    fn event(&mut self, event: &Event);

    /// Shows what has changed by the clock alone. Worth calling about ten times a
    /// second; without it a live display still follows the events.
    fn tick(&mut self, now: Timestamp) {
        let _ = now;
    }

    /// Shows the end. Called once, after the last event, also when the run broke
    /// off. The error is the first that writing met, unless the reader went away.
    fn finish(&mut self) -> io::Result<()>;
}

/// The forms of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputMode {
    /// A live display on standard error.
    Tty,
    /// A line for each fact and log line on standard error.
    Plain,
    /// Only failures and the last line, on standard error.
    Quiet,
    /// One event a line on standard output; see `docs/events.md`.
    Jsonl,
    /// Groups and annotations for GitHub's runner, on standard output.
    Github,
}

impl OutputMode {
    /// All forms.
    pub const ALL: [Self; 5] = [
        Self::Tty,
        Self::Plain,
        Self::Quiet,
        Self::Jsonl,
        Self::Github,
    ];

    /// The word on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tty => "tty",
            Self::Plain => "plain",
            Self::Quiet => "quiet",
            Self::Jsonl => "jsonl",
            Self::Github => "github",
        }
    }
}

/// How large the terminal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// Characters of a line.
    pub columns: u16,
    /// Lines.
    pub rows: u16,
}

/// What a reporter is given by the command line.
pub struct ReportOptions {
    /// Whether to colour.
    pub color: bool,
    /// How large the terminal is now; asked again for each frame, since windows
    /// change. Only `tty` asks.
    pub terminal: Box<dyn Fn() -> TerminalSize + Send>,
    /// Whether the run goes on after the last event that is shown.
    pub ongoing: bool,
    /// The zone of the times of day.
    pub time_zone: TimeZone,
    /// Log lines below this level are left out, but for `jsonl`.
    pub log_level: Level,
    /// Standard output.
    pub out: Box<dyn Write + Send>,
    /// Standard error.
    pub err: Box<dyn Write + Send>,
    /// The step summary of GitHub's runner (the file `GITHUB_STEP_SUMMARY`).
    pub step_summary: Option<Box<dyn Write + Send>>,
    /// A word that no guest can guess, which ends the stretch in which GitHub's
    /// runner obeys no command. Letters and digits.
    pub stop_token: String,
}

/// The reporter of a form.
pub fn reporter(mode: OutputMode, options: ReportOptions) -> Box<dyn Reporter + Send> {
    match mode {
        OutputMode::Tty => Box::new(Tty::new(options)),
        OutputMode::Plain => Box::new(Plain::new(options)),
        OutputMode::Quiet => Box::new(Quiet::new(options)),
        OutputMode::Jsonl => Box::new(Jsonl::new(options)),
        OutputMode::Github => Box::new(Github::new(options)),
    }
}
