//! Scan: finding every form of every secret in a text, in one pass.
//!
//! An Aho-Corasick automaton looks for the first bytes of every form, its
//! *anchor*; the rest is compared where an anchor was found. So the automaton
//! stays small whatever the secrets are: a private key in all its forms has a
//! megabyte.

use std::borrow::Cow;

use std::fmt;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};
use zeroize::Zeroizing;

use serde_json::Value;

use super::forms::{self, Forms};
use crate::model::limits;

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Length of an anchor: every form has as much.
const ANCHOR: usize = limits::SECRET_MIN_BYTES;
/// Anchors up to which the faster, larger kind of automaton is built: some 8 MB.
const DENSE_ANCHORS: usize = 2_000;

/// Knows the secrets of a run in every form that they may take.
#[derive(Default)]
pub struct Redactor(Option<Table>);

/// All forms of all secrets, and how to find them.
struct Table {
    anchors: AhoCorasick,
    /// Of each anchor, the place of its forms in `forms`.
    groups: Vec<Range<usize>>,
    /// Sorted, so that forms with a common beginning are neighbours.
    forms: Vec<Zeroizing<Vec<u8>>>,
    longest: usize,
    beginnings: Beginnings,
}

/// The pairs of bytes that forms begin with: most tails of a text are told apart
/// from a form by their first two bytes.
struct Beginnings(Box<[bool]>);

impl Redactor {
    /// A redactor of these secrets. Those shorter than
    /// [`limits::SECRET_MIN_BYTES`] are left out: whoever loads them refuses them.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut forms = Forms::new();
        for secret in secrets {
            forms::add(&mut forms, secret);
        }
        Self((!forms.is_empty()).then(|| Table::new(forms)))
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// A JSON value with every text in it redacted, the names of fields included.
    pub fn redact_value(&self, value: Value) -> Value {
        if self.is_empty() {
            return value;
        }
        match value {
            Value::String(text) => Value::String(self.redact(&text).into_owned()),
            Value::Array(items) => Value::Array(
                items
                    .into_iter()
                    .map(|item| self.redact_value(item))
                    .collect(),
            ),
            Value::Object(fields) => {
                let fields = fields
                    .into_iter()
                    .map(|(key, item)| (self.redact(&key).into_owned(), self.redact_value(item)));
                Value::Object(fields.collect())
            }
            other => other,
        }
    }

    /// The text with every secret replaced by `***`.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
                Ok(text) => text,
                // Only a secret that is no UTF-8 can end in the middle of a
                // character.
                Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
            }),
        }
    }

    /// The same for the beginning of a longer text: what may be the beginning of a
    /// secret at its end is left out.
    pub fn redact_beginning<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len());
        self.redact_torn(text.as_bytes(), Torn::default(), false, &mut out);
        Cow::Owned(String::from_utf8_lossy(&out).into_owned())
    }

    /// The bytes with every secret replaced by `***`.
    pub fn redact_bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(table) = &self.0 else {
            return Cow::Borrowed(bytes);
        };
        let spans = table.spans(bytes);
        if spans.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut redacted = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for span in spans {
            redacted.extend_from_slice(&bytes[from..span.start]);
            redacted.extend_from_slice(MASK.as_bytes());
            from = span.end;
        }
        redacted.extend_from_slice(&bytes[from..]);
        Cow::Owned(redacted)
    }

    /// Appends what is safe to show of `bytes`, of which the first `covered` are
    /// already known to be part of a secret. Where `is_last` is not set the end may
    /// be the beginning of a secret: the length of what was not used is returned,
    /// and how much of that is covered.
    pub(super) fn redact_torn(
        &self,
        bytes: &[u8],
        torn: Torn,
        is_last: bool,
        out: &mut Vec<u8>,
    ) -> (usize, Torn) {
        let Some(table) = &self.0 else {
            out.extend_from_slice(bytes);
            return (0, Torn::default());
        };
        let mut spans = table.spans(bytes);
        cover(&mut spans, torn.covered);
        let safe = if is_last {
            bytes.len()
        } else {
            table.safe(bytes)
        };
        if safe == 0 {
            return (bytes.len(), torn);
        }
        let mut from = 0;
        let mut covered = 0;
        for span in spans.iter().take_while(|span| span.start < safe) {
            out.extend_from_slice(&bytes[from..span.start]);
            if span.start > 0 || !torn.after_mask {
                out.extend_from_slice(MASK.as_bytes());
            }
            from = span.end.min(safe);
            covered = span.end - from;
        }
        out.extend_from_slice(&bytes[from..safe]);
        let rest = Torn {
            covered,
            after_mask: spans
                .iter()
                .any(|span| span.start < safe && span.end >= safe),
        };
        (bytes.len() - safe, rest)
    }
}

/// How a text that comes in pieces was torn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Torn {
    /// Bytes at the beginning that belong to a secret which began before.
    pub(super) covered: usize,
    /// Whether the last that was shown is a mask which ends here.
    pub(super) after_mask: bool,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let forms = self.0.as_ref().map_or(0, |table| table.forms.len());
        write!(f, "Redactor({forms} forms)")
    }
}

impl Table {
    fn new(forms: Forms) -> Self {
        let forms: Vec<_> = forms.into_iter().map(Zeroizing::new).collect();
        let mut anchors: Vec<&[u8]> = Vec::new();
        let mut groups: Vec<Range<usize>> = Vec::new();
        for (place, form) in forms.iter().enumerate() {
            let anchor = &form[..ANCHOR];
            if anchors.last() == Some(&anchor)
                && let Some(group) = groups.last_mut()
            {
                group.end = place + 1;
            } else {
                anchors.push(anchor);
                groups.push(place..place + 1);
            }
        }
        let kind = (anchors.len() <= DENSE_ANCHORS).then_some(AhoCorasickKind::DFA);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .kind(kind)
            .build(&anchors)
            .expect("the secrets of a run are far smaller than an automaton can be");
        Self {
            anchors: automaton,
            groups,
            longest: forms.iter().map(|form| form.len()).max().unwrap_or(0),
            beginnings: Beginnings::of(&forms),
            forms,
        }
    }

    /// Where secrets stand: sorted, neither overlapping nor touching.
    fn spans(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut from = 0;
        // All anchors have one length, so no two of them match at one place.
        // Searching on from the next byte finds secrets that overlap.
        while let Some(found) = self.anchors.find(Input::new(text).range(from..)) {
            let start = found.start();
            from = start + 1;
            let group = &self.forms[self.groups[found.pattern().as_usize()].clone()];
            // Of the forms that match here the last is the longest.
            let form = group
                .iter()
                .rev()
                .find(|form| text[start..].starts_with(form));
            let Some(end) = form.map(|form| start + form.len()) else {
                continue;
            };
            match spans.last_mut() {
                Some(last) if last.end >= start => last.end = last.end.max(end),
                _ => spans.push(start..end),
            }
        }
        spans
    }

    /// How much of a text cannot be the beginning of a form that goes on.
    fn safe(&self, text: &[u8]) -> usize {
        let begin = text.len().saturating_sub(self.longest - 1);
        (begin..text.len())
            .find(|place| self.begins(&text[*place..]))
            .unwrap_or(text.len())
    }

    /// Whether some form begins with `tail` and goes on.
    fn begins(&self, tail: &[u8]) -> bool {
        if !self.beginnings.may_begin(tail) {
            return false;
        }
        let place = self.forms.partition_point(|form| form.as_slice() <= tail);
        self.forms
            .get(place)
            .is_some_and(|form| form.starts_with(tail))
    }
}

impl Beginnings {
    fn of(forms: &[Zeroizing<Vec<u8>>]) -> Self {
        let mut pairs = vec![false; 1 << 16].into_boxed_slice();
        for form in forms {
            pairs[Self::place(form[0], form[1])] = true;
        }
        Self(pairs)
    }

    fn may_begin(&self, tail: &[u8]) -> bool {
        match tail {
            [first, second, ..] => self.0[Self::place(*first, *second)],
            _ => true,
        }
    }

    fn place(first: u8, second: u8) -> usize {
        usize::from(u16::from_be_bytes([first, second]))
    }
}

/// Adds a span at the very beginning.
fn cover(spans: &mut Vec<Range<usize>>, covered: usize) {
    if covered == 0 {
        return;
    }
    let swallowed = spans.iter().take_while(|span| span.start <= covered);
    let end = swallowed
        .clone()
        .map(|span| span.end)
        .fold(covered, usize::max);
    let swallowed = swallowed.count();
    spans.splice(..swallowed, std::iter::once(0..end));
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
