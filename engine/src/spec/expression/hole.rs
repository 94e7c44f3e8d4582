//! Hole: where the expressions of a text begin and end.

use std::ops::Range;

use super::ExpressionError;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, with `$${{` already turned into `${{`.
    Text(String),
    /// The bytes of the text between `${{` and `}}`.
    Hole(Range<usize>),
}

/// Splits a text at its `${{ … }}`; `$${{` is the text `${{` itself.
pub(super) fn split(text: &str) -> Result<Vec<Piece>, ExpressionError> {
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
        let length = end_of_expression(&text[start..]).ok_or_else(|| {
            ExpressionError::new("`${{` is never closed", open..start).with_hint("add `}}`")
        })?;
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
    use super::{Piece, split};

    #[test]
    fn a_text_is_split_at_its_holes() {
        let check = |text: &str, expected: &[&str]| {
            let pieces: Vec<String> = split(text)
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
            assert!(split(bad).is_err(), "`{bad}`");
        }
    }
}
