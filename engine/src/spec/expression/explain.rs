//! Explain: what a condition was decided by.

use serde_json::Value;

use super::budget::size;
use super::compare::type_name;
use super::evaluate::Evaluation;
use super::node::Node;
use super::{EvaluationError, Scope};

/// Names whose values are told; a person reads no more of them.
const NAMES: usize = 8;
/// Longest value that is told in full.
const VALUE_CHARS: usize = 80;
/// Largest list or map that is told in full.
const VALUE_BYTES: usize = 400;

/// The value of a condition, and the values that it came from.
pub(super) fn decide(
    source: &str,
    node: &Node,
    scope: &Scope,
) -> Result<(bool, String), EvaluationError> {
    let mut evaluation = Evaluation::new(source, scope, NAMES);
    let value = evaluation.value(node)?;
    let Value::Bool(decision) = *value else {
        let message = format!("a condition is a boolean, not {}", type_name(&value));
        return Err(evaluation.error(node.span.clone(), message));
    };
    let told = evaluation
        .seen
        .iter()
        .map(|(name, value)| format!("{name} is {value}"))
        .collect::<Vec<_>>()
        .join(", ");
    // A condition of one name says it all.
    let explanation = match evaluation.seen.as_slice() {
        [] => format!("{source} is {decision}"),
        [(name, _)] if *name == source => told,
        _ => format!("{source}: {told}"),
    };
    Ok((decision, explanation))
}

/// A value as it would stand in an expression, cut short.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let start: String = text.chars().take(VALUE_CHARS).collect();
            let more = if start.len() < text.len() { "…" } else { "" };
            // Controls would act on the terminal that this is shown on.
            let escaped = start.escape_debug().to_string().replace("\\\"", "\"");
            format!("'{escaped}{more}'")
        }
        Value::Array(list) if size(value) > VALUE_BYTES => {
            format!("a list of {} elements", list.len())
        }
        Value::Object(map) if size(value) > VALUE_BYTES => {
            format!("a map of {} fields", map.len())
        }
        other => other.to_string(),
    }
}
