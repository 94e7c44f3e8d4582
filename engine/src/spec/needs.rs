//! Needs: the order that `needs` asks for, and what is wrong with it.

use std::collections::HashMap;

use super::code;
use super::diagnostics::Diagnostics;
use super::graph::Graph;
use super::model::{NeedSpec, Spec, StageSpec};
use crate::model::{Diagnostic, limits, suggest};

/// Stages by id, and their order.
#[derive(Debug, Clone)]
pub(crate) struct StageOrder {
    /// Index of each id in [`Spec::stages`].
    pub(crate) index: HashMap<String, usize>,
    /// What comes before what.
    pub(crate) graph: Graph,
    /// An order of all stages; none with a cycle.
    pub(crate) order: Option<Vec<usize>>,
}

/// The order that the stages of a spec ask for. What is wrong with it goes to
/// `out`; needs that lead nowhere are left out.
pub(crate) fn stage_order(spec: &Spec, out: &mut Diagnostics) -> StageOrder {
    let index = index(spec, out);
    let finally_from = spec
        .stages
        .iter()
        .position(|stage| stage.finally)
        .unwrap_or(spec.stages.len());
    let total: usize = spec.stages.iter().map(|stage| stage.needs.len()).sum();
    let mut before = vec![Vec::new(); spec.stages.len()];
    if spec.stages.len() > limits::STAGES || total > limits::NEEDS {
        let message = format!(
            "a pipeline has at most {} stages and {} needs",
            limits::STAGES,
            limits::NEEDS
        );
        out.push(Diagnostic::error(code::TOO_MANY, None, message));
    } else {
        for (at, stage) in spec.stages.iter().enumerate() {
            let found = stage.needs.iter();
            before[at] = found
                .filter_map(|need| needed(spec, &index, at, need, out))
                .collect();
        }
    }
    let graph = Graph::new(before, finally_from);
    let order = match graph.order() {
        Ok(order) => Some(order),
        Err(cycle) => {
            out.push(cycle_error(spec, &cycle));
            None
        }
    };
    StageOrder {
        index,
        graph,
        order,
    }
}

fn index(spec: &Spec, out: &mut Diagnostics) -> HashMap<String, usize> {
    let mut index = HashMap::with_capacity(spec.stages.len());
    for (at, stage) in spec.stages.iter().enumerate() {
        let first = *index.entry(stage.id.value.clone()).or_insert(at);
        if first != at {
            let message = format!("two stages have the id `{}`", stage.id.value);
            out.push(
                Diagnostic::error(code::DUPLICATE_STAGE, stage.id.span, message)
                    .other(spec.stages[first].id.span, "the other one"),
            );
        }
    }
    index
}

/// The stage that an entry of `needs` means.
fn needed(
    spec: &Spec,
    index: &HashMap<String, usize>,
    at: usize,
    need: &NeedSpec,
    out: &mut Diagnostics,
) -> Option<usize> {
    let stage = &spec.stages[at];
    let (id, span) = (&need.stage.value, need.stage.span);
    let Some(found) = index.get(id).copied() else {
        let message = format!(
            "stage `{}` needs `{id}`, which does not exist",
            stage.id.value
        );
        let mut diagnostic = Diagnostic::error(code::UNKNOWN_STAGE, span, message);
        if let Some(near) = nearest_stage(spec, id, out) {
            diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
        }
        out.push(diagnostic);
        return None;
    };
    if found == at {
        let message = format!("stage `{id}` needs itself");
        out.push(Diagnostic::error(code::SELF_NEED, span, message));
        return None;
    }
    match (stage.finally, spec.stages[found].finally) {
        (true, true) | (false, false) => Some(found),
        (true, false) => {
            let message = format!("`{id}` has ended when `finally` begins");
            let hint =
                "leave it out: a stage of `finally` runs after all others, whatever happened";
            out.push(Diagnostic::error(code::FINALLY_NEEDS, span, message).hint(hint));
            None
        }
        (false, true) => {
            let message = format!("`{id}` stands in `finally`, which runs after all other stages");
            out.push(Diagnostic::error(code::FINALLY_NEEDS, span, message));
            None
        }
    }
}

/// The stage whose id is nearest to what was typed.
pub(super) fn nearest_stage<'s>(spec: &'s Spec, typed: &str, out: &Diagnostics) -> Option<&'s str> {
    if out.is_long() {
        return None;
    }
    // Enough for every pipeline that a person wrote.
    let stages = spec.stages.iter().take(10_000);
    suggest(typed, stages.map(|stage| stage.id.value.as_str()))
}

fn cycle_error(spec: &Spec, cycle: &[usize]) -> Diagnostic {
    /// A longer cycle is shown by its beginning and its length.
    const SHOWN: usize = 20;
    // `cycle` runs from what is needed to what needs it; people read `a needs b`.
    let path: Vec<&StageSpec> = cycle.iter().rev().map(|at| &spec.stages[*at]).collect();
    let ids = path.iter().take(SHOWN).map(|stage| stage.id.value.as_str());
    let mut shown: Vec<&str> = ids.collect();
    let more = format!("… ({} more)", path.len().saturating_sub(SHOWN));
    if path.len() > SHOWN {
        shown.push(&more);
    }
    shown.push(&path[0].id.value);
    let message = format!("stages need each other: {}", shown.join(" → "));
    let span_of = |stage: &StageSpec, next: &StageSpec| {
        let need = stage
            .needs
            .iter()
            .find(|need| need.stage.value == next.id.value);
        need.map_or(stage.id.span, |need| need.stage.span)
    };
    let next = path.get(1).unwrap_or(&path[0]);
    let mut diagnostic = Diagnostic::error(code::CYCLE, span_of(path[0], next), message)
        .label(format!("`{}` needs `{}`", path[0].id.value, next.id.value))
        .hint("remove one of these needs");
    for (at, stage) in path.iter().enumerate().take(SHOWN).skip(1) {
        let next = path[(at + 1) % path.len()];
        let text = format!("`{}` needs `{}`", stage.id.value, next.id.value);
        diagnostic = diagnostic.other(span_of(stage, next), text);
    }
    diagnostic
}
