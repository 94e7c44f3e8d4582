//! Executor: one attempt, with its folders made before and kept or removed after.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::StageRunner;
use crate::model::{Failure, FailureClass, Outcome};
use crate::plan::{AttemptEnd, StageRequest};
use crate::store::{AttemptMessage, AttemptSink, layer};

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

/// Runs an attempt to its end, and says so.
pub(super) async fn run<R: StageRunner>(
    runner: Arc<R>,
    request: Arc<StageRequest>,
    folders: Folders,
    sink: AttemptSink,
    cancel: CancellationToken,
    messages: mpsc::Sender<AttemptMessage>,
) {
    let started = Instant::now();
    let stage = request.stage.clone();
    let uses_folders = !request.mounts.is_empty();
    let folders = Arc::new(folders);
    let prepared = if uses_folders {
        on_disk(&folders, prepare).await
    } else {
        Ok(())
    };
    let mut end = match prepared {
        Ok(()) => runner.run(request, sink.clone(), cancel).await,
        Err(error) => errored(
            "host.workspace",
            &format!("its folders cannot be made: {error}"),
        ),
    };
    if uses_folders {
        let finished = if end.outcome == Outcome::Succeeded {
            on_disk(&folders, commit).await
        } else {
            on_disk(&folders, discard).await
        };
        if let Err(error) = finished {
            end = errored(
                "host.workspace",
                &format!("its folders cannot be kept: {error}"),
            );
        }
    }
    // In one place, whoever made it: what a failure says may come from anywhere.
    end.failure = end.failure.map(|failure| sink.redact_failure(failure));
    // The dispatcher is gone only when the run is.
    let _ = messages
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
async fn on_disk(folders: &Arc<Folders>, work: fn(&Folders) -> io::Result<()>) -> io::Result<()> {
    let folders = Arc::clone(folders);
    tokio::task::spawn_blocking(move || work(&folders))
        .await
        .map_err(io::Error::other)?
}

fn prepare(folders: &Folders) -> io::Result<()> {
    // What an attempt of the same number left behind when it was killed.
    layer::remove(&folders.attempt)?;
    std::fs::create_dir_all(&folders.attempt)?;
    for folder in &folders.written {
        match &folder.from {
            Some(from) => layer::copy(from, &folder.path, &folders.attempt)?,
            None => drop(layer::make_beneath(&folders.attempt, &folder.path)?),
        }
    }
    Ok(())
}

fn commit(folders: &Folders) -> io::Result<()> {
    if folders.written.is_empty() {
        return layer::remove(&folders.attempt);
    }
    layer::remove(&folders.layer)?;
    std::fs::rename(&folders.attempt, &folders.layer)
}

fn discard(folders: &Folders) -> io::Result<()> {
    layer::remove(&folders.attempt)
}
