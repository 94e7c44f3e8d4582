//! Failure: why a command could not do its work. Says what, where, why, and what
//! to do next.

use super::Exit;
use crate::report::escape_lines;

/// Why a command could not do its work.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    /// One line; none when the text in `details` says it all.
    message: String,
    hint: Option<String>,
    /// Text that is rendered already, such as diagnostics.
    details: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, details: String::new() }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A failure whose text is rendered already.
    pub(super) fn rendered(exit: Exit, details: String) -> Self {
        Self { exit, message: String::new(), hint: None, details }
    }

    pub(super) fn render(&self, color: bool) -> String {
        let (red, cyan, plain) =
            if color { ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m") } else { ("", "", "") };
        let mut text = self.details.clone();
        if !self.message.is_empty() {
            text.push_str(&format_args!("{red}error{plain}: {}\n", escape_lines(&self.message)).to_string());
        }
        if let Some(hint) = &self.hint {
            text.push_str(&format_args!("{cyan}hint{plain}: {}\n", escape_lines(hint)).to_string());
        }
        text
    }
}
