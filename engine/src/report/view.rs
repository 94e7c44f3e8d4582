//! View: what a reader of a run wants to know at this moment, folded from events.
//!
//! Bounded whatever a guest does: the last lines of a log, a few sections, a few
//! refused calls and annotations. What is left out is counted.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::stage_view::{StageState, StageView};
use crate::model::{
    Annotation, Event, Fact, Outcome, RunId, Signal, StageId, Timestamp, WallLevel, limits,
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
    /// Whether the run goes on after the last event that is shown.
    pub(super) ongoing: bool,
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
    pub(super) wall: Option<WallLevel>,
    pub(super) lost: Vec<String>,
}

/// What `RunFinished` said.
#[derive(Debug)]
pub(super) struct RunEnd {
    pub(super) result: Outcome,
    pub(super) outputs: Value,
    pub(super) duration_ms: u64,
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

#[cfg(test)]
mod tests {
    use super::RunView;
    use crate::model::{Event, Outcome, Progress, Timestamp};
    use crate::report::stage_view::StageState;
    use crate::report::tests::{Script, id, section};

    fn view_of(script: &Script) -> RunView {
        let mut view = RunView::default();
        for event in &script.events {
            view.apply(event);
        }
        view
    }

    #[test]
    fn what_a_section_told_before_is_still_known() {
        let news = |done, status: Option<&str>, closed| Progress {
            done,
            total: None,
            unit: String::new(),
            status: status.map(str::to_owned),
            closed,
            ..section(1, "receive", 0, None)
        };
        let mut script = Script::new();
        script.run("x", &["a"]).start("a", 1);
        script.progress("a", section(1, "receive", 7, Some(40)));
        script.progress("a", news(None, Some("deltas"), false));
        let known = Progress {
            status: Some("deltas".to_owned()),
            ..section(1, "receive", 7, Some(40))
        };
        let stage = id("a");
        let sections = view_of(&script).stage_mut(&stage).sections.clone();
        assert_eq!(sections.first(), Some(&known));
        script.progress("a", news(None, None, true));
        let mut view = view_of(&script);
        assert_eq!(view.stage_mut(&stage).sections, []);
        let closed = Progress {
            closed: true,
            ..known
        };
        assert_eq!(view.stage_mut(&stage).last_closed, Some(closed));
    }

    #[test]
    fn a_retried_stage_counts_its_attempts_and_the_waits_between_them() {
        let mut view = RunView::default();
        for event in crate::report::tests::failing() {
            view.apply(&event);
        }
        let fetch = view.stage(&id("fetch")).expect("it was announced");
        assert_eq!(fetch.spent_ms, 3_000 + 1_500 + 800);
        assert_eq!(
            fetch.failure, None,
            "the attempt before does not matter any more"
        );
    }

    #[test]
    fn a_skip_keeps_its_reason_when_its_end_is_told() {
        let mut script = Script::new();
        script.run("x", &["a"]).skip("a", "no");
        let view = view_of(&script);
        let stage = view.stage(&id("a")).expect("it was announced");
        let expected = StageState::Ended {
            outcome: Outcome::Skipped,
            attempts: 0,
            because: Some("no".to_owned()),
        };
        assert_eq!(stage.state, expected);
        assert_eq!(view.ended.len(), 1);
    }

    #[test]
    fn time_does_not_go_back() {
        let mut script = Script::new();
        script.run("x", &["a"]).start("a", 1);
        let mut view = view_of(&script);
        let before = view.now;
        let Some(Event::Fact { fact, .. }) = script.events.pop() else {
            panic!("the script ends with a fact")
        };
        view.apply(&Event::Fact {
            sequence: 3,
            at: Timestamp(5),
            fact,
        });
        assert_eq!(view.now, before);
    }
}
