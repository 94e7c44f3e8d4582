//! Attempt: what the host keeps for one attempt while its guest runs.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::git::{self, GitServices};
use super::http::{self, Requests};
use super::stdio::GuestOutput;
use super::{Limiter, RunningTools, ToolServices, exec, report, secrets, workspace};
use crate::egress::Client;
use crate::model::{Failure, limits};
use crate::plan::StageRequest;
use crate::store::{AttemptSink, SecretVault};

/// What capabilities need of the process that they run in. One for all attempts.
#[derive(Debug, Default)]
pub struct Services {
    /// What native tools need; none where no tool can run.
    pub exec: Option<ToolServices>,
    /// What git needs; none where no remote can be asked.
    pub git: Option<GitServices>,
    /// The way out to the web, with its connections.
    pub egress: Client,
    /// The values of the run's secrets.
    pub vault: Arc<SecretVault>,
}

/// What the host keeps for one attempt: the request, where to report, and the
/// context of each capability. The data of the attempt's `wasmtime::Store`.
pub struct Attempt {
    pub(super) request: Arc<StageRequest>,
    pub(super) sink: AttemptSink,
    /// The run, or this attempt, shall stop.
    pub(super) cancel: CancellationToken,
    pub(super) deadline: Instant,
    pub(super) table: ResourceTable,
    pub(super) wasi: WasiCtx,
    pub(super) files: workspace::Context,
    limiter: Limiter,
    pub(super) output: GuestOutput,
    pub(super) report: report::Context,
    pub(super) secrets: secrets::Context,
    pub(super) exec: exec::Context,
    pub(super) git: git::Context,
    pub(super) http: http::Context,
}

impl Attempt {
    /// The attempt that a request asks for.
    ///
    /// Fails when a folder that it shall see cannot be opened, or the system has
    /// no random numbers.
    pub fn new(
        request: Arc<StageRequest>,
        sink: AttemptSink,
        cancel: CancellationToken,
        deadline: Instant,
        services: &Arc<Services>,
    ) -> std::io::Result<Self> {
        let memory_bytes = usize::try_from(request.limits.wasm_memory_bytes).unwrap_or(usize::MAX);
        let output = GuestOutput::new(&sink);
        let (wasi, files) = workspace::context(&request, &output)?;
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits::HANDLES);
        let secrets = secrets::Context::new(&request, services)?;
        let http = http::Context::new(&http::Surroundings {
            request: &request,
            sink: &sink,
            cancel: &cancel,
            deadline,
            secrets: secrets.attempt(),
            client: &services.egress,
        });
        Ok(Self {
            secrets,
            http,
            exec: exec::Context::new(services),
            git: git::Context::new(services),
            report: report::Context::default(),
            limiter: Limiter::new(memory_bytes),
            request,
            sink,
            cancel,
            deadline,
            table,
            wasi,
            files,
            output,
        })
    }

    /// Why the stage may not start on this machine, if it may not.
    pub fn refusal(request: &StageRequest, services: &Services) -> Option<Failure> {
        exec::refusal(request, services)
    }

    /// What bounds the guest's memory.
    pub fn limiter(&mut self) -> &mut Limiter {
        &mut self.limiter
    }

    /// Where this attempt reports.
    pub fn sink(&self) -> &AttemptSink {
        &self.sink
    }

    /// The requests that are under way.
    pub fn requests(&self) -> &Requests {
        self.http.requests()
    }

    /// Its native tools that have not ended.
    pub fn running_tools(&self) -> RunningTools {
        self.exec.running()
    }

    /// What the guest wrote to its standard streams.
    pub fn output(&self) -> &GuestOutput {
        &self.output
    }
}

impl WasiView for Attempt {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}
