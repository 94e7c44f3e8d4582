//! Fields: the keys of a mapping of the language, each read at most once.

use super::code;
use super::node::{Entry, Node};
use super::reading::Reading;
use crate::model::{Diagnostic, Span, suggest};

/// A mapping whose keys are known.
///
/// [`Fields::close`] reports every key that nothing asked for.
pub(super) struct Fields<'n, 't> {
    /// What the mapping is, for messages: `a stage`.
    what: &'static str,
    /// The mapping's own place.
    pub(super) span: Span,
    entries: &'n [Entry<'t>],
    asked: Vec<&'static str>,
    /// Whether `x-*` keys are allowed.
    extensions: bool,
}

impl<'n, 't> Fields<'n, 't> {
    /// Begins to read a mapping; none after it is reported to be none.
    pub(super) fn open(
        what: &'static str,
        node: &'n Node<'t>,
        reading: &mut Reading<'_>,
    ) -> Option<Self> {
        let entries = reading.entries(&format!("{what} (a mapping)"), node)?;
        Some(Self {
            what,
            span: node.span,
            entries,
            asked: Vec::new(),
            extensions: false,
        })
    }

    /// Lets `x-*` keys be: a place for anchors.
    pub(super) fn ignore_extensions(&mut self) {
        self.extensions = true;
    }

    /// The entry of a key.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<&'n Entry<'t>> {
        self.asked.push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'n Node<'t>> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value of a key that must be there.
    pub(super) fn require(
        &mut self,
        key: &'static str,
        at: Span,
        reading: &mut Reading<'_>,
    ) -> Option<&'n Node<'t>> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("{} needs the key `{key}`", self.what);
            reading.error(code::MISSING_KEY, at, message);
        }
        found
    }

    /// Reports the keys of the language that a later version will know.
    pub(super) fn refuse(&mut self, keys: &[&'static str], reading: &mut Reading<'_>) {
        for key in keys {
            if let Some(entry) = self.entry(key) {
                let message = format!("`{key}` is not supported by this version yet");
                reading.error(code::NOT_SUPPORTED, entry.key_span, message);
            }
        }
    }

    /// Reports the keys that nothing asked for.
    pub(super) fn close(self, reading: &mut Reading<'_>) {
        for entry in self.entries {
            let extension = self.extensions && entry.key.starts_with("x-");
            if extension || self.asked.contains(&entry.key.as_ref()) {
                continue;
            }
            let message = format!("{} has no key `{}`", self.what, entry.key);
            let diagnostic = Diagnostic::error(code::UNKNOWN_KEY, entry.key_span, message);
            let hint = nearest(&entry.key, &self.asked);
            reading.out.push(diagnostic.hint(hint));
        }
    }
}

fn nearest(typed: &str, known: &[&'static str]) -> String {
    let spelled = typed.to_ascii_lowercase().replace('_', "-");
    let near = suggest(&spelled, known.iter().copied());
    near.map_or_else(
        || format!("known keys: {}", known.join(", ")),
        |near| format!("did you mean `{near}`?"),
    )
}
