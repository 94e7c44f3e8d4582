//! Parsed: one parsed expression.

use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::evaluate::Evaluation;
use super::node::{Kind, Node};
use super::read::{misused_secret, parse};
use super::{Context, EvaluationError, ExpressionError, Function, Reference, Scope, explain};

/// One parsed expression. Serialised as its source, and parsed again.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
    node: Node,
}

impl Expression {
    /// Parses an expression that computes something: a condition, or a part of a text.
    ///
    /// Secrets are refused; they are values of a [`Template`](super::Template) alone.
    pub fn parse(source: &str) -> Result<Self, ExpressionError> {
        let expression = Self::parse_value(source)?;
        match expression.secret() {
            None => Ok(expression),
            Some(_) => Err(misused_secret(expression.node.span)),
        }
    }

    /// Parses an expression that is a whole value, and so may be a secret.
    pub(super) fn parse_value(source: &str) -> Result<Self, ExpressionError> {
        // Spaces around it would stand in every message.
        let trimmed = source.trim_matches([' ', '\t', '\r', '\n']);
        let before = source.len() - source.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let node = parse(trimmed).map_err(|error| error.shifted(before))?;
        Ok(Self {
            source: trimmed.to_owned(),
            node,
        })
    }

    /// The source, without spaces around it.
    pub fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// The secret's name, if this is `secrets.name`.
    pub fn secret(&self) -> Option<&str> {
        match &self.node.kind {
            Kind::Secret(name) => Some(name),
            _ => None,
        }
    }

    /// What it names, in the order of the source, with bytes of [`Self::source`].
    pub fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        collect_references(&self.node, &mut found);
        found
    }

    /// The functions that it calls, in the order of the source, with bytes of
    /// [`Self::source`].
    pub fn functions(&self) -> Vec<(Function, Range<usize>)> {
        let mut found = Vec::new();
        collect_functions(&self.node, &mut found);
        found
    }

    /// Its value.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        let mut evaluation = Evaluation::new(&self.source, scope, 0);
        evaluation
            .value(&self.node)
            .map(std::borrow::Cow::into_owned)
    }

    /// The value of a condition, and how it came about: the expression with the
    /// value of each name that was looked up.
    pub fn decide(&self, scope: &Scope) -> Result<(bool, String), EvaluationError> {
        explain::decide(&self.source, &self.node, scope)
    }

    /// Whether it names only what is known when the plan is made.
    pub(super) fn is_plan_time(&self, is_plan_time: &dyn Fn(&Reference) -> bool) -> bool {
        self.secret().is_none()
            && self.references().iter().all(is_plan_time)
            && !self.functions().iter().any(|(f, _)| f.is_run_time())
    }
}

fn collect_references(node: &Node, found: &mut Vec<Reference>) {
    if let Kind::Secret(name) = &node.kind {
        found.push(Reference {
            context: Context::Secrets,
            path: vec![name.clone()],
            tested: false,
            span: node.span.clone(),
        });
        return;
    }
    let (of, last) = match &node.kind {
        Kind::Has(of, field) => (of.as_ref(), Some(field.as_str())),
        _ => (node, None),
    };
    match of.path() {
        Some((context, path)) => found.push(Reference {
            context,
            path: path.into_iter().chain(last).map(str::to_owned).collect(),
            tested: last.is_some(),
            span: node.span.clone(),
        }),
        None => {
            for child in node.children() {
                collect_references(child, found);
            }
        }
    }
}

fn collect_functions(node: &Node, found: &mut Vec<(Function, Range<usize>)>) {
    if let Kind::Call(function, _) = &node.kind {
        found.push((*function, node.span.clone()));
    }
    for child in node.children() {
        collect_functions(child, found);
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Serialize for Expression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::parse_value(&source).map_err(serde::de::Error::custom)
    }
}
