//! Dispatcher: owns the state of a run, and alone turns what happens into events.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::execute::{RunError, RunOptions, RunReport, StageReport};
use super::scope::Contexts;
use super::state::{Stages, Status};
use super::{StageRunner, cancel, ending, start};
use crate::model::{Clock, Fact, Failure, FailureClass, Outcome, Signal, limits};
use crate::plan::Plan;
use crate::store::{AttemptMessage, Journal, RunDirectory};

/// What happens next in the life of a run.
enum Step {
    Message(Box<AttemptMessage>),
    AttemptLost(Id, JoinError),
    RetryDue,
    Cancel(String),
    FinallyOver,
}

/// Carries one run through.
pub(super) struct Dispatcher<R> {
    pub(super) plan: Arc<Plan>,
    pub(super) directory: Arc<RunDirectory>,
    pub(super) runner: Arc<R>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: RunOptions,
    pub(super) contexts: Contexts,
    pub(super) stages: Stages,
    pub(super) messages: mpsc::Sender<AttemptMessage>,
    pub(super) attempts: JoinSet<()>,
    /// Which stage each attempt's task belongs to.
    pub(super) tasks: HashMap<Id, usize>,
    /// Cancels the stages; those of `finally` have a scope of their own, so that
    /// clean-up still works.
    pub(super) main: CancellationToken,
    pub(super) finally: CancellationToken,
    journal: Journal,
    inbox: mpsc::Receiver<AttemptMessage>,
    pub(super) ready: VecDeque<usize>,
    /// When stages are tried again.
    pub(super) retries: BTreeSet<(Instant, usize)>,
    pub(super) running: usize,
    pub(super) commits: u64,
    /// Stages, those of `finally` apart, that are not over.
    pub(super) left: usize,
    pub(super) in_finally: bool,
    finally_until: Option<Instant>,
    pub(super) cancelled_by: Option<String>,
    started: Duration,
}

impl<R: StageRunner> Dispatcher<R> {
    pub(super) fn new(
        plan: Arc<Plan>,
        directory: Arc<RunDirectory>,
        runner: Arc<R>,
        clock: Arc<dyn Clock>,
        journal: Journal,
        options: RunOptions,
    ) -> Self {
        let (messages, inbox) = mpsc::channel(limits::QUEUE);
        Self {
            contexts: Contexts::new(&plan, &options.run),
            stages: Stages::new(&plan),
            left: plan.stages.iter().filter(|stage| !stage.finally).count(),
            started: clock.monotonic(),
            plan,
            directory,
            runner,
            clock,
            options,
            messages,
            attempts: JoinSet::new(),
            tasks: HashMap::new(),
            main: CancellationToken::new(),
            finally: CancellationToken::new(),
            journal,
            inbox,
            ready: VecDeque::new(),
            retries: BTreeSet::new(),
            running: 0,
            commits: 0,
            in_finally: false,
            finally_until: None,
            cancelled_by: None,
        }
    }

    pub(super) async fn run(
        mut self,
        cancels: mpsc::Receiver<String>,
    ) -> Result<RunReport, RunError> {
        let mut cancels = cancel::relay(cancels, self.main.clone(), self.finally.clone());
        self.record(self.run_started()).await?;
        for index in 0..self.plan.stages.len() {
            if self.plan.stages[index].needs.is_empty() && !self.plan.stages[index].finally {
                self.stages[index].status = Status::Ready;
                self.ready.push_back(index);
            }
        }
        loop {
            self.start_what_is_ready().await?;
            if self.left == 0 && !self.in_finally {
                self.enter_finally();
                continue;
            }
            if self.running == 0 && self.retries.is_empty() && self.ready.is_empty() {
                break;
            }
            match self.next(&mut cancels).await {
                Step::Message(message) => self.take(*message).await?,
                Step::AttemptLost(id, error) => self.attempt_lost(id, &error).await?,
                Step::RetryDue => self.requeue(),
                Step::Cancel(by) => self.cancel(by).await?,
                Step::FinallyOver => self.stop(true).await?,
            }
        }
        self.finish().await
    }

    fn run_started(&self) -> Fact {
        Fact::RunStarted {
            run: self.options.run.clone(),
            pipeline: self.plan.pipeline.clone(),
            name: self.plan.run_name.clone(),
            plan: self.options.plan_digest,
            source: self.plan.source,
            engine: env!("CARGO_PKG_VERSION").to_owned(),
            trigger: self.plan.facts.trigger.clone(),
            wall: self.options.wall,
            lost: self.options.lost.clone(),
            stages: self
                .plan
                .stages
                .iter()
                .map(|stage| stage.id.clone())
                .collect(),
        }
    }

    async fn next(&mut self, cancels: &mut mpsc::Receiver<String>) -> Step {
        let retry = self.retries.first().map(|(due, _)| *due);
        let finally_until = self.finally_until;
        loop {
            tokio::select! {
                // Attempts last: the end of one comes after its facts. Messages
                // after the timers, which a chatty guest must not hold up.
                biased;
                Some(by) = cancels.recv() => return Step::Cancel(by),
                () = at(finally_until) => {
                    self.finally_until = None;
                    return Step::FinallyOver;
                }
                () = at(retry) => return Step::RetryDue,
                Some(message) = self.inbox.recv() => return Step::Message(Box::new(message)),
                Some(ended) = self.attempts.join_next_with_id() => match ended {
                    Ok((id, ())) => { self.tasks.remove(&id); }
                    Err(error) => return Step::AttemptLost(error.id(), error),
                },
            }
        }
    }

    async fn start_what_is_ready(&mut self) -> Result<(), RunError> {
        while self.running < self.options.concurrency.max(1) {
            let Some(index) = self.ready.pop_front() else {
                return Ok(());
            };
            if self.stages[index].status != Status::Ready {
                continue;
            }
            if let Some(unmet) = self.stages[index].unmet.take() {
                self.skip(index, unmet).await?;
                continue;
            }
            match start::prepare(self, index) {
                start::Start::Run(prepared) => {
                    self.record(prepared.fact()).await?;
                    self.running += 1;
                    start::spawn(self, index, *prepared);
                }
                start::Start::Skip(because) => self.skip(index, because).await?,
                start::Start::Fail(failure) => {
                    self.record(ending::could_not_start(
                        &self.plan.stages[index].id,
                        &failure,
                    ))
                    .await?;
                    self.end_stage(index, Outcome::Failed, Some(failure))
                        .await?;
                }
            }
        }
        Ok(())
    }

    async fn take(&mut self, message: AttemptMessage) -> Result<(), RunError> {
        match message {
            AttemptMessage::Fact(fact) => self.record(fact).await?,
            AttemptMessage::DurableFact(fact, durable) => {
                self.journal.append_durable(fact, durable).await?;
            }
            AttemptMessage::Signal(signal) => self.show(signal).await?,
            AttemptMessage::Unsynced(error) => return Err(RunError::Unsynced(error)),
            AttemptMessage::Ended(stage, end, duration) => {
                let index = self
                    .stages
                    .find(stage.as_str())
                    .expect("attempts are of our stages");
                self.attempt_ended(index, *end, duration).await?;
            }
        }
        Ok(())
    }

    fn requeue(&mut self) {
        let now = Instant::now();
        while let Some((due, index)) = self.retries.first().copied()
            && due <= now
        {
            self.retries.pop_first();
            self.stages[index].status = Status::Ready;
            self.ready.push_back(index);
        }
    }

    fn enter_finally(&mut self) {
        self.in_finally = true;
        if self.cancelled_by.is_some() {
            self.finally_until = Some(Instant::now() + limits::FINALLY_AFTER_CANCEL);
        }
        for index in 0..self.plan.stages.len() {
            if self.plan.stages[index].finally && self.stages.release(index) {
                self.ready.push_back(index);
            }
        }
    }

    async fn finish(self) -> Result<RunReport, RunError> {
        let result = self.result();
        let outputs = start::pipeline_outputs(&self, result);
        let outputs = self.options.redactor.redact_value(outputs);
        let duration = self.clock.monotonic().saturating_sub(self.started);
        let duration_ms = milliseconds(duration);
        let stages: Vec<StageReport> = (0..self.plan.stages.len())
            .map(|index| StageReport {
                stage: self.plan.stages[index].id.clone(),
                finally: self.plan.stages[index].finally,
                outcome: self.stages.outcome(index).unwrap_or(Outcome::Cancelled),
                failure: self.stages[index].failure.clone(),
            })
            .collect();
        let finally_failed = stages
            .iter()
            .any(|stage| stage.finally && stage.outcome >= Outcome::Cancelled);
        let finished = Fact::RunFinished {
            result,
            outputs: outputs.clone(),
            duration_ms,
        };
        self.journal.append(finished).await?;
        self.journal.close().await?;
        Ok(RunReport {
            run: self.options.run,
            result,
            finally_failed,
            cancelled_by: self.cancelled_by,
            stages,
            outputs,
            duration,
        })
    }

    /// The worst outcome of the stages, those of `finally` apart; a skipped
    /// stage is no fault.
    pub(super) fn result(&self) -> Outcome {
        let outcomes = (0..self.plan.stages.len())
            .filter(|index| !self.plan.stages[*index].finally)
            .filter_map(|index| self.stages.outcome(index))
            .filter(|outcome| *outcome != Outcome::Skipped);
        outcomes.max().unwrap_or(Outcome::Succeeded)
    }

    pub(super) fn token(&self, index: usize) -> &CancellationToken {
        if self.plan.stages[index].finally {
            &self.finally
        } else {
            &self.main
        }
    }

    /// How the run went and whether it was cancelled, which only the stages of
    /// `finally` may ask for.
    pub(super) fn status_for(&self, index: usize) -> Option<(Outcome, bool)> {
        let finally = self.plan.stages[index].finally;
        finally.then(|| (self.result(), self.cancelled_by.is_some()))
    }

    pub(super) async fn record(&self, fact: Fact) -> Result<(), RunError> {
        Ok(self.journal.append(self.redacted(fact)).await?)
    }

    /// Attempts redact what they report; these facts are the dispatcher's own, and
    /// may hold what somebody typed or what several outputs make together.
    fn redacted(&self, mut fact: Fact) -> Fact {
        let redactor = &self.options.redactor;
        match &mut fact {
            Fact::RunStarted { name, .. } => *name = redactor.redact(name).into_owned(),
            Fact::StageStarted { inputs, .. } => *inputs = redactor.redact_value(inputs.take()),
            Fact::StageSkipped { because, .. } => {
                *because = redactor.redact(because).into_owned();
            }
            // Attempt 0: what an expression met, with the values that it saw.
            Fact::AttemptFailed {
                attempt: 0,
                failure,
                ..
            } => {
                failure.message = redactor.redact(&failure.message).into_owned();
            }
            _ => {}
        }
        fact
    }

    async fn show(&self, signal: Signal) -> Result<(), RunError> {
        Ok(self.journal.signal(signal).await?)
    }
}

/// A stage that could not be started because of what its author wrote.
pub(super) fn unusable(code: &str, message: String) -> Failure {
    Failure::new(FailureClass::UserError, code, message)
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
