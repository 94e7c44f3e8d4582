//! Dispatcher: owns the state of a run, and alone turns what happens into events.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::execute::{RunError, RunOptions, RunReport, StageReport};
use super::executor;
use super::scope::Contexts;
use super::state::{Stages, Status};
use super::{OnFailure, StageRunner, retry, start};
use crate::model::{Clock, Fact, Failure, FailureClass, Outcome, Signal, limits};
use crate::plan::{AttemptEnd, Plan};
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
    ready: VecDeque<usize>,
    /// When stages are tried again.
    retries: BTreeSet<(Instant, usize)>,
    running: usize,
    commits: u64,
    /// Stages, those of `finally` apart, that are not over.
    left: usize,
    in_finally: bool,
    finally_until: Option<Instant>,
    cancelled_by: Option<String>,
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
        mut cancels: mpsc::Receiver<String>,
    ) -> Result<RunReport, RunError> {
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
                Step::FinallyOver => self.finally.cancel(),
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
                // Messages first: the end of an attempt comes after its facts.
                biased;
                Some(by) = cancels.recv() => return Step::Cancel(by),
                Some(message) = self.inbox.recv() => return Step::Message(Box::new(message)),
                Some(ended) = self.attempts.join_next_with_id() => match ended {
                    Ok((id, ())) => { self.tasks.remove(&id); }
                    Err(error) => return Step::AttemptLost(error.id(), error),
                },
                () = at(retry) => return Step::RetryDue,
                () = at(finally_until) => {
                    self.finally_until = None;
                    return Step::FinallyOver;
                }
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

    /// An attempt's task panicked: a bug of the host, which ends this stage and
    /// nothing else.
    async fn attempt_lost(&mut self, id: Id, error: &JoinError) -> Result<(), RunError> {
        tracing::error!(%error, "an attempt was lost");
        let Some(index) = self.tasks.remove(&id) else {
            return Ok(());
        };
        if self.stages[index].status != Status::Running {
            return Ok(());
        }
        let end = executor::errored("host.panic", "the engine failed while it ran this stage");
        self.attempt_ended(index, end, Duration::ZERO).await
    }

    async fn attempt_ended(
        &mut self,
        index: usize,
        end: AttemptEnd,
        duration: Duration,
    ) -> Result<(), RunError> {
        self.running -= 1;
        let stage = self.plan.stages[index].id.clone();
        let attempt = self.stages[index].attempts;
        let duration_ms = milliseconds(duration);
        let Some(failure) = end.failure else {
            self.commits += 1;
            self.stages.commit(index, self.commits);
            let ended = &mut self.stages[index];
            ended.outputs = end.outputs.clone();
            let (outputs, layers) = (end.outputs, ended.layers.clone());
            self.record(Fact::StageCommitted {
                stage,
                attempt,
                outputs,
                layers,
                duration_ms,
            })
            .await?;
            return self.end_stage(index, Outcome::Succeeded, None).await;
        };
        let outcome = end.outcome;
        self.record(Fact::AttemptFailed {
            stage: stage.clone(),
            attempt,
            outcome,
            failure: failure.clone(),
            duration_ms,
        })
        .await?;
        let policy = &self.plan.stages[index].retry;
        let retry = retry::after(policy, attempt, outcome, &failure, (self.options.jitter)());
        match retry.filter(|_| !self.token(index).is_cancelled()) {
            Some(retry) => {
                let due = Instant::now() + Duration::from_millis(retry.delay_ms);
                self.retries.insert((due, index));
                self.stages[index].status = Status::Retrying;
                let (attempt, delay_ms) = (attempt + 1, retry.delay_ms);
                let because = retry.because;
                self.record(Fact::RetryScheduled {
                    stage,
                    attempt,
                    delay_ms,
                    because,
                })
                .await
            }
            None => self.end_stage(index, outcome, Some(failure)).await,
        }
    }

    /// The last outcome of a stage, as far as the rest of the run is concerned.
    async fn end_stage(
        &mut self,
        index: usize,
        outcome: Outcome,
        failure: Option<Failure>,
    ) -> Result<(), RunError> {
        let may_fail = matches!(
            outcome,
            Outcome::Failed | Outcome::TimedOut | Outcome::Denied
        );
        let outcome = if may_fail && start::continues_on_error(self, index) {
            Outcome::Warned
        } else {
            outcome
        };
        self.stages[index].failure = failure;
        self.conclude(index, outcome).await?;
        let failed = outcome > Outcome::Cancelled;
        if failed && self.options.on_failure == OnFailure::Bail && !self.in_finally {
            self.stop_main().await?;
        }
        Ok(())
    }

    async fn skip(&mut self, index: usize, because: String) -> Result<(), RunError> {
        let stage = self.plan.stages[index].id.clone();
        self.record(Fact::StageSkipped { stage, because }).await?;
        self.conclude(index, Outcome::Skipped).await
    }

    /// Writes down that a stage is over, and releases what waits for it.
    async fn conclude(&mut self, index: usize, outcome: Outcome) -> Result<(), RunError> {
        let attempts = self.stages[index].attempts;
        self.stages[index].status = Status::Finished(outcome);
        let planned = &self.plan.stages[index];
        let stage = planned.id.clone();
        if !planned.finally {
            self.left -= 1;
        }
        self.record(Fact::StageFinished {
            stage,
            outcome,
            attempts,
        })
        .await?;
        for position in 0..self.stages.dependents[index].len() {
            let dependent = self.stages.dependents[index][position];
            let plan = Arc::clone(&self.plan);
            let needs = &plan.stages[dependent].needs;
            let need = needs.iter().find(|need| need.stage == index);
            if need.is_some_and(|need| !need.on.contains(&outcome)) {
                let unmet = format!(
                    "it needs `{}`, which {}",
                    plan.stages[index].id,
                    was(outcome)
                );
                self.stages[dependent].unmet.get_or_insert(unmet);
            }
            if self.stages.release(dependent) {
                self.ready.push_back(dependent);
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

    /// The first request lets attempts end, and `finally` run; the second ends
    /// both.
    async fn cancel(&mut self, by: String) -> Result<(), RunError> {
        self.record(Fact::CancelRequested { by: by.clone() })
            .await?;
        if self.cancelled_by.is_some() || self.in_finally {
            self.finally.cancel();
        }
        self.cancelled_by.get_or_insert(by);
        self.stop_main().await
    }

    /// Ends the stages, those of `finally` apart.
    async fn stop_main(&mut self) -> Result<(), RunError> {
        self.main.cancel();
        self.retries
            .retain(|(_, index)| self.plan.stages[*index].finally);
        for index in 0..self.plan.stages.len() {
            let over = matches!(
                self.stages[index].status,
                Status::Running | Status::Finished(_)
            );
            if !over && !self.plan.stages[index].finally {
                self.conclude(index, Outcome::Cancelled).await?;
            }
        }
        Ok(())
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
        let duration = self.clock.monotonic().saturating_sub(self.started);
        let duration_ms = milliseconds(duration);
        let stages: Vec<StageReport> = (0..self.plan.stages.len())
            .map(|index| StageReport {
                stage: self.plan.stages[index].id.clone(),
                outcome: self.stages.outcome(index).unwrap_or(Outcome::Cancelled),
                failure: self.stages[index].failure.clone(),
            })
            .collect();
        let finally_failed = self
            .plan
            .stages
            .iter()
            .zip(&stages)
            .any(|(planned, stage)| planned.finally && stage.outcome >= Outcome::Cancelled);
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

    async fn record(&self, fact: Fact) -> Result<(), RunError> {
        Ok(self.journal.append(fact).await?)
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

fn was(outcome: Outcome) -> String {
    match outcome {
        Outcome::Skipped | Outcome::Cancelled | Outcome::Denied => format!("was {outcome}"),
        Outcome::TimedOut => "timed out".to_owned(),
        other => other.to_string(),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
