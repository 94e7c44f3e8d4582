//! Scope: the values that expressions may name.

use serde_json::{Map, Value, json};

use super::Context;
use crate::model::Outcome;

/// The values that expressions may name: one entry a context.
///
/// Two entries are no contexts and are read by functions alone: `status`, which
/// [`Scope::set_status`] makes for stages of `finally`, and `hashFiles`, an
/// object that maps the arguments of each call, as a JSON list, to the digest.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// `inputs`, `env`, `git`, `stages`, …
    pub contexts: Map<String, Value>,
}

/// The name of the entry that `success()` and its like read.
pub(super) const STATUS: &str = "status";
/// The name of the entry that `hashFiles()` reads.
pub(super) const HASH_FILES: &str = "hashFiles";

impl Scope {
    /// The same with one more context.
    #[must_use]
    pub fn with(mut self, context: Context, value: Value) -> Self {
        self.contexts.insert(context.as_str().to_owned(), value);
        self
    }

    /// Makes this the scope of a stage of `finally`: how the run went, and
    /// whether somebody asked to cancel it. Sets `run.result` too.
    ///
    /// Form of the entry: `{ "result": "<outcome>", "cancelled": <bool> }`.
    pub fn set_status(&mut self, result: Outcome, cancelled: bool) {
        self.contexts.insert(
            STATUS.to_owned(),
            json!({ "result": result.as_str(), "cancelled": cancelled }),
        );
        let run = self
            .contexts
            .entry(Context::Run.as_str())
            .or_insert_with(|| json!({}));
        if let Value::Object(run) = run {
            run.insert("result".to_owned(), result.as_str().into());
        }
    }

    /// How the run went, and whether it was cancelled; none outside `finally`.
    pub(super) fn status(&self) -> Option<(Outcome, bool)> {
        let status = self.contexts.get(STATUS)?;
        let result = Outcome::parse(status.get("result")?.as_str()?)?;
        let cancelled = status.get("cancelled")?.as_bool()?;
        Some((result, cancelled || result == Outcome::Cancelled))
    }
}
