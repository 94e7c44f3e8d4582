//! Invoke: one attempt of one stage, in a fresh `wasmtime::Store`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use wasmtime::Store;

use super::{Plugin, Runtime, trap};
use crate::capability::{Attempt, GuestFailure, GuestFailureClass, Services};
use crate::model::{Failure, FailureClass, HostCode, Outcome, SourceLocation, limits};
use crate::plan::{AttemptEnd, StageRequest};
use crate::store::{AttemptSink, SinkClosed};

impl Runtime {
    /// Runs an attempt to its end, whatever that is. Never later than its
    /// deadline, and not longer than a grace period after `cancel`.
    pub async fn invoke(
        &self,
        plugin: &Plugin,
        services: &Arc<Services>,
        request: Arc<StageRequest>,
        sink: AttemptSink,
        cancel: CancellationToken,
    ) -> AttemptEnd {
        let time = Duration::from_millis(request.limits.timeout_ms);
        let deadline = Instant::now() + time;
        let inputs = request.inputs.to_string();
        if let Some(refusal) = Attempt::refusal(&request, services) {
            let _ = sink.close(0).await;
            return failure(Outcome::Denied, refusal);
        }
        let attempt = match Attempt::new(request, sink.clone(), cancel.clone(), deadline, services)
        {
            Ok(attempt) => attempt,
            Err(error) => {
                let _ = sink.close(0).await;
                return errored(
                    "host.workspace",
                    format!("a folder cannot be opened: {error}"),
                );
            }
        };
        let (output, tools) = (attempt.output().clone(), attempt.running_tools());
        let requests = attempt.requests().clone();
        let mut store = Store::new(self.engine(), attempt);
        arm(&mut store);
        let call = async {
            let instance = plugin.instantiate(&mut store).await?;
            instance
                .engine_stage_stage()
                .call_run(&mut store, &inputs)
                .await
        };
        // Dropping the call stops a loop of the guest and a waiting host call
        // alike; what host calls hold is released by their `Drop`.
        let ended = tokio::select! {
            ended = call => Some(ended),
            () = tokio::time::sleep_until(deadline.into()) => None,
            () = stopped(&cancel) => None,
        };
        let memory_bytes = store.data_mut().limiter().memory_bytes();
        let refused_memory = store.data_mut().limiter().refused();
        let disk_full = store.data_mut().close_files().await;
        drop(store);
        tools.ended().await;
        output.finish().await;
        requests.finish().await;
        let end = match ended {
            Some(Ok(Ok(text))) => succeeded(plugin, &sink, &text),
            Some(Ok(Err(failure))) => failed(&sink, failure, &cancel),
            Some(Err(error)) => trap::explain(&error, refused_memory),
            None if cancel.is_cancelled() => cancelled(),
            None => timed_out(time),
        };
        let end = match disk_full {
            Some(bytes) if end.outcome == Outcome::Failed => out_of_disk(bytes, end),
            _ => end,
        };
        let closed = sink.close(memory_bytes).await;
        // Whoever asked for too much must not end well.
        if let Some(closed) = sink.exhausted() {
            return exhausted(closed);
        }
        match closed {
            Err(error) if end.failure.is_none() => {
                errored("host.log", format!("its log cannot be kept: {error}"))
            }
            _ => end,
        }
    }
}

/// Sets every limit of a store, before anything of the guest runs.
pub(super) fn arm(store: &mut Store<Attempt>) {
    store.limiter(|attempt| attempt.limiter());
    store.set_hostcall_fuel(limits::HOSTCALL_BYTES);
    store.set_max_component_handles(limits::HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
}

/// The end of the grace period after a cancel.
async fn stopped(cancel: &CancellationToken) {
    cancel.cancelled().await;
    tokio::time::sleep(limits::CANCEL_GRACE).await;
}

fn succeeded(plugin: &Plugin, sink: &AttemptSink, text: &str) -> AttemptEnd {
    if text.len() > limits::OUTPUTS_BYTES {
        return failure(
            Outcome::Failed,
            Failure::new(
                FailureClass::Limit,
                "limit.outputs",
                format!(
                    "the outputs have {} bytes, more than {}",
                    text.len(),
                    limits::OUTPUTS_BYTES
                ),
            )
            .with_hint("write large results to a file of the workspace"),
        );
    }
    let outputs = match serde_json::from_str::<Value>(text) {
        Ok(outputs) => outputs,
        Err(error) => {
            return internal("host.outputs", format!("the outputs are not JSON: {error}"));
        }
    };
    if let Err(reason) = plugin.check_outputs(&outputs) {
        return internal(
            "host.outputs",
            format!("the outputs do not match the schema: {reason}"),
        );
    }
    AttemptEnd {
        outcome: Outcome::Succeeded,
        outputs: sink.redact_value(outputs),
        failure: None,
    }
}

fn failed(sink: &AttemptSink, guest: GuestFailure, cancel: &CancellationToken) -> AttemptEnd {
    let class = match guest.class {
        GuestFailureClass::WorkFailed => FailureClass::WorkFailed,
        GuestFailureClass::Transient => FailureClass::Transient,
        // Only a refusal that the host recorded makes a denial.
        GuestFailureClass::Denied if sink.was_denied() => FailureClass::Denied,
        GuestFailureClass::Denied | GuestFailureClass::UserError => FailureClass::UserError,
        GuestFailureClass::Cancelled if cancel.is_cancelled() => FailureClass::Cancelled,
        GuestFailureClass::Cancelled | GuestFailureClass::Internal => FailureClass::Internal,
    };
    // A code is the host's only if the host gave it to this attempt.
    let gave = sink.gave(&guest.code);
    let class = if gave && HostCode::is_of_the_machine(&guest.code) {
        FailureClass::Host
    } else {
        class
    };
    let outcome = match class {
        FailureClass::Denied => Outcome::Denied,
        FailureClass::Cancelled => Outcome::Cancelled,
        FailureClass::Host => Outcome::Errored,
        _ => Outcome::Failed,
    };
    let code = if gave {
        guest.code
    } else {
        format!("plugin.{}", guest.code)
    };
    failure(
        outcome,
        Failure {
            class,
            code,
            message: guest.message,
            hint: guest.hint,
            causes: guest.causes,
            location: guest.location.map(|location| SourceLocation {
                path: location.path,
                line: location.line,
                column: location.column,
            }),
            retry_after_ms: guest.retry_after,
            exit_code: exit_code(guest.details.as_deref()),
            stderr_tail: None,
        },
    )
}

/// The exit code of a native tool, which `retry.on: ["exit:N"]` looks at.
fn exit_code(details: Option<&str>) -> Option<i32> {
    let details: Value = serde_json::from_str(details?).ok()?;
    i32::try_from(details.get("exit-code")?.as_i64()?).ok()
}

fn exhausted(closed: SinkClosed) -> AttemptEnd {
    let (class, code) = trap::closed_sink(closed);
    failure(
        Outcome::Failed,
        Failure::new(class, code, closed.to_string()),
    )
}

/// The end of an attempt that failed after it could not write what it wanted.
fn out_of_disk(bytes: u64, end: AttemptEnd) -> AttemptEnd {
    let message = format!(
        "the stage asked for more than it may add to its folders: {bytes} bytes, {} entries",
        limits::DISK_ENTRIES
    );
    let mut failed = Failure::new(FailureClass::Limit, "limit.disk", message)
        .with_hint("raise `resources: { disk: … }` of the stage if it needs more");
    failed.causes = end
        .failure
        .into_iter()
        .flat_map(|failure| [failure.message].into_iter().chain(failure.causes))
        .collect();
    failure(Outcome::Failed, failed)
}

fn timed_out(time: Duration) -> AttemptEnd {
    let message = format!("the attempt took longer than {} ms", time.as_millis());
    let failed = Failure::new(FailureClass::Limit, "limit.time", message)
        .with_hint("raise `timeout:` of the stage if it needs more");
    failure(Outcome::TimedOut, failed)
}

fn cancelled() -> AttemptEnd {
    let failed = Failure::new(
        FailureClass::Cancelled,
        "host.cancelled",
        "the run was cancelled",
    );
    failure(Outcome::Cancelled, failed)
}

fn errored(code: &str, message: String) -> AttemptEnd {
    failure(
        Outcome::Errored,
        Failure::new(FailureClass::Host, code, message),
    )
}

fn internal(code: &str, message: String) -> AttemptEnd {
    failure(
        Outcome::Failed,
        Failure::new(FailureClass::Internal, code, message),
    )
}

fn failure(outcome: Outcome, failure: Failure) -> AttemptEnd {
    AttemptEnd {
        outcome,
        outputs: Value::Null,
        failure: Some(failure),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio_util::sync::CancellationToken;

    use super::{GuestFailure, GuestFailureClass, failed};
    use crate::model::{CallDecision, FailureClass, Outcome, StageId, SystemClock};
    use crate::store::{AttemptSink, CallEnd, Redactor};

    /// How an attempt ends whose guest passes a code on; `given` is the one that the
    /// host gave it.
    async fn end(given: Option<&str>, passed_on: &str) -> (Outcome, FailureClass, String) {
        let (messages, _kept) = tokio::sync::mpsc::channel(4);
        let sink = AttemptSink::new(
            StageId::new("source").expect("a name"),
            1,
            Arc::new(SystemClock::default()),
            Arc::<Redactor>::default(),
            messages,
            None,
            0,
        );
        if let Some(code) = given {
            let call = CallEnd {
                interface: "engine:git/checkout",
                function: "clone",
                arguments: String::new(),
                decision: CallDecision::Allowed,
                error: Some(code.to_owned()),
                result: None,
                duration: Duration::ZERO,
                effect: None,
            };
            sink.called(call).await.expect("somebody listens");
        }
        let guest = GuestFailure {
            class: GuestFailureClass::WorkFailed,
            code: passed_on.to_owned(),
            message: "it failed".to_owned(),
            hint: None,
            causes: Vec::new(),
            location: None,
            retry_after: None,
            details: None,
        };
        let end = failed(&sink, guest, &CancellationToken::new());
        let failure = end.failure.expect("it failed");
        (end.outcome, failure.class, failure.code)
    }

    #[tokio::test]
    async fn a_full_disk_is_a_failure_of_the_machine_if_the_host_said_so() {
        let full = "git.disk-full";
        for (given, passed_on, expected) in [
            (
                Some(full),
                full,
                (Outcome::Errored, FailureClass::Host, full),
            ),
            (
                Some("git.tls"),
                "git.tls",
                (Outcome::Failed, FailureClass::WorkFailed, "git.tls"),
            ),
            // What the guest only claims is its own word.
            (
                None,
                full,
                (
                    Outcome::Failed,
                    FailureClass::WorkFailed,
                    "plugin.git.disk-full",
                ),
            ),
        ] {
            let (outcome, class, code) = end(given, passed_on).await;
            assert_eq!((outcome, class, code.as_str()), expected, "{passed_on}");
        }
    }
}
