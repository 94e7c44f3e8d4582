//! Trigger: what starts a pipeline, as `on:` says it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Spanned;
use super::code;
use super::cron;
use super::fields::Fields;
use super::glob::Glob;
use super::node::{Kind, Node};
use super::reading::{Reading, plain_value};
use crate::model::{Diagnostic, suggest};

/// What can start a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A branch or a tag was moved.
    Push,
    /// Somebody asks to merge a branch.
    PullRequest,
    /// A time has come.
    Schedule,
    /// A person asked for it.
    Manual,
}

/// What starts a pipeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Triggers {
    /// Pushes that are meant.
    pub push: Option<Filters>,
    /// Pull requests that are meant.
    pub pull_request: Option<Filters>,
    /// Whether there is a schedule.
    pub schedule: bool,
    /// Whether a person may ask for it.
    pub manual: bool,
}

/// Which pushes or pull requests are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// The branches; of a pull request the one that it is for.
    pub branches: Option<Globs>,
    /// The tags.
    pub tags: Option<Globs>,
    /// The files that changed.
    pub paths: Option<Globs>,
}

/// Patterns, of what is meant or of what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Globs {
    /// The patterns.
    pub patterns: Vec<Glob>,
    /// Whether what they match is not meant.
    pub ignore: bool,
}

impl Trigger {
    /// All triggers, as `on:` names them.
    pub const WORDS: [(&str, Self); 4] = [
        ("push", Self::Push),
        ("pull-request", Self::PullRequest),
        ("schedule", Self::Schedule),
        ("manual", Self::Manual),
    ];

    /// The word of `on:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::PullRequest => "pull-request",
            Self::Schedule => "schedule",
            Self::Manual => "manual",
        }
    }
}

/// `on`.
pub(super) fn triggers(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<Triggers> {
    if let Some(words) = words_alone(node) {
        let message = format!("`on` is a mapping, not {}", node.describe());
        let diagnostic = Diagnostic::error(code::WRONG_TYPE, node.span, message);
        let entries: Vec<String> = words.iter().map(|word| format!("{word}: {{}}")).collect();
        let hint = format!("write `on: {{ {} }}`", entries.join(", "));
        reading.out.push(diagnostic.hint(hint));
        return None;
    }
    let mut fields = Fields::open("`on`", node, reading)?;
    let mut triggers = Triggers::default();
    if let Some(node) = fields.get("push") {
        triggers.push = filters(node, true, reading);
    }
    if let Some(node) = fields.get("pull-request") {
        triggers.pull_request = filters(node, false, reading);
    }
    if let Some(node) = fields.get("schedule") {
        let items = reading
            .items("a list of schedules", node)
            .unwrap_or_default();
        for item in items {
            schedule(item, reading);
        }
        triggers.schedule = true;
    }
    if let Some(node) = fields.get("manual") {
        triggers.manual = true;
        if plain_value(node) != Some(Value::Null)
            && let Some(fields) = Fields::open("`manual`", node, reading)
        {
            fields.close(reading);
        }
    }
    fields.close(reading);
    Some(triggers)
}

/// The triggers of `on: push` and `on: [push, pull_request]`, as other systems take
/// them.
fn words_alone(node: &Node<'_>) -> Option<Vec<&'static str>> {
    let items = match node.kind() {
        Kind::List(items) => items,
        Kind::Scalar(_) => std::slice::from_ref(node),
        Kind::Map(_) => return None,
    };
    let known = Trigger::WORDS.map(|(word, _)| word);
    let word = |item: &Node<'_>| match item.kind() {
        Kind::Scalar(scalar) => {
            let ours = super::elsewhere::word(&scalar.text, &known);
            ours.or_else(|| suggest(&scalar.text, known))
        }
        _ => None,
    };
    let words: Option<Vec<&str>> = items.iter().map(word).collect();
    words.filter(|words| !words.is_empty() && words.len() <= known.len())
}

fn filters(node: &Node<'_>, has_tags: bool, reading: &mut Reading<'_>) -> Option<Filters> {
    if plain_value(node) == Some(Value::Null) {
        return Some(Filters::default());
    }
    let mut fields = Fields::open("a trigger", node, reading)?;
    let branches = either(&mut fields, ["branches", "branches-ignore"], reading);
    let tags = if has_tags {
        either(&mut fields, ["tags", "tags-ignore"], reading)
    } else {
        None
    };
    let paths = either(&mut fields, ["paths", "paths-ignore"], reading);
    fields.close(reading);
    Some(Filters {
        branches,
        tags,
        paths,
    })
}

/// What is meant, or what is not; both at once say two things.
fn either(
    fields: &mut Fields<'_, '_>,
    [meant, ignored]: [&'static str; 2],
    reading: &mut Reading<'_>,
) -> Option<Globs> {
    let (meant_node, ignored_node) = (fields.get(meant), fields.entry(ignored));
    if let (Some(_), Some(entry)) = (meant_node, ignored_node) {
        let message = format!("`{meant}` and `{ignored}` stand beside each other");
        let diagnostic = Diagnostic::error(code::INVALID_TRIGGER, entry.key_span, message);
        reading
            .out
            .push(diagnostic.hint(format!("say what is meant with `{meant}` alone")));
    }
    let ignore = meant_node.is_none();
    let node = meant_node.or(ignored_node.map(|entry| &entry.value))?;
    let texts = reading.texts("pattern", node);
    if texts.is_empty() && matches!(node.kind(), Kind::List(_)) {
        let message = "a list without patterns matches nothing";
        let diagnostic = Diagnostic::error(code::INVALID_TRIGGER, node.span, message);
        reading
            .out
            .push(diagnostic.hint("leave the key out, or write `[\"**\"]`"));
    }
    let patterns = texts.iter().filter_map(|text| glob(text, reading));
    Some(Globs {
        patterns: patterns.collect(),
        ignore,
    })
}

fn glob(text: &Spanned<String>, reading: &mut Reading<'_>) -> Option<Glob> {
    match Glob::parse(&text.value) {
        Ok(glob) => Some(glob),
        Err(error) => {
            let diagnostic = Diagnostic::error(code::INVALID_TRIGGER, text.span, error.message);
            reading.out.push(diagnostic.hint(error.hint));
            None
        }
    }
}

fn schedule(node: &Node<'_>, reading: &mut Reading<'_>) {
    let Some(mut fields) = Fields::open("a schedule", node, reading) else {
        return;
    };
    let span = fields.span;
    if let Some(node) = fields.require("cron", span, reading)
        && let Some(text) = reading.text("five fields of cron", node)
        && let Some(problem) = cron::problem(&text.value)
    {
        let diagnostic = Diagnostic::error(code::INVALID_TRIGGER, text.span, problem);
        reading
            .out
            .push(diagnostic.hint("such as `\"0 3 * * 1-5\"`: at three on working days"));
    }
    if let Some(node) = fields.get("timezone")
        && let Some(text) = reading.text("the name of a time zone", node)
        && !is_zone(&text.value)
    {
        let message = format!("`{}` is not the name of a time zone", text.value);
        let diagnostic = Diagnostic::error(code::INVALID_TRIGGER, text.span, message);
        reading
            .out
            .push(diagnostic.hint("write `UTC`, or a region with a city, such as `Europe/Berlin`"));
    }
    fields.close(reading);
}

/// Whether a text has the form of a name of the time zone database; whether there is
/// such a zone is for who keeps the schedule.
fn is_zone(text: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-+".contains(&b))
    };
    text == "UTC" || (text.len() <= 64 && text.contains('/') && text.split('/').all(part))
}
