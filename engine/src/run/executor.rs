//! Executor: one attempt, with its folders made before and kept or removed after.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::StageRunner;
use crate::model::{Failure, FailureClass, Outcome, limits};
use crate::plan::{AttemptEnd, StageRequest};
use crate::store::layer::{self, CopyBounds, CopyError};
use crate::store::{AttemptMessage, AttemptSink, RunDirectory};

/// What an attempt does with the folders of its workspace.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    /// Where the attempt works; removed when it ends.
    pub(super) attempt: PathBuf,
    /// Where its layer goes when it succeeds.
    pub(super) layer: PathBuf,
    /// The folders it writes.
    pub(super) written: Vec<WrittenFolder>,
}

/// A folder that an attempt writes.
#[derive(Debug, Clone)]
pub(super) struct WrittenFolder {
    /// Relative to the workspace.
    pub(super) path: String,
    /// What it starts as: a copy of the same folder in this layer, or empty.
    pub(super) from: Option<PathBuf>,
}

/// What an attempt needs of its run.
pub(super) struct Surroundings {
    pub(super) directory: Arc<RunDirectory>,
    /// See [`RunOptions::sync`](super::RunOptions::sync).
    pub(super) sync: fn(&RunDirectory) -> io::Result<()>,
    pub(super) messages: mpsc::Sender<AttemptMessage>,
}

/// Runs an attempt to its end, and says so.
pub(super) async fn run<R: StageRunner>(
    runner: Arc<R>,
    request: Arc<StageRequest>,
    folders: Folders,
    sink: AttemptSink,
    cancel: CancellationToken,
    around: Surroundings,
) {
    let started = Instant::now();
    let stage = request.stage.clone();
    let folders = (!request.mounts.is_empty()).then(|| Arc::new(folders));
    let unprepared = match &folders {
        Some(folders) => prepared(folders, &request, &cancel, started).await.err(),
        None => None,
    };
    let mut end = match unprepared {
        None => runner.run(request, sink.clone(), cancel).await,
        Some(end) => *end,
    };
    if let Some(folders) = &folders {
        let finished = if end.outcome == Outcome::Succeeded {
            committed(folders, &around).await
        } else {
            on_disk(folders, discard).await.map_err(Unkept::Io)
        };
        match finished {
            Ok(()) => {}
            Err(Unkept::Io(error)) => {
                end = errored(
                    "host.workspace",
                    &format!("its folders cannot be kept: {error}"),
                );
            }
            Err(Unkept::Unsynced(error)) => {
                // What was written may be lost, and with it what others wrote: no
                // stage may be called committed from now on.
                let _ = around.messages.send(AttemptMessage::Unsynced(error)).await;
                return;
            }
        }
    }
    // In one place, whoever made it: what a failure says may come from anywhere.
    end.failure = end.failure.map(|failure| sink.redact_failure(failure));
    // The dispatcher is gone only when the run is.
    let _ = around
        .messages
        .send(AttemptMessage::Ended(
            stage,
            Box::new(end),
            started.elapsed(),
        ))
        .await;
}

/// The end of an attempt that the engine failed, not the stage.
pub(super) fn errored(code: &str, message: &str) -> AttemptEnd {
    let failure = Some(Failure::new(FailureClass::Host, code, message));
    AttemptEnd {
        outcome: Outcome::Errored,
        outputs: Value::Null,
        failure,
    }
}

/// The end of an attempt that was cut off.
pub(super) fn cancelled() -> AttemptEnd {
    let failure = Failure::new(
        FailureClass::Cancelled,
        "host.cancelled",
        "the run was cancelled",
    );
    AttemptEnd {
        outcome: Outcome::Cancelled,
        outputs: Value::Null,
        failure: Some(failure),
    }
}

/// Work with the disk must not hold up other stages.
async fn on_disk<T: Send + 'static, E: From<io::Error> + Send + 'static>(
    folders: &Arc<Folders>,
    work: impl FnOnce(&Folders) -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let folders = Arc::clone(folders);
    tokio::task::spawn_blocking(move || work(&folders))
        .await
        .map_err(io::Error::other)?
}

/// Makes the folders of an attempt, or says how it ends without them. The time of
/// the stage counts, and a cancel too: a copy may be large.
async fn prepared(
    folders: &Arc<Folders>,
    request: &StageRequest,
    cancel: &CancellationToken,
    started: Instant,
) -> Result<(), Box<AttemptEnd>> {
    let time = Duration::from_millis(request.limits.timeout_ms);
    let token = cancel.clone();
    let goes_on = move || !token.is_cancelled() && started.elapsed() < time;
    let made = on_disk(folders, move |folders| prepare(folders, &goes_on)).await;
    made.map_err(|error| {
        Box::new(match error {
            CopyError::Stopped if cancel.is_cancelled() => cancelled(),
            CopyError::Stopped => limited(
                Outcome::TimedOut,
                "limit.time",
                format!(
                    "copying its folders took longer than {} ms",
                    time.as_millis()
                ),
                "raise `timeout:` of the stage, or let it read what it does not change",
            ),
            CopyError::TooLarge { .. } => limited(
                Outcome::Failed,
                "limit.copy",
                format!("its folders cannot be copied: {error}"),
                "let it read what it does not change, and write a folder of its own",
            ),
            CopyError::Io(error) => errored(
                "host.workspace",
                &format!("its folders cannot be made: {error}"),
            ),
        })
    })
}

fn limited(outcome: Outcome, code: &str, message: String, hint: &str) -> AttemptEnd {
    let failure = Failure::new(FailureClass::Limit, code, message).with_hint(hint);
    AttemptEnd {
        outcome,
        outputs: Value::Null,
        failure: Some(failure),
    }
}

fn prepare(folders: &Folders, goes_on: &dyn Fn() -> bool) -> Result<(), CopyError> {
    // What an attempt of the same number left behind when it was killed.
    layer::remove(&folders.attempt)?;
    std::fs::create_dir_all(&folders.attempt)?;
    let bounds = CopyBounds {
        bytes: limits::COPY_BYTES,
        entries: limits::COPY_ENTRIES,
        goes_on,
    };
    for folder in &folders.written {
        match &folder.from {
            Some(from) => layer::copy(from, &folder.path, &folders.attempt, &bounds)?,
            None => drop(layer::make_beneath(&folders.attempt, &folder.path)?),
        }
    }
    Ok(())
}

/// Why the folders of an attempt are not its stage's layer.
enum Unkept {
    Io(io::Error),
    /// It may be lost, and so may be what was written before.
    Unsynced(io::Error),
}

impl From<io::Error> for Unkept {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Makes the folders of an attempt its stage's layer, durably.
async fn committed(folders: &Arc<Folders>, around: &Surroundings) -> Result<(), Unkept> {
    let (directory, sync) = (Arc::clone(&around.directory), around.sync);
    on_disk(folders, move |folders| {
        if folders.written.is_empty() {
            return Ok(layer::remove(&folders.attempt)?);
        }
        layer::remove(&folders.layer)?;
        std::fs::rename(&folders.attempt, &folders.layer)?;
        // The files, and their new place. A layer that no `StageCommitted` speaks
        // of is removed by the next run.
        sync(&directory).map_err(Unkept::Unsynced)
    })
    .await
}

fn discard(folders: &Folders) -> io::Result<()> {
    layer::remove(&folders.attempt)
}
