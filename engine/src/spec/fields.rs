//! Fields: the keys of a mapping of the language, each read at most once.

use super::code;
use super::elsewhere;
use super::node::{Entry, Kind, Node};
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
    /// Keys that a later version will know.
    later: Vec<&'static str>,
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
        let entries = reading.mapping(what, node)?;
        Some(Self {
            what,
            span: node.span,
            entries,
            asked: Vec::new(),
            later: Vec::new(),
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
            let mut diagnostic = Diagnostic::error(code::MISSING_KEY, at, message);
            diagnostic.hint = example(self.what, key).map(str::to_owned);
            reading.out.push(diagnostic);
        }
        found
    }

    /// Reports the keys of the language that a later version will know.
    pub(super) fn refuse(&mut self, keys: &[&'static str], reading: &mut Reading<'_>) {
        for key in keys {
            self.later.push(key);
            if let Some(entry) = self.entries.iter().find(|entry| entry.key == *key) {
                let message = format!("`{key}` is not supported by this version yet");
                let mut diagnostic =
                    Diagnostic::error(code::NOT_SUPPORTED, entry.key_span, message);
                diagnostic.hint = elsewhere::key(self.what, key).map(str::to_owned);
                reading.out.push(diagnostic);
            }
        }
    }

    /// What to write instead of a key that nothing asked for.
    fn hint(&self, entry: &Entry<'_>) -> String {
        let spelled = entry.key.to_ascii_lowercase().replace('_', "-");
        if let Some(hint) = elsewhere::key(self.what, &entry.key) {
            hint.to_owned()
        } else if let Some(near) = suggest(&spelled, self.asked.iter().copied()) {
            format!("did you mean `{near}`?")
        } else if self.extensions && looks_like_a_stage(&entry.value) {
            "stages stand below `stages:`".to_owned()
        } else {
            format!("known keys: {}", self.asked.join(", "))
        }
    }

    /// Reports the keys that nothing asked for.
    pub(super) fn close(self, reading: &mut Reading<'_>) {
        for entry in self.entries {
            let extension = self.extensions && entry.key.starts_with("x-");
            let key = entry.key.as_ref();
            if extension || self.asked.contains(&key) || self.later.contains(&key) {
                continue;
            }
            let message = format!("{} has no key `{}`", self.what, entry.key);
            let diagnostic = Diagnostic::error(code::UNKNOWN_KEY, entry.key_span, message);
            reading.out.push(diagnostic.hint(self.hint(entry)));
        }
    }
}

/// What a key that must be there looks like.
fn example(what: &str, key: &str) -> Option<&'static str> {
    Some(match (what, key) {
        ("a pipeline", "version") => "begin the file with `version: 1`",
        ("a pipeline", "stages") => {
            "`stages:` holds the stages by id: `build: { uses: builtin:build }`"
        }
        ("a stage", "uses") => {
            "name the plugin that it runs: `uses: builtin:build`, or a `.wasm` file"
        }
        ("a secret", "kind") => "it is `token`, `basic`, `ssh-key` or `url`",
        _ => return None,
    })
}

/// Whether a mapping has keys that only a stage has, here or elsewhere.
fn looks_like_a_stage(node: &Node<'_>) -> bool {
    let Kind::Map(entries) = node.kind() else {
        return false;
    };
    let keys = [
        "uses", "script", "run", "steps", "stage", "needs", "runs-on",
    ];
    entries.iter().any(|it| keys.contains(&it.key.as_ref()))
}
