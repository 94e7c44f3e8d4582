//! Cancel: a run that somebody asks to stop, in two scopes.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::StageRunner;
use super::dispatcher::Dispatcher;
use super::execute::RunError;
use super::state::Status;
use crate::model::{Fact, Outcome};

/// Passes requests on to the dispatcher, and asks attempts to end at once: the
/// dispatcher may be waiting for reporters, and they for a reader that has stopped.
pub(super) fn relay(
    mut cancels: mpsc::Receiver<String>,
    main: CancellationToken,
    finally: CancellationToken,
) -> mpsc::Receiver<String> {
    // The first two mean something.
    let (relay, receiver) = mpsc::channel(2);
    tokio::spawn(async move {
        for scope in [main, finally] {
            let by = tokio::select! {
                by = cancels.recv() => by,
                // When the run is over, whoever asks must find nobody here.
                () = relay.closed() => None,
            };
            let Some(by) = by else {
                return;
            };
            // Before the scope: the request stands in the journal before its effect.
            let _ = relay.try_send(by);
            scope.cancel();
        }
    });
    receiver
}

impl<R: StageRunner> Dispatcher<R> {
    /// The first request lets attempts end, and `finally` run; the second ends
    /// both.
    pub(super) async fn cancel(&mut self, by: String) -> Result<(), RunError> {
        self.record(Fact::CancelRequested { by: by.clone() })
            .await?;
        let ends_finally = self.cancelled_by.is_some() || self.in_finally;
        self.cancelled_by.get_or_insert(by);
        self.stop(false).await?;
        if ends_finally {
            self.stop(true).await?;
            // No grace any more: dropping an attempt ends what it runs.
            self.attempts.abort_all();
        }
        Ok(())
    }

    /// Ends the stages of `finally`, or the others: attempts are asked to end, and
    /// what has not begun never does.
    pub(super) async fn stop(&mut self, finally: bool) -> Result<(), RunError> {
        if finally { &self.finally } else { &self.main }.cancel();
        let plan = Arc::clone(&self.plan);
        self.retries
            .retain(|(_, index)| plan.stages[*index].finally != finally);
        for (index, stage) in plan.stages.iter().enumerate() {
            let status = &self.stages[index].status;
            let over = matches!(status, Status::Running | Status::Finished(_));
            if !over && stage.finally == finally {
                self.conclude(index, Outcome::Cancelled).await?;
            }
        }
        Ok(())
    }
}
