//! In-process runner: a fresh `wasmtime::Store` in this process.

use std::sync::Arc;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::StageRunner;
use crate::capability::Services;
use crate::model::{Failure, FailureClass, Outcome};
use crate::plan::{AttemptEnd, StageRequest};
use crate::runtime::Runtime;
use crate::store::AttemptSink;

/// Runs attempts in this process.
pub struct InProcess {
    runtime: Arc<Runtime>,
    services: Arc<Services>,
}

impl InProcess {
    /// A runner whose components were loaded into `runtime`, and whose
    /// capabilities work with `services`.
    pub fn new(runtime: Arc<Runtime>, services: Arc<Services>) -> Self {
        Self { runtime, services }
    }
}

impl StageRunner for InProcess {
    async fn run(
        &self,
        request: Arc<StageRequest>,
        sink: AttemptSink,
        cancel: CancellationToken,
    ) -> AttemptEnd {
        let Some(plugin) = self.runtime.plugin(&request.component) else {
            let message = format!("the component {} was not loaded", request.component);
            return ended(
                Outcome::Errored,
                FailureClass::Host,
                "host.component",
                message,
            );
        };
        if let Err(reason) = plugin.check_inputs(&request.inputs) {
            let message = format!("the inputs do not match the plugin's schema: {reason}");
            return ended(
                Outcome::Failed,
                FailureClass::UserError,
                "host.inputs",
                message,
            );
        }
        // On the heap: the future holds the whole call.
        Box::pin(
            self.runtime
                .invoke(&plugin, &self.services, request, sink, cancel),
        )
        .await
    }
}

fn ended(outcome: Outcome, class: FailureClass, code: &str, message: String) -> AttemptEnd {
    let failure = Some(Failure::new(class, code, message));
    AttemptEnd {
        outcome,
        outputs: Value::Null,
        failure,
    }
}
