//! Ending: what becomes of a run when an attempt or a stage is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{Id, JoinError};

use super::dispatcher::{Dispatcher, milliseconds};
use super::execute::RunError;
use super::state::Status;
use super::{OnFailure, StageRunner, executor, retry, start};
use crate::model::{Fact, Failure, Outcome, StageId};
use crate::plan::AttemptEnd;

impl<R: StageRunner> Dispatcher<R> {
    /// An attempt's task was cut off by a second cancel, or panicked: a bug of the
    /// host, which ends this stage and nothing else.
    pub(super) async fn attempt_lost(&mut self, id: Id, error: &JoinError) -> Result<(), RunError> {
        let Some(index) = self.tasks.remove(&id) else {
            return Ok(());
        };
        if self.stages[index].status != Status::Running {
            return Ok(());
        }
        let end = if error.is_cancelled() {
            executor::cancelled()
        } else {
            tracing::error!(%error, "an attempt was lost");
            executor::errored("host.panic", "the engine failed while it ran this stage")
        };
        self.attempt_ended(index, end, Duration::ZERO).await
    }

    pub(super) async fn attempt_ended(
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
    pub(super) async fn end_stage(
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
            self.stop(false).await?;
        }
        Ok(())
    }

    pub(super) async fn skip(&mut self, index: usize, because: String) -> Result<(), RunError> {
        let stage = self.plan.stages[index].id.clone();
        self.record(Fact::StageSkipped { stage, because }).await?;
        self.conclude(index, Outcome::Skipped).await
    }

    /// Writes down that a stage is over, and releases what waits for it.
    pub(super) async fn conclude(
        &mut self,
        index: usize,
        outcome: Outcome,
    ) -> Result<(), RunError> {
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
            let (dependent, need) = self.stages.dependents[index][position];
            let plan = Arc::clone(&self.plan);
            if !plan.stages[dependent].needs[need].on.contains(&outcome) {
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
}

/// Attempt 0: there was none.
pub(super) fn could_not_start(stage: &StageId, failure: &Failure) -> Fact {
    Fact::AttemptFailed {
        stage: stage.clone(),
        attempt: 0,
        outcome: Outcome::Failed,
        failure: failure.clone(),
        duration_ms: 0,
    }
}

fn was(outcome: Outcome) -> String {
    match outcome {
        Outcome::Skipped | Outcome::Cancelled | Outcome::Denied => format!("was {outcome}"),
        Outcome::TimedOut => "timed out".to_owned(),
        other => other.to_string(),
    }
}
