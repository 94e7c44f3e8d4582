//! Plan: what will happen. Immutable, complete, with a digest; it cannot be wrong.
//!
//! After a `Plan` is made nothing reads the pipeline's text, the environment or
//! the clock.

mod digest;
mod explain;
#[cfg(test)]
mod fixture;
mod grants;
mod imports;
mod index;
mod inputs;
mod model;
mod nested;
mod request;
mod requests;
mod resolve;
mod schema;
mod schema_walk;
mod scope;
mod settle;
mod stage_info;
#[cfg(test)]
mod tests;
mod types;
mod unbound;
mod with;
mod workspace;

pub use explain::{
    Authority, ExplainedNeed, ExplainedStage, Explanation, RiskClass, authority, dot, explain,
    mermaid,
};
pub use imports::unknown_import;
pub use index::{ImportedFunction, PluginFacts, PluginIndex};
pub use model::{
    Backoff, Facts, GitFacts, Need, Plan, PlannedPlugin, PlannedStage, RetryPolicy,
    SecretDeclaration, StageLimits, ToolFacts,
};
// The plan says them in the pipeline's own words.
pub use crate::spec::{Effects, RetryOn, SecretKind};
pub use request::{Access, AttemptEnd, Mount, SecretHandle, StageRequest};
pub use resolve::resolve;
pub use schema::{Field, Marker, Schema, SchemaError};
pub use scope::plan_scope;
pub use stage_info::{Capability, CapabilityRequest, Example, StageInfo, StageInfoError};
