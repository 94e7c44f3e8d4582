//! Parse: from a pipeline's text to a [`Spec`].

use super::code;
use super::declare;
use super::diagnostics::Diagnostics;
use super::fields::Fields;
use super::model::{Defaults, Spec};
use super::node::{Kind, Node};
use super::reading::Reading;
use super::{Spanned, input, secret, stage, text, trigger, uses, written, yaml};
use crate::model::{Diagnostic, Span};

/// What a pipeline's text says, and all that is wrong with its form.
///
/// The spec is there as soon as the text is a YAML mapping: what could be read
/// of it can then be checked as well, so that all mistakes are shown at once.
pub fn parse(text: &str) -> (Option<Spec>, Vec<Diagnostic>) {
    let mut out = Diagnostics::default();
    let spec = if text::inspect(text, &mut out) {
        let root = yaml::tree(text, &mut out);
        let mut reading = Reading { text, out };
        let spec = pipeline(root.as_ref(), &mut reading);
        out = reading.out;
        spec
    } else {
        None
    };
    (spec, out.into_sorted())
}

fn pipeline(root: Option<&Node<'_>>, reading: &mut Reading<'_>) -> Option<Spec> {
    let start = Span { start: 0, end: 0 };
    let Some(root) = root else {
        if !reading.out.has_errors() {
            let diagnostic = Diagnostic::error(code::MISSING_KEY, None, "the pipeline is empty");
            let hint = "a pipeline begins with `version: 1` and has `stages:`";
            reading.out.push(diagnostic.hint(hint));
        }
        return None;
    };
    let mut fields = Fields::open("a pipeline", root, reading)?;
    fields.ignore_extensions();
    if let Some(node) = fields.require("version", start, reading) {
        version(node, reading);
    }
    let name = fields.get("name");
    let run_name = fields.get("run-name");
    let mut spec = Spec {
        name: name.and_then(|node| reading.text("a text", node)),
        run_name: run_name.and_then(|node| reading.template("a text", node)),
        ..Spec::default()
    };
    if let Some(node) = fields.get("on") {
        spec.on = trigger::triggers(node, reading);
    }
    if let Some(node) = fields.get("inputs") {
        spec.inputs = input::inputs(node, reading);
    }
    if let Some(node) = fields.get("env") {
        spec.env = declare::environment(node, reading);
    }
    if let Some(node) = fields.get("defaults") {
        spec.defaults = defaults(node, reading).unwrap_or_default();
    }
    if let Some(node) = fields.get("secrets") {
        spec.secrets = secret::secrets(node, reading);
    }
    if let Some(node) = fields.get("plugins") {
        spec.plugins = uses::plugins(node, reading);
    }
    if let Some(node) = fields.require("stages", start, reading) {
        spec.stages = stage::stages(node, false, reading);
        if spec.stages.is_empty() && !reading.out.has_errors() {
            reading.error(code::MISSING_KEY, node.span, "a pipeline needs a stage");
        }
    }
    if let Some(node) = fields.get("finally") {
        spec.stages.extend(stage::stages(node, true, reading));
    }
    if let Some(node) = fields.get("outputs") {
        spec.outputs = outputs(node, reading);
    }
    fields.refuse(
        &["concurrency", "environments", "priority", "runs-on"],
        reading,
    );
    fields.close(reading);
    Some(spec)
}

fn version(node: &Node<'_>, reading: &mut Reading<'_>) {
    let what = "the version of the language";
    if let Kind::Scalar(scalar) = node.kind()
        && scalar.text == "1"
        && !scalar.plain
    {
        let diagnostic = Diagnostic::error(code::WRONG_TYPE, node.span, "the version is a number");
        reading
            .out
            .push(diagnostic.hint("write `version: 1`, without quotes"));
        return;
    }
    let Some(version) = reading.integer(what, 0..=u32::MAX, node) else {
        return;
    };
    if version.value != 1 {
        let message = format!("version {} of the language is not known", version.value);
        reading.out.push(
            Diagnostic::error(code::VERSION, node.span, message)
                .hint("this engine reads `version: 1`"),
        );
    }
}

fn defaults(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<Defaults> {
    let mut fields = Fields::open("`defaults`", node, reading)?;
    let timeout = fields.get("timeout");
    let retry = fields.get("retry");
    let defaults = Defaults {
        timeout: timeout.and_then(|node| stage::timeout(node, reading)),
        retry: retry.and_then(|node| stage::retry(node, reading)),
    };
    fields.close(reading);
    Some(defaults)
}

fn outputs(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<(Spanned<String>, written::Written)> {
    declare::named("an output", node, reading)
        .into_iter()
        .filter_map(|(name, node)| Some((name, written::read(node, reading)?)))
        .collect()
}
