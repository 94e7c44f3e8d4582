//! Stage: its keys, as they are written.

use super::Spanned;
use super::capability;
use super::code;
use super::declare;
use super::expression::Template;
use super::fields::Fields;
use super::model::{BackoffSpec, CapabilitiesSpec, NeedSpec, ResourcesSpec, RetrySpec, StageSpec};
use super::node::{Kind, Node};
use super::reading::Reading;
use super::uses;
use super::word::{Effects, RetryOn};
use super::written;
use crate::model::{Diagnostic, Outcome, limits};

/// Keys of a stage that belong to later versions.
const LATER: [&str; 9] = [
    "artifacts",
    "cache",
    "concurrency",
    "environment",
    "priority",
    "reports",
    "runs-on",
    "state",
    "strategy",
];

/// The stages of `stages` or `finally`.
pub(super) fn stages(node: &Node<'_>, finally: bool, reading: &mut Reading<'_>) -> Vec<StageSpec> {
    declare::named("a stage", node, reading)
        .into_iter()
        .filter_map(|(id, node)| stage(id, node, finally, reading))
        .collect()
}

fn stage(
    id: Spanned<String>,
    node: &Node<'_>,
    finally: bool,
    reading: &mut Reading<'_>,
) -> Option<StageSpec> {
    let mut fields = Fields::open("a stage", node, reading)?;
    let section = if finally { "finally" } else { "stages" };
    let mut stage = StageSpec {
        pointer: format!("/{section}/{}", id.value),
        finally,
        name: None,
        uses: None,
        with: None,
        needs: Vec::new(),
        condition: None,
        env: Vec::new(),
        timeout: None,
        retry: None,
        continue_on_error: None,
        capabilities: CapabilitiesSpec::default(),
        effects: None,
        resources: ResourcesSpec::default(),
        id,
    };
    if let Some(node) = fields.get("name") {
        stage.name = reading.template("a text", node);
    }
    if let Some(node) = fields.require("uses", stage.id.span, reading) {
        stage.uses = uses::uses(node, true, reading);
    }
    if let Some(node) = fields.get("with") {
        stage.with = reading
            .entries("a mapping of inputs", node)
            .and_then(|_| written::read(node, reading));
    }
    if let Some(node) = fields.get("needs") {
        stage.needs = needs(node, reading);
    }
    if let Some(node) = fields.get("if") {
        stage.condition = reading.condition(node);
    }
    if let Some(node) = fields.get("env") {
        stage.env = declare::environment(node, reading);
    }
    if let Some(node) = fields.get("timeout") {
        stage.timeout = timeout(node, reading);
    }
    if let Some(node) = fields.get("retry") {
        stage.retry = retry(node, reading);
    }
    if let Some(node) = fields.get("continue-on-error") {
        stage.continue_on_error = switch(node, reading);
    }
    if let Some(node) = fields.get("capabilities") {
        stage.capabilities = capability::capabilities(node, reading).unwrap_or_default();
    }
    if let Some(node) = fields.get("effects") {
        stage.effects = reading.word("a kind of effects", &Effects::WORDS, node);
    }
    if let Some(node) = fields.get("resources") {
        stage.resources = resources(node, reading).unwrap_or_default();
    }
    fields.refuse(&LATER, reading);
    fields.close(reading);
    Some(stage)
}

/// `true`, `false`, or an expression that gives one of them.
fn switch(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<Spanned<Template>> {
    if let Kind::Scalar(scalar) = node.kind()
        && scalar.text.contains("${{")
    {
        return reading.template("`true`, `false` or an expression", node);
    }
    let value = reading.boolean(node)?;
    let literal = Template::Literal(serde_json::Value::Bool(value));
    Some(Spanned::new(literal, node.span))
}

/// `needs`: ids, or mappings with the outcomes that are wanted.
fn needs(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<NeedSpec> {
    let items = reading.items("a list of stages", node).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| need(item, reading))
        .collect()
}

fn need(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<NeedSpec> {
    let default = vec![Outcome::Succeeded, Outcome::Warned];
    if let Kind::Scalar(_) = node.kind() {
        let stage = reading.text("a stage", node)?;
        return Some(NeedSpec { stage, on: default });
    }
    let mut fields = Fields::open("an entry of `needs`", node, reading)?;
    let span = fields.span;
    let stage = fields.require("stage", span, reading);
    let stage = stage.and_then(|node| reading.text("a stage", node));
    let on = match fields.get("on") {
        Some(node) => outcomes(node, reading),
        None => default,
    };
    fields.close(reading);
    Some(NeedSpec { stage: stage?, on })
}

fn outcomes(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<Outcome> {
    let words = Outcome::ALL.map(|outcome| (outcome.as_str(), outcome));
    let items = reading
        .items("a list of outcomes", node)
        .unwrap_or_default();
    if items.is_empty() && !reading.out.has_errors() {
        let message = "a stage that needs no outcome of another can never start";
        reading.error(code::MISSING_KEY, node.span, message);
    }
    let mut outcomes = Vec::new();
    for item in items {
        if let Some(outcome) = reading.word("an outcome", &words, item)
            && !outcomes.contains(&outcome.value)
        {
            outcomes.push(outcome.value);
        }
    }
    outcomes
}

/// A time that stops an attempt.
pub(super) fn timeout(
    node: &Node<'_>,
    reading: &mut Reading<'_>,
) -> Option<Spanned<std::time::Duration>> {
    let timeout = reading.duration(node)?;
    if timeout.value.is_zero() {
        let diagnostic =
            Diagnostic::error(code::OUT_OF_RANGE, timeout.span, "a stage needs some time");
        let hint = "leave it out for an hour, or write what an attempt may take: `10m`";
        reading.out.push(diagnostic.hint(hint));
        return None;
    }
    Some(timeout)
}

/// `retry`.
pub(super) fn retry(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<RetrySpec> {
    let mut fields = Fields::open("`retry`", node, reading)?;
    let attempts = fields.get("max-attempts");
    let attempts = attempts.and_then(|node| {
        reading.integer("the number of attempts", 1..=limits::RETRY_ATTEMPTS, node)
    });
    let on = fields.get("on").map(|node| retry_on(node, reading));
    let backoff = fields.get("backoff");
    let backoff = backoff.and_then(|node| backoff_of(node, reading));
    let span = fields.span;
    fields.close(reading);
    Some(RetrySpec {
        span,
        max_attempts: attempts,
        on,
        backoff: backoff.unwrap_or_default(),
    })
}

fn retry_on(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<RetryOn> {
    let known = ["transient", "timed-out", "lost-worker", "exit:75"];
    let mut all = Vec::new();
    for text in reading.texts("failure", node) {
        match RetryOn::parse(&text.value) {
            Some(on) if all.contains(&on) => {}
            Some(on) => all.push(on),
            None => reading.unknown_word("a failure that can be tried again", &text, &known),
        }
    }
    all
}

fn backoff_of(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<BackoffSpec> {
    let mut fields = Fields::open("`backoff`", node, reading)?;
    let mut backoff = BackoffSpec::default();
    if let Some(node) = fields.get("initial") {
        backoff.initial = wait(node, reading);
    }
    if let Some(node) = fields.get("factor")
        && let Some(factor) = reading.number("a number", node)
    {
        if (1.0..=100.0).contains(&factor) {
            backoff.factor = Some(factor);
        } else {
            let message = "the factor of a backoff is a number from 1 to 100";
            reading.error(code::OUT_OF_RANGE, node.span, message);
        }
    }
    if let Some(node) = fields.get("max") {
        backoff.max = wait(node, reading);
    }
    if let Some(node) = fields.get("jitter") {
        let jitter = reading.word("a kind of jitter", &[("full", true), ("none", false)], node);
        backoff.jitter = jitter.map(|jitter| jitter.value);
    }
    fields.close(reading);
    Some(backoff)
}

fn wait(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<std::time::Duration> {
    let wait = reading.duration(node)?;
    if wait.value <= limits::RETRY_DELAY {
        return Some(wait.value);
    }
    let diagnostic = Diagnostic::error(
        code::OUT_OF_RANGE,
        wait.span,
        "a wait between two attempts is at most an hour",
    );
    reading.out.push(diagnostic);
    None
}

fn resources(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<ResourcesSpec> {
    let mut fields = Fields::open("`resources`", node, reading)?;
    let mut resources = ResourcesSpec::default();
    if let Some(node) = fields.get("memory") {
        resources.memory_bytes = bounded(node, 1 << 20, u64::MAX, reading);
    }
    if let Some(node) = fields.get("wasm-memory") {
        let most = limits::WASM_MEMORY_BYTES as u64;
        resources.wasm_memory_bytes = bounded(node, 64 << 10, most, reading);
    }
    if let Some(node) = fields.get("log") {
        resources.log_bytes = bounded(node, 0, limits::LOG_BYTES, reading);
    }
    if let Some(node) = fields.get("disk") {
        resources.disk_bytes = bounded(node, 0, limits::DISK_BYTES, reading);
    }
    fields.refuse(&["cpu"], reading);
    fields.close(reading);
    Some(resources)
}

fn bounded(node: &Node<'_>, least: u64, most: u64, reading: &mut Reading<'_>) -> Option<u64> {
    let size = reading.size(node)?;
    if (least..=most).contains(&size) {
        return Some(size);
    }
    let message = if size < least {
        format!("at least {} KiB are needed here", least >> 10)
    } else {
        format!("at most {} MiB are allowed here", most >> 20)
    };
    reading.error(code::OUT_OF_RANGE, node.span, message);
    None
}
