//! Declarations: mappings whose keys are names that a person chose.

use super::Spanned;
use super::code;
use super::elsewhere;
use super::expression::Template;
use super::node::{Kind, Node};
use super::reading::Reading;
use crate::model::{Diagnostic, Span, is_name};

/// The entries of a mapping whose keys are names that expressions address.
///
/// A name that is nearly one is reported and goes on as what was probably
/// meant, so that one mistake is one diagnostic.
pub(super) fn named<'n, 't>(
    what: &str,
    node: &'n Node<'t>,
    reading: &mut Reading<'_>,
) -> Vec<(Spanned<String>, &'n Node<'t>)> {
    let Kind::Map(entries) = node.kind() else {
        let message = format!("expected {what} by name, found {}", node.describe());
        let diagnostic = Diagnostic::error(code::WRONG_TYPE, node.span, message);
        reading.out.push(match elsewhere::shape(what) {
            Some(shape) => diagnostic.hint(format!(
                "write a mapping with the names as keys: `NAME: {shape}`"
            )),
            None => diagnostic,
        });
        return Vec::new();
    };
    let mut named = Vec::new();
    for entry in entries {
        if let Some(name) = name(what, &entry.key, entry.key_span, reading) {
            named.push((name, &entry.value));
        }
    }
    named
}

/// A name that expressions address.
pub(super) fn name(
    what: &str,
    text: &str,
    span: Span,
    reading: &mut Reading<'_>,
) -> Option<Spanned<String>> {
    if is_name(text) {
        return Some(Spanned::new(text.to_owned(), span));
    }
    let meant = nearest_name(text);
    let message = format!("`{text}` cannot be the name of {what}");
    let diagnostic = Diagnostic::error(code::INVALID_NAME, span, message)
        .note("names are lowercase letters, digits and `_`, beginning with a letter, at most 64");
    reading.out.push(match &meant {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic,
    });
    meant.map(|meant| Spanned::new(meant, span))
}

fn nearest_name(text: &str) -> Option<String> {
    let mut meant = String::new();
    let mut before = ' ';
    for c in text.chars().take(65) {
        match c {
            'a'..='z' | '0'..='9' | '_' => meant.push(c),
            // `skipTests` is `skip_tests` here, and `TOKEN` is `token`.
            'A'..='Z' => {
                if before.is_ascii_lowercase() {
                    meant.push('_');
                }
                meant.push(c.to_ascii_lowercase());
            }
            '-' | '.' | ' ' | '/' => meant.push('_'),
            _ => return None,
        }
        before = c;
    }
    is_name(&meant).then_some(meant)
}

/// Names with texts: `env`. The names are the tools', in any spelling that a
/// process can have.
pub(super) fn environment(
    node: &Node<'_>,
    reading: &mut Reading<'_>,
) -> Vec<(Spanned<String>, Spanned<Template>)> {
    let entries = reading.entries("a mapping of variables", node);
    let mut variables = Vec::new();
    for entry in entries.unwrap_or_default() {
        let key = entry.key.as_ref();
        if !is_variable(key) {
            let message = format!("`{key}` cannot be the name of a variable");
            let diagnostic = Diagnostic::error(code::INVALID_NAME, entry.key_span, message);
            let rule = "names of variables are letters, digits and `_`, not beginning with a digit";
            let meant = key.replace(['-', '.', ' '], "_");
            let diagnostic = diagnostic.note(rule);
            reading.out.push(if is_variable(&meant) {
                diagnostic.hint(format!("did you mean `{meant}`?"))
            } else {
                diagnostic
            });
            continue;
        }
        if let Some(value) = reading.template("a text", &entry.value) {
            variables.push((Spanned::new(key.to_owned(), entry.key_span), value));
        }
    }
    variables
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
