//! Source lines: the lines of a text that somebody wrote, as a terminal may show them.

use std::ops::Range;

use crate::model::Span;

/// Characters of a line that are shown; the rest of a hostile line is cut.
const LINE: usize = 400;

/// A text and where its lines begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    /// Index of the line of a byte, from 0.
    pub(super) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// A line without its end.
    fn content(&self, line: usize) -> &'t str {
        let end = self.starts.get(line + 1).copied();
        let text = self
            .text
            .get(self.starts[line]..end.unwrap_or(self.text.len()));
        text.unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    /// The part of a place on its first line: a whole stage underlined helps nobody.
    pub(super) fn first_line(&self, span: Span) -> Span {
        let start = span.start.min(self.text.len());
        let line = self.line(start);
        let end = self.starts[line] + self.content(line).len();
        Span {
            start,
            end: span.end.min(end).max(start),
        }
    }

    /// Line and column of a byte, both from 1; columns are characters.
    pub(super) fn position(&self, at: usize) -> (usize, usize) {
        let at = at.min(self.text.len());
        let line = self.line(at);
        let before = self.text.get(self.starts[line]..at).unwrap_or("");
        (line + 1, before.chars().count() + 1)
    }

    /// Adds a line as it is shown, and where the places on it are then.
    pub(super) fn show(
        &self,
        line: usize,
        places: &[(usize, Span)],
        shown: &mut String,
        ranges: &mut [Range<usize>],
    ) {
        let first = places.iter().map(|(_, span)| span.start).min();
        let content = self.content(line);
        let start = self.starts[line];
        // Of a long line, the part from shortly before the first place is shown.
        let skip = first.map_or(0, |at| {
            let column = content.get(..at - start).map_or(0, |it| it.chars().count());
            column.saturating_sub(LINE / 2)
        });
        let skip = if content.len() > LINE { skip } else { 0 };
        if skip > 0 {
            shown.push('…');
        }
        for (at, _) in places {
            ranges[*at] = shown.len()..shown.len();
        }
        for (taken, (offset, c)) in content.char_indices().skip(skip).enumerate() {
            if taken == LINE {
                shown.push('…');
                return;
            }
            let before = shown.len();
            push_escaped(c, shown);
            for (at, span) in places {
                let here = start + offset;
                if here < span.start {
                    ranges[*at] = shown.len()..shown.len();
                } else if here < span.end {
                    ranges[*at].start = ranges[*at].start.min(before);
                    ranges[*at].end = shown.len();
                }
            }
        }
    }
}

/// A text as a terminal may show it.
pub(super) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| push_escaped(c, &mut shown));
    shown
}

/// Adds a character, escaped if a terminal would obey it or not show it.
fn push_escaped(c: char, shown: &mut String) {
    let hidden = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e000}'..='\u{f8ff}'
    );
    if c.is_control() || hidden {
        shown.extend(c.escape_debug());
    } else {
        shown.push(c);
    }
}
