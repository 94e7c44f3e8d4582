//! Types: what the names of a pipeline stand for, and whether its expressions can
//! have a value.

use std::collections::{BTreeMap, BTreeSet};

use super::code;
use super::diagnostics::Diagnostics;
use super::expression::{Context, Expression, Fields, Template, Type, TypeError, TypeKind, Types};
use super::model::{InputKind, InputSpec, Spec, StageSpec};
use super::reading::narrow;
use crate::model::{Diagnostic, Outcome, Span};

/// The types of all that expressions of a spec may name. `outputs` knows what a
/// stage returns; what it does not know is left open.
///
/// Names themselves are held against the spec elsewhere, with the place of each:
/// here a name that does not exist is unknown, and no second mistake.
pub(crate) fn types(spec: &Spec, outputs: impl Fn(usize) -> Option<Type>) -> Types {
    let inputs = spec.inputs.iter();
    let inputs = inputs.map(|input| (input.name.value.clone(), input_type(input)));
    let text = || Type::of(TypeKind::String);
    let texts = |names: &[&str]| open(names.iter().map(|name| ((*name).to_owned(), text())));
    let env = spec
        .env
        .iter()
        .map(|(name, _)| (name.value.clone(), text()));
    let result = Type::one_of(Outcome::ALL.map(Outcome::as_str));
    let stages = spec.stages.iter().enumerate().map(|(at, stage)| {
        let outputs = outputs(at).unwrap_or_else(Type::unknown);
        let fields = [("result", result.clone()), ("outputs", outputs)];
        let fields = open(fields.map(|(name, ty)| (name.to_owned(), ty)));
        (stage.id.value.clone(), fields)
    });
    let run = [
        ("id", text()),
        ("name", text()),
        ("trigger", text()),
        ("result", result.clone()),
    ];
    Types::default()
        .with(Context::Inputs, open(inputs))
        .with(Context::Env, open(env))
        .with(
            Context::Git,
            texts(&["branch", "branch_slug", "sha", "short_sha"]),
        )
        .with(Context::Runner, texts(&["os", "arch"]))
        .with(
            Context::Run,
            open(run.map(|(name, ty)| (name.to_owned(), ty))),
        )
        .with(Context::Stages, open(stages))
}

/// A map that may have other fields.
fn open(known: impl IntoIterator<Item = (String, Type)>) -> Type {
    let known: BTreeMap<String, Type> = known.into_iter().collect();
    Type::map(Fields {
        known,
        other: Some(Type::unknown()),
    })
}

fn input_type(input: &InputSpec) -> Type {
    let ty = match &input.kind {
        InputKind::String(_) => Type::of(TypeKind::String),
        InputKind::Number => Type::number(),
        InputKind::Boolean => Type::of(TypeKind::Boolean),
        InputKind::Enum(options) => Type::one_of(options.iter().cloned()),
    };
    if input.required || input.default.is_some() {
        ty
    } else {
        ty.or(&Type::of(TypeKind::Null))
    }
}

/// Reports every expression of a spec that can never have a value, or never one
/// that fits its place, and returns the places of the texts that hold them. What
/// plugins take is not looked at.
///
/// `text` is what the spec was read from; it makes the places exact.
pub(crate) fn check_types(
    spec: &Spec,
    text: &str,
    types: &Types,
    out: &mut Diagnostics,
) -> BTreeSet<Span> {
    let mut typing = Typing {
        text,
        types,
        out,
        unsound: BTreeSet::new(),
    };
    if let Some(name) = &spec.run_name {
        typing.text(&name.value, name.span);
    }
    for (_, value) in &spec.env {
        typing.text(&value.value, value.span);
    }
    for stage in &spec.stages {
        typing.stage(stage);
    }
    for (_, value) in &spec.outputs {
        value.each_text(&mut |template, span| typing.value(template, span));
    }
    typing.unsound
}

struct Typing<'a> {
    text: &'a str,
    types: &'a Types,
    out: &'a mut Diagnostics,
    unsound: BTreeSet<Span>,
}

impl Typing<'_> {
    fn stage(&mut self, stage: &StageSpec) {
        if let Some(name) = &stage.name {
            self.text(&name.value, name.span);
        }
        if let Some(with) = &stage.with {
            with.each_text(&mut |template, span| self.value(template, span));
        }
        if let Some(condition) = &stage.condition {
            self.boolean("a condition", &condition.value, condition.span);
        }
        for (_, value) in &stage.env {
            self.text(&value.value, value.span);
        }
        if let Some(switch) = &stage.continue_on_error {
            match &switch.value {
                Template::Expression(expression) => {
                    self.boolean("`continue-on-error`", expression, switch.span);
                }
                other => self.value(other, switch.span),
            }
        }
        let capabilities = &stage.capabilities;
        let patterns = [
            &capabilities.git_list,
            &capabilities.git_fetch,
            &capabilities.http,
        ];
        let patterns = patterns.into_iter().flatten().map(|it| &it.text);
        let folders = capabilities.workspace_read.iter();
        for text in patterns.chain(folders).chain(&capabilities.workspace_write) {
            // A text that is no template was reported where it is read.
            if let Ok(template) = Template::parse_text(&text.value) {
                self.text(&template, text.span);
            }
        }
    }

    /// A value of any type: alone it keeps its type, within a text it is a scalar.
    fn value(&mut self, template: &Template, span: Span) {
        match template {
            Template::Expression(expression) => {
                self.expression(expression, span);
            }
            other => self.text(other, span),
        }
    }

    /// A value that becomes a text.
    fn text(&mut self, template: &Template, span: Span) {
        let place = span;
        for expression in template.expressions() {
            let Some(ty) = self.expression(expression, span) else {
                continue;
            };
            if !ty.fits(&Type::scalar()) && expression.secret().is_none() {
                let message = format!(
                    "only strings, numbers and booleans can stand within a text, and `{}` is {ty}",
                    expression.source()
                );
                let span = self.narrowed(expression, span, &(0..expression.source().len()));
                let hint = hint_for_text(&ty, expression.source());
                let mut diagnostic = Diagnostic::error(code::TYPES, span, message);
                diagnostic.hint = hint;
                self.out.push(diagnostic);
                self.unsound.insert(place);
            }
        }
    }

    fn boolean(&mut self, what: &str, expression: &Expression, span: Span) {
        let Some(ty) = self.expression(expression, span) else {
            return;
        };
        if !ty.may_be(TypeKind::Boolean) {
            let source = expression.source();
            let message = format!("{what} is a boolean, and `{source}` is {ty}");
            let span = self.narrowed(expression, span, &(0..source.len()));
            let mut diagnostic = Diagnostic::error(code::TYPES, span, message);
            diagnostic.hint = ty.truth(source);
            self.out.push(diagnostic);
        }
    }

    /// The type of an expression; none after a mistake in it that is reported.
    fn expression(&mut self, expression: &Expression, span: Span) -> Option<Type> {
        let (ty, errors) = expression.infer(self.types);
        let sound = errors.is_empty();
        if !sound {
            self.unsound.insert(span);
        }
        for error in errors {
            let span = self.narrowed(expression, span, &error.span);
            self.out.push(diagnostic(error, span));
        }
        sound.then_some(ty)
    }

    fn narrowed(&self, expression: &Expression, span: Span, part: &std::ops::Range<usize>) -> Span {
        narrow(self.text, expression.source(), span, part)
    }
}

fn diagnostic(error: TypeError, span: Span) -> Diagnostic {
    let code = if error.is_name {
        code::UNKNOWN_REFERENCE
    } else {
        code::TYPES
    };
    let mut diagnostic = Diagnostic::error(code, span, error.message);
    diagnostic.hint = error.hint;
    diagnostic
}

fn hint_for_text(ty: &Type, source: &str) -> Option<String> {
    if ty.may_be(TypeKind::List) {
        Some(format!(
            "write `join({source}, ' ')`, or `toJSON({source})`"
        ))
    } else if ty.may_be(TypeKind::Map) {
        Some(format!("name a field of it, or write `toJSON({source})`"))
    } else {
        None
    }
}
