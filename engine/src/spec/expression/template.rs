//! Template: a value with expressions in it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression(String);

/// A value with expressions in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template(Value);

/// The values that expressions may name: one entry a context.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// `inputs`, `env`, `git`, `stages`, …
    pub contexts: Map<String, Value>,
}

/// Why an expression has no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(pub String);

impl Expression {
    /// The value of a condition, and how it came about, for people.
    pub fn decide(&self, _scope: &Scope) -> Result<(bool, String), EvaluationError> {
        Ok((true, self.0.clone()))
    }
}

impl Template {
    /// The value, with every expression evaluated.
    pub fn resolve(&self, _scope: &Scope) -> Result<Value, EvaluationError> {
        Ok(self.0.clone())
    }
}

/// What an expression names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The context and the fields below it.
    pub path: Vec<String>,
}

impl Expression {
    /// What it names.
    pub fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}

impl Template {
    /// What it names.
    pub fn references(&self) -> Vec<Reference> {
        Vec::new()
    }
}
