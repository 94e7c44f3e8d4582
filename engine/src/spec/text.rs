//! Text: bytes that may be a pipeline, before anything reads them as YAML.

use super::code;
use super::diagnostics::Diagnostics;
use crate::model::{Diagnostic, Span, limits};

/// The text of a pipeline file.
///
/// Reads at most [`limits::PIPELINE_BYTES`]; the caller need not read more than
/// one byte beyond it.
pub fn decode(bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    if bytes.len() > limits::PIPELINE_BYTES {
        let message = format!(
            "a pipeline file holds at most {} MiB",
            limits::PIPELINE_BYTES >> 20
        );
        return Err(Diagnostic::error(code::TOO_LARGE, None, message).into());
    }
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        let message = "this is UTF-16, not UTF-8";
        return Err(Diagnostic::error(code::NOT_UTF8, None, message)
            .hint("save the file as UTF-8 without a byte order mark")
            .into());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let start = error.valid_up_to();
        let line = 1 + String::from_utf8_lossy(&bytes[..start])
            .matches('\n')
            .count();
        let line_start = bytes[..start]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let column = 1 + String::from_utf8_lossy(&bytes[line_start..start])
            .chars()
            .count();
        let message = format!(
            "the byte 0x{:02x} at line {line}, column {column} is not UTF-8",
            bytes[start]
        );
        // The lossy text that is shown has the same bytes up to here.
        let span = Span { start, end: start };
        Diagnostic::error(code::NOT_UTF8, span, message)
            .hint("save the file as UTF-8")
            .into()
    })
}

/// Looks for characters that have no place in a text that people review.
///
/// Returns whether the text may be read as YAML.
pub(super) fn inspect(text: &str, out: &mut Diagnostics) -> bool {
    if text.len() > limits::PIPELINE_BYTES {
        let message = format!(
            "a pipeline file holds at most {} MiB",
            limits::PIPELINE_BYTES >> 20
        );
        out.push(Diagnostic::error(code::TOO_LARGE, None, message));
        return false;
    }
    let mut usable = true;
    if text.starts_with('\u{feff}') {
        let message = "the file begins with a byte order mark";
        let diagnostic =
            Diagnostic::error(code::BYTE_ORDER_MARK, Span { start: 0, end: 3 }, message);
        out.push(diagnostic.hint("save the file without it"));
        usable = false;
    }
    let bytes = text.as_bytes();
    for (start, byte) in bytes.iter().enumerate() {
        // Printable ASCII, and everything that cannot begin a character below.
        if (0x20..0x7F).contains(byte) || *byte == b'\n' || *byte == b'\t' || *byte > 0xEF {
            continue;
        }
        let problem = match byte {
            b'\r' if bytes.get(start + 1) == Some(&b'\n') => continue,
            0xC2 | 0xD8 | 0xE2 | 0xEF | 0x00..=0x7F => judge(text, start),
            _ => continue,
        };
        if let Some(problem) = problem {
            usable &= problem.code == code::HIDDEN_CHARACTER;
            out.push(problem);
        }
    }
    usable
}

/// What is wrong with the character at `start`, if anything is.
fn judge(text: &str, start: usize) -> Option<Diagnostic> {
    let found = text.get(start..)?.chars().next()?;
    let span = Span {
        start,
        end: start + found.len_utf8(),
    };
    let name = format!("U+{:04X}", u32::from(found));
    match found {
        '\r' => Some(
            Diagnostic::error(
                code::CONTROL_CHARACTER,
                span,
                "a line ends with a carriage return alone",
            )
            .hint("end lines with a line feed"),
        ),
        '\u{85}' | '\u{2028}' | '\u{2029}' => Some(
            Diagnostic::error(
                code::CONTROL_CHARACTER,
                span,
                format!("{name} ends a line for some programs and not for others"),
            )
            .hint("end lines with a line feed"),
        ),
        c if c.is_control() => Some(Diagnostic::error(
            code::CONTROL_CHARACTER,
            span,
            format!("the control character {name} has no place in a pipeline"),
        )),
        '\u{061c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' => Some(
            Diagnostic::error(
                code::HIDDEN_CHARACTER,
                span,
                format!("{name} changes the order in which the text around it is shown"),
            )
            .hint("remove it: what is reviewed must be what is run"),
        ),
        '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2064}' => Some(hidden(span, &name)),
        '\u{feff}' if start > 0 => Some(hidden(span, &name)),
        _ => None,
    }
}

fn hidden(span: Span, name: &str) -> Diagnostic {
    Diagnostic::error(
        code::HIDDEN_CHARACTER,
        span,
        format!("{name} is a character that nobody sees"),
    )
    .hint("remove it: what is reviewed must be what is run")
}
