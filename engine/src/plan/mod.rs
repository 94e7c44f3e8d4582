//! Plan: what will happen. Immutable, complete, with a digest; it cannot be wrong.
//!
//! After a `Plan` is made nothing reads the pipeline's text, the environment or
//! the clock.

mod model;
mod request;

pub use model::{
    Backoff, Effects, Facts, GitFacts, Need, Plan, PlannedPlugin, PlannedStage, RetryOn,
    RetryPolicy, SecretDeclaration, SecretKind, StageLimits, ToolFacts,
};
pub use request::{Access, AttemptEnd, Mount, SecretHandle, StageRequest};
