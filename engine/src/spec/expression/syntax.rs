//! Syntax: what the parser could not read, in our words.

use super::ExpressionError;
use super::token::Tokens;

/// What cel's parser could not read, in our words.
pub(super) fn syntax_error(tokens: &Tokens<'_>, errors: &cel::ParseErrors) -> ExpressionError {
    let end = tokens.source.len();
    let first = errors.errors.first();
    let token = first.and_then(|error| {
        let (line, column) = error.pos;
        let line = usize::try_from(line).ok()?.checked_sub(1)?;
        let column = usize::try_from(column).ok()?.checked_sub(1)?;
        let start: usize = tokens
            .source
            .split_inclusive('\n')
            .take(line)
            .map(str::len)
            .sum();
        let rest = tokens.source.get(start..)?;
        let offset: usize = rest.chars().take(column).map(char::len_utf8).sum();
        tokens.at(start + offset)
    });
    let reserved = first.is_some_and(|error| error.msg.contains("reserved identifier"));
    let number = first.is_some_and(|error| error.msg.contains("int literal"));
    let Some(index) = token else {
        return ExpressionError::new("the expression ends too early", end..end);
    };
    let word = tokens.text(index);
    let span = tokens.list[index].span.clone();
    if reserved {
        return ExpressionError::new(format!("`{word}` is a reserved word"), span);
    }
    if number {
        return ExpressionError::new("the number does not fit into 64 bits", span);
    }
    let error = ExpressionError::new(format!("`{word}` is not expected here"), span);
    match word {
        "and" => error.with_hint("write `&&`"),
        "or" => error.with_hint("write `||`"),
        "not" => error.with_hint("write `!`"),
        _ => match tokens.text(index.wrapping_sub(1)) {
            "not" => error.with_hint("write `!`"),
            _ => error,
        },
    }
}
