//! Narrate: one short line for one fact.

use super::escape::escape;
use super::paint::{Tone, glyph, outcome_tone, severity};
use super::quantity::{bytes, count, duration, thousands};
use super::view::RunView;
use crate::model::{
    Annotation, CallDecision, Fact, Failure, FileUsage, HostCall, Outcome, SourceLocation, StageId,
};

/// A line about a fact. Its sign tells it from a line of a stage's log, which
/// always has `│`, so that no stage can forge a fact.
#[derive(Debug, PartialEq)]
pub(super) struct Line<'a> {
    /// None when it is about the run.
    pub(super) stage: Option<&'a StageId>,
    pub(super) sign: &'static str,
    pub(super) tone: Tone,
    /// Escaped.
    pub(super) text: String,
}

impl<'a> Line<'a> {
    pub(super) fn new(
        stage: Option<&'a StageId>,
        sign: &'static str,
        tone: Tone,
        text: impl Into<String>,
    ) -> Self {
        Self {
            stage,
            sign,
            tone,
            text: text.into(),
        }
    }

    fn outcome(stage: &'a StageId, outcome: Outcome, text: String) -> Self {
        Self::new(Some(stage), glyph(outcome), outcome_tone(outcome), text)
    }
}

/// The line for a fact that the view has taken in; none where a reader of the
/// run need not know.
pub(super) fn narrate<'a>(fact: &'a Fact, view: &RunView) -> Option<Line<'a>> {
    match fact {
        Fact::RunStarted {
            run,
            name,
            trigger,
            stages,
            wall,
            ..
        } => {
            let stages = count(stages.len() as u64, "stage");
            let (run, name, trigger) = (run.short(), escape(name), escape(trigger));
            let wall = wall.map_or_else(String::new, |wall| {
                format!(", native tools behind the wall `{}`", wall.as_str())
            });
            let text = format!("{name}: run {run}, {stages}, started by {trigger}{wall}");
            Some(Line::new(None, "●", Tone::Strong, text))
        }
        Fact::CancelRequested { by } => {
            let text = format!("cancel requested by {}", escape(by));
            Some(Line::new(
                None,
                glyph(Outcome::Cancelled),
                Tone::Careful,
                text,
            ))
        }
        // The summary tells the end.
        Fact::RunFinished { .. } => None,
        Fact::HostCalled(_)
        | Fact::HostUsed { .. }
        | Fact::EffectBegun { .. }
        | Fact::Annotated { .. }
        | Fact::Summarised { .. } => deed(fact),
        Fact::StageSkipped { .. }
        | Fact::StageStarted { .. }
        | Fact::AttemptFailed { .. }
        | Fact::RetryScheduled { .. }
        | Fact::StageCommitted { .. }
        | Fact::StageFinished { .. } => course(fact, view),
    }
}

/// What a stage did.
fn deed(fact: &Fact) -> Option<Line<'_>> {
    match fact {
        // Thousands, often. What was used tells how many, `engine show --files` which.
        Fact::HostCalled(call) if is_file_done(call) => None,
        Fact::HostCalled(call) => {
            let (sign, tone) = match call.decision {
                CallDecision::Allowed => ("→", Tone::Quiet),
                CallDecision::Denied => (glyph(Outcome::Denied), Tone::Bad),
            };
            Some(Line::new(Some(&call.stage), sign, tone, call_text(call)))
        }
        Fact::HostUsed { stage, usage, .. } if usage.log_lines_dropped > 0 => {
            let lines = count(usage.log_lines_dropped, "line");
            let text = format!("{lines} beyond the limit of the log were not kept");
            Some(Line::new(Some(stage), "!", Tone::Careful, text))
        }
        Fact::HostUsed { stage, usage, .. } => {
            let text = files_text(usage.files.as_ref()?)?;
            Some(Line::new(Some(stage), "→", Tone::Quiet, text))
        }
        Fact::Annotated {
            stage, annotation, ..
        } => {
            let (_, tone) = severity(annotation.severity);
            let text = annotation_text(annotation);
            Some(Line::new(Some(stage), "!", tone, text))
        }
        _ => None,
    }
}

/// How the attempts of a stage went.
fn course<'a>(fact: &'a Fact, view: &RunView) -> Option<Line<'a>> {
    match fact {
        Fact::StageSkipped { stage, because } => {
            let text = format!("skipped: {}", escape(because));
            Some(Line::outcome(stage, Outcome::Skipped, text))
        }
        Fact::StageStarted {
            stage,
            attempt,
            authority,
            ..
        } => {
            let mut text = match attempt {
                0 | 1 => "started".to_owned(),
                _ => format!("attempt {attempt} started"),
            };
            if !authority.is_empty() {
                text.push_str(&[" with leave for ", &escape(&authority.join(", "))].concat());
            }
            Some(Line::new(Some(stage), "▸", Tone::Active, text))
        }
        Fact::AttemptFailed {
            stage,
            attempt,
            outcome,
            failure,
            duration_ms,
        } => {
            let (time, why) = (duration(*duration_ms), failure_text(failure));
            let text = format!("attempt {attempt} {outcome} after {time}: {why}");
            Some(Line::outcome(stage, *outcome, text))
        }
        Fact::RetryScheduled {
            stage,
            attempt,
            delay_ms,
            because,
        } => {
            let (wait, because) = (duration(*delay_ms), escape(because));
            let text = format!("attempt {attempt} in {wait} ({because})");
            Some(Line::new(Some(stage), "↻", Tone::Careful, text))
        }
        // A skip was told with its reason.
        Fact::StageFinished {
            stage,
            outcome,
            attempts,
        } if *outcome != Outcome::Skipped => {
            let spent = view.stage(stage).map_or(0, |stage| stage.spent_ms);
            let spent = duration(spent);
            let text = match attempts {
                0 => format!("{outcome} before it started"),
                1 => format!("{outcome} in {spent}"),
                _ => format!("{outcome} in {spent}, {attempts} attempts"),
            };
            Some(Line::outcome(stage, *outcome, text))
        }
        _ => None,
    }
}

/// `what it does: allowed, 34 refs, 120ms`.
/// Whether a call did something with a file and succeeded.
fn is_file_done(call: &HostCall) -> bool {
    call.interface == "wasi:filesystem/types"
        && call.decision == CallDecision::Allowed
        && call.error.is_none()
}

/// `files: 12 KiB read, 3 KiB written, 5 made`; none where nothing was done.
fn files_text(files: &FileUsage) -> Option<String> {
    let parts = [
        (files.reads > 0).then(|| format!("{} read", bytes(files.read_bytes))),
        (files.writes > 0).then(|| format!("{} written", bytes(files.written_bytes))),
        (files.entries > 0).then(|| format!("{} made", thousands(files.entries))),
        (files.unlisted_opens > 0).then(|| {
            let opens = count(files.unlisted_opens, "open");
            format!("{opens} on record by folder alone")
        }),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| format!("files: {}", parts.join(", ")))
}

fn call_text(call: &HostCall) -> String {
    let (arguments, interface) = (escape(&call.arguments), escape(&call.interface));
    let what = format!("{interface} {} {arguments}", escape(&call.function));
    let mut text = format!("{}: ", what.trim_end());
    text.push_str(match call.decision {
        CallDecision::Allowed => "allowed",
        CallDecision::Denied => "denied",
    });
    for part in call.error.iter().chain(&call.result) {
        text.push_str(", ");
        text.push_str(&escape(part));
    }
    if call.decision == CallDecision::Allowed {
        text.push_str(", ");
        match call.duration_us / 1_000 {
            0 => text.push_str("<1ms"),
            ms => text.push_str(&duration(ms)),
        }
    }
    text
}

/// `message (code)`.
pub(super) fn failure_text(failure: &Failure) -> String {
    format!("{} ({})", escape(&failure.message), escape(&failure.code))
}

/// `warning src/lib.rs:10:5: title: message [code]`.
pub(super) fn annotation_text(annotation: &Annotation) -> String {
    let (word, _) = severity(annotation.severity);
    let mut text = word.to_owned();
    if let Some(location) = &annotation.location {
        text.push(' ');
        text.push_str(&place(location));
    }
    if let Some(title) = &annotation.title {
        text.push_str(": ");
        text.push_str(&escape(title));
    }
    text.push_str(": ");
    text.push_str(&escape(&annotation.message));
    if let Some(code) = &annotation.code {
        text.push_str(" [");
        text.push_str(&escape(code));
        text.push(']');
    }
    text
}

/// `src/lib.rs:10:5`.
pub(super) fn place(location: &SourceLocation) -> String {
    let mut text = escape(&location.path).into_owned();
    for number in [location.line, location.column].into_iter().flatten() {
        text.push(':');
        text.push_str(&number.to_string());
    }
    text
}
