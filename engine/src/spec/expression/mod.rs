//! Expressions: `${{ … }}`, a strict subset of CEL.

mod context;
mod template;

pub use context::{Context, Reference};
pub use template::{EvaluationError, Expression, ExpressionError, Part, Scope, Template};
