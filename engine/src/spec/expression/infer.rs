//! Infer: the type of an expression, and what in it can never have a value.
//!
//! What evaluation refuses whatever the values are is refused here, in the same
//! words. A type that is not known fits everything, so that nothing is refused
//! that could work.

use std::ops::Range;

use serde_json::Value;

use super::node::{Comparison, Each, Kind, Node};
use super::operator::Arithmetic;
use super::types::{Fields, Type, TypeKind, Types};
use super::{Context, Expression, Function, Template};
use crate::model::suggest;
use crate::spec::elsewhere;

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

    fn field(&mut self, node: &'a Node, of: &'a Node, name: &str) -> Type {
        let ty = self.node(of);
        if !ty.may_be(TypeKind::Map) {
            let shown = self.shown(of);
            let cells = ty.element();
            let matrix = cells
                .fields()
                .is_some_and(|it| it.known.contains_key("matrix"));
            if ty.may_be(TypeKind::List) && matrix {
                let message =
                    format!("`{shown}` is a list, one element for each cell of the matrix");
                self.error(node, message).hint =
                    Some(format!("write `{shown}.map(cell, cell.outputs.{name})`"));
            } else {
                self.error(
                    node,
                    format!("`{shown}` is {ty}, which has no field `{name}`"),
                );
            }
            return Type::unknown();
        }
        self.named(node, of, &ty, name)
    }

    /// The type of a map's field.
    fn named(&mut self, node: &Node, of: &Node, map: &Type, name: &str) -> Type {
        let Some(fields) = map.fields() else {
            return Type::unknown();
        };
        if let Some(found) = fields.known.get(name).or(fields.other.as_ref()) {
            return found.clone();
        }
        let known = || fields.known.keys().take(1000).map(String::as_str);
        let outputs = match of.path() {
            Some((Context::Stages, path)) => match path.as_slice() {
                [stage, "outputs"] => Some((*stage).to_owned()),
                _ => None,
            },
            _ => None,
        };
        let (message, all) = match outputs {
            Some(stage) if fields.known.is_empty() => {
                let message = format!("the stage `{stage}` has no output `{name}`");
                (message, "its plugin has no outputs".to_owned())
            }
            Some(stage) => {
                let names: Vec<&str> = known().take(20).collect();
                let message = format!("the stage `{stage}` has no output `{name}`");
                (message, format!("its outputs are: {}", names.join(", ")))
            }
            None => {
                let names: Vec<&str> = known().take(20).collect();
                let message = format!("`{}` has no `{name}`", self.shown(of));
                (message, format!("it has: {}", names.join(", ")))
            }
        };
        let hint = match suggest(name, known()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => all,
        };
        let error = self.error(node, message);
        error.hint = Some(hint);
        error.is_name = true;
        Type::unknown()
    }

    fn index(&mut self, node: &'a Node, of: &'a Node, at: &'a Node) -> Type {
        let (ty, index) = (self.node(of), self.node(at));
        let (list, map) = (ty.may_be(TypeKind::List), ty.may_be(TypeKind::Map));
        let (place, key) = (
            index.may_be(TypeKind::Integer),
            index.may_be(TypeKind::String),
        );
        match (list && place, map && key) {
            (true, false) => ty.element(),
            (false, true) => match &at.kind {
                Kind::Literal(Value::String(name)) => self.named(node, of, &ty, name),
                _ => Type::unknown(),
            },
            (true, true) => Type::unknown(),
            (false, false) => {
                let shown = self.shown(of);
                let message = match (list, map) {
                    (true, false) => format!("the place in a list is an integer, not {index}"),
                    (false, true) => format!("the key of a map is a string, not {index}"),
                    _ => format!("`{shown}` is {ty}, which has no elements"),
                };
                self.error(node, message);
                Type::unknown()
            }
        }
    }

    fn negate(&mut self, of: &'a Node) -> Type {
        let ty = self.node(of);
        if ty.may_be_number() {
            return numeric(&ty);
        }
        self.error(of, format!("`-` takes a number, not {ty}"));
        Type::number()
    }

    fn arithmetic(
        &mut self,
        node: &'a Node,
        operator: Arithmetic,
        a: &'a Node,
        b: &'a Node,
    ) -> Type {
        let (x, y) = (self.node(a), self.node(b));
        let both = |kind| x.may_be(kind) && y.may_be(kind);
        let adds = operator == Arithmetic::Add;
        let mut results = Vec::new();
        if both(TypeKind::Integer) {
            results.push(Type::of(TypeKind::Integer));
        }
        if both(TypeKind::Float) && operator != Arithmetic::Remainder {
            results.push(Type::of(TypeKind::Float));
        }
        if adds && both(TypeKind::String) {
            results.push(Type::of(TypeKind::String));
        }
        if adds && both(TypeKind::List) {
            results.push(Type::list(x.element().or(&y.element())));
        }
        if !results.is_empty() {
            return either(results.into_iter());
        }
        let sign = operator.as_str();
        let verb = if x.may_be_number() && y.may_be_number() && operator != Arithmetic::Remainder {
            "mix"
        } else {
            "take"
        };
        let texts = x.may_be(TypeKind::String) || y.may_be(TypeKind::String);
        let error = self.error(node, format!("`{sign}` does not {verb} {x} and {y}"));
        if adds && texts {
            error.hint = Some("`format('{0}{1}', a, b)` puts a text together".to_owned());
        }
        Type::unknown()
    }

    fn comparison(&mut self, node: &'a Node, operator: Comparison, a: &'a Node, b: &'a Node) {
        let (x, y) = (self.node(a), self.node(b));
        match operator {
            Comparison::Equal | Comparison::NotEqual => {
                self.equal(node, (a, &x), (b, &y));
            }
            Comparison::In if y.may_be(TypeKind::List) && y.may_be(TypeKind::Map) => {}
            Comparison::In if y.may_be(TypeKind::List) => {
                self.equal(node, (a, &x), (b, &y.element()));
            }
            Comparison::In if y.may_be(TypeKind::Map) => {
                if !x.may_be(TypeKind::String) {
                    self.error(a, format!("the key of a map is a string, not {x}"));
                }
            }
            Comparison::In => {
                let error = self.error(
                    node,
                    format!("`in` looks into a list or a map, not into {y}"),
                );
                if y.may_be(TypeKind::String) {
                    error.hint = Some("for a part of a text write `contains(text, part)`".into());
                }
            }
            Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual => self.ordered(node, &x, &y),
        }
    }

    /// Two values that are asked whether they are equal.
    fn equal(&mut self, node: &Node, (a, x): (&Node, &Type), (b, y): (&Node, &Type)) {
        if !x.shares_kind(y) {
            let hint = unquoted(a, y).or_else(|| unquoted(b, x));
            self.error(node, format!("{x} cannot be compared with {y}"))
                .hint = hint;
            return;
        }
        let texts = x.is_string() && y.is_string();
        if !texts || x.shares_word(y) || x.may_be(TypeKind::Null) && y.may_be(TypeKind::Null) {
            return;
        }
        // One side is a name whose texts are known, the other what was typed.
        let (name, words, typed) = match (&a.kind, &b.kind) {
            (Kind::Literal(_), _) => (b, y.words(), x.words()),
            _ => (a, x.words(), y.words()),
        };
        let (words, typed) = (words.unwrap_or_default(), typed.unwrap_or_default());
        let shown = self.shown(name);
        let message = format!("`{shown}` is never `{}`", typed.join("`, `"));
        let absent = (x.may_be(TypeKind::Null) || y.may_be(TypeKind::Null)) && typed == [""];
        let near = typed.iter().find_map(|typed| familiar(typed, words));
        self.error(node, message).hint = Some(match near {
            _ if absent => {
                format!("an input that nobody gave is `null`: compare `{shown}` with it")
            }
            Some(near) => format!("did you mean `'{near}'`?"),
            None => format!("it is one of `{}`", words.join("`, `")),
        });
    }

    fn ordered(&mut self, node: &Node, x: &Type, y: &Type) {
        let both = |kind| x.may_be(kind) && y.may_be(kind);
        if both(TypeKind::String)
            || both(TypeKind::Boolean)
            || x.may_be_number() && y.may_be_number()
        {
            return;
        }
        let message = if x.shares_kind(y) {
            format!("{x} has no order")
        } else {
            format!("{x} cannot be compared with {y}")
        };
        self.error(node, message);
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

    fn call(&mut self, node: &'a Node, function: Function, arguments: &'a [Node]) -> Type {
        let types: Vec<Type> = arguments.iter().map(|it| self.node(it)).collect();
        let text = Type::of(TypeKind::String);
        let is_text = |ty: &Type| ty.may_be(TypeKind::String);
        let wrong = match (function, types.as_slice()) {
            (Function::Contains, [place, _]) if place.may_be(TypeKind::List) => None,
            (Function::Contains, [place, wanted]) if !(is_text(place) && is_text(wanted)) => Some(
                format!("two strings, or a list and an element, not {place} and {wanted}"),
            ),
            (Function::StartsWith | Function::EndsWith, [a, b]) if !(is_text(a) && is_text(b)) => {
                Some(format!("two strings, not {a} and {b}"))
            }
            (Function::Format, [pattern, ..]) if !is_text(pattern) => {
                Some(format!("a string first, not {pattern}"))
            }
            (Function::Join, [list, ..]) if !list.may_be(TypeKind::List) => {
                Some(format!("a list, not {list}"))
            }
            (Function::Join, [_, separator]) if !is_text(separator) => {
                Some(format!("a string as separator, not {separator}"))
            }
            (Function::FromJson, [of]) if !is_text(of) => Some(format!("a string, not {of}")),
            (Function::HashFiles, all) if !all.iter().all(is_text) => Some("strings".to_owned()),
            _ => None,
        };
        if let Some(wrong) = wrong {
            self.error(node, format!("`{function}` takes {wrong}"));
        }
        match function {
            Function::Contains
            | Function::StartsWith
            | Function::EndsWith
            | Function::Success
            | Function::Failure
            | Function::Always
            | Function::Cancelled => Type::of(TypeKind::Boolean),
            Function::Format | Function::Join | Function::ToJson | Function::HashFiles => text,
            Function::FromJson => Type::unknown(),
        }
    }
}

/// The numbers among what a value may be.
fn numeric(ty: &Type) -> Type {
    let kinds = [TypeKind::Integer, TypeKind::Float];
    let kinds = kinds.into_iter().filter(|kind| ty.may_be(*kind));
    either(kinds.map(Type::of))
}

/// What to write instead of a literal that stands in quotes and is no text.
fn unquoted(node: &Node, other: &Type) -> Option<String> {
    let Kind::Literal(Value::String(text)) = &node.kind else {
        return None;
    };
    let value: Value = serde_json::from_str(text).ok()?;
    let fits = match value {
        Value::Bool(_) => other.may_be(TypeKind::Boolean),
        Value::Number(_) => other.may_be_number(),
        _ => false,
    };
    fits.then(|| format!("write `{text}` without quotes"))
}

/// The word that was probably meant: a near one, or ours for one of another
/// system's outcomes.
fn familiar<'w>(typed: &str, words: &'w [String]) -> Option<&'w str> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    elsewhere::word(typed, &words).or_else(|| suggest(typed, words))
}
