//! Operator: the types that operators take and make.

use serde_json::Value;

use super::{Inference, either};
use crate::model::suggest;
use crate::spec::elsewhere;
use crate::spec::expression::node::{Comparison, Kind, Node};
use crate::spec::expression::operator::Arithmetic;
use crate::spec::expression::types::{Type, TypeKind};

impl<'a> Inference<'a> {
    pub(super) fn negate(&mut self, of: &'a Node) -> Type {
        let ty = self.node(of);
        if ty.may_be_number() {
            return numeric(&ty);
        }
        self.error(of, format!("`-` takes a number, not {ty}"));
        Type::number()
    }

    pub(super) fn arithmetic(
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

    pub(super) fn comparison(
        &mut self,
        node: &'a Node,
        operator: Comparison,
        a: &'a Node,
        b: &'a Node,
    ) {
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
