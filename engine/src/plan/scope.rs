//! Scope: the values that are known before anything runs.

use serde_json::{Map, Value, json};

use super::Facts;
use crate::model::{Diagnostic, Span};
use crate::spec::expression::{Context, EvaluationError, Expression, Reference, Scope, Template};
use crate::spec::{code, is_plan_time};

/// The contexts that facts fill: `inputs`, `git` and `runner`.
pub fn plan_scope(facts: &Facts) -> Scope {
    let mut contexts = Map::new();
    let inputs = facts.inputs.iter();
    let inputs = inputs.map(|(name, value)| (name.clone(), value.clone()));
    contexts.insert("inputs".to_owned(), Value::Object(inputs.collect()));
    let mut git = Map::new();
    if let Some(facts) = &facts.git {
        if let Some(branch) = &facts.branch {
            git.insert("branch".to_owned(), json!(branch));
            git.insert("branch_slug".to_owned(), json!(slug(branch)));
        }
        git.insert("sha".to_owned(), json!(facts.sha));
        git.insert("short_sha".to_owned(), json!(facts.short_sha));
    }
    if let Some(event) = &facts.event {
        // Of another ref than HEAD, what HEAD says is not known.
        if event.reference.is_some() {
            git.remove("branch");
            git.remove("branch_slug");
        }
        if let Some(branch) = event.branch() {
            git.insert("branch".to_owned(), json!(branch));
            git.insert("branch_slug".to_owned(), json!(slug(branch)));
        }
        if let Some(sha) = &event.sha {
            let short: String = sha.chars().take(8).collect();
            git.insert("sha".to_owned(), json!(sha));
            git.insert("short_sha".to_owned(), json!(short));
        }
    }
    contexts.insert("git".to_owned(), Value::Object(git));
    let runner = json!({ "os": facts.os, "arch": facts.arch });
    contexts.insert("runner".to_owned(), runner);
    Scope { contexts }
}

/// A branch as one label of a name: lowercase letters, digits and `-`, at most 63.
fn slug(branch: &str) -> String {
    let mut slug = String::new();
    for c in branch.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == 63 {
            break;
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// A template with everything evaluated that is known.
pub(super) fn fold(
    template: &Template,
    span: Span,
    scope: &Scope,
) -> Result<Template, Box<Diagnostic>> {
    template
        .fold(scope, is_plan_time)
        .map_err(|error| no_value(&error, &template.references(), span, scope).into())
}

/// The text of a template whose references are all known.
pub(super) fn fold_text(
    template: &Template,
    span: Span,
    scope: &Scope,
) -> Result<String, Box<Diagnostic>> {
    let Template::Literal(value) = fold(template, span, scope)? else {
        let message = "this must be known before the pipeline runs";
        return Err(Diagnostic::error(code::TOO_EARLY, span, message).into());
    };
    text_of(&value).map_err(|kind| {
        let message = format!("expected a text, found {kind}");
        Diagnostic::error(code::EVALUATION, span, message).into()
    })
}

/// The value of an expression inside of a pattern.
pub(super) fn pattern_value(source: &str, scope: &Scope) -> Result<String, String> {
    let expression = Expression::parse(source).map_err(|error| error.message)?;
    if !expression.references().iter().all(is_plan_time) {
        return Err("its value is only known while the pipeline runs".to_owned());
    }
    let value = expression
        .evaluate(scope)
        .map_err(|error| error.to_string())?;
    text_of(&value).map_err(|kind| format!("its value is {kind}, not a text"))
}

/// A scalar as text; the error says what it is instead.
fn text_of(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(value) => Ok(value.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Err("nothing"),
        Value::Array(_) => Err("a list"),
        Value::Object(_) => Err("a mapping"),
    }
}

fn no_value(
    error: &EvaluationError,
    references: &[Reference],
    span: Span,
    scope: &Scope,
) -> Diagnostic {
    let diagnostic = Diagnostic::error(
        code::EVALUATION,
        span,
        format!("this expression has no value: {error}"),
    );
    let absent = references.iter().find(|it| {
        let field = it.path.first();
        let git = scope.contexts.get("git");
        it.context == Context::Git
            && field.is_some_and(|field| git.and_then(|git| git.get(field)).is_none())
    });
    match absent {
        Some(reference) => diagnostic
            .note("`git` is HEAD of the repository that holds the pipeline, or what `--event` says")
            .hint(format!(
                "`git.{}` is not known here: HEAD is detached, there is no repository, or the event is about no branch; say it with `--event`",
                reference.path[0]
            )),
        None => diagnostic,
    }
}

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn a_slug_is_one_label() {
        for (branch, expected) in [
            ("main", "main"),
            ("feature/Login-Page", "feature-login-page"),
            ("release/1.4", "release-1-4"),
            ("-/-", ""),
            ("é", ""),
        ] {
            assert_eq!(slug(branch), expected);
        }
        assert_eq!(slug(&"a".repeat(100)).len(), 63);
    }
}
