//! Report: what a stage tells about its work while it does it.
//!
//! One-way: nothing here fails. The host limits rate and size, and redacts
//! secrets. Standard output and error end up in the log too.
//!
//! ```no_run
//! use engine_sdk::{info, report};
//!
//! let section = report::Section::new("compile");
//! section.progress(3, Some(10), "files");
//! info!("{} of {}", 3, 10);
//! drop(section); // closes it
//! ```

use crate::SourceLocation;
use crate::bindings::engine::stage::report as host;
pub use crate::bindings::engine::stage::report::{
    Annotation, Level, Section, Severity, annotate, mask, summary,
};

/// A line of the log.
pub fn log(level: Level, message: &str) {
    host::log(level, message, &[]);
}

/// A line of the log with named values beside it.
///
/// ```no_run
/// use engine_sdk::report::{Level, log_with};
///
/// log_with(Level::Info, "listed", &[("refs", "17"), ("cached", "no")]);
/// ```
pub fn log_with(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<(String, String)> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    host::log(level, message, &fields);
}

/// # Building
impl Annotation {
    /// A remark without title, code or place.
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self {
            severity,
            message: message.into(),
            title: None,
            code: None,
            location: None,
        }
    }

    /// The line, from 1, of a file of the workspace that it speaks of.
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
}

/// Logs every step, for the plugin's author. Takes what [`format!`] takes.
#[macro_export]
macro_rules! trace {
    ($($text:tt)*) => {
        $crate::report::log($crate::report::Level::Trace, &::std::format!($($text)*))
    };
}

/// Logs detail for whoever looks into a failure. Takes what [`format!`] takes.
#[macro_export]
macro_rules! debug {
    ($($text:tt)*) => {
        $crate::report::log($crate::report::Level::Debug, &::std::format!($($text)*))
    };
}

/// Logs what a reader of the run wants to know. Takes what [`format!`] takes.
#[macro_export]
macro_rules! info {
    ($($text:tt)*) => {
        $crate::report::log($crate::report::Level::Info, &::std::format!($($text)*))
    };
}

/// Logs that something looks wrong while the stage goes on. Takes what
/// [`format!`] takes.
#[macro_export]
macro_rules! warn {
    ($($text:tt)*) => {
        $crate::report::log($crate::report::Level::Warn, &::std::format!($($text)*))
    };
}

/// Logs that something is wrong. Takes what [`format!`] takes.
#[macro_export]
macro_rules! error {
    ($($text:tt)*) => {
        $crate::report::log($crate::report::Level::Error, &::std::format!($($text)*))
    };
}
