//! With: the inputs of a stage, checked against what its plugin takes.
//!
//! What is known when the plan is made is checked now. A place that an
//! expression fills later is left open: no complaint is made about it, nor about
//! a rule that depends on it. The run checks the whole again.

use std::collections::BTreeSet;

use jsonschema::error::ValidationErrorKind;
use jsonschema::paths::LocationSegment;
use serde_json::{Map, Value};

use super::schema::{Field, Marker, Schema};
use super::scope::fold;
use super::types::wanted;
use crate::model::{Diagnostic, Span, suggest};
use crate::spec::expression::{Context, Scope, Template, Type, TypeKind, Types};
use crate::spec::{Diagnostics, Spanned, Written, WrittenContent, ambiguous, code, whole_secret};

/// Inputs of a stage, as far as they are known.
#[derive(Debug)]
pub(super) struct With {
    /// Values, and expressions for what is known later.
    pub(super) template: Template,
    /// The values; `null` stands for what is known later.
    pub(super) known: Value,
    /// Names of the secrets that are passed.
    pub(super) secrets: BTreeSet<String>,
}

/// The inputs of a stage. `at` is the place of the stage's `uses`; what is known
/// has its value from the scope, what is not yet its type.
pub(super) fn with(
    written: Option<&Written>,
    schema: &Schema,
    plugin: &str,
    at: Span,
    (scope, types): (&Scope, &Types),
    out: &mut Diagnostics,
) -> With {
    let mut building = Building {
        scope,
        types,
        out,
        path: Vec::new(),
        open: Vec::new(),
        secrets: BTreeSet::new(),
    };
    let template = match written {
        Some(written) => building.build(written, schema.root()),
        None => Template::Literal(Value::Object(Map::new())),
    };
    let (open, secrets) = (building.open, building.secrets);
    let known = known(&template);
    for problem in schema.problems(&known) {
        let path = segments(&problem);
        if depends_on_open(&problem, &path, &open) {
            continue;
        }
        report(&problem, &path, written, schema, plugin, at, out);
    }
    With {
        template,
        known,
        secrets,
    }
}

/// One step of a path into a value.
type Step = String;

struct Building<'a> {
    scope: &'a Scope,
    types: &'a Types,
    out: &'a mut Diagnostics,
    path: Vec<Step>,
    /// Places whose value is known later, or is the engine's.
    open: Vec<Vec<Step>>,
    secrets: BTreeSet<String>,
}

impl Building<'_> {
    // The depth is bounded when the text is read.
    fn build(&mut self, written: &Written, field: Field<'_>) -> Template {
        if field.marker() == Some(Marker::Secret) {
            return self.secret(written);
        }
        match &written.content {
            WrittenContent::Plain { text, .. } if field.is_text() => {
                Template::Literal(Value::String(text.clone()))
            }
            WrittenContent::Plain { text, value } => match value {
                Ok(value) => Template::Literal(value.clone()),
                Err(reading) => {
                    let what = "a value that every YAML reads alike";
                    self.out.push(ambiguous(text, reading, written.span, what));
                    self.leave_open(Template::Literal(Value::Null))
                }
            },
            WrittenContent::Text(template) => self.text(template, field, written.span),
            WrittenContent::List(items) => {
                let mut built = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    built.push(self.step(index.to_string(), item, field.items()));
                }
                collapse(Template::List(built))
            }
            WrittenContent::Map(entries) => {
                let mut built = Vec::with_capacity(entries.len());
                for (key, item) in entries {
                    let name = key.value.clone();
                    let item = self.step(name.clone(), item, field.property(&name));
                    built.push((name, item));
                }
                collapse(Template::Map(built))
            }
        }
    }

    fn step(&mut self, step: Step, written: &Written, field: Field<'_>) -> Template {
        self.path.push(step);
        let template = self.build(written, field);
        self.path.pop();
        template
    }

    fn text(&mut self, template: &Template, field: Field<'_>, span: Span) -> Template {
        if field.marker() == Some(Marker::Script) && !matches!(template, Template::Literal(_)) {
            let message = "an expression cannot stand in a script";
            self.out.push(
                Diagnostic::error(code::EXPRESSION_IN_SCRIPT, span, message)
                    .note("its value would become part of a program")
                    .hint("pass it through `env`, and read the variable in the script"),
            );
            return self.leave_open(Template::Literal(Value::Null));
        }
        if whole_secret(template) {
            let message = format!("`{}` does not take a secret", self.path.join("."));
            let diagnostic = Diagnostic::error(code::SECRET_PLACE, span, message);
            let note = "the plugin does not mark it as one, and would get its text";
            self.out.push(diagnostic.note(note));
            return self.leave_open(Template::Literal(Value::Null));
        }
        match fold(template, span, self.scope) {
            Ok(folded @ Template::Literal(_)) => folded,
            Ok(folded) => {
                self.fits(&folded, field, span);
                self.leave_open(folded)
            }
            Err(diagnostic) => {
                self.out.push(*diagnostic);
                self.leave_open(Template::Literal(Value::Null))
            }
        }
    }

    /// Whether a value that is known later can be what the plugin takes here.
    fn fits(&mut self, template: &Template, field: Field<'_>, span: Span) {
        let (ty, wanted) = (template.infer(self.types), wanted(field));
        if ty.fits(&wanted) {
            return;
        }
        let message = format!(
            "the input `{}` does not fit: it takes {wanted}, and this is {ty}",
            self.path.join(".")
        );
        let mut diagnostic = Diagnostic::error(code::INVALID_WITH, span, message);
        if matches!(template, Template::Text(_)) {
            let note =
                "an expression keeps its type when it stands alone, without a space beside it";
            diagnostic = diagnostic.note(note);
        }
        if let Template::Expression(expression) = template
            && ty.fits(&Type::scalar())
            && Type::of(TypeKind::String).fits(&wanted)
        {
            let source = expression.source();
            diagnostic = diagnostic.hint(format!(
                "write it out: `${{{{ format('{{0}}', {source}) }}}}`"
            ));
        }
        self.out.push(diagnostic);
    }

    /// A place that takes a secret takes nothing else.
    fn secret(&mut self, written: &Written) -> Template {
        let template = match &written.content {
            WrittenContent::Text(template) if whole_secret(template) => template.clone(),
            _ => {
                let message = format!("`{}` takes a secret", self.path.join("."));
                self.out.push(
                    Diagnostic::error(code::SECRET_PLACE, written.span, message)
                        .hint("declare one below `secrets:` and write `${{ secrets.NAME }}`"),
                );
                Template::Literal(Value::Null)
            }
        };
        for reference in template.references() {
            if reference.context == Context::Secrets {
                self.secrets.extend(reference.path.first().cloned());
            }
        }
        self.leave_open(template)
    }

    fn leave_open(&mut self, template: Template) -> Template {
        self.open.push(self.path.clone());
        template
    }
}

/// The same, as one value if nothing in it is known later.
fn collapse(template: Template) -> Template {
    let literal = |it: &Template| matches!(it, Template::Literal(_));
    let value = |it: Template| match it {
        Template::Literal(value) => value,
        _ => Value::Null,
    };
    match template {
        Template::List(items) if items.iter().all(literal) => {
            Template::Literal(items.into_iter().map(value).collect())
        }
        Template::Map(entries) if entries.iter().all(|(_, it)| literal(it)) => {
            let entries = entries.into_iter().map(|(key, it)| (key, value(it)));
            Template::Literal(Value::Object(entries.collect()))
        }
        other => other,
    }
}

/// The value of a template, with `null` for what is known later.
fn known(template: &Template) -> Value {
    match template {
        Template::Literal(value) => value.clone(),
        Template::Expression(_) | Template::Text(_) => Value::Null,
        Template::List(items) => items.iter().map(known).collect(),
        Template::Map(entries) => {
            let entries = entries.iter().map(|(key, it)| (key.clone(), known(it)));
            Value::Object(entries.collect())
        }
    }
}

fn segments(problem: &jsonschema::ValidationError<'_>) -> Vec<Step> {
    let path = problem.instance_path();
    path.segments()
        .map(|segment| match segment {
            LocationSegment::Property(name) => name.to_string(),
            LocationSegment::Index(index) => index.to_string(),
        })
        .collect()
}

/// Whether a complaint is about a place that is known later, or comes from a
/// rule that looks at one.
fn depends_on_open(
    problem: &jsonschema::ValidationError<'_>,
    path: &[Step],
    open: &[Vec<Step>],
) -> bool {
    if open.is_empty() {
        return false;
    }
    let conditional = [
        "/if",
        "/then",
        "/else",
        "/not",
        "/anyOf",
        "/oneOf",
        "/contains",
    ];
    let rule = problem.evaluation_path().as_str();
    if conditional.iter().any(|keyword| rule.contains(keyword)) {
        return true;
    }
    if open.iter().any(|it| path.starts_with(it)) {
        return true;
    }
    // These count the places, and do not look into them.
    let counts = matches!(
        problem.kind(),
        ValidationErrorKind::AdditionalProperties { .. }
            | ValidationErrorKind::Required { .. }
            | ValidationErrorKind::Type { .. }
            | ValidationErrorKind::MinItems { .. }
            | ValidationErrorKind::MaxItems { .. }
            | ValidationErrorKind::MinProperties { .. }
            | ValidationErrorKind::MaxProperties { .. }
    );
    !counts && open.iter().any(|it| it.starts_with(path))
}

fn report(
    problem: &jsonschema::ValidationError<'_>,
    path: &[Step],
    written: Option<&Written>,
    schema: &Schema,
    plugin: &str,
    at: Span,
    out: &mut Diagnostics,
) {
    let place = written.and_then(|written| locate(written, path));
    let span = place.map_or(at, |it| it.span);
    let of = match path {
        [] => String::new(),
        path => format!(" in `{}`", path.join(".")),
    };
    match problem.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let field =
                path.iter()
                    .fold(schema.root(), |field, step| match step.parse::<usize>() {
                        Ok(_) => field.items(),
                        Err(_) => field.property(step),
                    });
            let known: Vec<&str> = field.properties().collect();
            for name in unexpected {
                let message = format!("{plugin} has no input `{name}`{of}");
                let span = place.and_then(|it| key_span(it, name)).unwrap_or(span);
                let diagnostic = Diagnostic::error(code::UNKNOWN_INPUT, span, message);
                out.push(match suggest(name, known.iter().copied()) {
                    Some(near) => diagnostic.hint(format!("did you mean `{near}`?")),
                    None => diagnostic.hint(format!("known inputs: {}", known.join(", "))),
                });
            }
        }
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            let message = format!("{plugin} needs the input `{name}`{of}");
            out.push(Diagnostic::error(code::INVALID_WITH, span, message));
        }
        _ => {
            let words = problem.masked_with("the value").to_string();
            let message = match path {
                [] => format!("the inputs do not fit {plugin}: {words}"),
                path => format!("the input `{}` does not fit: {words}", path.join(".")),
            };
            out.push(Diagnostic::error(code::INVALID_WITH, span, message));
        }
    }
}

fn locate<'w>(written: &'w Written, path: &[Step]) -> Option<&'w Written> {
    let mut at = written;
    for step in path {
        at = match &at.content {
            WrittenContent::List(items) => items.get(step.parse::<usize>().ok()?)?,
            WrittenContent::Map(entries) => entries
                .iter()
                .find(|(key, _)| key.value == *step)
                .map(|(_, value)| value)?,
            _ => return Some(at),
        };
    }
    Some(at)
}

fn key_span(written: &Written, name: &str) -> Option<Span> {
    let WrittenContent::Map(entries) = &written.content else {
        return None;
    };
    let key = |(key, _): &&(Spanned<String>, Written)| key.value == name;
    entries.iter().find(key).map(|(key, _)| key.span)
}

/// The template of a value that no schema describes.
pub(super) fn untyped(
    written: &Written,
    (scope, types): (&Scope, &Types),
    out: &mut Diagnostics,
) -> Template {
    let mut building = Building {
        scope,
        types,
        out,
        path: Vec::new(),
        open: Vec::new(),
        secrets: BTreeSet::new(),
    };
    building.build(written, Field::any())
}
