//! Frame: the live part of the display at one moment, as lines that fit.

use std::fmt::Write as _;

use crate::model::Progress;
use crate::report::escape::{cut, escape, pad};
use crate::report::failure::is_explained;
use crate::report::paint::{Paint, Tone};
use crate::report::quantity::{amount, count, elapsed, thousands};
use crate::report::reporter::TerminalSize;
use crate::report::stage_view::{StageState, StageView};
use crate::report::summary::{name_columns, stage_line};
use crate::report::view::RunView;

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// Lines for stages that ended, where not all stages fit.
const RECENT: usize = 3;
const BAR_COLUMNS: usize = 20;
const SECTION_TITLE_COLUMNS: usize = 16;
/// A narrower terminal shows a section beside its stage.
const SECTION_COLUMNS: usize = 60;

/// The frame for a terminal of this size.
pub(super) fn frame(view: &RunView, paint: Paint, size: TerminalSize) -> Vec<String> {
    // The last column stays free: some terminals wrap when it is filled.
    let columns = usize::from(size.columns.max(24)) - 1;
    let draft = Draft {
        view,
        paint,
        columns,
        name_columns: name_columns(view.stages.iter(), columns),
    };
    // One line for the cursor, one for the count below the stages, and an empty
    // one between them where there is room.
    let gap = usize::from(size.rows >= 10);
    let rows = usize::from(size.rows.max(4)) - 2 - gap;
    let mut lines = if view.stages.len() <= rows {
        draft.all_stages(rows)
    } else {
        draft.some_stages(rows)
    };
    lines.extend(std::iter::repeat_n(String::new(), gap));
    lines.push(draft.count_line());
    lines
}

struct Draft<'a> {
    view: &'a RunView,
    paint: Paint,
    columns: usize,
    name_columns: usize,
}

impl Draft<'_> {
    /// Every stage in the order of the file, with sections as far as they fit.
    fn all_stages(&self, rows: usize) -> Vec<String> {
        let mut left = rows - self.view.stages.len();
        let mut lines = Vec::new();
        for stage in &self.view.stages {
            let sections = match stage.state {
                StageState::Running { .. }
                    if stage.sections.len() <= left && self.columns >= SECTION_COLUMNS =>
                {
                    &stage.sections[..]
                }
                _ => &[],
            };
            left -= sections.len();
            lines.push(self.stage(stage, sections.is_empty()));
            lines.extend(sections.iter().map(|section| self.section(section)));
        }
        lines
    }

    /// What just ended, above all failures, and what runs.
    fn some_stages(&self, rows: usize) -> Vec<String> {
        let stages = &self.view.stages;
        let mut active: Vec<&StageView> = stages.iter().filter(|s| is_active(s)).collect();
        // What runs comes before what waits; the order of the file within both.
        active.sort_by_key(|stage| !matches!(stage.state, StageState::Running { .. }));
        let recent_rows = rows.saturating_sub(active.len()).max(RECENT.min(rows));
        let mut lines: Vec<String> = self
            .recent(recent_rows)
            .into_iter()
            .map(|stage| self.stage(stage, true))
            .collect();
        let left = rows - lines.len();
        if active.len() <= left {
            lines.extend(active.into_iter().map(|stage| self.stage(stage, true)));
        } else if left > 0 {
            let shown = &active[..left - 1];
            lines.extend(shown.iter().map(|stage| self.stage(stage, true)));
            let hidden = thousands((active.len() - shown.len()) as u64);
            let text = format!("  … {hidden} more at work");
            lines.push(self.paint.paint(Tone::Quiet, &text));
        }
        lines
    }

    /// Stages that ended last, in that order; failures stay longer than others.
    fn recent(&self, rows: usize) -> Vec<&StageView> {
        let ended = &self.view.ended;
        let failed = |place: &&usize| {
            let outcome = self.view.stages[**place].state.outcome();
            outcome.is_some_and(is_explained)
        };
        let mut chosen: Vec<usize> = Vec::new();
        let failures = ended.iter().enumerate().rev();
        chosen.extend(
            failures
                .filter(|(_, place)| failed(place))
                .map(|(at, _)| at)
                .take(rows.div_ceil(2)),
        );
        let free = rows - chosen.len();
        let others = (0..ended.len()).rev().filter(|at| !chosen.contains(at));
        let others: Vec<usize> = others.take(free).collect();
        chosen.extend(others);
        chosen.sort_unstable();
        let stages = chosen.into_iter();
        stages.map(|at| &self.view.stages[ended[at]]).collect()
    }

    fn stage(&self, stage: &StageView, with_section: bool) -> String {
        let paint = self.paint;
        let now = self.view.now;
        let (sign, tone, time, detail) = match &stage.state {
            StageState::Ended { .. } => {
                return stage_line(stage, self.view, paint, self.name_columns, self.columns);
            }
            StageState::Pending => ("·", Tone::Quiet, String::new(), String::new()),
            StageState::Waiting { reason } => {
                let text = format!("waits for {}", escape(reason));
                ("·", Tone::Quiet, String::new(), text)
            }
            StageState::Retrying { due, because } => {
                // Rounded up, so that it does not say `0s` while it waits.
                let wait = elapsed(due.0.saturating_sub(now.0).next_multiple_of(1_000));
                let (next, because) = (stage.attempt + 1, escape(because));
                let text = format!("attempt {next} in {wait} ({because})");
                ("↻", Tone::Careful, elapsed(stage.elapsed_ms(now)), text)
            }
            StageState::Running { .. } => {
                let phase = usize::try_from(now.0 / 100 % 10).unwrap_or(0);
                let time = elapsed(stage.elapsed_ms(now));
                let text = running_detail(stage, with_section);
                (SPINNER[phase], Tone::Active, time, text)
            }
        };
        let name = pad(
            &cut(stage.id.as_str(), self.name_columns),
            self.name_columns,
        );
        let name_tone = match tone {
            Tone::Active => Tone::Plain,
            _ => Tone::Quiet,
        };
        let lead = 4 + self.name_columns + 2 + 6 + 2;
        let detail = cut(&detail, self.columns.saturating_sub(lead));
        let line = format!(
            "  {} {}  {time:>6}  {}",
            paint.paint(tone, sign),
            paint.paint(name_tone, &name),
            paint.paint(Tone::Quiet, &detail),
        );
        line.trim_end().to_owned()
    }

    /// `      clone             ━━━━━━━━━━──────────  51%  12.3 MiB of 24.0 MiB`.
    fn section(&self, section: &Progress) -> String {
        let title = escape(&section.title);
        let amount = amount(section).map(|amount| escape(&amount).into_owned());
        let status = section.status.as_deref().map(escape);
        if amount.is_none() && status.is_none() {
            return format!("      {}", cut(&title, self.columns.saturating_sub(6)));
        }
        let title = pad(&cut(&title, SECTION_TITLE_COLUMNS), SECTION_TITLE_COLUMNS);
        let mut lead = 6 + SECTION_TITLE_COLUMNS + 2;
        let mut line = format!("      {title}  ");
        if let (Some(done), Some(total)) = (section.done, section.total) {
            let (share, percent) = share(done, total);
            let bar = "━".repeat(share);
            line.push_str(&self.paint.paint(Tone::Active, &bar));
            let rest = "─".repeat(BAR_COLUMNS - share);
            line.push_str(&self.paint.paint(Tone::Quiet, &rest));
            let _ = write!(line, " {percent:>3}%  ");
            lead += BAR_COLUMNS + 7;
        }
        let parts: Vec<String> = amount
            .into_iter()
            .chain(status.map(std::borrow::Cow::into_owned))
            .collect();
        let rest = parts.join("  ");
        let rest = cut(&rest, self.columns.saturating_sub(lead));
        line.push_str(&self.paint.paint(Tone::Quiet, &rest));
        line.trim_end().to_owned()
    }

    /// `  12 of 40 stages ended, 1 failed · 3 running · 1m05s`.
    fn count_line(&self) -> String {
        let view = self.view;
        let all = count(view.stages.len() as u64, "stage");
        let mut text = format!("{} of {all} ended", thousands(view.ended.len() as u64));
        for (outcome, number) in view.outcomes().filter(|(o, _)| is_explained(*o)) {
            let _ = write!(text, ", {} {outcome}", thousands(number));
        }
        let running = |stage: &&StageView| matches!(stage.state, StageState::Running { .. });
        let (running, waiting): (Vec<_>, Vec<_>) = view
            .stages
            .iter()
            .filter(|stage| is_active(stage))
            .partition(running);
        for (number, what) in [(running.len(), "running"), (waiting.len(), "waiting")] {
            if number > 0 {
                let _ = write!(text, " · {} {what}", thousands(number as u64));
            }
        }
        if let Some(by) = &view.cancelled_by {
            let _ = write!(
                text,
                " · cancelling for {}; once more ends `finally` too",
                escape(by)
            );
        }
        let since = view.start.as_ref().map_or(view.now, |start| start.at);
        let time = elapsed(view.now.0.saturating_sub(since.0));
        let _ = write!(text, " · {time}");
        let text = cut(&text, self.columns.saturating_sub(2)).into_owned();
        format!("  {}", self.paint.paint(Tone::Quiet, &text))
    }
}

fn is_active(stage: &StageView) -> bool {
    !matches!(stage.state, StageState::Pending | StageState::Ended { .. })
}

/// What a stage does just now. Escaped.
fn running_detail(stage: &StageView, with_section: bool) -> String {
    let mut parts = Vec::new();
    if stage.attempt > 1 {
        parts.push(format!("attempt {}", stage.attempt));
    }
    let section = stage.sections.last().filter(|_| with_section);
    match (section, stage.tail.back()) {
        (Some(section), _) => {
            parts.push(escape(&section.title).into_owned());
            if let (Some(done), Some(total)) = (section.done, section.total) {
                parts.push(format!("{}%", share(done, total).1));
            } else if let Some(amount) = amount(section) {
                parts.push(escape(&amount).into_owned());
            }
        }
        (None, Some(line)) => parts.push(escape(line.trim()).into_owned()),
        (None, None) => {}
    }
    parts.join("  ")
}

/// Columns of a bar and percent. A guest may say that more is done than there is.
fn share(done: u64, total: u64) -> (usize, u64) {
    let (done, total) = (u128::from(done.min(total)), u128::from(total));
    let of = |whole: u128| done.checked_mul(whole).and_then(|n| n.checked_div(total));
    let columns = of(BAR_COLUMNS as u128).unwrap_or(BAR_COLUMNS as u128);
    let percent = of(100).unwrap_or(100);
    (
        usize::try_from(columns).unwrap_or(BAR_COLUMNS),
        u64::try_from(percent).unwrap_or(100),
    )
}
