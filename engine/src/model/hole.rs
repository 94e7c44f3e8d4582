//! Hole: where the expressions of a text begin and end.

use std::ops::Range;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Text, with `$${{` already turned into `${{`.
    Text(String),
    /// The bytes of the text between `${{` and `}}`.
    Hole(Range<usize>),
}

/// An opening `${{` without its end; its bytes in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`${{{{` is never closed")]
pub struct NeverClosed(pub Range<usize>);

/// Splits a text at its `${{ … }}`; `$${{` is the text `${{` itself. The one rule for
/// all texts that may hold expressions, values and patterns alike.
pub fn split_holes(text: &str) -> Result<Vec<Piece>, NeverClosed> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(index) = text[at..].find("${{") {
        let open = at + index;
        // Each `$` before the opening that has a partner is an escape.
        if text[at..open].ends_with('$') {
            plain.push_str(&text[at..open - 1]);
            plain.push_str("${{");
            at = open + 3;
            continue;
        }
        plain.push_str(&text[at..open]);
        let start = open + 3;
        let length = end_of_expression(&text[start..]).ok_or(NeverClosed(open..start))?;
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(Piece::Hole(start..start + length));
        at = start + length + 2;
    }
    plain.push_str(&text[at..]);
    if !plain.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// Where `}}` ends an expression: outside quotes, and not where it closes two
/// maps that the expression opened.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    let mut maps = 0_usize;
    for (index, c) in text.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => maps += 1,
            (None, '}') if maps > 0 => maps -= 1,
            (None, '}') if text[index..].starts_with("}}") => return Some(index),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Piece, split_holes};

    #[test]
    fn a_text_is_split_at_its_holes() {
        let check = |text: &str, expected: &[&str]| {
            let pieces: Vec<String> = split_holes(text)
                .unwrap()
                .into_iter()
                .map(|piece| match piece {
                    Piece::Text(text) => format!("t:{text}"),
                    Piece::Hole(span) => format!("h:{}", &text[span]),
                })
                .collect();
            assert_eq!(pieces, expected, "`{text}`");
        };
        check("", &["t:"]);
        check("plain $ { text }}", &["t:plain $ { text }}"]);
        check("${{ a }}", &["h: a "]);
        check("${{a}}${{b}}", &["h:a", "h:b"]);
        check("x ${{ a }} y", &["t:x ", "h: a ", "t: y"]);
        check("$${{ a }}", &["t:${{ a }}"]);
        check("a$${{ b ${{ c }}", &["t:a${{ b ", "h: c "]);
        check("${{ '}}' }}", &["h: '}}' "]);
        check("${{ \"\\\"}}\" }}", &["h: \"\\\"}}\" "]);
        check("${{ {'a': {'b': 1}} }}", &["h: {'a': {'b': 1}} "]);
        check("${{{'a': {'b': 1}}}}", &["h:{'a': {'b': 1}}"]);
        check("é${{ é }}é", &["t:é", "h: é ", "t:é"]);
        for bad in ["${{", "${{ a }", "${{ '}} ", "x ${{ {} }"] {
            assert!(split_holes(bad).is_err(), "`{bad}`");
        }
    }
}
