//! `engine:stage/context`: facts about the run. Data only; needs no grant.

use std::time::Instant;

use super::bindings::context::{Host, RunInfo};
use super::{Attempt, bindings};

const INTERFACE: &str = "engine:stage/context";

impl Host for Attempt {
    async fn info(&mut self) -> wasmtime::Result<RunInfo> {
        self.sink.count(INTERFACE);
        let request = &self.request;
        Ok(RunInfo {
            run_id: request.run.to_string(),
            pipeline: request.pipeline.clone(),
            stage: request.stage.to_string(),
            attempt: request.attempt,
            max_attempts: request.max_attempts,
            matrix: Vec::new(),
            trigger: request.trigger.clone(),
            non_interactive: true,
        })
    }

    async fn remaining(&mut self) -> wasmtime::Result<Option<u64>> {
        self.sink.count(INTERFACE);
        let left = self.deadline.saturating_duration_since(Instant::now());
        Ok(Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)))
    }

    async fn is_cancelled(&mut self) -> wasmtime::Result<bool> {
        self.sink.count(INTERFACE);
        Ok(self.cancel.is_cancelled())
    }
}

impl bindings::types::Host for Attempt {}
