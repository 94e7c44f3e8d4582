//! Template: a value with expressions in it.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::budget::size;
use super::function::scalar;
use super::{EvaluationError, Expression, ExpressionError, Reference, Scope};
use crate::model::{Piece, limits, split_holes};

/// A value with expressions in it.
///
/// Serialised with the case's name around it, so that a literal that looks like
/// an expression stays a literal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// A value without expressions.
    Literal(Value),
    /// One whole expression, whose value keeps its type.
    Expression(Expression),
    /// A text with expressions in it, each a scalar.
    Text(Vec<Part>),
    /// A list of templates.
    List(Vec<Template>),
    /// A map of templates, in order.
    Map(Vec<(String, Template)>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Text as it is.
    Literal(String),
    /// The value of an expression.
    #[serde(deserialize_with = "part")]
    Expression(Expression),
}

/// An expression within a text cannot be a secret.
fn part<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Expression, D::Error> {
    let source = String::deserialize(deserializer)?;
    Expression::parse(&source).map_err(D::Error::custom)
}

impl Template {
    /// Parses one text. Spans of errors are bytes of that text.
    ///
    /// A text that is exactly one `${{ … }}` is that expression and keeps its
    /// type; `$${{` stands for `${{` itself.
    pub fn parse_text(text: &str) -> Result<Self, ExpressionError> {
        let pieces = split_holes(text)
            .map_err(|open| ExpressionError::new(open.to_string(), open.0).with_hint("add `}}`"))?;
        if pieces.len() > limits::TEXT_EXPRESSIONS {
            let most = limits::TEXT_EXPRESSIONS;
            return Err(ExpressionError::new(
                format!("a text holds more than {most} parts"),
                0..text.len(),
            ));
        }
        if let [Piece::Hole(span)] = pieces.as_slice() {
            return Expression::parse_value(&text[span.clone()])
                .map(Self::Expression)
                .map_err(|error| error.shifted(span.start));
        }
        if let [Piece::Text(text)] = pieces.as_slice() {
            return Ok(Self::Literal(Value::String(text.clone())));
        }
        let parts = pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Part::Literal(text)),
            Piece::Hole(span) => Expression::parse(&text[span.clone()])
                .map(Part::Expression)
                .map_err(|error| error.shifted(span.start)),
        });
        parts.collect::<Result<_, _>>().map(Self::Text)
    }

    /// What it names, in order. Spans count within each expression's own source.
    pub fn references(&self) -> Vec<Reference> {
        self.expressions()
            .into_iter()
            .flat_map(Expression::references)
            .collect()
    }

    /// Its expressions, in order.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Literal(_) => Vec::new(),
            Self::Expression(expression) => vec![expression],
            Self::Text(parts) => parts
                .iter()
                .filter_map(|part| match part {
                    Part::Literal(_) => None,
                    Part::Expression(expression) => Some(expression),
                })
                .collect(),
            Self::List(list) => list.iter().flat_map(Self::expressions).collect(),
            Self::Map(map) => map.iter().flat_map(|(_, t)| t.expressions()).collect(),
        }
    }

    /// The value, with every expression evaluated.
    pub fn resolve(&self, scope: &Scope) -> Result<Value, EvaluationError> {
        self.resolve_within(scope, &mut Room(limits::TEMPLATE_BYTES))
    }

    fn resolve_within(&self, scope: &Scope, room: &mut Room) -> Result<Value, EvaluationError> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => {
                let value = expression.evaluate(scope)?;
                room.take(expression, size(&value))?;
                value
            }
            Self::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Literal(literal) => text.push_str(literal),
                        Part::Expression(expression) => {
                            let value = embedded(expression, scope)?;
                            room.take(expression, value.len())?;
                            text.push_str(&value);
                        }
                    }
                }
                Value::String(text)
            }
            Self::List(list) => list
                .iter()
                .map(|template| template.resolve_within(scope, room))
                .collect::<Result<_, _>>()?,
            Self::Map(map) => {
                let mut resolved = Map::new();
                for (key, template) in map {
                    resolved.insert(key.clone(), template.resolve_within(scope, room)?);
                }
                Value::Object(resolved)
            }
        })
    }

    /// The template with every expression evaluated that names only what is
    /// known when the plan is made. The rest stays as it was written.
    ///
    /// Secrets stay, as do `hashFiles` and the functions of `finally`.
    pub fn fold(
        &self,
        scope: &Scope,
        is_plan_time: impl Fn(&Reference) -> bool,
    ) -> Result<Self, EvaluationError> {
        self.fold_within(scope, &is_plan_time, &mut Room(limits::TEMPLATE_BYTES))
    }

    fn fold_within(
        &self,
        scope: &Scope,
        is_plan_time: &dyn Fn(&Reference) -> bool,
        room: &mut Room,
    ) -> Result<Self, EvaluationError> {
        match self {
            Self::Expression(expression) if expression.is_plan_time(is_plan_time) => {
                let value = expression.evaluate(scope)?;
                room.take(expression, size(&value))?;
                Ok(Self::Literal(value))
            }
            Self::Literal(_) | Self::Expression(_) => Ok(self.clone()),
            Self::Text(parts) => {
                let mut folded = Vec::with_capacity(parts.len());
                for part in parts {
                    let part = match part {
                        Part::Expression(e) if e.is_plan_time(is_plan_time) => {
                            let value = embedded(e, scope)?;
                            room.take(e, value.len())?;
                            Part::Literal(value)
                        }
                        part => part.clone(),
                    };
                    push_part(&mut folded, part);
                }
                Ok(text(folded))
            }
            Self::List(list) => list
                .iter()
                .map(|template| template.fold_within(scope, is_plan_time, room))
                .collect::<Result<_, _>>()
                .map(list_of),
            Self::Map(map) => map
                .iter()
                .map(|(key, template)| {
                    let template = template.fold_within(scope, is_plan_time, room)?;
                    Ok((key.clone(), template))
                })
                .collect::<Result<_, _>>()
                .map(map_of),
        }
    }
}

impl From<Value> for Template {
    fn from(value: Value) -> Self {
        Self::Literal(value)
    }
}

/// Bytes that the values of one template may still take.
struct Room(usize);

impl Room {
    fn take(&mut self, expression: &Expression, bytes: usize) -> Result<(), EvaluationError> {
        match self.0.checked_sub(bytes) {
            Some(left) => {
                self.0 = left;
                Ok(())
            }
            None => Err(whole_error(
                expression,
                format!(
                    "the values here take more than {} bytes together",
                    limits::TEMPLATE_BYTES
                ),
            )),
        }
    }
}

/// The value of an expression within a text.
fn embedded(expression: &Expression, scope: &Scope) -> Result<String, EvaluationError> {
    let value = expression.evaluate(scope)?;
    scalar(&value).map_err(|message| whole_error(expression, message))
}

fn whole_error(expression: &Expression, message: String) -> EvaluationError {
    EvaluationError {
        message,
        expression: expression.source().to_owned(),
        span: 0..expression.source().len(),
    }
}

/// Adds a part, joining text with text.
fn push_part(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Literal(text)), Part::Literal(more)) => text.push_str(&more),
        (_, part) => parts.push(part),
    }
}

fn text(parts: Vec<Part>) -> Template {
    match parts.as_slice() {
        [Part::Literal(text)] => Template::Literal(Value::String(text.clone())),
        _ => Template::Text(parts),
    }
}

fn list_of(list: Vec<Template>) -> Template {
    let literals: Option<Vec<Value>> = list.iter().map(literal).collect();
    literals.map_or(Template::List(list), |list| {
        Template::Literal(Value::Array(list))
    })
}

fn map_of(map: Vec<(String, Template)>) -> Template {
    let literals: Option<Map<String, Value>> = map
        .iter()
        .map(|(key, template)| Some((key.clone(), literal(template)?)))
        .collect();
    literals.map_or(Template::Map(map), |map| {
        Template::Literal(Value::Object(map))
    })
}

fn literal(template: &Template) -> Option<Value> {
    match template {
        Template::Literal(value) => Some(value.clone()),
        _ => None,
    }
}
