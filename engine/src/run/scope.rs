//! Scope: the values that expressions may name when a stage is about to start.

use serde_json::{Map, Value, json};

use super::state::Stages;
use crate::model::{Outcome, RunId};
use crate::plan::{Plan, plan_scope};
use crate::spec::expression::Scope;

/// What does not change while a run goes on.
#[derive(Debug)]
pub(super) struct Contexts(Map<String, Value>);

impl Contexts {
    pub(super) fn new(plan: &Plan, run: &RunId) -> Self {
        let facts = &plan.facts;
        // What the plan was made from, so that a condition sees what a folded
        // text saw.
        let mut contexts = plan_scope(facts).contexts;
        contexts.insert("env".to_owned(), json!(plan.env));
        contexts.insert(
            "run".to_owned(),
            json!({ "id": run.as_str(), "name": plan.run_name, "trigger": facts.trigger }),
        );
        Self(contexts)
    }

    /// The scope of expressions that name the stages in `named`; `status` is how
    /// the run went and whether it was cancelled, for those in `finally`.
    ///
    /// Only those, since the scope of a stage must not grow with the run.
    pub(super) fn scope<'a>(
        &self,
        stages: &Stages,
        named: impl Iterator<Item = &'a str>,
        status: Option<(Outcome, bool)>,
    ) -> Scope {
        let mut contexts = self.0.clone();
        let mut entries = Map::new();
        for name in named {
            let Some(index) = stages.find(name) else {
                continue;
            };
            let outcome = stages.outcome(index);
            let mut entry = Map::new();
            if let Some(outcome) = outcome {
                entry.insert("result".to_owned(), json!(outcome));
            }
            // A stage that did not succeed has no outputs: `has()` can ask for them.
            let outputs = match &stages[index].outputs {
                Value::Null => Value::Object(Map::new()),
                outputs => outputs.clone(),
            };
            entry.insert("outputs".to_owned(), outputs);
            entries.insert(name.to_owned(), Value::Object(entry));
        }
        contexts.insert("stages".to_owned(), Value::Object(entries));
        let mut scope = Scope { contexts };
        if let Some((result, cancelled)) = status {
            scope.set_status(result, cancelled);
        }
        scope
    }
}
