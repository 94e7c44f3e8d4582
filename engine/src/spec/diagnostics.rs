//! Diagnostics: all that is wrong with a text, collected up to a bound.

use std::collections::BTreeSet;

use crate::model::{Diagnostic, Severity, Span, limits};

/// A bounded collection of diagnostics.
///
/// A hostile file of 20 MiB has room for millions of mistakes: beyond the bound
/// they are counted, not kept.
#[derive(Debug, Default)]
pub struct Diagnostics {
    kept: Vec<Diagnostic>,
    dropped: usize,
}

impl Diagnostics {
    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.kept.len() < limits::DIAGNOSTICS {
            self.kept.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Takes back what is said with this code of these places: another code says it
    /// better.
    pub(crate) fn take_back(&mut self, code: &str, places: &BTreeSet<Span>) {
        let better =
            |it: &Diagnostic| it.code == code && it.span.is_some_and(|at| places.contains(&at));
        self.kept.retain(|it| !better(it));
    }

    /// Whether there are so many that looking for suggestions is wasted.
    pub fn is_long(&self) -> bool {
        self.kept.len() > 50
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.dropped > 0 || self.kept.iter().any(|it| it.severity == Severity::Error)
    }

    /// All of them in the order of the text, those about the whole text first.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.kept.sort_by_key(|it| (it.span, it.severity));
        if self.dropped > 0
            && let Some(last) = self.kept.last_mut()
        {
            last.notes
                .push(format!("{} more are not shown", self.dropped));
        }
        self.kept
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, iter: T) {
        for diagnostic in iter {
            self.push(diagnostic);
        }
    }
}
