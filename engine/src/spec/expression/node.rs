//! Node: an expression as the engine understands it.

use std::ops::Range;

use serde_json::Value;

use super::operator::Arithmetic;
use super::{Context, Function};

/// One node, and where it stands in the source.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Bytes of the source; brackets around the node are not part of it.
    pub(super) span: Range<usize>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Literal(Value),
    Context(Context),
    /// A name that `exists`, `all`, `filter` or `map` gave to an element.
    Variable(String),
    Field(Box<Node>, String),
    Index(Box<Node>, Box<Node>),
    /// `has(node.field)`
    Has(Box<Node>, String),
    Not(Box<Node>),
    Negate(Box<Node>),
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Comparison(Comparison, Box<Node>, Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    /// `condition ? then : otherwise`
    Conditional(Box<[Node; 3]>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Call(Function, Vec<Node>),
    Each(Each, Box<Node>, String, Box<Node>),
    /// `secrets.name`: the whole of an expression, or nowhere.
    Secret(String),
}

/// An operator that makes a boolean of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
}

/// What is done with each element of a list, or each key of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Each {
    Exists,
    All,
    Filter,
    Map,
}

impl Each {
    pub(super) const ALL: [Self; 4] = [Self::Exists, Self::All, Self::Filter, Self::Map];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Exists => "exists",
            Self::All => "all",
            Self::Filter => "filter",
            Self::Map => "map",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|each| each.as_str() == word)
    }
}

impl Node {
    /// The nodes directly below, in the order of the source.
    pub(super) fn children(&self) -> Vec<&Node> {
        match &self.kind {
            Kind::Literal(_) | Kind::Context(_) | Kind::Variable(_) | Kind::Secret(_) => Vec::new(),
            Kind::Field(of, _) | Kind::Has(of, _) | Kind::Not(of) | Kind::Negate(of) => vec![of],
            Kind::Index(a, b)
            | Kind::Arithmetic(_, a, b)
            | Kind::Comparison(_, a, b)
            | Kind::And(a, b)
            | Kind::Or(a, b)
            | Kind::Each(_, a, _, b) => vec![a, b],
            Kind::Conditional(three) => three.iter().collect(),
            Kind::List(nodes) | Kind::Call(_, nodes) => nodes.iter().collect(),
            Kind::Map(entries) => entries.iter().flat_map(|(k, v)| [k, v]).collect(),
        }
    }

    /// Context and fields, if the node is nothing but a name.
    pub(super) fn path(&self) -> Option<(Context, Vec<&str>)> {
        match &self.kind {
            Kind::Context(context) => Some((*context, Vec::new())),
            Kind::Field(of, field) => {
                let (context, mut path) = of.path()?;
                path.push(field);
                Some((context, path))
            }
            Kind::Index(of, index) => {
                let (context, mut path) = of.path()?;
                let Kind::Literal(Value::String(field)) = &index.kind else {
                    return None;
                };
                path.push(field);
                Some((context, path))
            }
            _ => None,
        }
    }
}
