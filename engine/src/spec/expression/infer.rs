//! Infer: the type of an expression, and what in it can never have a value.
//!
//! What evaluation refuses whatever the values are is refused here, in the same
//! words. A type that is not known fits everything, so that nothing is refused
//! that could work.

mod call;
mod name;
mod operator;

use std::ops::Range;

use serde_json::Value;

use super::node::{Each, Kind, Node};
use super::types::{Fields, Type, TypeKind, Types};
use super::{Expression, Template};

/// Something in an expression that can never have a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeError {
    /// What is wrong: a lower-case fragment without a period.
    pub message: String,
    /// Where: bytes of the expression's source.
    pub span: Range<usize>,
    /// What to write instead.
    pub hint: Option<String>,
    /// Whether a name is wrong, and not a type.
    pub is_name: bool,
}

impl Expression {
    /// Its type, and all that is wrong with it.
    pub fn infer(&self, types: &Types) -> (Type, Vec<TypeError>) {
        let mut inference = Inference {
            source: self.source(),
            types,
            variables: Vec::new(),
            errors: Vec::new(),
        };
        let ty = inference.node(self.node());
        (ty, inference.errors)
    }
}

impl Template {
    /// The type of its value; what is wrong within is not said again.
    pub fn infer(&self, types: &Types) -> Type {
        match self {
            Self::Literal(value) => literal(value),
            Self::Expression(expression) => expression.infer(types).0,
            Self::Text(_) => Type::of(TypeKind::String),
            Self::List(items) => Type::list(either(items.iter().map(|it| it.infer(types)))),
            Self::Map(entries) => {
                let known = entries.iter();
                Type::map(Fields {
                    known: known
                        .map(|(key, it)| (key.clone(), it.infer(types)))
                        .collect(),
                    other: None,
                })
            }
        }
    }
}

/// The type of a value.
fn literal(value: &Value) -> Type {
    match value {
        Value::Null => Type::of(TypeKind::Null),
        Value::Bool(_) => Type::of(TypeKind::Boolean),
        Value::Number(number) if number.is_f64() => Type::of(TypeKind::Float),
        Value::Number(_) => Type::of(TypeKind::Integer),
        Value::String(text) => Type::one_of([text]),
        Value::Array(items) => Type::list(either(items.iter().map(literal))),
        Value::Object(map) => {
            let known = map.iter();
            Type::map(Fields {
                known: known.map(|(key, it)| (key.clone(), literal(it))).collect(),
                other: None,
            })
        }
    }
}

/// The type of elements; of a list without any it is unknown.
fn either(types: impl Iterator<Item = Type>) -> Type {
    types
        .reduce(|all, one| all.or(&one))
        .unwrap_or_else(Type::unknown)
}

/// One look at one expression.
struct Inference<'a> {
    source: &'a str,
    types: &'a Types,
    variables: Vec<(&'a str, Type)>,
    errors: Vec<TypeError>,
}

impl<'a> Inference<'a> {
    fn node(&mut self, node: &'a Node) -> Type {
        let boolean = Type::of(TypeKind::Boolean);
        match &node.kind {
            Kind::Literal(value) => literal(value),
            Kind::Secret(_) => Type::of(TypeKind::Secret),
            Kind::Context(context) => self.types.of(*context),
            Kind::Variable(name) => self.variable(name),
            Kind::Field(of, name) => self.field(node, of, name),
            Kind::Index(of, at) => self.index(node, of, at),
            Kind::Has(of, _) => {
                let ty = self.node(of);
                if !ty.may_be(TypeKind::Map) {
                    let shown = self.shown(of);
                    self.error(of, format!("`{shown}` is {ty}, which has no fields"));
                }
                boolean
            }
            Kind::Not(of) => {
                self.boolean(of, "`!`");
                boolean
            }
            Kind::Negate(of) => self.negate(of),
            Kind::Arithmetic(operator, a, b) => self.arithmetic(node, *operator, a, b),
            Kind::Comparison(operator, a, b) => {
                self.comparison(node, *operator, a, b);
                boolean
            }
            Kind::And(a, b) => {
                self.boolean(a, "`&&`");
                self.boolean(b, "`&&`");
                boolean
            }
            Kind::Or(a, b) => {
                self.boolean(a, "`||`");
                self.boolean(b, "`||`");
                boolean
            }
            Kind::Conditional(three) => {
                let [condition, then, otherwise] = three.as_ref();
                self.boolean(condition, "`? :`");
                let then = self.node(then);
                then.or(&self.node(otherwise))
            }
            Kind::List(nodes) => {
                let elements: Vec<Type> = nodes.iter().map(|it| self.node(it)).collect();
                Type::list(either(elements.into_iter()))
            }
            Kind::Map(entries) => self.map(entries),
            Kind::Call(function, arguments) => self.call(node, *function, arguments),
            Kind::Each(each, list, name, body) => self.each(*each, list, name, body),
        }
    }

    fn shown(&self, node: &Node) -> &'a str {
        &self.source[node.span.clone()]
    }

    fn error(&mut self, node: &Node, message: impl Into<String>) -> &mut TypeError {
        self.errors.push(TypeError {
            message: message.into(),
            span: node.span.clone(),
            hint: None,
            is_name: false,
        });
        let last = self.errors.len() - 1;
        &mut self.errors[last]
    }

    fn variable(&self, name: &str) -> Type {
        let found = self
            .variables
            .iter()
            .rev()
            .find(|(known, _)| *known == name);
        found.map_or_else(Type::unknown, |(_, ty)| ty.clone())
    }

    fn boolean(&mut self, node: &'a Node, operator: &str) {
        let ty = self.node(node);
        if !ty.may_be(TypeKind::Boolean) {
            let shown = self.shown(node);
            let message = format!("{operator} takes booleans, but `{shown}` is {ty}");
            self.error(node, message).hint = ty.truth(shown);
        }
    }

    fn map(&mut self, entries: &'a [(Node, Node)]) -> Type {
        let mut fields = Fields::default();
        for (key_node, value_node) in entries {
            let key = self.node(key_node);
            if !key.may_be(TypeKind::String) {
                let message = format!("the key of a map is a string, not {key}");
                self.error(key_node, message);
            }
            let value = self.node(value_node);
            match &key_node.kind {
                Kind::Literal(Value::String(name)) => {
                    fields.known.insert(name.clone(), value);
                }
                _ => fields.other = Some(Type::unknown()),
            }
        }
        Type::map(fields)
    }

    fn each(&mut self, each: Each, list: &'a Node, name: &'a str, body: &'a Node) -> Type {
        let ty = self.node(list);
        let element = match (ty.may_be(TypeKind::List), ty.may_be(TypeKind::Map)) {
            (true, false) => ty.element(),
            (false, true) => Type::of(TypeKind::String),
            (true, true) => Type::unknown(),
            (false, false) => {
                let (each, shown) = (each.as_str(), self.shown(list));
                let message = format!("`{each}` takes a list or a map, but `{shown}` is {ty}");
                self.error(list, message);
                Type::unknown()
            }
        };
        self.variables.push((name, element.clone()));
        let made = match each {
            Each::Map => Type::list(self.node(body)),
            Each::Exists | Each::All | Each::Filter => {
                self.boolean(body, &format!("`{}`", each.as_str()));
                match each {
                    Each::Filter => Type::list(element),
                    _ => Type::of(TypeKind::Boolean),
                }
            }
        };
        self.variables.pop();
        made
    }
}
