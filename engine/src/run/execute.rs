//! Execute: a plan, from its first stage to the last of `finally`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;

use super::StageRunner;
use super::dispatcher::Dispatcher;
use crate::model::{Clock, Digest, Event, Failure, Outcome, RunId, StageId, WallLevel};
use crate::plan::Plan;
use crate::store::{Journal, JournalFailed, Redactor, RunDirectory};

/// How to carry a plan out, where the plan does not say it.
#[derive(Debug)]
pub struct RunOptions {
    /// The run.
    pub run: RunId,
    /// Digest of the plan.
    pub plan_digest: Digest,
    /// Most attempts at the same time.
    pub concurrency: usize,
    /// What a failure means for stages that do not need the one that failed.
    pub on_failure: OnFailure,
    /// The wall around native tools, if there are any, and what it does not hold.
    pub wall: Option<WallLevel>,
    /// See `wall`.
    pub lost: Vec<String>,
    /// Takes the secrets of this run out of everything that is recorded.
    pub redactor: Arc<Redactor>,
    /// Makes what was written for the run durable: [`RunDirectory::sync`], but for
    /// tests of what happens when that fails.
    pub sync: fn(&RunDirectory) -> std::io::Result<()>,
    /// A random number from 0 up to 1, for the jitter of retries.
    pub jitter: fn() -> f64,
}

/// What a failure means for stages that do not need the one that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Nothing.
    #[default]
    Continue,
    /// They are cancelled.
    Bail,
}

/// How a run went.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The run.
    pub run: RunId,
    /// The worst outcome of its stages, those of `finally` apart.
    pub result: Outcome,
    /// Whether a stage of `finally` did not succeed, which leaves `result` alone.
    pub finally_failed: bool,
    /// Who asked it to stop, if somebody did.
    pub cancelled_by: Option<String>,
    /// Its stages, in the order of the plan.
    pub stages: Vec<StageReport>,
    /// The pipeline's outputs.
    pub outputs: Value,
    /// How long it took.
    pub duration: Duration,
}

/// How a stage went.
#[derive(Debug, Clone, PartialEq)]
pub struct StageReport {
    /// The stage.
    pub stage: StageId,
    /// Whether it stands in `finally`.
    pub finally: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}

/// The engine could not carry the run through.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What happened can no longer be recorded, so that nothing more may happen.
    #[error(transparent)]
    Journal(#[from] JournalFailed),
    /// What a stage wrote may be lost.
    #[error("what a stage wrote cannot be made durable: {0}")]
    Unsynced(std::io::Error),
    /// The disk says no.
    #[error("the record of the run cannot be made: {0}")]
    Io(#[from] std::io::Error),
}

/// Carries a plan out.
///
/// Every event reaches `reporters` in order. Each message on `cancels` names who
/// asks the run to stop: the first lets attempts end and `finally` run, the
/// second ends both at once.
pub async fn execute<R: StageRunner>(
    plan: Arc<Plan>,
    directory: Arc<RunDirectory>,
    runner: Arc<R>,
    clock: Arc<dyn Clock>,
    reporters: mpsc::Sender<Event>,
    cancels: mpsc::Receiver<String>,
    options: RunOptions,
) -> Result<RunReport, RunError> {
    let journal = Journal::create(&directory.journal(), Arc::clone(&clock), reporters)?;
    let dispatcher = Dispatcher::new(plan, directory, runner, clock, journal, options);
    Box::pin(dispatcher.run(cancels)).await
}
