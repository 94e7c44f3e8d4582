//! Check: whether what a spec says fits together.

use std::collections::HashMap;

use super::Spanned;
use super::code;
use super::context::Time;
use super::diagnostics::Diagnostics;
use super::expression::Template;
use super::model::{Spec, StageSpec, Uses};
use super::needs::stage_order;
use super::reading::not_an_expression;
use super::references::{Names, Place, known_name};
use super::types::{check_types, types};
use crate::model::{Diagnostic, Span, suggest};

/// All that does not fit together in a spec: needs, cycles, and expressions
/// that name nothing or name it too early.
///
/// `text` is what the spec was read from; it makes the places exact.
pub fn check(spec: &Spec, text: &str) -> Vec<Diagnostic> {
    let mut out = Diagnostics::default();
    let order = stage_order(spec, &mut out);
    let mut names = Names::new(text, spec, &order);
    let plan = |span: Span| Place {
        span,
        stage: None,
        time: Time::Plan,
        takes_secrets: false,
        knows_env: true,
    };
    if let Some(name) = &spec.run_name {
        names.template(&name.value, plan(name.span), &mut out);
    }
    for (_, value) in &spec.env {
        let place = Place {
            knows_env: false,
            ..plan(value.span)
        };
        names.template(&value.value, place, &mut out);
    }
    let aliases = spec.aliases();
    for (at, stage) in spec.stages.iter().enumerate() {
        alias(stage, &aliases, &mut out);
        secrets(stage, &names, &mut out);
        stage_texts(stage, at, &mut names, &mut out);
    }
    for (_, value) in &spec.outputs {
        value.each_text(&mut |template, span| {
            let place = Place {
                time: Time::Run,
                ..plan(span)
            };
            names.template(template, place, &mut out);
        });
    }
    names.close(&mut out);
    // Plugins are not known yet; what they return is looked at when they are.
    check_types(spec, text, &types(spec, |_| None), &mut out);
    out.into_sorted()
}

fn alias(stage: &StageSpec, aliases: &HashMap<&str, &Uses>, out: &mut Diagnostics) {
    let Some(Spanned { value, span }) = &stage.uses else {
        return;
    };
    let Uses::Alias(name) = value else { return };
    if aliases.contains_key(name.as_str()) {
        return;
    }
    let message = format!("there is no plugin `{name}`");
    let mut diagnostic = Diagnostic::error(code::UNKNOWN_PLUGIN, *span, message)
        .note("declare it below `plugins:`, or write `builtin:<name>` or a path");
    let near = suggest(name, aliases.keys().copied()).filter(|_| !out.is_long());
    diagnostic = diagnostic.hint(match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("a plugin that comes with the engine is `builtin:{name}`"),
    });
    out.push(diagnostic);
}

/// The secrets of `capabilities` must be declared.
fn secrets(stage: &StageSpec, names: &Names<'_>, out: &mut Diagnostics) {
    for secret in &stage.capabilities.secrets {
        let name = Some(secret.value.as_str());
        known_name("secret", &names.secrets, name, secret.span, out);
    }
}

/// Every text of a stage that may hold expressions.
fn stage_texts(stage: &StageSpec, at: usize, names: &mut Names<'_>, out: &mut Diagnostics) {
    let place = |span: Span, time: Time| Place {
        span,
        stage: Some(at),
        time,
        takes_secrets: false,
        knows_env: true,
    };
    if let Some(name) = &stage.name {
        names.template(&name.value, place(name.span, Time::Plan), out);
    }
    if let Some(with) = &stage.with {
        with.each_text(&mut |template, span| {
            let place = Place {
                takes_secrets: true,
                ..place(span, Time::Run)
            };
            names.template(template, place, out);
        });
    }
    if let Some(condition) = &stage.condition {
        names.condition(&condition.value, place(condition.span, Time::Run), out);
    }
    for (_, value) in &stage.env {
        names.template(&value.value, place(value.span, Time::Run), out);
    }
    if let Some(switch) = &stage.continue_on_error {
        names.template(&switch.value, place(switch.span, Time::Run), out);
    }
    let capabilities = &stage.capabilities;
    let patterns = [
        &capabilities.git_list,
        &capabilities.git_fetch,
        &capabilities.http,
    ];
    let patterns = patterns.into_iter().flatten().map(|pattern| &pattern.text);
    let folders = capabilities.workspace_read.iter();
    let folders = folders.chain(&capabilities.workspace_write);
    for text in patterns.chain(folders) {
        match Template::parse_text(&text.value) {
            Ok(template) => names.template(&template, place(text.span, Time::Plan), out),
            Err(error) => out.push(not_an_expression(&error, text.span)),
        }
    }
}
