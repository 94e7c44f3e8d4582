//! Input: what the invoker may say, as it is declared.

use serde_json::Value;

use super::Spanned;
use super::code;
use super::declare::named;
use super::fields::Fields;
use super::model::{InputKind, InputSpec};
use super::node::Node;
use super::reading::{Reading, plain_value};

/// `inputs`.
pub(super) fn inputs(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<InputSpec> {
    named("an input", node, reading)
        .into_iter()
        .filter_map(|(name, node)| input(name, node, reading))
        .collect()
}

fn input(name: Spanned<String>, node: &Node<'_>, reading: &mut Reading<'_>) -> Option<InputSpec> {
    let mut fields = Fields::open("an input", node, reading)?;
    let words = [
        ("string", InputKind::String(None)),
        ("number", InputKind::Number),
        ("boolean", InputKind::Boolean),
        ("enum", InputKind::Enum(Vec::new())),
    ];
    let indexes = [0, 1, 2, 3].map(|index: usize| (words[index].0, index));
    let mut kind = match fields.get("type") {
        Some(node) => {
            let word = reading.word("a type of inputs", &indexes, node);
            word.map(|word| words[word.value].1.clone())
        }
        None => Some(InputKind::String(None)),
    };
    let options = fields.get("options");
    match (&mut kind, options) {
        (Some(InputKind::Enum(options)), Some(node)) => {
            let texts = reading.texts("text", node).into_iter();
            options.extend(texts.map(|text| text.value));
        }
        (Some(InputKind::Enum(_)), None) => {
            let message = "an input of type `enum` needs the key `options`";
            reading.error(code::MISSING_KEY, fields.span, message);
        }
        (Some(_), Some(node)) => {
            let message = "only an input of type `enum` has `options`";
            reading.error(code::UNKNOWN_KEY, node.span, message);
        }
        (_, _) => {}
    }
    match (&mut kind, fields.get("pattern")) {
        (Some(InputKind::String(pattern)), Some(node)) => {
            *pattern = regular_expression(node, reading);
        }
        (Some(_), Some(node)) => {
            let message = "only an input of type `string` has a `pattern`";
            reading.error(code::UNKNOWN_KEY, node.span, message);
        }
        (_, _) => {}
    }
    let description = fields.get("description");
    let description = description.and_then(|node| reading.text("a text", node));
    let required = fields.get("required");
    let required = required.and_then(|node| reading.boolean(node));
    let default = fields.get("default");
    let default = default.and_then(|node| default_value(kind.as_ref()?, node, reading));
    fields.close(reading);
    Some(InputSpec {
        name,
        kind: kind?,
        default,
        description: description.map(|text| text.value),
        required: required.unwrap_or(false),
    })
}

fn regular_expression(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<String> {
    let text = reading.text("a regular expression", node)?;
    match compile(&text.value) {
        Ok(_) => Some(text.value),
        Err(error) => {
            let error = error.to_string();
            let reason = error.lines().last().unwrap_or("").trim();
            let message = format!("this is not a regular expression: {reason}");
            reading.error(code::INVALID_PATTERN, text.span, message);
            None
        }
    }
}

/// Compiles the pattern of an input, bounded in memory.
pub(crate) fn compile(pattern: &str) -> Result<regex::Regex, regex::Error> {
    regex::RegexBuilder::new(pattern)
        .size_limit(crate::model::limits::REGULAR_EXPRESSION_BYTES)
        .build()
}

fn default_value(
    kind: &InputKind,
    node: &Node<'_>,
    reading: &mut Reading<'_>,
) -> Option<Spanned<Value>> {
    let value = match kind {
        InputKind::String(_) | InputKind::Enum(_) => {
            Value::String(reading.text("a text", node)?.value)
        }
        InputKind::Number => match plain_value(node) {
            Some(value @ Value::Number(_)) => value,
            _ => return reading.expected("a number", node),
        },
        InputKind::Boolean => Value::Bool(reading.boolean(node)?),
    };
    if let Err(reason) = kind.accepts(&value) {
        let message = format!("the default {reason}");
        reading.error(code::INVALID_DEFAULT, node.span, message);
        return None;
    }
    Some(Spanned::new(value, node.span))
}

impl InputKind {
    /// Whether a value of the right type is one of these; the error continues
    /// the sentence "the value …".
    pub(crate) fn accepts(&self, value: &Value) -> Result<(), String> {
        match (self, value) {
            (Self::String(Some(pattern)), Value::String(text)) => {
                let fits = compile(pattern).is_ok_and(|pattern| pattern.is_match(text));
                let error = || format!("does not match the pattern `{pattern}`");
                fits.then_some(()).ok_or_else(error)
            }
            (Self::Enum(options), Value::String(text)) => {
                let error = || format!("is not one of `{}`", options.join("`, `"));
                options.contains(text).then_some(()).ok_or_else(error)
            }
            (Self::String(None), Value::String(_))
            | (Self::Number, Value::Number(_))
            | (Self::Boolean, Value::Bool(_)) => Ok(()),
            (Self::String(_) | Self::Enum(_), _) => Err("is not a text".to_owned()),
            (Self::Number, _) => Err("is not a number".to_owned()),
            (Self::Boolean, _) => Err("is neither `true` nor `false`".to_owned()),
        }
    }
}
