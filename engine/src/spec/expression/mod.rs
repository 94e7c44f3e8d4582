//! Expressions: `${{ … }}`, a strict subset of CEL.
//!
//! ```text
//! text ──split_holes──▶ Template ──▶ Expression
//! source ──token──▶ cel's parser ──read──▶ Node ──infer(Types)──▶ Type + [TypeError]
//!                                             └──evaluate(Scope)──▶ Value
//! ```
//!
//! The grammar is the `cel` crate's; what is allowed in it, what it means, and
//! what it may cost are decided here. See `docs/expressions.md`.

mod access;
mod budget;
mod call;
mod compare;
mod context;
#[cfg(test)]
mod docs_tests;
mod error;
mod evaluate;
mod explain;
mod function;
#[cfg(test)]
mod hostile_tests;
mod infer;
#[cfg(test)]
mod infer_tests;
mod invoke;
mod iterate;
mod node;
mod operator;
#[cfg(test)]
mod operator_tests;
mod parsed;
mod read;
mod scope;
mod syntax;
mod template;
#[cfg(test)]
mod template_tests;
mod token;
mod types;

pub use context::{Context, Reference};
pub use error::{EvaluationError, ExpressionError};
pub use function::Function;
pub use infer::TypeError;
pub use parsed::Expression;
pub use scope::Scope;
pub use template::{Part, Template};
pub use types::{Fields, Type, TypeKind, Types};
