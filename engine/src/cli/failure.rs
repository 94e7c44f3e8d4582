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
        Self {
            exit,
            message: message.into(),
            hint: None,
            details: String::new(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A failure whose text is rendered already.
    /// A failure whose text is rendered already.
    pub(super) fn rendered(exit: Exit, details: String) -> Self {
        Self {
            exit,
            message: String::new(),
            hint: None,
            details,
        }
    }

    pub(super) fn render(&self, color: bool) -> String {
        let (red, cyan, plain) = if color {
            ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m")
        } else {
            ("", "", "")
        };
        let mut text = self.details.clone();
        let message = Some(&self.message).filter(|message| !message.is_empty());
        let parts = [("error", red, message), ("hint", cyan, self.hint.as_ref())];
        for (word, color, part) in parts {
            // Names of files and answers of servers may hold anything.
            let lines: Vec<_> = part.iter().flat_map(|part| escape_lines(part)).collect();
            if !lines.is_empty() {
                let shown = lines.join("\n  ");
                text.push_str(&format_args!("{color}{word}{plain}: {shown}\n").to_string());
            }
        }
        text
    }
}
