//! Invoke: the value of a call of a function.

use std::borrow::Cow;

use serde_json::Value;

use super::budget::{Budget, size};
use super::compare::type_name;
use super::evaluate::{Evaluated, Evaluation, Held, owned};
use super::node::Node;
use super::scope::HASH_FILES;
use super::{Function, Scope, function};
use crate::model::Outcome;

impl<'s> Evaluation<'s> {
    pub(super) fn call(
        &mut self,
        node: &'s Node,
        called: Function,
        arguments: &'s [Node],
    ) -> Evaluated<Held<'s>> {
        if called.is_status() {
            return self.status(node, called).map(owned);
        }
        let values = arguments
            .iter()
            .map(|argument| self.value(argument))
            .collect::<Evaluated<Vec<_>>>()?;
        let views: Vec<&Value> = values.iter().map(Cow::as_ref).collect();
        let result = compute_call(called, &views, self.scope, &mut self.budget);
        self.at(node, result).map(Cow::Owned)
    }

    fn status(&mut self, node: &'s Node, called: Function) -> Evaluated<bool> {
        let (result, cancelled) = self.scope.status().ok_or_else(|| {
            self.error(
                node.span.clone(),
                format!("`{called}()` exists in `finally` alone"),
            )
        })?;
        let value = match called {
            Function::Always => true,
            Function::Cancelled => cancelled,
            Function::Failure => matches!(
                result,
                Outcome::Failed | Outcome::TimedOut | Outcome::Denied | Outcome::Errored
            ),
            // The rest are no status functions.
            _ => {
                !cancelled
                    && matches!(
                        result,
                        Outcome::Succeeded | Outcome::Warned | Outcome::Skipped
                    )
            }
        };
        let shown = self.shown(node);
        if self.seen.len() < self.remember && self.seen.iter().all(|(name, _)| *name != shown) {
            self.seen.push((shown, value.to_string()));
        }
        Ok(value)
    }
}

fn compute_call(
    called: Function,
    arguments: &[&Value],
    scope: &Scope,
    budget: &mut Budget,
) -> Result<Value, String> {
    match (called, arguments) {
        (Function::Contains, [place, wanted]) => {
            function::contains(place, wanted, budget).map(Value::Bool)
        }
        (Function::StartsWith, [text, start]) => function::two_texts(called, text, start, budget)
            .map(|(text, start)| Value::Bool(text.starts_with(start))),
        (Function::EndsWith, [text, end]) => function::two_texts(called, text, end, budget)
            .map(|(text, end)| Value::Bool(text.ends_with(end))),
        (Function::Format, [pattern, arguments @ ..]) => {
            function::format(pattern, arguments, budget)
        }
        (Function::Join, [list, separator @ ..]) => {
            function::join(list, separator.first().copied(), budget)
        }
        (Function::ToJson, [value]) => {
            // Looked at first, so that the text cannot be far longer than allowed.
            budget.look(value)?;
            let text = value.to_string();
            budget.produce(text.len())?;
            Ok(Value::String(text))
        }
        (Function::FromJson, [text]) => function::from_json(text, budget),
        (Function::HashFiles, patterns) => hash_files(patterns, scope, budget),
        _ => Err(format!(
            "`{called}` was given the wrong number of arguments"
        )),
    }
}

fn hash_files(patterns: &[&Value], scope: &Scope, budget: &mut Budget) -> Result<Value, String> {
    if let Some(other) = patterns.iter().find(|pattern| !pattern.is_string()) {
        return Err(format!(
            "`hashFiles` takes strings, not {}",
            type_name(other)
        ));
    }
    budget.produce(patterns.iter().map(|pattern| size(pattern)).sum())?;
    let key = Value::Array(patterns.iter().map(|pattern| (*pattern).clone()).collect());
    scope
        .contexts
        .get(HASH_FILES)
        .and_then(|digests| digests.get(key.to_string()))
        .cloned()
        .ok_or_else(|| "`hashFiles` is not available here".to_owned())
}
