//! View: what a reader of a run wants to know at this moment, folded from events.
//!
//! Bounded whatever a guest does: the last lines of a log, a few sections, a few
//! refused calls and annotations. What is left out is counted.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::escape::escape;
use crate::model::{
    Annotation, CallDecision, Event, Fact, Failure, HostCall, LogLine, Outcome, Progress, RunId,
    Signal, StageId, Timestamp, WallLevel, limits,
};

/// What is known about a run.
#[derive(Debug, Default)]
pub(super) struct RunView {
    pub(super) start: Option<RunStart>,
    pub(super) stages: Vec<StageView>,
    places: HashMap<StageId, usize>,
    /// The remarks of all stages, oldest first, and how many more there were.
    pub(super) annotations: Vec<(StageId, Annotation)>,
    pub(super) more_annotations: u64,
    /// What stages added to the summary, and how many bytes of it were left out.
    pub(super) summaries: Vec<(StageId, String)>,
    summary_bytes: usize,
    pub(super) more_summary_bytes: u64,
    /// Who asked the run to stop.
    pub(super) cancelled_by: Option<String>,
    pub(super) end: Option<RunEnd>,
    /// The latest time that anything told.
    pub(super) now: Timestamp,
    /// Stages in the order in which they ended.
    pub(super) ended: Vec<usize>,
}

/// What `RunStarted` said.
#[derive(Debug)]
pub(super) struct RunStart {
    pub(super) run: RunId,
    pub(super) name: String,
    pub(super) at: Timestamp,
    pub(super) wall: WallLevel,
    pub(super) lost: Vec<String>,
}

/// What `RunFinished` said.
#[derive(Debug)]
pub(super) struct RunEnd {
    pub(super) result: Outcome,
    pub(super) outputs: Value,
    pub(super) duration_ms: u64,
}

/// What is known about a stage.
#[derive(Debug)]
pub(super) struct StageView {
    pub(super) id: StageId,
    pub(super) state: StageState,
    /// The latest attempt; 0 before the first.
    pub(super) attempt: u32,
    /// The time of all attempts that ended and of the waits between them, by the
    /// monotonic clock of the run.
    pub(super) spent_ms: u64,
    /// Why the latest attempt failed.
    pub(super) failure: Option<Failure>,
    /// The last lines of its log, cut. Guest-controlled, not yet escaped.
    pub(super) tail: VecDeque<String>,
    /// The open parts of its work, in the order in which they opened.
    pub(super) sections: Vec<Progress>,
    /// How many parts of its work were closed.
    pub(super) sections_closed: u64,
    /// The latest calls that the host refused, in words, and how many there were.
    pub(super) refused: VecDeque<String>,
    pub(super) refused_calls: u64,
}

/// Where a stage is.
#[derive(Debug, PartialEq)]
pub(super) enum StageState {
    /// What it needs has not ended.
    Pending,
    /// It waits for something else.
    Waiting { reason: String },
    /// An attempt runs.
    Running { since: Timestamp },
    /// The next attempt waits for its time.
    Retrying { due: Timestamp, because: String },
    /// It ended.
    Ended {
        outcome: Outcome,
        attempts: u32,
        because: Option<String>,
    },
}

impl StageState {
    pub(super) fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Ended { outcome, .. } => Some(*outcome),
            _ => None,
        }
    }
}

impl RunView {
    /// Takes an event in.
    pub(super) fn apply(&mut self, event: &Event) {
        match event {
            Event::Fact { at, fact, .. } => {
                self.now = self.now.max(*at);
                self.apply_fact(*at, fact);
            }
            Event::Signal { at, signal } => {
                self.now = self.now.max(*at);
                self.apply_signal(signal);
            }
        }
    }

    /// The stage with this id. One that the run did not announce is added.
    pub(super) fn stage_mut(&mut self, id: &StageId) -> &mut StageView {
        let next = self.stages.len();
        let place = *self.places.entry(id.clone()).or_insert(next);
        if place == next {
            self.stages.push(StageView::new(id.clone()));
        }
        &mut self.stages[place]
    }

    /// The stage with this id.
    pub(super) fn stage(&self, id: &StageId) -> Option<&StageView> {
        self.places.get(id).map(|place| &self.stages[*place])
    }

    /// How many stages ended in each way, in the order of [`Outcome::ALL`].
    pub(super) fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        let mut counts = [0; Outcome::ALL.len()];
        for outcome in self.stages.iter().filter_map(|stage| stage.state.outcome()) {
            counts[outcome as usize] += 1;
        }
        Outcome::ALL
            .into_iter()
            .zip(counts)
            .filter(|(_, count)| *count > 0)
    }

    fn apply_fact(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::RunStarted {
                run,
                name,
                wall,
                lost,
                stages,
                ..
            } => {
                self.start = Some(RunStart {
                    run: run.clone(),
                    name: name.clone(),
                    at,
                    wall: *wall,
                    lost: lost.clone(),
                });
                for stage in stages {
                    self.stage_mut(stage);
                }
            }
            Fact::StageSkipped { stage, because } => {
                self.end_stage(stage, Outcome::Skipped, 0, Some(because.clone()));
            }
            Fact::StageFinished {
                stage,
                outcome,
                attempts,
            } => self.end_stage(stage, *outcome, *attempts, None),
            Fact::StageStarted { stage, .. }
            | Fact::AttemptFailed { stage, .. }
            | Fact::RetryScheduled { stage, .. }
            | Fact::StageCommitted { stage, .. } => self.stage_mut(stage).go_on(at, fact),
            Fact::HostCalled(call) => self.stage_mut(&call.stage).remember_call(call),
            Fact::EffectBegun { .. } | Fact::HostUsed { .. } => {}
            Fact::Annotated {
                stage, annotation, ..
            } => self.remember_annotation(stage, annotation),
            Fact::Summarised {
                stage, markdown, ..
            } => self.remember_summary(stage, markdown),
            Fact::CancelRequested { by } => self.cancelled_by = Some(by.clone()),
            Fact::RunFinished {
                result,
                outputs,
                duration_ms,
            } => {
                self.end = Some(RunEnd {
                    result: *result,
                    outputs: outputs.clone(),
                    duration_ms: *duration_ms,
                });
            }
        }
    }

    fn apply_signal(&mut self, signal: &Signal) {
        match signal {
            Signal::Logged { stage, lines, .. } => self.stage_mut(stage).remember_lines(lines),
            Signal::Progressed {
                stage, progress, ..
            } => self.stage_mut(stage).remember_progress(progress),
            Signal::Waiting { stage, reason } => {
                let stage = self.stage_mut(stage);
                if matches!(
                    stage.state,
                    StageState::Pending | StageState::Waiting { .. }
                ) {
                    stage.state = StageState::Waiting {
                        reason: reason.clone(),
                    };
                }
            }
        }
    }

    fn end_stage(
        &mut self,
        id: &StageId,
        outcome: Outcome,
        attempts: u32,
        because: Option<String>,
    ) {
        let stage = self.stage_mut(id);
        let earlier = std::mem::replace(&mut stage.state, StageState::Pending);
        let (ended_before, earlier_because) = match earlier {
            // A skip is told first with its reason, then as an end like any other.
            StageState::Ended { because, .. } => (true, because),
            _ => (false, None),
        };
        stage.state = StageState::Ended {
            outcome,
            attempts,
            because: because.or(earlier_because),
        };
        stage.sections.clear();
        if matches!(outcome, Outcome::Succeeded | Outcome::Skipped) {
            stage.tail = VecDeque::new();
        }
        if !ended_before {
            let place = self.places[id];
            self.ended.push(place);
        }
    }

    fn remember_annotation(&mut self, stage: &StageId, annotation: &Annotation) {
        if self.annotations.len() < limits::ANNOTATIONS_SHOWN {
            self.annotations.push((stage.clone(), annotation.clone()));
        } else {
            self.more_annotations += 1;
        }
    }

    fn remember_summary(&mut self, stage: &StageId, markdown: &str) {
        if self.summary_bytes + markdown.len() <= limits::SUMMARY_SHOWN_BYTES {
            self.summary_bytes += markdown.len();
            self.summaries.push((stage.clone(), markdown.to_owned()));
        } else {
            self.more_summary_bytes += markdown.len() as u64;
        }
    }
}

impl StageView {
    fn new(id: StageId) -> Self {
        Self {
            id,
            state: StageState::Pending,
            attempt: 0,
            spent_ms: 0,
            failure: None,
            tail: VecDeque::new(),
            sections: Vec::new(),
            sections_closed: 0,
            refused: VecDeque::new(),
            refused_calls: 0,
        }
    }

    /// How long it has run, or ran, with all its attempts.
    pub(super) fn elapsed_ms(&self, now: Timestamp) -> u64 {
        match self.state {
            StageState::Running { since } => {
                self.spent_ms.saturating_add(now.0.saturating_sub(since.0))
            }
            // The wait is counted when it is scheduled; some of it is to come.
            StageState::Retrying { due, .. } => {
                self.spent_ms.saturating_sub(due.0.saturating_sub(now.0))
            }
            _ => self.spent_ms,
        }
    }

    /// Takes in a fact about the course of its attempts.
    fn go_on(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::StageStarted { attempt, .. } => {
                self.attempt = *attempt;
                self.state = StageState::Running { since: at };
                self.tail.clear();
                self.sections.clear();
            }
            Fact::AttemptFailed {
                failure,
                duration_ms,
                ..
            } => {
                self.failure = Some(failure.clone());
                self.spent_ms = self.spent_ms.saturating_add(*duration_ms);
                self.sections.clear();
            }
            Fact::RetryScheduled {
                delay_ms, because, ..
            } => {
                self.spent_ms = self.spent_ms.saturating_add(*delay_ms);
                self.state = StageState::Retrying {
                    due: Timestamp(at.0.saturating_add(*delay_ms)),
                    because: because.clone(),
                };
            }
            Fact::StageCommitted { duration_ms, .. } => {
                self.failure = None;
                self.spent_ms = self.spent_ms.saturating_add(*duration_ms);
            }
            _ => {}
        }
    }

    fn remember_lines(&mut self, lines: &[LogLine]) {
        let skipped = lines.len().saturating_sub(limits::LOG_TAIL_LINES);
        for line in &lines[skipped..] {
            let mut kept = if self.tail.len() == limits::LOG_TAIL_LINES {
                self.tail.pop_front().unwrap_or_default()
            } else {
                String::new()
            };
            kept.clear();
            kept.push_str(beginning(&line.text, limits::LOG_TAIL_LINE_BYTES));
            self.tail.push_back(kept);
        }
    }

    fn remember_progress(&mut self, progress: &Progress) {
        self.sections_closed += u64::from(progress.closed);
        let known = self
            .sections
            .iter()
            .position(|section| section.section == progress.section);
        match known {
            Some(place) if progress.closed => {
                self.sections.remove(place);
            }
            Some(place) => {
                let section = &mut self.sections[place];
                // A change of the status alone says nothing about the amount.
                let (done, total) = (section.done, section.total);
                *section = progress.clone();
                section.done = section.done.or(done);
                section.total = section.total.or(total);
            }
            None if progress.closed || self.sections.len() >= limits::SECTIONS_SHOWN => {}
            None => self.sections.push(progress.clone()),
        }
    }

    fn remember_call(&mut self, call: &HostCall) {
        if call.decision == CallDecision::Allowed {
            return;
        }
        self.refused_calls += 1;
        if self.refused.len() == limits::REFUSED_CALLS_SHOWN {
            self.refused.pop_front();
        }
        let text = format!("{} {} {}", call.interface, call.function, call.arguments);
        self.refused.push_back(escape(text.trim_end()).into_owned());
    }
}

/// The longest beginning of at most `bytes` bytes.
fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
