//! Evaluate: the value of a node.
//!
//! Values of the scope are borrowed; what is made or copied is paid for from the
//! budget first.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::{Map, Value};

use super::budget::{Budget, size};
use super::compare::{equals, order, type_name};
use super::explain::show;
use super::node::{Comparison, Kind, Node};
use super::operator::{compute, negate};
use super::{Context, EvaluationError, Scope, access, function};

/// A value and where it comes from: the scope, or this evaluation.
pub(super) type Held<'s> = Cow<'s, Value>;
pub(super) type Evaluated<T> = Result<T, EvaluationError>;

/// One evaluation of one expression.
pub(super) struct Evaluation<'s> {
    source: &'s str,
    pub(super) scope: &'s Scope,
    pub(super) budget: Budget,
    pub(super) variables: Vec<(&'s str, Held<'s>)>,
    /// The names that were looked up and their values, in order; see `explain`.
    pub(super) seen: Vec<(&'s str, String)>,
    /// How many names to remember.
    pub(super) remember: usize,
}

impl<'s> Evaluation<'s> {
    pub(super) fn new(source: &'s str, scope: &'s Scope, remember: usize) -> Self {
        Self {
            source,
            scope,
            budget: Budget::new(),
            variables: Vec::new(),
            seen: Vec::new(),
            remember,
        }
    }

    /// The value of a node.
    pub(super) fn value(&mut self, node: &'s Node) -> Evaluated<Held<'s>> {
        let step = self.budget.spend(1);
        self.at(node, step)?;
        match &node.kind {
            Kind::Literal(value) => Ok(Cow::Borrowed(value)),
            Kind::Secret(name) => Ok(Cow::Owned(secret(name))),
            Kind::Context(_) | Kind::Field(..) | Kind::Index(..) => self.name(node),
            Kind::Variable(name) => self.variable(node, name),
            Kind::Has(of, field) => self.has(of, field).map(owned),
            Kind::Not(of) => Ok(owned(!self.boolean(of, "`!`")?)),
            Kind::Negate(of) => {
                let value = self.value(of)?;
                self.at(node, negate(&value)).map(Cow::Owned)
            }
            Kind::Arithmetic(operator, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                let result = compute(*operator, &a, &b, &mut self.budget);
                self.at(node, result).map(Cow::Owned)
            }
            Kind::Comparison(operator, a, b) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                let result = compare(*operator, &a, &b, &mut self.budget);
                self.at(node, result).map(owned)
            }
            Kind::And(a, b) => Ok(owned(self.boolean(a, "`&&`")? && self.boolean(b, "`&&`")?)),
            Kind::Or(a, b) => Ok(owned(self.boolean(a, "`||`")? || self.boolean(b, "`||`")?)),
            Kind::Conditional(three) => {
                let [condition, then, otherwise] = three.as_ref();
                if self.boolean(condition, "`? :`")? {
                    self.value(then)
                } else {
                    self.value(otherwise)
                }
            }
            Kind::List(nodes) => self.list(node, nodes),
            Kind::Map(entries) => self.map(node, entries),
            Kind::Call(function, arguments) => self.call(node, *function, arguments),
            Kind::Each(each, list, name, body) => self.each(node, *each, list, name, body),
        }
    }

    /// Adds the node's place to what went wrong.
    pub(super) fn at<T>(&self, node: &Node, result: Result<T, String>) -> Evaluated<T> {
        result.map_err(|message| self.error(node.span.clone(), message))
    }

    pub(super) fn error(&self, span: Range<usize>, message: impl Into<String>) -> EvaluationError {
        EvaluationError {
            message: message.into(),
            expression: self.source.to_owned(),
            span,
        }
    }

    pub(super) fn shown(&self, node: &Node) -> &'s str {
        &self.source[node.span.clone()]
    }

    pub(super) fn boolean(&mut self, node: &'s Node, operator: &str) -> Evaluated<bool> {
        let value = self.value(node)?;
        match value.as_ref() {
            Value::Bool(value) => Ok(*value),
            other => {
                let message = format!(
                    "{operator} takes booleans, but `{}` is {}",
                    self.shown(node),
                    type_name(other)
                );
                Err(self.error(node.span.clone(), message))
            }
        }
    }

    /// The value of a context, a field or an element.
    fn name(&mut self, node: &'s Node) -> Evaluated<Held<'s>> {
        let value = self.looked_up(node)?;
        if self.seen.len() < self.remember && node.path().is_some() {
            let shown = self.shown(node);
            if self.seen.iter().all(|(name, _)| *name != shown) {
                self.seen.push((shown, show(&value)));
            }
        }
        Ok(value)
    }

    fn looked_up(&mut self, node: &'s Node) -> Evaluated<Held<'s>> {
        let step = self.budget.spend(1);
        self.at(node, step)?;
        match &node.kind {
            Kind::Context(context) => self.context(node, *context).map(Cow::Borrowed),
            Kind::Field(of, name) => {
                let value = self.looked_up(of)?;
                let shown = self.shown(of);
                self.part(node, value, |of| access::field(of, name, shown))
            }
            Kind::Index(of, index) => {
                let value = self.looked_up(of)?;
                let index = self.value(index)?;
                let steps = self.budget.spend_bytes(index.as_str().map_or(0, str::len));
                self.at(node, steps)?;
                let shown = self.shown(of);
                self.part(node, value, |of| access::index(of, &index, shown))
            }
            _ => self.value(node),
        }
    }

    fn context(&self, node: &Node, context: Context) -> Evaluated<&'s Value> {
        self.scope
            .contexts
            .get(context.as_str())
            .ok_or_else(|| self.error(node.span.clone(), format!("`{context}` is not known here")))
    }

    /// A part of a value: borrowed from the scope, or copied out of a value that
    /// this evaluation made.
    fn part(
        &mut self,
        node: &Node,
        of: Held<'s>,
        get: impl Fn(&Value) -> Result<&Value, String>,
    ) -> Evaluated<Held<'s>> {
        match of {
            Cow::Borrowed(of) => self.at(node, get(of)).map(Cow::Borrowed),
            Cow::Owned(of) => {
                let part = self.at(node, get(&of))?;
                let copy = self.budget.copy(part);
                self.at(node, copy)?;
                Ok(Cow::Owned(part.clone()))
            }
        }
    }

    fn variable(&mut self, node: &Node, name: &str) -> Evaluated<Held<'s>> {
        let (_, value) = self
            .variables
            .iter()
            .rev()
            .find(|(variable, _)| *variable == name)
            .expect("reading gave a meaning to every name");
        match value {
            Cow::Borrowed(value) => Ok(Cow::Borrowed(value)),
            Cow::Owned(value) => {
                let copy = self.budget.copy(value);
                let value = copy.map(|()| Cow::Owned(value.clone()));
                self.at(node, value)
            }
        }
    }

    /// Whether a map has the field; everything before the field must exist.
    fn has(&mut self, of: &'s Node, field: &str) -> Evaluated<bool> {
        let value = self.value(of)?;
        match value.as_ref() {
            Value::Object(map) => Ok(map.contains_key(field)),
            other => {
                let shown = self.shown(of);
                let message = format!("`{shown}` is {}, which has no fields", type_name(other));
                Err(self.error(of.span.clone(), message))
            }
        }
    }

    fn list(&mut self, node: &'s Node, nodes: &'s [Node]) -> Evaluated<Held<'s>> {
        let mut list = Vec::with_capacity(nodes.len());
        for element in nodes {
            let value = self.owned_value(element)?;
            list.push(value);
        }
        let room = self.budget.produce(size(&Value::Null));
        self.at(node, room)?;
        Ok(Cow::Owned(Value::Array(list)))
    }

    fn map(&mut self, node: &'s Node, entries: &'s [(Node, Node)]) -> Evaluated<Held<'s>> {
        let mut map = Map::new();
        for (key_node, value_node) in entries {
            let key = match self.owned_value(key_node)? {
                Value::String(key) => key,
                other => {
                    let message =
                        format!("the key of a map is a string, not {}", type_name(&other));
                    return Err(self.error(key_node.span.clone(), message));
                }
            };
            let value = self.owned_value(value_node)?;
            if map.contains_key(&key) {
                let message = format!("the map has two values for `{key}`");
                return Err(self.error(key_node.span.clone(), message));
            }
            map.insert(key, value);
        }
        let room = self.budget.produce(size(&Value::Null));
        self.at(node, room)?;
        Ok(Cow::Owned(Value::Object(map)))
    }

    /// A value to keep, copied if it is of the scope.
    pub(super) fn owned_value(&mut self, node: &'s Node) -> Evaluated<Value> {
        let value = self.value(node)?;
        if let Cow::Borrowed(value) = value {
            let copy = self.budget.copy(value);
            self.at(node, copy)?;
        }
        Ok(value.into_owned())
    }
}

pub(super) fn owned<'s>(value: impl Into<Value>) -> Held<'s> {
    Cow::Owned(value.into())
}

/// What a plugin gets for a secret.
fn secret(name: &str) -> Value {
    serde_json::json!({ "secret": name })
}

fn compare(
    operator: Comparison,
    a: &Value,
    b: &Value,
    budget: &mut Budget,
) -> Result<bool, String> {
    match operator {
        Comparison::Equal => equals(a, b, budget),
        Comparison::NotEqual => equals(a, b, budget).map(|equal| !equal),
        Comparison::Less => order(a, b, budget).map(std::cmp::Ordering::is_lt),
        Comparison::LessOrEqual => order(a, b, budget).map(std::cmp::Ordering::is_le),
        Comparison::Greater => order(a, b, budget).map(std::cmp::Ordering::is_gt),
        Comparison::GreaterOrEqual => order(a, b, budget).map(std::cmp::Ordering::is_ge),
        Comparison::In => match (a, b) {
            (_, Value::Array(list)) => function::has_element(list, a, budget),
            (Value::String(key), Value::Object(map)) => {
                budget.spend_bytes(key.len())?;
                Ok(map.contains_key(key))
            }
            (_, Value::Object(_)) => Err(format!(
                "the key of a map is a string, not {}",
                type_name(a)
            )),
            _ => Err(format!(
                "`in` looks into a list or a map, not into {}",
                type_name(b)
            )),
        },
    }
}
