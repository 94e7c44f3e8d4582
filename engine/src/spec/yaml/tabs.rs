//! Tabs: where they stand outside of texts.

use crate::model::{Diagnostic, Span};
use crate::spec::code;
use crate::spec::diagnostics::Diagnostics;

/// The places of the scalars, so that a tab outside of them and of comments is
/// found: YAML allows some, and no two editors show them alike.
pub(super) struct Scalars<'t> {
    text: &'t str,
    /// End of the scalar before.
    end: usize,
}

impl<'t> Scalars<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, end: 0 }
    }

    /// Looks at the text between the scalar before and this one.
    pub(super) fn look(&mut self, scalar: Span, out: &mut Diagnostics) {
        let between = self.text.get(self.end..scalar.start).unwrap_or("");
        let mut offset = self.end;
        for line in between.split_inclusive('\n') {
            let code = line.split('#').next().unwrap_or(line);
            if let Some(tab) = code.find('\t') {
                let start = offset + tab;
                out.push(tab_error(Span {
                    start,
                    end: start + 1,
                }));
            }
            offset += line.len();
        }
        self.end = self.end.max(scalar.end);
    }
}

pub(super) fn tab_error(span: Span) -> Diagnostic {
    Diagnostic::error(code::TAB, span, "a tab stands outside of a text").hint("indent with spaces")
}
