//! Token: the words of an expression, read before the parser sees them.
//!
//! The parser recurses, recovers from errors by guessing, and places nodes at
//! single tokens. So length and nesting are bounded here, every word that it
//! would stumble over is refused here with a message of ours, and the words'
//! places give the nodes their spans.

use std::ops::Range;

use super::ExpressionError;
use crate::model::limits;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    Symbol,
}

/// One word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    /// For an opening bracket, the index of the one that closes it.
    pub(super) closed_by: usize,
}

/// The words of a source.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    pub(super) source: &'a str,
    pub(super) list: Vec<Token>,
}

const SYMBOLS: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "-", "+", "*", "/", "%", "?", ":", ",", ".",
    "(", ")", "[", "]", "{", "}", "in",
];

/// Reads all words of a source.
pub(super) fn scan(source: &str) -> Result<Tokens<'_>, ExpressionError> {
    if source.len() > limits::EXPRESSION_BYTES {
        let longest = limits::EXPRESSION_BYTES;
        return Err(ExpressionError::new(
            format!("the expression is longer than {longest} bytes"),
            0..source.len(),
        ));
    }
    let mut list: Vec<Token> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(c) = source[at..].chars().next() {
        if matches!(c, ' ' | '\t' | '\r' | '\n') {
            at += 1;
            continue;
        }
        let (kind, length) = word(source, at)?;
        let span = at..at + length;
        if list.len() == limits::EXPRESSION_TOKENS {
            let most = limits::EXPRESSION_TOKENS;
            return Err(ExpressionError::new(
                format!("the expression has more than {most} words"),
                span,
            ));
        }
        check_sign(source, &list, kind, &span)?;
        let index = list.len();
        list.push(Token {
            kind,
            span,
            closed_by: index,
        });
        if kind == Kind::Symbol {
            bracket(source, &mut list, &mut open)?;
        }
        at += length;
    }
    match open.last() {
        _ if list.is_empty() => Err(ExpressionError::new(
            "the expression is empty",
            0..source.len(),
        )),
        None => Ok(Tokens { source, list }),
        Some(index) => {
            let span = list[*index].span.clone();
            Err(ExpressionError::new(
                format!("`{}` is never closed", &source[span.clone()]),
                span,
            ))
        }
    }
}

impl Tokens<'_> {
    /// The text of a word; empty beyond the last.
    pub(super) fn text(&self, index: usize) -> &str {
        self.list
            .get(index)
            .map_or("", |token| &self.source[token.span.clone()])
    }

    /// The word that begins at this byte.
    pub(super) fn at(&self, start: usize) -> Option<usize> {
        self.list
            .binary_search_by_key(&start, |token| token.span.start)
            .ok()
    }
}

/// Kind and length of the word at a byte.
fn word(source: &str, at: usize) -> Result<(Kind, usize), ExpressionError> {
    let rest = &source[at..];
    let c = rest.chars().next().expect("the caller saw a character");
    let wrong = |length: usize, message: &str, hint: &str| {
        Err(ExpressionError::new(message, at..at + length).with_hint(hint))
    };
    match c {
        '\'' | '"' => text(source, at).map(|length| (Kind::Text, length)),
        '0'..='9' => number(source, at).map(|length| (Kind::Number, length)),
        'a'..='z' | 'A'..='Z' | '_' => {
            let length = name_length(rest);
            if rest[length..].starts_with(['\'', '"']) {
                return wrong(length, "texts have no prefix here", "write `'…'`");
            }
            let kind = if &rest[..length] == "in" {
                Kind::Symbol
            } else {
                Kind::Name
            };
            Ok((kind, length))
        }
        _ if rest.starts_with("//") => wrong(2, "an expression has no comments", "remove it"),
        _ => match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            Some(symbol) => Ok((Kind::Symbol, symbol.len())),
            None if c == '=' => wrong(1, "`=` is no operator", "write `==` to compare"),
            None if c == '&' => wrong(1, "`&` is no operator", "write `&&`"),
            None if c == '|' => wrong(1, "`|` is no operator", "write `||`"),
            None => wrong(
                c.len_utf8(),
                &format!("`{}` cannot stand in an expression", c.escape_debug()),
                "texts stand between quotes: `'…'`",
            ),
        },
    }
}

fn name_length(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len())
}

/// Length of the number at a byte.
fn number(source: &str, at: usize) -> Result<usize, ExpressionError> {
    let rest = &source.as_bytes()[at..];
    let digits =
        |from: usize, is: fn(&u8) -> bool| rest[from..].iter().take_while(|byte| is(byte)).count();
    let mut length = if rest.starts_with(b"0x") {
        2 + digits(2, u8::is_ascii_hexdigit)
    } else {
        let mut length = digits(0, u8::is_ascii_digit);
        if rest.get(length) == Some(&b'.') && rest.get(length + 1).is_some_and(u8::is_ascii_digit) {
            length += 1 + digits(length + 1, u8::is_ascii_digit);
        }
        if matches!(rest.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(length + 1), Some(b'+' | b'-')));
            let exponent = digits(length + 1 + sign, u8::is_ascii_digit);
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        length
    };
    let glued = name_length(&source[at + length..]);
    if glued > 0 || &rest[..length] == b"0x" {
        length += glued;
        return Err(ExpressionError::new(
            format!("`{}` is not a number", &source[at..at + length]),
            at..at + length,
        ));
    }
    Ok(length)
}

/// Length of the text at a byte, quotes included.
fn text(source: &str, at: usize) -> Result<usize, ExpressionError> {
    let quote = &source[at..=at];
    if source[at..].starts_with(&quote.repeat(3)) {
        return Err(
            ExpressionError::new("texts have one quote on each side", at..at + 3)
                .with_hint("write a line break as `\\n`"),
        );
    }
    let mut chars = source[at + 1..].char_indices();
    while let Some((index, c)) = chars.next() {
        match c {
            '\n' | '\r' => break,
            '\\' => {
                let start = at + 1 + index;
                let length = escape_length(&source[start + 1..]).ok_or_else(|| {
                    let shown = source[start + 1..].chars().next();
                    ExpressionError::new(
                        format!(
                            "`\\{}` is no escape",
                            shown.map_or(String::new(), String::from)
                        ),
                        start..start + 1 + shown.map_or(0, char::len_utf8),
                    )
                    .with_hint("write `\\\\` for the character `\\`")
                })?;
                // Escapes are ASCII, so bytes are characters.
                chars.nth(length - 1);
            }
            _ if quote.starts_with(c) => return Ok(index + 2),
            _ => {}
        }
    }
    let end = source[at..].find('\n').map_or(source.len(), |n| at + n);
    Err(ExpressionError::new(
        "the text is not closed on its line",
        at..end,
    ))
}

/// Bytes behind the `\` of a valid escape.
fn escape_length(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let hex = |count: usize| {
        let digits = rest.get(1..=count)?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        let plain = digits.bytes().all(|b| b.is_ascii_hexdigit());
        (plain && char::from_u32(value).is_some()).then_some(1 + count)
    };
    match bytes.first()? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => {
            Some(1)
        }
        b'x' | b'X' => hex(2),
        b'u' => hex(4),
        b'U' => hex(8),
        b'0'..=b'3' => bytes
            .get(1..3)?
            .iter()
            .all(|b| (b'0'..=b'7').contains(b))
            .then_some(3),
        _ => None,
    }
}

/// Matches the bracket that was just read, and bounds the nesting.
fn bracket(source: &str, list: &mut [Token], open: &mut Vec<usize>) -> Result<(), ExpressionError> {
    let index = list.len() - 1;
    let span = list[index].span.clone();
    let opening = match &source[span.clone()] {
        "(" | "[" | "{" => {
            open.push(index);
            if open.len() > limits::EXPRESSION_NESTING {
                let deepest = limits::EXPRESSION_NESTING;
                return Err(ExpressionError::new(
                    format!("more than {deepest} brackets in each other"),
                    span,
                ));
            }
            return Ok(());
        }
        ")" => "(",
        "]" => "[",
        "}" => "{",
        _ => return Ok(()),
    };
    match open.pop() {
        Some(start) if &source[list[start].span.clone()] == opening => {
            list[start].closed_by = index;
            Ok(())
        }
        Some(start) => Err(ExpressionError::new(
            format!(
                "`{}` is closed by `{}`",
                &source[list[start].span.clone()],
                &source[span.clone()]
            ),
            span,
        )),
        None => Err(ExpressionError::new(
            format!("`{}` closes nothing", &source[span.clone()]),
            span,
        )),
    }
}

/// Refuses `!!` and `--` before a value: the parser drops such pairs, and with
/// them the check of what they stand before.
fn check_sign(
    source: &str,
    before: &[Token],
    kind: Kind,
    span: &Range<usize>,
) -> Result<(), ExpressionError> {
    let sign = &source[span.clone()];
    let [.., rest, last] = before else {
        // With one word before, that word stands at the beginning.
        return match before {
            [only] => refuse_pair(source, only, kind, sign, span),
            _ => Ok(()),
        };
    };
    let binary = matches!(rest.kind, Kind::Name | Kind::Number | Kind::Text)
        || matches!(&source[rest.span.clone()], ")" | "]" | "}");
    if binary {
        return Ok(());
    }
    refuse_pair(source, last, kind, sign, span)
}

fn refuse_pair(
    source: &str,
    last: &Token,
    kind: Kind,
    sign: &str,
    span: &Range<usize>,
) -> Result<(), ExpressionError> {
    let pair = kind == Kind::Symbol
        && matches!(sign, "!" | "-")
        && last.kind == Kind::Symbol
        && source[last.span.clone()] == *sign;
    if pair {
        return Err(ExpressionError::new(
            format!("`{sign}` stands twice"),
            last.span.start..span.end,
        )
        .with_hint("two of them say nothing; remove both"));
    }
    Ok(())
}
