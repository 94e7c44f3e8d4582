//! Stage view: what a reader wants to know of one stage at this moment.

use std::collections::VecDeque;

use super::escape::escape;
use crate::model::{
    CallDecision, Fact, Failure, HostCall, LogLine, Outcome, Progress, StageId, Timestamp, limits,
};

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
    /// What it may do. Written by the pipeline's author, not yet escaped.
    pub(super) authority: Vec<String>,
    /// Why the latest attempt failed.
    pub(super) failure: Option<Failure>,
    /// The last lines of its log, cut. Guest-controlled, not yet escaped.
    pub(super) tail: VecDeque<String>,
    /// The open parts of its work, in the order in which they opened.
    pub(super) sections: Vec<Progress>,
    /// How many parts of its work were closed, and all that is known of the last.
    pub(super) sections_closed: u64,
    pub(super) last_closed: Option<Progress>,
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

impl StageView {
    pub(super) fn new(id: StageId) -> Self {
        Self {
            id,
            state: StageState::Pending,
            attempt: 0,
            spent_ms: 0,
            authority: Vec::new(),
            failure: None,
            tail: VecDeque::new(),
            sections: Vec::new(),
            sections_closed: 0,
            last_closed: None,
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
    pub(super) fn go_on(&mut self, at: Timestamp, fact: &Fact) {
        match fact {
            Fact::StageStarted {
                attempt, authority, ..
            } => {
                self.attempt = *attempt;
                self.authority.clone_from(authority);
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

    pub(super) fn remember_lines(&mut self, lines: &[LogLine]) {
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

    pub(super) fn remember_progress(&mut self, progress: &Progress) {
        let number = progress.section;
        let known = self
            .sections
            .iter()
            .position(|known| known.section == number);
        let merged = match known {
            Some(place) => merged(&self.sections[place], progress),
            None => progress.clone(),
        };
        match known {
            _ if progress.closed => {
                self.sections_closed += 1;
                self.sections.retain(|known| known.section != number);
                self.last_closed = Some(merged);
            }
            Some(place) => self.sections[place] = merged,
            None if self.sections.len() < limits::SECTIONS_SHOWN => self.sections.push(merged),
            None => {}
        }
    }

    pub(super) fn remember_call(&mut self, call: &HostCall) {
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

/// What is known of a part of the work after it told something new: a change of
/// its status, and its end, say nothing about the amount, and the other way round.
fn merged(known: &Progress, new: &Progress) -> Progress {
    let amount = if new.done.is_some() { new } else { known };
    Progress {
        done: amount.done,
        total: amount.total,
        unit: amount.unit.clone(),
        status: new.status.as_ref().or(known.status.as_ref()).cloned(),
        ..new.clone()
    }
}

/// The longest beginning of at most `bytes` bytes.
fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
