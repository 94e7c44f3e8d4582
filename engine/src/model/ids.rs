//! Ids: the names of runs and stages, and the rule for every name that a person chooses.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// A run: a UUID of version 7, so that ids sort by the time of their start.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(String);

/// A stage instance: the id in the pipeline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StageId(String);

/// Text that is no name; see [`is_name`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a name: lowercase letters, digits and `_`, beginning with a letter, at most 64"
)]
pub struct InvalidName(pub String);

impl RunId {
    /// A fresh id.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// An id that was written before; none if the text is no UUID.
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::parse_str(text)
            .ok()
            .map(|id| Self(id.to_string()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// When the id was made; zero for an id that holds no time.
    pub fn begun(&self) -> Timestamp {
        let id = uuid::Uuid::parse_str(&self.0).ok();
        let time = id.and_then(|id| id.get_timestamp()).map(|at| at.to_unix());
        Timestamp(time.map_or(0, |(seconds, nanos)| {
            seconds * 1000 + u64::from(nanos) / 1_000_000
        }))
    }

    /// The part that a person types: the last eight digits, which are random.
    pub fn short(&self) -> &str {
        &self.0[self.0.len() - 8..]
    }
}

impl Default for RunId {
    fn default() -> Self {
        Self::new()
    }
}

impl StageId {
    /// A stage's id.
    pub fn new(text: &str) -> Result<Self, InvalidName> {
        if is_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(text.to_owned()))
        }
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for StageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a text may name something that expressions address: `[a-z][a-z0-9_]{0,63}`.
///
/// No `-`, since `inputs.skip-tests` would be a subtraction.
pub fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// The known word nearest to what was typed, if one is near enough to be meant.
///
/// Distance is counted in edits of one character, two exchanged neighbours being
/// one (optimal string alignment); a third of the word's length may differ.
pub fn suggest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A hostile name must not make this quadratic in megabytes.
    if typed.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|word| (distance(typed, word), word))
        .filter(|(distance, word)| *distance <= (word.len().max(3) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let substituted = row[j] + usize::from(x != y);
            let mut least = substituted.min(next[j] + 1).min(row[j + 1] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && *x == b[j - 1] {
                least = least.min(before[j - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{RunId, is_name, suggest};

    #[test]
    fn names_are_what_expressions_can_address() {
        for good in ["a", "skip_tests", "x9"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "9x", "_x", "skip-tests", "Skip", "é", &"a".repeat(65)] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        assert_eq!(suggest("timeuot", ["timeout", "retry"]), Some("timeout"));
        assert_eq!(suggest("need", ["needs", "name"]), Some("needs"));
        assert_eq!(suggest("psuh", ["push", "pull"]), Some("push"));
        assert_eq!(suggest("", ["if"]), None);
        assert_eq!(suggest("zebra", ["timeout", "retry"]), None);
    }

    #[test]
    fn only_uuids_are_run_ids() {
        let id = RunId::new();
        assert_eq!(RunId::parse(id.as_str()), Some(id));
        assert_eq!(RunId::parse("../../etc"), None);
    }
}
