//! Source: the text of a pattern with its expressions taken out.
//!
//! A pattern is parsed first and its expressions are substituted after, so that
//! no value can add a host, a segment or a wildcard that the author did not write.

use std::collections::VecDeque;

use super::PatternError;
use crate::model::{Piece, limits, split_holes};

/// Stands in the text for one expression. A private character, which no pattern
/// may hold itself.
pub(super) const HOLE: char = '\u{E000}';

/// What gives an expression its value.
pub(super) type Resolve<'a> = &'a mut dyn FnMut(&str) -> Result<String, String>;

/// The text of a pattern with its expressions taken out.
pub(super) struct Source<'a> {
    /// The text, with [`HOLE`] for each expression.
    pub(super) text: String,
    expressions: VecDeque<String>,
    resolve: Option<Resolve<'a>>,
}

impl<'a> Source<'a> {
    /// A text that may not hold expressions.
    pub(super) fn literal(text: &str) -> Result<Self, PatternError> {
        if text.contains("${{") {
            return Err(PatternError::new("an expression cannot stand here"));
        }
        check_length(text)?;
        check_characters(text)?;
        Ok(Self {
            text: text.to_owned(),
            expressions: VecDeque::new(),
            resolve: None,
        })
    }

    /// A text with expressions.
    pub(super) fn template(text: &str, resolve: Resolve<'a>) -> Result<Self, PatternError> {
        check_length(text)?;
        let pieces = split_holes(text)
            .map_err(|open| PatternError::new(open.to_string()).with_hint("add `}}`"))?;
        let mut parsed = String::with_capacity(text.len());
        let mut expressions = VecDeque::new();
        for piece in pieces {
            match piece {
                Piece::Text(text) => {
                    check_characters(&text)?;
                    parsed.push_str(&text);
                }
                Piece::Hole(span) => {
                    parsed.push(HOLE);
                    expressions.push_back(text[span].trim().to_owned());
                }
            }
        }
        Ok(Self {
            text: parsed,
            expressions,
            resolve: Some(resolve),
        })
    }

    /// The value of the next expression, with its source for messages.
    pub(super) fn next_value(&mut self) -> Result<(String, String), PatternError> {
        let expression = self
            .expressions
            .pop_front()
            .expect("the text has one hole for each expression, and each is filled once");
        let resolve = self
            .resolve
            .as_mut()
            .expect("a text without a resolver has no holes");
        let value = resolve(&expression).map_err(|message| {
            PatternError::new(format!("`${{{{ {expression} }}}}`: {message}"))
        })?;
        Ok((expression, value))
    }
}

pub(super) fn check_length(text: &str) -> Result<(), PatternError> {
    if text.len() <= limits::PATTERN_BYTES {
        return Ok(());
    }
    let longest = limits::PATTERN_BYTES;
    Err(PatternError::new(format!("longer than {longest} bytes")))
}

/// Refuses characters that a reviewer cannot see or that servers read in
/// different ways.
fn check_characters(text: &str) -> Result<(), PatternError> {
    match text.chars().find(|c| is_hidden(*c) || *c == '\\') {
        None => Ok(()),
        Some(c) => Err(PatternError::new(format!(
            "the character `{}` cannot stand here",
            c.escape_default()
        ))),
    }
}

/// Characters that change nothing a person sees, or change the order of what
/// they see: controls, bidirectional marks, zero-width and private characters.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFF}'
            | '\u{E000}'..='\u{F8FF}' | '\u{E0000}'..='\u{10FFFF}')
}
