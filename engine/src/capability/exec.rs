//! `engine:exec/process`: running native tools.
//!
//! Granted by `exec: [{ tool: name, network: none }]`. A tool is code outside
//! the wasm sandbox: what bounds it is `sandbox/`, and what that does not hold
//! is said in every run. Tested by `exec/tests.rs`.

mod begin;
mod command;
mod live;
mod output;
mod problem;
mod proxy;
mod scratch;
mod sight;
mod steering;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use wasmtime::component::Resource;
use zeroize::Zeroizing;

use super::bindings::exec::{
    Captured, Chunk, Command, Error, Exit, Host, HostChild, Outcome, OutputMode, ToolInfo, Usage,
};
use super::{Attempt, Services};
use crate::model::{CallDecision, ChildProgram, Failure, WallLevel, limits};
use crate::plan::StageRequest;
use crate::policy::ToolNetwork;
use crate::sandbox::{self, Surroundings, Wall};
use crate::store::{CallEnd, SinkClosed};
use live::{Ended, Live};
use problem::Refusal;
use scratch::Scratch;

/// The weakest wall that holds what a grant says: no file and no network that was
/// not granted.
const REQUIRED: WallLevel = WallLevel::Medium;

const INTERFACE: &str = "engine:exec/process";

/// What native tools need of the process that the engine runs in.
pub struct ToolServices {
    /// The program that becomes the launcher of a tool.
    pub launcher: ChildProgram,
    /// Folder below which each attempt gets its private folders. It must be of
    /// this run alone, and be removed with it: a crash leaves them there.
    pub scratch: PathBuf,
    /// The folders of the user that tools keep things in.
    pub surroundings: Surroundings,
    /// The walls that are built around each tool.
    pub wall: Wall,
    /// Whether they may be weaker than what tools are usually held to.
    pub allow_weaker: bool,
    /// The value of a secret, by its name in the pipeline; none if nobody
    /// supplied one.
    pub secret: Box<SecretLookup>,
}

/// Looks a secret up by its name in the pipeline.
pub type SecretLookup = dyn Fn(&str) -> Option<Zeroizing<Vec<u8>>> + Send + Sync;

impl fmt::Debug for ToolServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolServices")
            .field("launcher", &self.launcher)
            .field("scratch", &self.scratch)
            .field("surroundings", &self.surroundings)
            .finish_non_exhaustive()
    }
}

/// The tools of one attempt.
pub(super) struct Context {
    services: Arc<Services>,
    /// Made with the first command.
    scratch: Option<Arc<Scratch>>,
    running: Arc<Semaphore>,
}

/// The commands of an attempt that have not ended.
#[derive(Debug, Clone)]
pub struct RunningTools(Arc<Semaphore>);

/// A command that a guest started and has not waited for.
pub struct Child {
    live: Live,
    words: String,
    since: Instant,
    /// Whether its end is on record.
    recorded: bool,
}

impl RunningTools {
    /// Returns when nothing is left of any command. The layers of a stage must
    /// not be touched before: a tool that was told to die may write until then.
    pub async fn ended(&self) {
        let all = u32::try_from(limits::EXEC_CHILDREN).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        drop(self.0.acquire_many(all).await);
    }
}

impl Context {
    /// The commands that have not ended.
    pub(super) fn running(&self) -> RunningTools {
        RunningTools(self.running.clone())
    }

    pub(super) fn new(services: &Arc<Services>) -> Self {
        Self {
            services: services.clone(),
            scratch: None,
            running: Arc::new(Semaphore::new(limits::EXEC_CHILDREN)),
        }
    }

    fn services(&self) -> Result<&ToolServices, Refusal> {
        self.services.exec.as_ref().ok_or_else(problem::unavailable)
    }
}

/// Why a stage with native tools may not run on this machine at all.
///
/// Said before its guest starts: half of its work would be done otherwise.
pub(super) fn refusal(request: &StageRequest, services: &Services) -> Option<Failure> {
    request.grants.exec.as_ref()?;
    let tools = services.exec.as_ref()?;
    let is_enough = tools.wall.level >= REQUIRED || tools.allow_weaker;
    (!is_enough).then(|| problem::too_weak(&tools.wall, REQUIRED))
}

impl Host for Attempt {
    async fn tools(&mut self) -> wasmtime::Result<Vec<ToolInfo>> {
        self.sink.count(INTERFACE);
        let tools = self.request.grants.exec.iter().flat_map(|exec| &exec.tools);
        Ok(tools
            .map(|grant| {
                let facts = self.request.tools.get(&grant.tool);
                ToolInfo {
                    name: grant.tool.clone(),
                    available: facts.is_some_and(|facts| facts.path.is_some()),
                    digest: facts.and_then(|facts| Some(facts.digest?.to_string())),
                    network: grant.network != ToolNetwork::None,
                }
            })
            .collect())
    }

    async fn run(&mut self, command: Command) -> wasmtime::Result<Result<Outcome, Error>> {
        let refuse_pipe = |mode| mode == OutputMode::Pipe;
        let has_pipe = refuse_pipe(command.stdout) || refuse_pipe(command.stderr);
        let ended = if has_pipe {
            let message = "`run` has nobody to read a pipe; use `capture` or `spawn`".to_owned();
            self.refuse("run", &command, problem::malformed(message))
                .await?
        } else {
            self.run_to_the_end("run", command, 0).await?
        };
        Ok(ended
            .map(|ended| outcome(&ended))
            .map_err(|refusal| refusal.error))
    }

    async fn capture(
        &mut self,
        command: Command,
        max_bytes: u64,
    ) -> wasmtime::Result<Result<Captured, Error>> {
        // Guest-controlled.
        let max_bytes = max_bytes.min(limits::EXEC_CAPTURE_BYTES);
        let max_bytes = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let ended = self.run_to_the_end("capture", command, max_bytes).await?;
        Ok(ended
            .map(|ended| {
                let outcome = outcome(&ended);
                let [(stdout, more_stdout), (stderr, more_stderr)] = ended.kept;
                Captured {
                    outcome,
                    stdout,
                    stderr,
                    truncated: more_stdout || more_stderr,
                }
            })
            .map_err(|refusal| refusal.error))
    }

    async fn spawn(
        &mut self,
        command: Command,
    ) -> wasmtime::Result<Result<Resource<Child>, Error>> {
        let since = Instant::now();
        let (words, effect, started) = self.start("spawn", command, None).await?;
        // On record from the start: what becomes of it may never be asked.
        let result = started.as_ref().map(|_| "started".to_owned());
        self.record_command("spawn", words.clone(), since, effect, result)
            .await?;
        match started {
            Ok(live) => Ok(Ok(self.table.push(Child {
                live,
                words,
                since,
                recorded: false,
            })?)),
            Err(refusal) => Ok(Err(refusal.error)),
        }
    }
}

impl HostChild for Attempt {
    async fn read(
        &mut self,
        this: Resource<Child>,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<Option<Chunk>, Error>> {
        self.sink.count(INTERFACE);
        // Guest-controlled; a read of nothing would look like the end.
        let max_bytes = (max_bytes as usize).clamp(1, limits::EXEC_PIPE_BYTES);
        let child = self.table.get_mut(&this)?;
        let read = child.live.read(max_bytes).await;
        Ok(read
            .map(|chunk| chunk.map(|(from_stderr, bytes)| Chunk { from_stderr, bytes }))
            .map_err(|refusal| refusal.error))
    }

    async fn write_stdin(
        &mut self,
        this: Resource<Child>,
        bytes: Option<Vec<u8>>,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.sink.count(INTERFACE);
        let child = self.table.get_mut(&this)?;
        let written = child.live.write(bytes.as_deref()).await;
        Ok(written.map_err(|refusal| refusal.error))
    }

    async fn wait(&mut self, this: Resource<Child>) -> wasmtime::Result<Result<Outcome, Error>> {
        let ended = self.end_of(&this).await?;
        Ok(ended
            .map(|ended| outcome(&ended))
            .map_err(|refusal| refusal.error))
    }

    async fn terminate(&mut self, this: Resource<Child>, grace: u64) -> wasmtime::Result<()> {
        self.sink.count(INTERFACE);
        let child = self.table.get(&this)?;
        child.live.terminate(Duration::from_millis(grace));
        Ok(())
    }

    async fn drop(&mut self, this: Resource<Child>) -> wasmtime::Result<()> {
        self.table.get(&this)?.live.kill();
        self.end_of(&this).await?.ok();
        self.table.delete(this)?;
        Ok(())
    }
}

impl Attempt {
    async fn run_to_the_end(
        &mut self,
        function: &'static str,
        command: Command,
        max_bytes: usize,
    ) -> Result<Result<Ended, Refusal>, SinkClosed> {
        let since = Instant::now();
        let is_limited = self.request.limits.memory_bytes.is_some();
        let (words, effect, started) = self.start(function, command, Some(max_bytes)).await?;
        let ended = match started {
            Ok(mut live) => live.wait().await,
            Err(refusal) => Err(refusal),
        };
        let result = ended.as_ref().map(|ended| in_words(ended, is_limited));
        self.record_command(function, words, since, effect, result)
            .await?;
        Ok(ended)
    }

    async fn end_of(&mut self, this: &Resource<Child>) -> wasmtime::Result<Result<Ended, Refusal>> {
        let is_limited = self.request.limits.memory_bytes.is_some();
        let child = self.table.get_mut(this)?;
        let ended = child.live.wait().await;
        let (words, since) = (child.words.clone(), child.since);
        if !std::mem::replace(&mut child.recorded, true) {
            let result = ended.as_ref().map(|ended| in_words(ended, is_limited));
            self.record_command("[method]child.wait", words, since, None, result)
                .await?;
        }
        Ok(ended)
    }

    async fn refuse<T>(
        &mut self,
        function: &'static str,
        command: &Command,
        refusal: Refusal,
    ) -> Result<Result<T, Refusal>, SinkClosed> {
        let words = command.tool.clone();
        self.record_command(function, words, Instant::now(), None, Err(&refusal))
            .await?;
        Ok(Err(refusal))
    }

    async fn record_command(
        &mut self,
        function: &'static str,
        arguments: String,
        since: Instant,
        effect: Option<u64>,
        result: Result<String, &Refusal>,
    ) -> Result<(), SinkClosed> {
        let refusal = result.as_ref().err();
        self.sink
            .called(CallEnd {
                interface: INTERFACE,
                function,
                arguments,
                decision: refusal.map_or(CallDecision::Allowed, |refusal| refusal.decision),
                error: refusal.map(|refusal| refusal.code().to_owned()),
                result: result.ok(),
                duration: since.elapsed(),
                effect,
            })
            .await
    }
}

/// How a command ended, for the record.
///
/// `is_limited` where its memory has a limit, which this engine samples.
fn in_words(ended: &Ended, is_limited: bool) -> String {
    use std::fmt::Write as _;
    let usage = &ended.end.usage;
    let exit = match ended.end.exit {
        sandbox::Exit::Code(code) => format!("exit {code}"),
        sandbox::Exit::Signal(signal) => format!("signal {signal}"),
    };
    let mut words = format!(
        "{exit}, wall {} ms, user {} ms, system {} ms, rss {} KiB, stdout {} B, stderr {} B",
        usage.wall.as_millis(),
        usage.user.as_millis(),
        usage.system.as_millis(),
        usage.max_rss_bytes / 1024,
        ended.bytes[0],
        ended.bytes[1],
    );
    if is_limited {
        words.push_str(", memory sampled");
    }
    if ended.end.stragglers > 0 {
        let count = ended.end.stragglers;
        write!(words, ", {count} processes left behind were killed")
            .expect("writing to a string cannot fail");
    }
    words
}

fn outcome(ended: &Ended) -> Outcome {
    let usage = &ended.end.usage;
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Outcome {
        exit: match ended.end.exit {
            sandbox::Exit::Code(code) => Exit::Code(code),
            sandbox::Exit::Signal(signal) => Exit::Signal(signal),
        },
        usage: Usage {
            wall: millis(usage.wall),
            user: millis(usage.user),
            system: millis(usage.system),
            max_rss_bytes: usage.max_rss_bytes,
            stdout_bytes: ended.bytes[0],
            stderr_bytes: ended.bytes[1],
        },
    }
}
