//! Node: a YAML text as a tree that keeps positions and the scalars' own text.

use std::borrow::Cow;
use std::rc::Rc;

use crate::model::Span;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands in the text.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at a place.
    pub fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same place with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned::new(change(self.value), self.span)
    }
}

/// A value of the text.
#[derive(Debug, Clone)]
pub(crate) struct Node<'t> {
    /// Where it stands; for an alias, the alias.
    pub(crate) span: Span,
    content: Content<'t>,
}

#[derive(Debug, Clone)]
enum Content<'t> {
    Scalar(Scalar<'t>),
    List(Vec<Node<'t>>),
    Map(Vec<Entry<'t>>),
    /// A node with an anchor, or an alias of it.
    Shared(Rc<Node<'t>>),
}

/// What a node is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind<'n, 't> {
    Scalar(&'n Scalar<'t>),
    List(&'n [Node<'t>]),
    Map(&'n [Entry<'t>]),
}

/// A scalar, not yet given a type.
#[derive(Debug, Clone)]
pub(crate) struct Scalar<'t> {
    /// Its text, without quotes and escapes.
    pub(crate) text: Cow<'t, str>,
    /// Whether it stood without quotes, and so may be something else than text.
    pub(crate) plain: bool,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry<'t> {
    pub(crate) key: Cow<'t, str>,
    pub(crate) key_span: Span,
    pub(crate) value: Node<'t>,
}

impl<'t> Node<'t> {
    pub(super) fn scalar(span: Span, scalar: Scalar<'t>) -> Self {
        let content = Content::Scalar(scalar);
        Self { span, content }
    }

    pub(super) fn list(span: Span, items: Vec<Node<'t>>) -> Self {
        let content = Content::List(items);
        Self { span, content }
    }

    pub(super) fn map(span: Span, entries: Vec<Entry<'t>>) -> Self {
        let content = Content::Map(entries);
        Self { span, content }
    }

    pub(super) fn shared(span: Span, node: Rc<Node<'t>>) -> Self {
        let content = Content::Shared(node);
        Self { span, content }
    }

    pub(crate) fn kind(&self) -> Kind<'_, 't> {
        match &self.content {
            Content::Scalar(scalar) => Kind::Scalar(scalar),
            Content::List(items) => Kind::List(items),
            Content::Map(entries) => Kind::Map(entries),
            Content::Shared(node) => node.kind(),
        }
    }

    /// What the node is, for a message.
    pub(crate) fn describe(&self) -> &'static str {
        match self.kind() {
            Kind::List(_) => "a list",
            Kind::Map(_) => "a mapping",
            Kind::Scalar(scalar) => scalar.describe(),
        }
    }
}
