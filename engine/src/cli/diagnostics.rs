//! Diagnostics: what is wrong with a text, drawn for people or as data.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};

use super::source_lines::{Lines, escaped};
use crate::model::{Diagnostic, Severity, Span};

/// Columns that a report is drawn for.
const WIDTH: usize = 120;
/// Lines between two places that are still drawn as one piece.
const GAP: usize = 6;

/// Draws diagnostics in the order of the text, with the lines that they are
/// about, and how many there are at the end. Empty without diagnostics.
///
/// Characters that a terminal would not show as they are, are shown escaped.
pub(super) fn render(path: &str, text: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    if diagnostics.is_empty() {
        return String::new();
    }
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(WIDTH);
    let lines = Lines::new(text);
    let path = escaped(path);
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|it| (it.span, it.severity));
    let mut report = String::new();
    for diagnostic in sorted {
        let group = group(&path, &lines, diagnostic);
        report.push_str(&renderer.render(&[group]));
        report.push_str("\n\n");
    }
    report.push_str(&tally(diagnostics));
    report.push('\n');
    report
}

/// Diagnostics as data: a list in the order of the text. Lines and columns
/// count from 1, columns in characters; both are absent without a place.
///
/// The text must be the one that the diagnostics are about.
pub(super) fn to_json(text: &str, diagnostics: &[Diagnostic]) -> Value {
    let lines = Lines::new(text);
    let place = |span: Span| {
        let (line, column) = lines.position(span.start);
        let (end_line, end_column) = lines.position(span.end);
        json!({
            "line": line, "column": column,
            "end-line": end_line, "end-column": end_column,
        })
    };
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|it| (it.span, it.severity));
    let diagnostics = sorted.into_iter().map(|it| {
        let others = it.others.iter().map(|label| {
            let mut other = place(label.span);
            other["text"] = json!(label.text);
            other
        });
        let mut value = json!({
            "code": it.code,
            "severity": severity(it.severity),
            "message": it.message,
            "label": it.label,
            "others": others.collect::<Vec<Value>>(),
            "notes": it.notes,
            "hint": it.hint,
        });
        if let (Some(span), Some(fields)) = (it.span, value.as_object_mut())
            && let Value::Object(place) = place(span)
        {
            fields.extend(place);
        }
        value
    });
    diagnostics.collect()
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

fn tally(diagnostics: &[Diagnostic]) -> String {
    let count = |severity: Severity| {
        diagnostics
            .iter()
            .filter(|it| it.severity == severity)
            .count()
    };
    let counted = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        more => Some(format!("{more} {word}s")),
    };
    let parts = [
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// One diagnostic as the renderer takes it.
fn group<'d>(path: &'d str, lines: &Lines<'_>, diagnostic: &Diagnostic) -> Group<'d> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level
        .primary_title(escaped(&diagnostic.message))
        .id(diagnostic.code);
    let mut group = Group::with_title(title);
    for piece in pieces(lines, diagnostic) {
        let annotations = piece.places.into_iter().map(|place| {
            let kind = if place.primary {
                AnnotationKind::Primary
            } else {
                AnnotationKind::Context
            };
            kind.span(place.range).label(place.label)
        });
        group = group.element(
            Snippet::source(piece.text)
                .path(path)
                .line_start(piece.first_line)
                .annotations(annotations),
        );
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(escaped(note)));
    }
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.with_name("hint").message(escaped(hint)));
    }
    group
}

/// Lines that are drawn together.
struct Piece {
    first_line: usize,
    text: String,
    places: Vec<Place>,
}

/// A place in the text that is to be marked, on one line.
struct Mark<'d> {
    /// From 0.
    line: usize,
    span: Span,
    label: Option<&'d String>,
    primary: bool,
}

/// A place in the lines that are drawn.
struct Place {
    range: Range<usize>,
    label: Option<String>,
    primary: bool,
}

/// The lines around the places of a diagnostic, the primary place first.
fn pieces(lines: &Lines<'_>, diagnostic: &Diagnostic) -> Vec<Piece> {
    let Some(span) = diagnostic.span else {
        return Vec::new();
    };
    let others = diagnostic.others.iter();
    let others = others.map(|other| (other.span, Some(&other.text), false));
    let mut marks: Vec<Mark<'_>> = std::iter::once((span, diagnostic.label.as_ref(), true))
        .chain(others)
        .map(|(span, label, primary)| {
            let span = lines.first_line(span);
            let line = lines.line(span.start);
            Mark {
                line,
                span,
                label,
                primary,
            }
        })
        .collect();
    marks.sort_by_key(|mark| (mark.line, mark.span));
    let mut groups: Vec<Vec<Mark<'_>>> = Vec::new();
    for mark in marks {
        match groups.last_mut() {
            Some(group) if mark.line - group[group.len() - 1].line < GAP => group.push(mark),
            _ => groups.push(vec![mark]),
        }
    }
    groups.sort_by_key(|group| !group.iter().any(|mark| mark.primary));
    let pieces = groups.into_iter().map(|group| {
        let (first, last) = (group[0].line, group[group.len() - 1].line);
        let mut text = String::new();
        let mut ranges = vec![0..0; group.len()];
        for line in first..=last {
            let on_line = group.iter().enumerate().filter(|(_, it)| it.line == line);
            let on_line: Vec<(usize, Span)> = on_line.map(|(at, it)| (at, it.span)).collect();
            lines.show(line, &on_line, &mut text, &mut ranges);
            text.push('\n');
        }
        let places = group.into_iter().zip(ranges);
        let places = places.map(|(mark, range)| Place {
            range,
            label: mark.label.map(|label| escaped(label)),
            primary: mark.primary,
        });
        Piece {
            first_line: first + 1,
            text,
            places: places.collect(),
        }
    });
    pieces.collect()
}

#[cfg(test)]
mod tests {
    use super::{render, to_json};
    use crate::model::{Diagnostic, Span};

    fn place(text: &str, part: &str) -> Span {
        let start = text.find(part).expect("the part is in the text");
        Span {
            start,
            end: start + part.len(),
        }
    }

    #[test]
    fn a_report_shows_what_where_why_and_what_to_do() {
        let text = "version: 1\nstages:\n  tell:\n    uses: builtin:notify\n    capabilities: {}\n";
        let error = Diagnostic::error(
            "E0301",
            place(text, "{}"),
            "stage `tell` may not make requests",
        )
        .label("nothing is granted")
        .other(place(text, "builtin:notify"), "this plugin makes them")
        .note("builtin:notify cannot work without it")
        .hint("add  http: [\"POST https://hooks.example.org/**\"]");
        let warning = Diagnostic::warning("W0301", place(text, "tell"), "a warning");
        let report = render("pipeline.yaml", text, &[error, warning], false);
        insta::assert_snapshot!(report, @r#"
        warning[W0301]: a warning
         --> pipeline.yaml:3:3
          |
        3 |   tell:
          |   ^^^^

        error[E0301]: stage `tell` may not make requests
         --> pipeline.yaml:5:19
          |
        4 |     uses: builtin:notify
          |           -------------- this plugin makes them
        5 |     capabilities: {}
          |                   ^^ nothing is granted
          |
          = note: builtin:notify cannot work without it
          = hint: add  http: ["POST https://hooks.example.org/**"]

        1 error, 1 warning
        "#);
    }

    #[test]
    fn nothing_in_a_text_reaches_the_terminal_as_it_is() {
        let text = "name: \u{1b}[2J\u{202e}x\u{9b}y\u{200b}\nend: 1\n";
        let error = Diagnostic::error("E0006", place(text, "x"), "bad \u{1b}[31m\u{7} \r\n text")
            .hint("\u{202e}hint");
        let report = render("p\u{1b}.yaml", text, &[error], false);
        let bad = |c: &char| c.is_control() && *c != '\n' || ('\u{200b}'..='\u{202e}').contains(c);
        assert_eq!(report.chars().find(bad), None, "{report}");
        let caret = report
            .lines()
            .find(|line| line.contains('^'))
            .expect("a place");
        let source = report
            .lines()
            .find(|line| line.contains("name:"))
            .expect("the line");
        assert_eq!(caret.find('^'), source.rfind('x'), "{report}");
    }

    #[test]
    fn places_in_hostile_lines_are_found_quickly() {
        let text = format!("{}x{}\n", "a".repeat(500_000), "é".repeat(500_000));
        let error = Diagnostic::error("E0001", place(&text, "x"), "here");
        let report = render("p", &text, &[error], false);
        assert!(report.len() < 4_000, "{}", report.len());
        assert!(report.contains('^'));
    }

    #[test]
    fn every_place_can_be_drawn() {
        let text = "a: é\n\nb: [1,\r\n 2]\n";
        for start in 0..=text.len() + 2 {
            for end in start..=text.len() + 2 {
                let error = Diagnostic::error("E0001", Span { start, end }, "here");
                let report = render("p", text, std::slice::from_ref(&error), false);
                assert!(report.contains("1 error"));
                assert!(to_json(text, &[error])[0]["line"].is_u64());
            }
        }
    }

    #[test]
    fn data_has_lines_and_columns() {
        let text = "a: 1\né: 2\n";
        let errors = [
            Diagnostic::error("E0001", place(text, "2"), "second"),
            Diagnostic::error("E0002", None, "first"),
        ];
        let data = to_json(text, &errors);
        assert_eq!(data[0]["code"], "E0002");
        assert_eq!(data[0].get("line"), None);
        assert_eq!(
            (&data[1]["line"], &data[1]["column"]),
            (&2.into(), &4.into())
        );
    }
}
