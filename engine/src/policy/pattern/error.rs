//! Pattern error: why a text is no pattern or no URL.

/// Text that is no pattern, or a URL that no grant can cover.
///
/// Neither field ever repeats user information: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PatternError {
    /// What is wrong: a lower-case fragment without a period.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl PatternError {
    /// An error without a hint.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// The same with a hint.
    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
