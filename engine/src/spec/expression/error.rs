//! Errors: why a text is no expression, and why an expression has no value.

use std::ops::Range;

/// Text that is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What is wrong: a lower-case fragment without a period.
    pub message: String,
    /// Where: bytes of the text that was parsed.
    pub span: Range<usize>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What is wrong: a lower-case fragment without a period.
    pub message: String,
    /// The source of the expression.
    pub expression: String,
    /// Where: bytes of the expression's source.
    pub span: Range<usize>,
}

impl ExpressionError {
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            message: message.into(),
            span,
            hint: None,
        }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same, with places that count from an earlier byte.
    pub(super) fn shifted(mut self, by: usize) -> Self {
        self.span = self.span.start + by..self.span.end + by;
        self
    }
}
