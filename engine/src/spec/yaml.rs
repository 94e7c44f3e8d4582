//! YAML: a text as a [`Node`] tree. The only place that knows the YAML parser.
//!
//! Written on the parser's events, since a deserialiser would stop at the first
//! mistake and would give `010` a type. Aliases share the node they stand for,
//! and every alias pays for all it stands for, so that a small text cannot
//! become a large tree.

mod mistake;
mod tabs;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use granit_parser::{Event, Parser, ScalarStyle};

use super::code;
use super::diagnostics::Diagnostics;
use super::node::{Entry, Kind, Node, Scalar};
use crate::model::{Diagnostic, Span, limits};
use mistake::{syntax_error, tag_error, too_deep};
use tabs::Scalars;

/// The tree of a text; none when the text is no YAML or is too large.
///
/// What can be told apart from the rest (tags, duplicate keys) is a diagnostic
/// beside the tree.
pub(super) fn tree<'t>(text: &'t str, out: &mut Diagnostics) -> Option<Node<'t>> {
    let options = granit_parser::options! {
        strict_indentation: true,
        disallow_directives: true,
        emit_unresolved_aliases: true,
        flow_nesting_limit: limits::PIPELINE_DEPTH,
        block_nesting_limit: limits::PIPELINE_DEPTH,
    };
    let mut builder = Builder::default();
    let mut scalars = Scalars::new(text);
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = match event {
            Ok((event, span)) => {
                let tag = span.tag_span().map(|tag| bytes(&tag));
                let span = bytes(&span);
                if let Some(tag) = tag {
                    out.push(tag_error(text, tag));
                }
                (event, span)
            }
            Err(error) => {
                out.push(syntax_error(text, &error));
                return None;
            }
        };
        if matches!(event, Event::Scalar(..)) {
            scalars.look(span, out);
        }
        if let Err(stop) = builder.add(event, span, out) {
            out.push(*stop);
            return None;
        }
    }
    scalars.look(
        Span {
            start: text.len(),
            end: text.len(),
        },
        out,
    );
    builder.root.filter(|_| !builder.broken)
}

fn bytes(span: &granit_parser::Span) -> Span {
    let range = span.byte_range().unwrap_or_default();
    Span {
        start: range.start,
        end: range.end.max(range.start),
    }
}

/// Collections that are open, and what is known of anchors.
#[derive(Default)]
struct Builder<'t> {
    root: Option<Node<'t>>,
    documents: usize,
    open: Vec<Frame<'t>>,
    anchors: HashMap<usize, Anchored<'t>>,
    /// Whether a part of the text is missing, so that its sense is unknown.
    broken: bool,
    /// Nodes of the text itself.
    nodes: usize,
    /// Nodes that aliases stand for.
    replayed: usize,
}

struct Frame<'t> {
    start: usize,
    anchor: usize,
    /// `Builder::weight` when it was opened.
    weight_before: usize,
    height: usize,
    content: Open<'t>,
}

enum Open<'t> {
    List(Vec<Node<'t>>),
    Map(OpenMap<'t>),
}

#[derive(Default)]
struct OpenMap<'t> {
    entries: Vec<Entry<'t>>,
    merges: Vec<Node<'t>>,
    key: Option<Key<'t>>,
}

enum Key<'t> {
    Text(Scalar<'t>, Span),
    /// A key that is no text: reported, and its value is dropped.
    Unusable,
}

struct Anchored<'t> {
    node: Rc<Node<'t>>,
    weight: usize,
    height: usize,
}

type Stop = Box<Diagnostic>;

impl<'t> Builder<'t> {
    fn add(&mut self, event: Event<'t>, span: Span, out: &mut Diagnostics) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let message = "a pipeline file holds one document";
                    return Err(Diagnostic::error(code::SECOND_DOCUMENT, span, message)
                        .label("a second one begins here")
                        .into());
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                self.count(span)?;
                let plain = style == ScalarStyle::Plain;
                if text.len() > limits::PIPELINE_SCALAR_BYTES {
                    let message = format!("a text of {} bytes is too large", text.len());
                    return Err(Diagnostic::error(code::TOO_LARGE, start_of(span), message).into());
                }
                let node = Node::scalar(span, Scalar { text, plain });
                let node = self.anchored(anchor, node, 1, 0);
                self.place(node, 0, out)?;
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(span, anchor, Open::List(Vec::new()))?;
            }
            Event::MappingStart(_, anchor, _) => {
                self.open(span, anchor, Open::Map(OpenMap::default()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span, out)?,
            Event::Alias(anchor) => self.alias(anchor, span, out)?,
            Event::UnresolvedAlias(name) => {
                let message = format!("no anchor `&{name}` stands before this alias");
                out.push(Diagnostic::error(code::ALIAS, span, message));
                self.broken = true;
                let text = "".into();
                self.place(Node::scalar(span, Scalar { text, plain: true }), 0, out)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn weight(&self) -> usize {
        self.nodes + self.replayed
    }

    fn count(&mut self, span: Span) -> Result<(), Stop> {
        self.nodes += 1;
        if self.nodes > limits::PIPELINE_NODES {
            let message = format!("more than {} values in one file", limits::PIPELINE_NODES);
            return Err(Diagnostic::error(code::TOO_LARGE, span, message).into());
        }
        Ok(())
    }

    fn open(&mut self, span: Span, anchor: usize, content: Open<'t>) -> Result<(), Stop> {
        let weight_before = self.weight();
        self.count(span)?;
        if self.open.len() >= limits::PIPELINE_DEPTH {
            return Err(too_deep(span));
        }
        self.open.push(Frame {
            start: span.start,
            anchor,
            weight_before,
            height: 0,
            content,
        });
        Ok(())
    }

    fn close(&mut self, end: Span, out: &mut Diagnostics) -> Result<(), Stop> {
        let frame = self.open.pop().expect("an end follows its start");
        let node = match frame.content {
            Open::List(items) => {
                let end = items.last().map_or(end.end, |it| it.span.end.max(end.end));
                let span = Span {
                    start: frame.start,
                    end,
                };
                Node::list(span, items)
            }
            Open::Map(map) => {
                let last = map.entries.last().map_or(0, |it| it.value.span.end);
                let span = Span {
                    start: frame.start,
                    end: end.end.max(last),
                };
                let mut entries = unique(map.entries, out);
                self.merge(&mut entries, map.merges, out)?;
                Node::map(span, entries)
            }
        };
        let weight = self.weight() - frame.weight_before;
        let height = frame.height + 1;
        let node = self.anchored(frame.anchor, node, weight, height);
        self.place(node, height, out)
    }

    /// Remembers a node that has an anchor.
    fn anchored(
        &mut self,
        anchor: usize,
        node: Node<'t>,
        weight: usize,
        height: usize,
    ) -> Node<'t> {
        if anchor == 0 {
            return node;
        }
        let span = node.span;
        let node = Rc::new(node);
        let anchored = Anchored {
            node: Rc::clone(&node),
            weight,
            height,
        };
        self.anchors.insert(anchor, anchored);
        Node::shared(span, node)
    }

    fn alias(&mut self, anchor: usize, span: Span, out: &mut Diagnostics) -> Result<(), Stop> {
        self.count(span)?;
        let Some(anchored) = self.anchors.get(&anchor) else {
            let message = "an alias stands inside of what it stands for";
            return Err(Diagnostic::error(code::ALIAS, span, message).into());
        };
        let (weight, height) = (anchored.weight, anchored.height);
        let node = Node::shared(span, Rc::clone(&anchored.node));
        self.replay(weight, span)?;
        if self.open.len() + height > limits::PIPELINE_DEPTH {
            return Err(too_deep(span));
        }
        self.place(node, height, out)
    }

    fn replay(&mut self, weight: usize, span: Span) -> Result<(), Stop> {
        self.replayed = self.replayed.saturating_add(weight);
        if self.replayed > limits::PIPELINE_REPLAYED_NODES {
            let message = format!(
                "the aliases of this file stand for more than {} values",
                limits::PIPELINE_REPLAYED_NODES
            );
            return Err(Diagnostic::error(code::TOO_LARGE, span, message).into());
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn place(&mut self, node: Node<'t>, height: usize, out: &mut Diagnostics) -> Result<(), Stop> {
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.height = frame.height.max(height);
        let length = match &mut frame.content {
            Open::List(items) => {
                items.push(node);
                items.len()
            }
            Open::Map(map) => {
                map.place(node, out);
                map.entries.len()
            }
        };
        if length > limits::PIPELINE_ENTRIES {
            let span = Span {
                start: frame.start,
                end: frame.start,
            };
            let message = format!("more than {} entries", limits::PIPELINE_ENTRIES);
            return Err(Diagnostic::error(code::TOO_LARGE, span, message).into());
        }
        Ok(())
    }

    /// Adds what `<<` brings in. The mapping's own keys hold, then those of the
    /// mapping that is named first.
    fn merge(
        &mut self,
        entries: &mut Vec<Entry<'t>>,
        merges: Vec<Node<'t>>,
        out: &mut Diagnostics,
    ) -> Result<(), Stop> {
        if merges.is_empty() {
            return Ok(());
        }
        let mut keys: HashSet<String> = entries.iter().map(|it| it.key.to_string()).collect();
        for merged in merges {
            let sources = if let Kind::List(items) = merged.kind() {
                items
            } else {
                std::slice::from_ref(&merged)
            };
            for source in sources {
                let Kind::Map(more) = source.kind() else {
                    let message = format!("`<<` merges mappings, not {}", source.describe());
                    out.push(Diagnostic::error(code::MERGE, source.span, message));
                    continue;
                };
                for entry in more {
                    if keys.insert(entry.key.to_string()) {
                        self.replay(weight_of(&entry.value), source.span)?;
                        entries.push(entry.clone());
                    }
                }
            }
        }
        Ok(())
    }
}

impl<'t> OpenMap<'t> {
    fn place(&mut self, node: Node<'t>, out: &mut Diagnostics) {
        match self.key.take() {
            None => {
                self.key = Some(if let Kind::Scalar(scalar) = node.kind() {
                    Key::Text(scalar.clone(), node.span)
                } else {
                    let message = format!("a key is a text, not {}", node.describe());
                    let hint = "put a text that begins with `{` or `[` between quotes";
                    let diagnostic = Diagnostic::error(code::KEY_NOT_TEXT, node.span, message);
                    out.push(diagnostic.hint(hint));
                    Key::Unusable
                });
            }
            Some(Key::Text(key, _)) if key.plain && key.text == "<<" => self.merges.push(node),
            Some(Key::Text(key, key_span)) => self.entries.push(Entry {
                key: key.text,
                key_span,
                value: node,
            }),
            Some(Key::Unusable) => {}
        }
    }
}

/// The entries whose key did not come before; the others are errors.
fn unique<'t>(entries: Vec<Entry<'t>>, out: &mut Diagnostics) -> Vec<Entry<'t>> {
    let mut first: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
    let mut twice = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(before) = first.insert(&entry.key, entry.key_span) {
            first.insert(&entry.key, before);
            let message = format!("the key `{}` stands here twice", entry.key);
            out.push(
                Diagnostic::error(code::DUPLICATE_KEY, entry.key_span, message)
                    .label("again")
                    .other(before, "first here"),
            );
            twice.push(index);
        }
    }
    if twice.is_empty() {
        return entries;
    }
    let twice: HashSet<usize> = twice.into_iter().collect();
    let kept = entries.into_iter().enumerate();
    kept.filter(|(index, _)| !twice.contains(index))
        .map(|(_, entry)| entry)
        .collect()
}

/// Nodes of a tree. The depth is bounded when it is built.
fn weight_of(node: &Node<'_>) -> usize {
    1 + match node.kind() {
        Kind::Scalar(_) => 0,
        Kind::List(items) => items.iter().map(weight_of).sum(),
        Kind::Map(entries) => entries.iter().map(|it| 1 + weight_of(&it.value)).sum(),
    }
}

fn start_of(span: Span) -> Span {
    Span {
        start: span.start,
        end: span.start,
    }
}
