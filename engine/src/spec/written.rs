//! Written: a value of any shape, as it was typed, for a plugin to give meaning.

use serde_json::Value;

use super::Spanned;
use super::expression::Template;
use super::node::{Kind, Node};
use super::reading::Reading;
use super::scalar::Plain;
use crate::model::Span;

/// A value of any shape with its place.
#[derive(Debug, Clone)]
pub struct Written {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub content: WrittenContent,
}

/// What a written value is.
#[derive(Debug, Clone)]
pub enum WrittenContent {
    /// A scalar without quotes that is no text by itself: a text where a text is
    /// wanted, else the value.
    Plain {
        /// As it was typed.
        text: String,
        /// What it stands for; the error says what YAML versions see in it.
        value: Result<Value, &'static str>,
    },
    /// A text, perhaps with expressions.
    Text(Template),
    /// A list.
    List(Vec<Written>),
    /// A mapping.
    Map(Vec<(Spanned<String>, Written)>),
}

/// Reads a value of any shape.
pub(super) fn read(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<Written> {
    let content = match node.kind() {
        Kind::Scalar(scalar) => {
            let text = || scalar.text.to_string();
            match scalar.read() {
                Plain::Value(Value::String(text)) => {
                    WrittenContent::Text(reading.parse_template(&text, node.span)?.value)
                }
                Plain::Value(value) => WrittenContent::Plain {
                    text: text(),
                    value: Ok(value),
                },
                Plain::Ambiguous(reading) => WrittenContent::Plain {
                    text: text(),
                    value: Err(reading),
                },
            }
        }
        // The depth is bounded when the tree is built.
        Kind::List(items) => {
            let items = items.iter().filter_map(|item| read(item, reading));
            WrittenContent::List(items.collect())
        }
        Kind::Map(entries) => WrittenContent::Map(
            entries
                .iter()
                .filter_map(|entry| {
                    let key = Spanned::new(entry.key.to_string(), entry.key_span);
                    Some((key, read(&entry.value, reading)?))
                })
                .collect(),
        ),
    };
    Some(Written {
        span: node.span,
        content,
    })
}

impl Written {
    /// Calls a function for each text with its place, in the order of the file.
    pub fn each_text(&self, visit: &mut dyn FnMut(&Template, Span)) {
        match &self.content {
            WrittenContent::Plain { .. } => {}
            WrittenContent::Text(template) => visit(template, self.span),
            WrittenContent::List(items) => {
                for item in items {
                    item.each_text(visit);
                }
            }
            WrittenContent::Map(entries) => {
                for (_, item) in entries {
                    item.each_text(visit);
                }
            }
        }
    }
}
