//! Function: the functions of expressions, and those that only compute.

use std::fmt;

use serde_json::Value;

use super::budget::Budget;
use super::compare::{equals, type_name};
use crate::model::limits;

/// A function of expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// Whether a text holds a text, or a list an element.
    Contains,
    /// Whether a text begins with a text.
    StartsWith,
    /// Whether a text ends with a text.
    EndsWith,
    /// A text with `{0}`, `{1}` … replaced.
    Format,
    /// The elements of a list as one text.
    Join,
    /// A value as JSON.
    ToJson,
    /// JSON as a value.
    FromJson,
    /// A digest of files of the workspace; known in the run alone.
    HashFiles,
    /// In `finally`: whether the run went well so far.
    Success,
    /// In `finally`: whether something failed.
    Failure,
    /// In `finally`: true.
    Always,
    /// In `finally`: whether the run was cancelled.
    Cancelled,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 12] = [
        Self::Contains,
        Self::StartsWith,
        Self::EndsWith,
        Self::Format,
        Self::Join,
        Self::ToJson,
        Self::FromJson,
        Self::HashFiles,
        Self::Success,
        Self::Failure,
        Self::Always,
        Self::Cancelled,
    ];

    /// The word in expressions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::StartsWith => "startsWith",
            Self::EndsWith => "endsWith",
            Self::Format => "format",
            Self::Join => "join",
            Self::ToJson => "toJSON",
            Self::FromJson => "fromJSON",
            Self::HashFiles => "hashFiles",
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Always => "always",
            Self::Cancelled => "cancelled",
        }
    }

    /// The function with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|function| function.as_str() == word)
    }

    /// Least and most arguments, the target of a method counted.
    pub fn arity(self) -> (usize, usize) {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith => (2, 2),
            Self::Format | Self::HashFiles => (1, usize::MAX),
            Self::Join => (1, 2),
            Self::ToJson | Self::FromJson => (1, 1),
            Self::Success | Self::Failure | Self::Always | Self::Cancelled => (0, 0),
        }
    }

    /// Whether it exists in `finally` alone.
    pub fn is_status(self) -> bool {
        matches!(
            self,
            Self::Success | Self::Failure | Self::Always | Self::Cancelled
        )
    }

    /// Whether its value is known in the run alone.
    pub fn is_run_time(self) -> bool {
        self.is_status() || self == Self::HashFiles
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// `contains`, of a text or of a list.
pub(super) fn contains(place: &Value, wanted: &Value, budget: &mut Budget) -> Result<bool, String> {
    match (place, wanted) {
        (Value::String(place), Value::String(wanted)) => {
            budget.spend_bytes(place.len())?;
            Ok(place.contains(wanted.as_str()))
        }
        (Value::Array(list), _) => has_element(list, wanted, budget),
        _ => Err(format!(
            "`contains` takes two strings, or a list and an element, not {} and {}",
            type_name(place),
            type_name(wanted)
        )),
    }
}

/// Whether an element of the list equals a value.
pub(super) fn has_element(
    list: &[Value],
    wanted: &Value,
    budget: &mut Budget,
) -> Result<bool, String> {
    for element in list {
        if equals(element, wanted, budget)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Two texts of a function that takes two.
pub(super) fn two_texts<'v>(
    function: Function,
    first: &'v Value,
    second: &'v Value,
    budget: &mut Budget,
) -> Result<(&'v str, &'v str), String> {
    match (first, second) {
        (Value::String(first), Value::String(second)) => {
            budget.spend_bytes(second.len())?;
            Ok((first, second))
        }
        _ => Err(format!(
            "`{function}` takes two strings, not {} and {}",
            type_name(first),
            type_name(second)
        )),
    }
}

/// `format('{0} of {1}', a, b)`; `{{` and `}}` are the braces themselves.
pub(super) fn format(
    pattern: &Value,
    arguments: &[&Value],
    budget: &mut Budget,
) -> Result<Value, String> {
    let Value::String(pattern) = pattern else {
        return Err(format!(
            "`format` begins with a string, not {}",
            type_name(pattern)
        ));
    };
    let mut text = String::new();
    let mut rest = pattern.as_str();
    while let Some(index) = rest.find(['{', '}']) {
        text.push_str(&rest[..index]);
        let brace = &rest[index..];
        if let Some(after) = brace.strip_prefix("{{").or(brace.strip_prefix("}}")) {
            text.push_str(&brace[..1]);
            rest = after;
            continue;
        }
        let number = brace
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        let Some((number, after)) = number else {
            return Err("`format` has a brace that stands alone; write `{{` or `}}`".to_owned());
        };
        let argument = number
            .parse()
            .ok()
            .and_then(|number: usize| arguments.get(number))
            .ok_or_else(|| format!("`format` has no argument for `{{{number}}}`"))?;
        let argument = scalar(argument)?;
        budget.produce(argument.len())?;
        text.push_str(&argument);
        rest = after;
    }
    text.push_str(rest);
    budget.produce(text.len())?;
    Ok(Value::String(text))
}

/// `join(list, separator)`.
pub(super) fn join(
    list: &Value,
    separator: Option<&Value>,
    budget: &mut Budget,
) -> Result<Value, String> {
    let separator = match separator {
        None => ",",
        Some(Value::String(text)) => text,
        Some(other) => {
            return Err(format!(
                "the separator of `join` is a string, not {}",
                type_name(other)
            ));
        }
    };
    let Value::Array(list) = list else {
        return Err(format!("`join` takes a list, not {}", type_name(list)));
    };
    let mut text = String::new();
    for (index, element) in list.iter().enumerate() {
        let element = scalar(element)?;
        let separator = if index > 0 { separator } else { "" };
        budget.produce(separator.len() + element.len())?;
        text.push_str(separator);
        text.push_str(&element);
    }
    Ok(Value::String(text))
}

/// `fromJSON(text)`.
pub(super) fn from_json(text: &Value, budget: &mut Budget) -> Result<Value, String> {
    let Value::String(text) = text else {
        return Err(format!(
            "`fromJSON` takes a string, not {}",
            type_name(text)
        ));
    };
    budget.spend_bytes(text.len())?;
    if text.len() > limits::EXPRESSION_VALUE_BYTES {
        let most = limits::EXPRESSION_VALUE_BYTES;
        return Err(format!("`fromJSON` was given more than {most} bytes"));
    }
    let value = serde_json::from_str(text)
        .map_err(|error| format!("`fromJSON` was given no JSON: {error}"))?;
    budget.copy(&value)?;
    Ok(value)
}

/// A scalar as it stands within a text.
pub(super) fn scalar(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(format!(
            "only strings, numbers and booleans can stand within a text, not {}",
            type_name(value)
        )),
    }
}
