//! Template: a value with expressions in it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Context, Reference};

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression(String);

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionError {
    /// What.
    pub message: String,
    /// Where.
    pub span: std::ops::Range<usize>,
    /// What to do.
    pub hint: Option<String>,
}

/// Part of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Part {
    /// Text.
    Text(String),
    /// Expression.
    Expression(Expression),
}

/// A value with expressions in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Template {
    /// A value.
    Literal(Value),
    /// One expression.
    Expression(Expression),
    /// Text with expressions.
    Text(Vec<Part>),
    /// A list.
    List(Vec<Template>),
    /// A map.
    Map(Vec<(String, Template)>),
}

/// The values that expressions may name: one entry a context.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// `inputs`, `env`, `git`, `stages`, …
    pub contexts: Map<String, Value>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvaluationError {
    /// What.
    pub message: String,
}

impl Expression {
    /// Parses.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let root = text.trim().split('.').next().unwrap_or_default();
        if Context::parse(root).is_none() && !root.contains(['(', ' ', '!', '=']) {
            return Err(ExpressionError { message: format!("`{root}` is not known"), span: 0..text.len(), hint: None });
        }
        Ok(Self(text.trim().to_owned()))
    }
    /// Source.
    pub fn source(&self) -> &str {
        &self.0
    }
    /// References.
    pub fn references(&self) -> Vec<Reference> {
        let mut parts = self.0.split('.').map(str::to_owned);
        let root = parts.next().unwrap_or_default();
        Context::parse(&root)
            .map(|context| Reference {
                context,
                path: parts.collect(),
                tested: false,
                span: 0..self.0.len(),
            })
            .into_iter()
            .collect()
    }
    /// Value.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        if let Some(secret) = self.0.strip_prefix("secrets.") {
            return Ok(serde_json::json!({ "secret": secret }));
        }
        let mut parts = self.0.split('.');
        let root = parts.next().unwrap_or_default();
        let mut value = scope
            .contexts
            .get(root)
            .ok_or_else(|| EvaluationError { message: format!("no {root}") })?;
        for part in parts {
            value = value
                .get(part)
                .ok_or_else(|| EvaluationError { message: format!("no {part}") })?;
        }
        Ok(value.clone())
    }
    /// The value of a condition, and how it came about, for people.
    pub fn decide(&self, _scope: &Scope) -> Result<(bool, String), EvaluationError> {
        Ok((true, self.0.clone()))
    }
}

impl Template {
    /// Parses.
    pub fn parse_text(text: &str) -> Result<Self, ExpressionError> {
        let Some((before, rest)) = text.split_once("${{") else {
            return Ok(Self::Literal(Value::String(text.to_owned())));
        };
        let Some((inside, after)) = rest.split_once("}}") else {
            return Err(ExpressionError {
                message: "no end".into(),
                span: before.len()..text.len(),
                hint: None,
            });
        };
        let expression = Expression::parse(inside)?;
        if before.is_empty() && after.is_empty() {
            return Ok(Self::Expression(expression));
        }
        Ok(Self::Text(vec![
            Part::Text(before.to_owned()),
            Part::Expression(expression),
            Part::Text(after.to_owned()),
        ]))
    }
    /// References.
    pub fn references(&self) -> Vec<Reference> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Expression(expression) => expression.references(),
            Self::Text(parts) => parts
                .iter()
                .flat_map(|part| match part {
                    Part::Text(_) => Vec::new(),
                    Part::Expression(expression) => expression.references(),
                })
                .collect(),
            Self::List(items) => items.iter().flat_map(Self::references).collect(),
            Self::Map(items) => items.iter().flat_map(|(_, it)| it.references()).collect(),
        }
    }
    /// Fold.
    pub fn fold(
        &self,
        scope: &Scope,
        is_plan_time: &dyn Fn(&Reference) -> bool,
    ) -> Result<Self, EvaluationError> {
        if self.references().iter().all(is_plan_time) {
            self.resolve(scope).map(Self::Literal)
        } else {
            Ok(self.clone())
        }
    }
    /// The value, with every expression evaluated.
    pub fn resolve(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => expression.evaluate(scope)?,
            Self::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Text(part) => text.push_str(part),
                        Part::Expression(expression) => match expression.evaluate(scope)? {
                            Value::String(part) => text.push_str(&part),
                            other => text.push_str(&other.to_string()),
                        },
                    }
                }
                Value::String(text)
            }
            Self::List(items) => Value::Array(
                items
                    .iter()
                    .map(|item| item.resolve(scope))
                    .collect::<Result<_, _>>()?,
            ),
            Self::Map(items) => Value::Object(
                items
                    .iter()
                    .map(|(key, item)| Ok((key.clone(), item.resolve(scope)?)))
                    .collect::<Result<_, EvaluationError>>()?,
            ),
        })
    }
}
