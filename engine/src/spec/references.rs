//! References: whether expressions name things that exist, and are known in time.

use std::collections::HashSet;

use super::code;
use super::context::{CONTEXTS, Time, context};
use super::diagnostics::Diagnostics;
use super::expression::{Context, Expression, Function, Reference, Template};
use super::model::Spec;
use super::needs::{StageOrder, nearest_stage};
use super::reading::narrow;
use crate::model::{Diagnostic, Span, suggest};

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) span: Span,
    /// The stage; none for the pipeline itself.
    pub(super) stage: Option<usize>,
    /// When its value must be known.
    pub(super) time: Time,
    /// Whether a secret may stand here, whole.
    pub(super) takes_secrets: bool,
    /// Whether the file's `env` is already known here.
    pub(super) knows_env: bool,
}

/// What expressions of a pipeline may name.
pub(super) struct Names<'s> {
    text: &'s str,
    spec: &'s Spec,
    order: &'s StageOrder,
    inputs: HashSet<&'s str>,
    env: HashSet<&'s str>,
    pub(super) secrets: HashSet<&'s str>,
    /// Stages named by stages: whether they come before is answered at once for all.
    stages: Vec<(usize, usize, Span)>,
}

impl<'s> Names<'s> {
    pub(super) fn new(text: &'s str, spec: &'s Spec, order: &'s StageOrder) -> Self {
        let names = |name: &'s super::Spanned<String>| name.value.as_str();
        Self {
            text,
            spec,
            order,
            inputs: spec.inputs.iter().map(|it| names(&it.name)).collect(),
            env: spec.env.iter().map(|(name, _)| names(name)).collect(),
            secrets: spec.secrets.iter().map(|it| names(&it.name)).collect(),
            stages: Vec::new(),
        }
    }

    /// Checks a template.
    pub(super) fn template(&mut self, template: &Template, place: Place, out: &mut Diagnostics) {
        let whole = whole_secret(template);
        for expression in template.expressions() {
            self.expression(expression, whole, place, out);
        }
    }

    /// Checks a condition.
    pub(super) fn condition(
        &mut self,
        condition: &Expression,
        place: Place,
        out: &mut Diagnostics,
    ) {
        self.expression(condition, false, place, out);
    }

    fn expression(
        &mut self,
        expression: &Expression,
        whole: bool,
        place: Place,
        out: &mut Diagnostics,
    ) {
        for (function, _) in expression.functions() {
            self.function(function, place, out);
        }
        for reference in expression.references() {
            self.reference(&reference, whole, place, out);
        }
    }

    fn function(&self, function: Function, place: Place, out: &mut Diagnostics) {
        let name = function.as_str();
        let place = self.narrowed(place, name);
        if function == Function::HashFiles {
            let message = format!("`{name}` is not supported by this version yet");
            out.push(Diagnostic::error(code::NOT_SUPPORTED, place.span, message));
        } else if place.time == Time::Plan && function.is_run_time() {
            let message =
                format!("`{name}` is known while the pipeline runs, and this is needed before");
            out.push(Diagnostic::error(code::TOO_EARLY, place.span, message));
        } else if function.is_status() && !self.is_at_the_end(place) {
            let message = format!("`{name}` is known in `finally` and in `outputs` alone");
            let hint = match function {
                Function::Success => {
                    "leave it out: `needs: [a]` lets a stage start when `a` succeeded"
                }
                Function::Failure => {
                    "say in `needs` which outcomes let a stage start: `{ stage: a, on: [failed] }`"
                }
                _ => "put a stage that runs whatever happened below `finally:`",
            };
            out.push(Diagnostic::error(code::TOO_EARLY, place.span, message).hint(hint));
        }
    }

    /// Whether all stages have ended where an expression stands.
    fn is_at_the_end(&self, place: Place) -> bool {
        place
            .stage
            .is_none_or(|stage| self.spec.stages[stage].finally)
    }

    fn reference(
        &mut self,
        reference: &Reference,
        whole: bool,
        place: Place,
        out: &mut Diagnostics,
    ) {
        let place = self.narrowed(place, &reference.to_string());
        let span = place.span;
        let Some(known) = context(reference.context) else {
            let message = format!(
                "`{}` is not supported by this version yet",
                reference.context
            );
            out.push(Diagnostic::error(code::NOT_SUPPORTED, span, message));
            return;
        };
        if place.time == Time::Plan && known.time == Time::Run {
            out.push(too_early(reference, span));
            return;
        }
        if known.context == Context::Env && !place.knows_env {
            let message = "a value of `env` cannot name another one";
            out.push(Diagnostic::error(code::TOO_EARLY, span, message));
            return;
        }
        let field = reference.path.first().map(String::as_str);
        match known.context {
            Context::Inputs => known_name("input", &self.inputs, field, span, out),
            Context::Env => self.variable(field, span, out),
            Context::Secrets => self.secret(field, whole && place.takes_secrets, span, out),
            Context::Stages => self.stage(reference, place, out),
            other => {
                let fields: HashSet<&str> = known.fields.iter().copied().collect();
                let what = format!("field of `{other}`");
                known_name(&what, &fields, field, span, out);
                let early = field == Some("result") && !self.is_at_the_end(place);
                if other == Context::Run && early {
                    let message = "`run.result` is known in `finally` and in `outputs` alone";
                    out.push(Diagnostic::error(code::TOO_EARLY, span, message));
                }
            }
        }
    }

    /// The place of a name itself, where it stands as it is read.
    fn narrowed(&self, place: Place, name: &str) -> Place {
        let part = 0..name.len();
        Place {
            span: narrow(self.text, name, place.span, &part),
            ..place
        }
    }

    fn variable(&self, name: Option<&str>, span: Span, out: &mut Diagnostics) {
        let Some(name) = name.filter(|name| !self.env.contains(name)) else {
            return;
        };
        let message = format!("the file's `env` has no `{name}`");
        let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, span, message);
        out.push(match nearest_name(name, self.env.iter().copied(), out) {
            Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
            None => diagnostic
                .note("`env` is never the environment of the process")
                .hint("declare it below the file's `env:`, or make it an input"),
        });
    }

    fn secret(&self, name: Option<&str>, allowed: bool, span: Span, out: &mut Diagnostics) {
        if !allowed {
            let message = match name {
                Some(name) => format!("the secret `{name}` can only be passed whole"),
                None => "secrets can only be passed whole".to_owned(),
            };
            out.push(
                Diagnostic::error(code::SECRET_IN_TEXT, span, message)
                    .note("a stage gets a handle of a secret, never its bytes")
                    .hint("write `${{ secrets.NAME }}` alone, as a value of `with` that the plugin takes as a secret; `builtin:build` gives tools secrets with `secret-files` and `secret-env`"),
            );
            return;
        }
        known_name("secret", &self.secrets, name, span, out);
    }

    fn stage(&mut self, reference: &Reference, place: Place, out: &mut Diagnostics) {
        let Some(id) = reference.path.first() else {
            let message = "`stages` is not a value";
            let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, place.span, message);
            out.push(diagnostic.hint("write `stages.<id>.outputs.<name>` or `stages.<id>.result`"));
            return;
        };
        let Some(named) = self.order.index.get(id).copied() else {
            let message = format!("there is no stage `{id}`");
            let mut diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, place.span, message);
            if let Some(near) = nearest_stage(self.spec, id, out) {
                diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
            }
            out.push(diagnostic);
            return;
        };
        let field = reference.path.get(1).map(String::as_str);
        if !matches!(field, Some("outputs" | "result")) {
            let typed = field.unwrap_or("");
            let message = match field {
                Some(field) => format!("a stage has no `{field}`"),
                None => format!("the stage `{id}` is not a value"),
            };
            let hint = match suggest(typed, ["outputs", "result"]) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write `stages.{id}.outputs.<name>` or `stages.{id}.result`"),
            };
            let diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, place.span, message);
            out.push(diagnostic.hint(hint));
            return;
        }
        if let Some(stage) = place.stage {
            self.stages.push((stage, named, place.span));
        }
    }

    /// Reports the stages that are named and may not have run.
    pub(super) fn close(self, out: &mut Diagnostics) {
        let Some(order) = &self.order.order else {
            return;
        };
        let pairs: Vec<(usize, usize)> = self.stages.iter().map(|(a, b, _)| (*a, *b)).collect();
        let answers = self.order.graph.ancestors(order, &pairs);
        for ((stage, named, span), before) in self.stages.iter().zip(answers) {
            if before {
                continue;
            }
            let (stage, named) = (&self.spec.stages[*stage], &self.spec.stages[*named]);
            let (id, other) = (&stage.id.value, &named.id.value);
            let diagnostic = if id == other {
                let message = format!("stage `{id}` names itself");
                Diagnostic::error(code::NOT_AN_ANCESTOR, *span, message)
            } else {
                let message = format!("`{other}` may not have run when `{id}` starts");
                let diagnostic = Diagnostic::error(code::NOT_AN_ANCESTOR, *span, message);
                if named.finally {
                    diagnostic
                } else {
                    diagnostic.hint(format!("add `{other}` to the `needs` of `{id}`"))
                }
            };
            out.push(diagnostic);
        }
    }
}

fn too_early(reference: &Reference, span: Span) -> Diagnostic {
    let message =
        format!("`{reference}` is known while the pipeline runs, and this is needed before");
    let names = CONTEXTS.iter().filter(|it| it.time == Time::Plan);
    let names: Vec<&str> = names.map(|it| it.context.as_str()).collect();
    Diagnostic::error(code::TOO_EARLY, span, message)
        .note(format!("known before are: {}", names.join(", ")))
}

/// Whether a template is one secret and nothing else.
pub(crate) fn whole_secret(template: &Template) -> bool {
    matches!(template, Template::Expression(expression) if expression.secret().is_some())
}

/// Reports a name that is not known.
pub(super) fn known_name(
    what: &str,
    known: &HashSet<&str>,
    name: Option<&str>,
    span: Span,
    out: &mut Diagnostics,
) {
    // The whole context, as in `toJSON(inputs)`.
    let Some(name) = name else { return };
    if known.contains(name) {
        return;
    }
    let message = format!("there is no {what} `{name}`");
    let mut diagnostic = Diagnostic::error(code::UNKNOWN_REFERENCE, span, message);
    if let Some(near) = nearest_name(name, known.iter().copied(), out) {
        diagnostic = diagnostic.hint(format!("did you mean `{near}`?"));
    } else if known.is_empty() {
        diagnostic = diagnostic.hint(format!("the pipeline declares no {what}"));
    } else if known.len() <= 20 {
        let mut all: Vec<&str> = known.iter().copied().collect();
        all.sort_unstable();
        diagnostic = diagnostic.hint(format!("known are: {}", all.join(", ")));
    }
    out.push(diagnostic);
}

/// The nearest of many names, bounded in work.
pub(crate) fn nearest_name<'n>(
    typed: &str,
    names: impl Iterator<Item = &'n str>,
    out: &Diagnostics,
) -> Option<&'n str> {
    if out.is_long() {
        return None;
    }
    // Enough for every pipeline that a person wrote. Sorted, so that of two
    // names that are equally near always the same is meant.
    let mut sorted: Vec<&str> = names.take(10_000).collect();
    sorted.sort_unstable();
    suggest(typed, sorted)
}
