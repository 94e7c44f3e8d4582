//! Expressions: `${{ … }}`, a strict subset of CEL.

mod template;

pub use template::{EvaluationError, Expression, Reference, Scope, Template};
