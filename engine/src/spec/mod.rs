//! Spec: what the author wrote. It keeps source spans, and it may be wrong.
//!
//! ```text
//! bytes ──decode──▶ text ──yaml──▶ Node ──parse──▶ Spec ──check──▶ [Diagnostic]
//! ```

mod capability;
mod check;
pub mod code;
mod context;
mod cron;
mod declare;
mod diagnostics;
mod elsewhere;
pub mod expression;
mod fields;
mod glob;
pub mod graph;
mod input;
mod model;
mod needs;
#[cfg(test)]
mod newcomer_tests;
mod node;
mod occurrence;
mod parse;
mod reading;
mod references;
mod scalar;
mod secret;
mod stage;
#[cfg(test)]
mod tests;
mod text;
mod trigger;
mod types;
mod unit;
mod uses;
mod word;
mod written;
mod yaml;

pub use check::check;
pub use context::{CONTEXTS, ContextFacts, Time, context, is_plan_time};
pub use diagnostics::Diagnostics;
pub(crate) use elsewhere::word as word_of_ours;
pub use glob::Glob;
pub use model::{
    BackoffSpec, CapabilitiesSpec, Defaults, InputKind, InputSpec, NeedSpec, NetworkSpec,
    PatternSpec, PluginSpec, ResourcesSpec, RetrySpec, SecretSpec, Spec, StageSpec, ToolSpec,
    UsedPlugin, Uses,
};
pub(crate) use needs::{StageOrder, stage_order};
pub use node::Spanned;
pub use occurrence::Occurrence;
pub use parse::parse;
pub(crate) use reading::ambiguous;
pub(crate) use references::{nearest_name, whole_secret};
pub use text::decode;
pub use trigger::{Filters, Globs, Trigger, Triggers};
pub(crate) use types::{check_types, types};
pub use unit::{duration, size};
pub use word::{Effects, RetryOn, SecretKind};
pub use written::{Written, WrittenContent};
