//! Failure: all that is known about why a stage did not succeed.

use super::escape::{escape, escape_lines};
use super::narrate::place;
use super::paint::{Paint, Tone};
use super::quantity::count;
use super::stage_view::StageView;
use super::view::RunView;
use crate::model::{Outcome, limits};

/// Whether a stage that ended so is explained at the end of the run.
pub(super) fn is_explained(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Warned
        | Outcome::Failed
        | Outcome::TimedOut
        | Outcome::Denied
        | Outcome::Errored => true,
        Outcome::Succeeded | Outcome::Skipped | Outcome::Cancelled => false,
    }
}

/// The failures of a run, each as a block after an empty line, oldest first: the
/// first is most often the cause of the others. What only warned stands before
/// them, farther from the last line.
pub(super) fn failure_lines(view: &RunView, paint: Paint) -> Vec<String> {
    let explained = view
        .ended
        .iter()
        .map(|place| &view.stages[*place])
        .filter_map(|stage| Some((stage, stage.state.outcome()?)))
        .filter(|(_, outcome)| is_explained(*outcome));
    let (mut warned, mut failed): (Vec<_>, Vec<_>) =
        explained.partition(|(_, outcome)| *outcome == Outcome::Warned);
    let all = warned.len() + failed.len();
    failed.truncate(limits::FAILURES_SHOWN);
    warned.truncate(limits::FAILURES_SHOWN - failed.len());
    let more = all - warned.len() - failed.len();
    let mut lines = Vec::new();
    for (stage, outcome) in warned.into_iter().chain(failed) {
        lines.push(String::new());
        lines.extend(block(stage, outcome, paint));
    }
    if more > 0 {
        let text = format!("… and {}", count(more as u64, "more failure"));
        lines.push(String::new());
        lines.push(paint.paint(Tone::Quiet, &text));
    }
    lines
}

/// One failure, in the shape of a diagnostic.
fn block(stage: &StageView, outcome: Outcome, paint: Paint) -> Vec<String> {
    let (word, tone) = match outcome {
        Outcome::Warned => ("warning", Tone::Careful),
        _ => ("error", Tone::Bad),
    };
    let Some(failure) = &stage.failure else {
        let head = paint.paint(tone, word);
        return vec![format!("{head}: {}: {outcome}", stage.id)];
    };
    let head = paint.paint(tone, &format!("{word}[{}]", escape(&failure.code)));
    // One line, whatever the guest put in: a second could look like one of ours.
    let title = format!(": {}: {}", stage.id, escape(&failure.message));
    let mut lines = vec![format!("{head}{}", paint.paint(Tone::Strong, &title))];
    lines.extend(last_words(stage, paint));
    let mut remark = |word: &str, text: &str| {
        for (at, line) in escape_lines(text).enumerate() {
            lines.push(match at {
                0 => format!("  {} {word:<8}{line}", paint.paint(Tone::Active, "=")),
                _ => format!("    {:8}{line}", ""),
            });
        }
    };
    if let Some(location) = &failure.location {
        remark("at", &place(location));
    }
    for cause in &failure.causes {
        remark("cause", cause);
    }
    for call in &stage.refused {
        remark("refused", call);
    }
    let hidden = stage.refused_calls - stage.refused.len() as u64;
    if hidden > 0 {
        remark("", &format!("and {} before", count(hidden, "refused call")));
    }
    if let Some(hint) = &failure.hint {
        remark("hint", hint);
    }
    lines
}

/// The last lines of the log; where there are none, the end of standard error.
fn last_words(stage: &StageView, paint: Paint) -> Vec<String> {
    let bar = paint.paint(Tone::Quiet, "│");
    let show = |line: &str| format!("  {bar} {line}").trim_end().to_owned();
    if !stage.tail.is_empty() {
        return stage.tail.iter().map(|line| show(&escape(line))).collect();
    }
    let stderr = stage
        .failure
        .as_ref()
        .and_then(|f| f.stderr_tail.as_deref());
    let lines: Vec<_> = escape_lines(stderr.unwrap_or_default()).collect();
    let first = lines.len().saturating_sub(limits::LOG_TAIL_LINES);
    lines[first..].iter().map(|line| show(line)).collect()
}
