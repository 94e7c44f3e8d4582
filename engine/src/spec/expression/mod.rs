//! Expressions: `${{ … }}`, a strict subset of CEL.

mod template;

pub use template::{EvaluationError, Expression, ExpressionError, Part, Reference, Scope, Template};
