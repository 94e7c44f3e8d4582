//! Summary: what stays on the screen when a run has ended.

use std::fmt::Write as _;

use serde_json::Value;

use super::escape::{cut, escape, escape_lines, pad, width};
use super::failure::failure_lines;
use super::narrate::{annotation_text, failure_text};
use super::paint::{Paint, Tone, glyph, outcome_tone, severity};
use super::quantity::{count, duration, thousands};
use super::stage_view::{StageState, StageView};
use super::view::RunView;
use crate::model::{Outcome, limits};

/// How wide an output or a summary line may be where the screen has no width.
const COLUMNS: usize = 400;
/// Lines of the stages' own Markdown that are shown.
const SUMMARY_LINES: usize = 40;

/// Columns of a line beside a name: its sign and its time.
const BESIDE_NAMES: usize = 14;

/// The whole summary, one line an entry. Lines are cut to `columns` where they
/// repeat what stands elsewhere in full.
pub(super) fn summary_lines(view: &RunView, paint: Paint, columns: Option<usize>) -> Vec<String> {
    let columns = columns.unwrap_or(COLUMNS);
    let mut lines = stage_lines(view, paint, columns);
    lines.extend(written_lines(view, paint, columns));
    lines.extend(annotation_lines(view, paint));
    lines.extend(output_lines(view, paint, columns));
    lines.extend(failure_lines(view, paint));
    lines.push(String::new());
    lines.extend(final_lines(view, paint));
    lines
}

/// How the run ended, and where its record lies.
pub(super) fn final_lines(view: &RunView, paint: Paint) -> Vec<String> {
    let Some(start) = &view.start else {
        return vec![paint.paint(Tone::Bad, "✗ the run did not start")];
    };
    let mut parts: Vec<String> = view
        .outcomes()
        .map(|(outcome, count)| format!("{} {outcome}", thousands(count)))
        .collect();
    let open = view.stages.iter().filter(|s| s.state.outcome().is_none());
    match open.count() {
        0 => {}
        open => parts.push(format!("{} not ended", thousands(open as u64))),
    }
    let head = match &view.end {
        Some(end) => {
            let text = format!(
                "{} {} in {}",
                glyph(end.result),
                end.result,
                duration(end.duration_ms)
            );
            paint.paint(outcome_tone(end.result), &text)
        }
        None if view.ongoing => paint.paint(Tone::Strong, "● the run goes on"),
        None => paint.paint(Tone::Bad, "✗ the run did not end"),
    };
    let record = format!("  engine show {}", start.run.short());
    vec![
        format!("{head}   {}", parts.join(" · "))
            .trim_end()
            .to_owned(),
        paint.paint(Tone::Quiet, &record),
    ]
}

/// What the wall around native tools does not hold, if it does not hold all.
///
/// A run without native tools loses nothing, and has an empty list.
pub(super) fn wall_text(view: &RunView) -> Option<String> {
    let start = view.start.as_ref()?;
    let wall = start.wall.filter(|_| !start.lost.is_empty())?;
    let mut text = format!("the wall around native tools is `{}`", wall.as_str());
    let mut lead = ": ";
    for lost in start.lost.iter().take(limits::WALL_GAPS_SHOWN) {
        text.push_str(lead);
        text.push_str(&escape(lost));
        lead = "; ";
    }
    let hidden = start.lost.len().saturating_sub(limits::WALL_GAPS_SHOWN);
    if hidden > 0 {
        let _ = write!(text, "; {hidden} more in `engine doctor`");
    }
    Some(text)
}

fn stage_lines(view: &RunView, paint: Paint, columns: usize) -> Vec<String> {
    let all = view.stages.len() <= limits::STAGES_SHOWN;
    let unremarkable = |stage: &&StageView| {
        matches!(
            stage.state.outcome(),
            Some(Outcome::Succeeded | Outcome::Skipped)
        )
    };
    let shown: Vec<&StageView> = view
        .stages
        .iter()
        .filter(|stage| all || !unremarkable(stage))
        .take(limits::STAGES_SHOWN)
        .collect();
    // Here names stand for good: they are whole wherever the line has room for them.
    let longest = shown.iter().map(|stage| stage.id.as_str().len()).max();
    let name_columns = longest
        .unwrap_or(0)
        .min(columns.saturating_sub(BESIDE_NAMES));
    let mut lines: Vec<String> = shown
        .iter()
        .map(|stage| stage_line(stage, view, paint, name_columns, columns))
        .collect();
    let hidden = view.stages.len() - shown.len();
    if hidden > 0 {
        let text = format!("  … and {}", count(hidden as u64, "more stage"));
        lines.push(paint.paint(Tone::Quiet, &text));
    }
    lines
}

/// How wide the column of names is: the longest name, at most 24 and a third of
/// the line.
pub(super) fn name_columns<'a>(
    stages: impl Iterator<Item = &'a StageView>,
    columns: usize,
) -> usize {
    stages
        .map(|stage| stage.id.as_str().len())
        .max()
        .unwrap_or(0)
        .min(24)
        .min(columns / 3)
}

/// `  ✓ build   12.3s  2 attempts`.
pub(super) fn stage_line(
    stage: &StageView,
    view: &RunView,
    paint: Paint,
    name_columns: usize,
    columns: usize,
) -> String {
    let (sign, tone) = match stage.state.outcome() {
        Some(outcome) => (glyph(outcome), outcome_tone(outcome)),
        None => ("·", Tone::Quiet),
    };
    let name = pad(&cut(stage.id.as_str(), name_columns), name_columns);
    let time = match stage.attempt {
        0 => String::new(),
        _ => duration(stage.elapsed_ms(view.now)),
    };
    let lead = 4 + name_columns + 2 + 6;
    let detail = detail(stage);
    let detail = cut(&detail, columns.saturating_sub(lead + 2));
    let detail_tone = match tone {
        Tone::Good | Tone::Quiet => Tone::Quiet,
        _ => Tone::Plain,
    };
    let line = format!(
        "  {} {}  {}{}  {}",
        paint.paint(tone, sign),
        paint.paint(
            if tone == Tone::Quiet {
                Tone::Quiet
            } else {
                Tone::Plain
            },
            &name
        ),
        " ".repeat(6_usize.saturating_sub(width(&time))),
        paint.paint(Tone::Quiet, &time),
        paint.paint(detail_tone, &detail),
    );
    line.trim_end().to_owned()
}

/// What is worth saying about a stage beside its name and time. Escaped.
fn detail(stage: &StageView) -> String {
    let StageState::Ended {
        outcome,
        attempts,
        because,
    } = &stage.state
    else {
        return "not ended".to_owned();
    };
    let mut parts = Vec::new();
    match outcome {
        Outcome::Succeeded => {}
        Outcome::Skipped => parts.push("skipped".to_owned()),
        _ => parts.push(outcome.to_string()),
    }
    if *attempts > 1 {
        parts.push(count(u64::from(*attempts), "attempt"));
    }
    if stage.refused_calls > 0 && *outcome != Outcome::Denied {
        parts.push(count(stage.refused_calls, "refused call"));
    }
    let head = parts.join(", ");
    match (because, &stage.failure) {
        (Some(because), _) => format!("{head}: {}", escape(because)),
        (None, Some(failure)) => format!("{head}: {}", failure_text(failure)),
        // Where all went well there is room for what it was allowed to do.
        (None, None) if head.is_empty() => escape(&stage.authority.join(", ")).into_owned(),
        (None, None) => head,
    }
}

/// What the stages wrote for the summary: Markdown, which reads as text too. The
/// bar tells it from our own lines.
fn written_lines(view: &RunView, paint: Paint, columns: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left = SUMMARY_LINES;
    let bar = paint.paint(Tone::Quiet, "│");
    let mut hidden = 0;
    for (stage, markdown) in &view.summaries {
        if left > 0 {
            lines.push(String::new());
            lines.push(paint.paint(Tone::Strong, stage.as_str()));
        }
        for line in escape_lines(markdown) {
            if left == 0 {
                hidden += 1;
                continue;
            }
            left -= 1;
            let line = cut(&line, columns.saturating_sub(4));
            lines.push(format!("  {bar} {line}").trim_end().to_owned());
        }
    }
    if hidden > 0 || view.more_summary_bytes > 0 {
        let text = "  … the rest stands in the record";
        lines.push(paint.paint(Tone::Quiet, text));
    }
    lines
}

fn annotation_lines(view: &RunView, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    if !view.annotations.is_empty() {
        lines.push(String::new());
    }
    for (stage, annotation) in &view.annotations {
        let (word, tone) = severity(annotation.severity);
        let text = annotation_text(annotation);
        let rest = text.strip_prefix(word).unwrap_or(&text);
        let stage = paint.paint(Tone::Quiet, &format!("({stage})"));
        lines.push(format!("{}{rest} {stage}", paint.paint(tone, word)));
    }
    if view.more_annotations > 0 {
        let text = format!("… and {}", count(view.more_annotations, "more annotation"));
        lines.push(paint.paint(Tone::Quiet, &text));
    }
    lines
}

fn output_lines(view: &RunView, paint: Paint, columns: usize) -> Vec<String> {
    let outputs = view.end.as_ref().and_then(|end| end.outputs.as_object());
    let Some(outputs) = outputs.filter(|outputs| !outputs.is_empty()) else {
        return Vec::new();
    };
    let names = outputs.keys().map(|name| escape(name));
    let name_columns = names.map(|name| width(&name)).max().unwrap_or(0).min(24);
    let mut lines = vec![String::new(), paint.paint(Tone::Strong, "outputs")];
    for (name, value) in outputs {
        let value = match value {
            Value::String(text) => escape(text).into_owned(),
            other => escape(&other.to_string()).into_owned(),
        };
        let name = pad(&escape(name), name_columns);
        let value = cut(&value, columns.saturating_sub(width(&name) + 4));
        lines.push(format!("  {}  {value}", paint.paint(Tone::Quiet, &name)));
    }
    lines
}
