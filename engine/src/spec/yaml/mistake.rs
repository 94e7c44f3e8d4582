//! Mistake: why a text is no YAML of ours, in words that help.

use granit_parser::{ErrorKind, ScanError};

use super::tabs::tab_error;
use super::{Stop, start_of};
use crate::model::{Diagnostic, Span, limits};
use crate::spec::code;

pub(super) fn too_deep(span: Span) -> Stop {
    let message = format!(
        "values stand more than {} levels deep",
        limits::PIPELINE_DEPTH
    );
    Diagnostic::error(code::TOO_LARGE, start_of(span), message).into()
}

pub(super) fn tag_error(text: &str, span: Span) -> Diagnostic {
    let tag = text.get(span.start..span.end).unwrap_or("!");
    let message = format!("the tag `{tag}` is not part of the language");
    Diagnostic::error(code::TAG, span, message)
        .hint("leave it out; quote a value that is meant as text")
}

pub(super) fn syntax_error(text: &str, error: &ScanError) -> Diagnostic {
    let start = error.marker().byte_offset().unwrap_or(0).min(text.len());
    let length = text[start..]
        .chars()
        .next()
        .filter(|c| *c != '\n')
        .map_or(0, char::len_utf8);
    let span = Span {
        start,
        end: start + length,
    };
    match error.kind() {
        ErrorKind::RecursionLimitExceeded => *too_deep(span),
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInPlainScalar => {
            // The parser stands behind the tab, or at the first character after it.
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let tab = text[line..span.end].rfind('\t');
            tab_error(tab.map_or(span, |at| Span {
                start: line + at,
                end: line + at + 1,
            }))
        }
        ErrorKind::DirectiveDisallowed => Diagnostic::error(
            code::SECOND_DOCUMENT,
            span,
            "directives are not part of the language",
        )
        .hint("leave the line out"),
        _ => {
            let info = lower_first(&error.info());
            let line = text[..start].rfind('\n').map_or(0, |at| at + 1);
            let line = text[line..].lines().next().unwrap_or("");
            let message = format!("this is not YAML: {info}");
            let mut diagnostic = Diagnostic::error(code::SYNTAX, span, message);
            diagnostic.hint = syntax_hint(&info, line).map(str::to_owned);
            diagnostic
        }
    }
}

/// What to write instead, for the mistakes that people make most.
fn syntax_hint(info: &str, line: &str) -> Option<&'static str> {
    if line.contains("${{") && line.contains(['[', '{']) {
        Some("put a text with `${{ … }}` between quotes where it stands in `[…]` or `{…}`")
    } else if info.contains("mapping values are not allowed") {
        Some("put a text that holds `: ` between quotes")
    } else if info.contains("'-' indicator") {
        Some("every entry of a list begins with `- `, all at the same column")
    } else if info.contains("did not find expected key") {
        Some("the keys of one mapping begin at one column")
    } else if info.contains("unexpected character") {
        Some("put a text that begins with a sign between quotes")
    } else {
        None
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.trim_end_matches('.').chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
