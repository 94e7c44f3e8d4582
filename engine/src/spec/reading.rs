//! Reading: from a node to a typed value, or to a diagnostic.
//!
//! Every function returns none after it has reported what is wrong, so that the
//! rest of the file is read all the same.

use std::time::Duration;

use serde_json::Value;

use super::Spanned;
use super::code;
use super::diagnostics::Diagnostics;
use super::elsewhere;
use super::expression::{Expression, ExpressionError, Template};
use super::node::{Entry, Kind, Node, Scalar};
use super::scalar::Plain;
use super::unit;
use crate::model::{Diagnostic, Span, suggest};

/// Longest text that is worth showing again in a hint.
const SHOWN: usize = 60;

/// The text that is read, and what is wrong with it.
pub(super) struct Reading<'t> {
    pub(super) text: &'t str,
    pub(super) out: Diagnostics,
}

impl Reading<'_> {
    pub(super) fn error(
        &mut self,
        code: &'static str,
        span: impl Into<Option<Span>>,
        message: impl Into<String>,
    ) {
        self.out.push(Diagnostic::error(code, span, message));
    }

    /// Reports a value of the wrong type.
    pub(super) fn expected<T>(&mut self, what: &str, node: &Node<'_>) -> Option<T> {
        let diagnostic = match node.kind() {
            Kind::Scalar(scalar) => match scalar.read() {
                Plain::Ambiguous(reading) => ambiguous(&scalar.text, reading, node.span, what),
                Plain::Value(_) => wrong_type(what, node),
            },
            _ => wrong_type(what, node),
        };
        self.out.push(diagnostic);
        None
    }

    pub(super) fn entries<'n, 't>(
        &mut self,
        what: &str,
        node: &'n Node<'t>,
    ) -> Option<&'n [Entry<'t>]> {
        match node.kind() {
            Kind::Map(entries) => Some(entries),
            _ => self.expected(what, node),
        }
    }

    /// The entries of one of the language's own mappings.
    pub(super) fn mapping<'n, 't>(
        &mut self,
        what: &str,
        node: &'n Node<'t>,
    ) -> Option<&'n [Entry<'t>]> {
        if let Kind::Map(entries) = node.kind() {
            return Some(entries);
        }
        let message = match node.kind() {
            Kind::Scalar(scalar) if is_nothing(scalar) => format!("{what} is empty"),
            _ => format!("{what} is a mapping, not {}", node.describe()),
        };
        let mut diagnostic = Diagnostic::error(code::WRONG_TYPE, node.span, message);
        let shape = elsewhere::shape(what);
        diagnostic.hint = shape.map(|shape| format!("write a mapping, such as `{shape}`"));
        self.out.push(diagnostic);
        None
    }

    pub(super) fn items<'n, 't>(
        &mut self,
        what: &str,
        node: &'n Node<'t>,
    ) -> Option<&'n [Node<'t>]> {
        match node.kind() {
            Kind::List(items) => Some(items),
            Kind::Scalar(scalar) if !is_nothing(scalar) => {
                let mut diagnostic = wrong_type(what, node);
                if scalar.text.len() <= SHOWN {
                    let item = if scalar.plain && !scalar.text.contains([',', '[', '{']) {
                        scalar.text.to_string()
                    } else {
                        Value::from(scalar.text.as_ref()).to_string()
                    };
                    diagnostic = diagnostic.hint(format!("a list stands in brackets: `[{item}]`"));
                }
                self.out.push(diagnostic);
                None
            }
            _ => self.expected(what, node),
        }
    }

    /// Where a text is wanted, a plain scalar is the text that was typed.
    pub(super) fn text(&mut self, what: &str, node: &Node<'_>) -> Option<Spanned<String>> {
        match node.kind() {
            Kind::Scalar(scalar) if !is_nothing(scalar) => {
                Some(Spanned::new(scalar.text.to_string(), node.span))
            }
            Kind::Scalar(_) => {
                let message = format!("expected {what}, and nothing stands here");
                let diagnostic = Diagnostic::error(code::WRONG_TYPE, node.span, message);
                let hint = "fill it in, or leave the key out; an empty text is `\"\"`";
                self.out.push(diagnostic.hint(hint));
                None
            }
            _ => self.expected(what, node),
        }
    }

    pub(super) fn texts(&mut self, what: &str, node: &Node<'_>) -> Vec<Spanned<String>> {
        let items = self.items(&format!("a list of {what}s"), node);
        let items = items.unwrap_or_default().iter();
        items
            .filter_map(|item| self.text(&format!("a {what}"), item))
            .collect()
    }

    pub(super) fn boolean(&mut self, node: &Node<'_>) -> Option<bool> {
        match plain_value(node) {
            Some(Value::Bool(value)) => Some(value),
            _ => self.expected("`true` or `false`", node),
        }
    }

    pub(super) fn number(&mut self, what: &str, node: &Node<'_>) -> Option<f64> {
        match plain_value(node).and_then(|value| value.as_f64()) {
            Some(number) => Some(number),
            None => self.expected(what, node),
        }
    }

    pub(super) fn integer(
        &mut self,
        what: &str,
        range: std::ops::RangeInclusive<u32>,
        node: &Node<'_>,
    ) -> Option<Spanned<u32>> {
        let Some(Value::Number(number)) = plain_value(node) else {
            return self.expected(what, node);
        };
        let value = number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok());
        if let Some(value) = value.filter(|value| range.contains(value)) {
            Some(Spanned::new(value, node.span))
        } else {
            let message = format!(
                "{what} is a whole number from {} to {}",
                range.start(),
                range.end()
            );
            self.error(code::OUT_OF_RANGE, node.span, message);
            None
        }
    }

    pub(super) fn duration(&mut self, node: &Node<'_>) -> Option<Spanned<Duration>> {
        let text = self.text("a duration such as `90s`", node)?;
        if let Some(duration) = unit::duration(&text.value) {
            return Some(Spanned::new(duration, text.span));
        }
        let message = format!("`{}` is not a duration", text.value);
        let hint = match unit::meant_duration(&text.value) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write whole numbers with a unit: 500ms, 90s, 15m, 24h, 7d".to_owned(),
        };
        self.out
            .push(Diagnostic::error(code::INVALID_UNIT, text.span, message).hint(hint));
        None
    }

    pub(super) fn size(&mut self, node: &Node<'_>) -> Option<u64> {
        let text = self.text("a size such as `512MiB`", node)?;
        let size = unit::size(&text.value);
        if size.is_none() {
            let message = format!("`{}` is not a size", text.value);
            let hint = match unit::meant_size(&text.value) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "write a whole number with a unit: 512MiB, 2GiB".to_owned(),
            };
            self.out
                .push(Diagnostic::error(code::INVALID_UNIT, text.span, message).hint(hint));
        }
        size
    }

    /// One of a closed list of words.
    pub(super) fn word<T: Copy>(
        &mut self,
        what: &str,
        words: &[(&'static str, T)],
        node: &Node<'_>,
    ) -> Option<Spanned<T>> {
        let text = self.text(what, node)?;
        let found = words.iter().find(|(word, _)| *word == text.value);
        if let Some((_, value)) = found {
            return Some(Spanned::new(*value, text.span));
        }
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.unknown_word(what, &text, &known);
        None
    }

    pub(super) fn unknown_word(&mut self, what: &str, text: &Spanned<String>, known: &[&str]) {
        let message = format!("`{}` is not {what}", text.value);
        let list = known.join("`, `");
        let near = elsewhere::word(&text.value, known);
        let near = near.or_else(|| suggest(&text.value, known.iter().copied()));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are `{list}`"),
        };
        self.out
            .push(Diagnostic::error(code::UNKNOWN_WORD, text.span, message).hint(hint));
    }

    /// A text that may hold `${{ … }}`.
    pub(super) fn template(&mut self, what: &str, node: &Node<'_>) -> Option<Spanned<Template>> {
        let text = self.text(what, node)?;
        self.parse_template(&text.value, node.span)
    }

    pub(super) fn parse_template(&mut self, text: &str, span: Span) -> Option<Spanned<Template>> {
        match Template::parse_text(text) {
            Ok(template) => Some(Spanned::new(template, span)),
            Err(error) => self.expression_error(text, &error, span),
        }
    }

    /// A condition: an expression without `${{ }}`, which is allowed around it.
    pub(super) fn condition(&mut self, node: &Node<'_>) -> Option<Spanned<Expression>> {
        let text = self.text("a condition", node)?;
        let trimmed = text.value.trim();
        let inner = trimmed
            .strip_prefix("${{")
            .and_then(|rest| rest.strip_suffix("}}"))
            .filter(|inner| !inner.contains("${{"));
        let source = inner.unwrap_or(&text.value);
        match Expression::parse(source) {
            Ok(expression) => Some(Spanned::new(expression, text.span)),
            Err(mut error) => {
                if inner.is_none() && text.value.contains("${{") {
                    let whole = "a condition is one expression: leave `${{` and `}}` out";
                    error.hint = Some(whole.to_owned());
                }
                self.expression_error(source, &error, text.span)
            }
        }
    }

    fn expression_error<T>(
        &mut self,
        source: &str,
        error: &ExpressionError,
        span: Span,
    ) -> Option<T> {
        let span = narrow(self.text, source, span, &error.span);
        self.out.push(not_an_expression(error, span));
        None
    }
}

/// The diagnostic of a text that is no expression.
pub(super) fn not_an_expression(error: &ExpressionError, span: Span) -> Diagnostic {
    // A secret that is computed with is refused by the grammar itself.
    let secret = error.message.starts_with("a secret ");
    let code = if secret {
        code::SECRET_IN_TEXT
    } else {
        code::EXPRESSION
    };
    let mut diagnostic = Diagnostic::error(code, span, &error.message);
    diagnostic.hint.clone_from(&error.hint);
    diagnostic
}

/// The place of a part of a scalar, or of the scalar when escapes or folded
/// lines hide where the part stands.
pub(super) fn narrow(text: &str, value: &str, span: Span, part: &std::ops::Range<usize>) -> Span {
    let written = text.get(span.start..span.end).unwrap_or("");
    match written.find(value) {
        Some(offset) if !value.is_empty() && part.end <= value.len() => Span {
            start: span.start + offset + part.start,
            end: span.start + offset + part.end,
        },
        _ => span,
    }
}

/// What a scalar stands for, if it is one and every YAML reads it alike.
pub(super) fn plain_value(node: &Node<'_>) -> Option<Value> {
    match node.kind() {
        Kind::Scalar(scalar) => match scalar.read() {
            Plain::Value(value) => Some(value),
            Plain::Ambiguous(_) => None,
        },
        _ => None,
    }
}

pub(super) fn is_nothing(scalar: &Scalar<'_>) -> bool {
    scalar.plain && scalar.read() == Plain::Value(Value::Null)
}

/// A scalar that YAML versions read differently, where a type is wanted.
pub(crate) fn ambiguous(text: &str, reading: &str, span: Span, what: &str) -> Diagnostic {
    let message = format!("`{text}` is {reading}");
    let hint = match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" => format!("write `true` or `\"{text}\"`"),
        "n" | "no" | "off" => format!("write `false` or `\"{text}\"`"),
        _ => format!("write it in decimal, or `\"{text}\"` for a text"),
    };
    Diagnostic::error(code::AMBIGUOUS, span, message)
        .label(format!("expected {what}"))
        .hint(hint)
}

fn wrong_type(what: &str, node: &Node<'_>) -> Diagnostic {
    // A collection is named by its beginning: its whole text helps nobody.
    let message = format!("expected {what}, found {}", node.describe());
    Diagnostic::error(code::WRONG_TYPE, node.span, message)
}
