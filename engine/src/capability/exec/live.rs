//! Live: a command that runs, with its streams, its timer and its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::output::{self, Stream};
use super::problem::{self, Refusal};
use super::proxy::{self, Reach};
use super::scratch::Scratch;
use crate::model::{ChildProgram, LogStream, limits};
use crate::sandbox::{
    End, EndCause, Launch, LaunchError, Output, Pipes, Stopper, start as start_tool,
};
use crate::store::AttemptSink;

/// Where an output stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Destination {
    Log,
    Guest,
    /// Kept up to this many bytes, for the answer of `capture`.
    Kept(usize),
    Nowhere,
}

impl Destination {
    pub(super) fn output(self) -> Output {
        match self {
            Self::Nowhere => Output::Null,
            Self::Log | Self::Guest | Self::Kept(_) => Output::Pipe,
        }
    }
}

/// What runs, and where its output goes.
pub(super) struct Start {
    pub(super) launcher: ChildProgram,
    pub(super) tool: String,
    pub(super) launch: Launch,
    pub(super) destinations: [Destination; 2],
    pub(super) timeout: Option<Duration>,
    pub(super) cancel: CancellationToken,
    pub(super) sink: AttemptSink,
    /// What answers it in its own network.
    pub(super) reach: Option<Reach>,
    pub(super) scratch: Arc<Scratch>,
    pub(super) permit: OwnedSemaphorePermit,
}

/// A command that runs. Dropping it kills the tool and everything it started.
pub(super) struct Live {
    stopper: Stopper,
    ended: CancellationToken,
    end: Option<JoinHandle<Result<End, LaunchError>>>,
    finished: Option<Result<Ended, Refusal>>,
    timed_out: Arc<AtomicBool>,
    cancel: CancellationToken,
    /// The streams that go to the log or are kept.
    streams: JoinSet<(usize, (Vec<u8>, bool))>,
    /// What goes on beside it and ends with it: the timer, its way out.
    beside: JoinSet<()>,
    stdin: Option<Sender>,
    /// The streams that the guest reads.
    pipes: [Option<Stream>; 2],
    bytes: [Arc<AtomicU64>; 2],
}

/// How a command ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    pub(super) end: End,
    /// What was kept of standard output and standard error, and whether there
    /// was more.
    pub(super) kept: [(Vec<u8>, bool); 2],
    /// Bytes written to standard output and standard error.
    pub(super) bytes: [u64; 2],
}

impl Live {
    /// Starts a command.
    pub(super) async fn start(start: Start) -> Result<Self, Refusal> {
        let Start {
            launcher,
            tool,
            launch,
            destinations,
            timeout,
            cancel,
            sink,
            reach,
            scratch,
            permit,
        } = start;
        // What must not be touched while the tool lives stays with whoever
        // holds the tool, also when nobody waits for this any more.
        let held = (scratch, permit);
        let started = tokio::task::spawn_blocking(move || {
            start_tool(&launcher, launch).map(|(running, pipes)| (running, pipes, held))
        });
        let (running, mut pipes, held) = match started.await {
            Ok(Ok(started)) => started,
            Ok(Err(error)) => return Err(problem::launch(&tool, &error)),
            Err(error) => return Err(problem::lost(&LaunchError::Lost(error.to_string()))),
        };
        let stopper = running.stopper();
        let ended = CancellationToken::new();
        let mut live = Self {
            stopper: stopper.clone(),
            ended: ended.clone(),
            end: Some(tokio::task::spawn_blocking(move || {
                let end = running.wait();
                ended.cancel();
                drop(held);
                end
            })),
            finished: None,
            timed_out: Arc::default(),
            cancel: cancel.clone(),
            streams: JoinSet::new(),
            beside: JoinSet::new(),
            stdin: None,
            pipes: [None, None],
            bytes: [Arc::default(), Arc::default()],
        };
        if let (Some(port), Some(reach)) = (pipes.proxy.take(), reach) {
            live.beside.spawn(proxy::serve(port, reach, sink.clone()));
        }
        live.connect(pipes, destinations, &sink)
            .map_err(|error| problem::stream(&error))?;
        live.watch(stopper, timeout, cancel);
        Ok(live)
    }

    fn connect(
        &mut self,
        pipes: Pipes,
        destinations: [Destination; 2],
        sink: &AttemptSink,
    ) -> std::io::Result<()> {
        self.stdin = pipes.stdin.map(Sender::from_owned_fd).transpose()?;
        let ours = [pipes.stdout, pipes.stderr];
        for (index, (pipe, destination)) in ours.into_iter().zip(destinations).enumerate() {
            let Some(pipe) = pipe else { continue };
            let pipe = Receiver::from_owned_fd(pipe)?;
            let stream = Stream::new(pipe, self.bytes[index].clone(), self.ended.clone());
            match destination {
                Destination::Nowhere => {}
                Destination::Guest => self.pipes[index] = Some(stream),
                Destination::Log => {
                    let to = [LogStream::ToolStdout, LogStream::ToolStderr][index];
                    let sink = sink.clone();
                    self.streams.spawn(async move {
                        output::log(stream, to, sink).await;
                        (index, (Vec::new(), false))
                    });
                }
                Destination::Kept(max_bytes) => {
                    self.streams
                        .spawn(async move { (index, output::collect(stream, max_bytes).await) });
                }
            }
        }
        Ok(())
    }

    /// Stops the command when its time is over or the run is cancelled.
    fn watch(&mut self, stopper: Stopper, timeout: Option<Duration>, cancel: CancellationToken) {
        let timed_out = self.timed_out.clone();
        self.beside.spawn(async move {
            let over = async {
                match timeout {
                    Some(timeout) => tokio::time::sleep(timeout).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = over => {
                    timed_out.store(true, Ordering::Relaxed);
                    stopper.kill();
                }
                // Half of the time that the attempt itself has: the guest wants
                // to say something too.
                () = cancel.cancelled() => stopper.terminate(limits::CANCEL_GRACE / 2),
            }
        });
    }

    /// Waits for the end, of the streams too. May be called again.
    pub(super) async fn wait(&mut self) -> Result<Ended, Refusal> {
        if let Some(finished) = &self.finished {
            return finished.clone();
        }
        let mut kept = [(Vec::new(), false), (Vec::new(), false)];
        while let Some(stream) = self.streams.join_next().await {
            if let Ok((index, bytes)) = stream {
                kept[index] = bytes;
            }
        }
        let end = match &mut self.end {
            Some(end) => end.await,
            None => return Err(problem::lost(&LaunchError::Lost("waited for twice".into()))),
        };
        self.end = None;
        self.beside.abort_all();
        let finished = match end {
            Ok(Ok(end)) => self.judge(end, kept),
            Ok(Err(error)) => Err(self.interrupted().unwrap_or(problem::lost(&error))),
            Err(error) => Err(problem::lost(&LaunchError::Lost(error.to_string()))),
        };
        self.finished = Some(finished.clone());
        finished
    }

    fn judge(&self, end: End, kept: [(Vec<u8>, bool); 2]) -> Result<Ended, Refusal> {
        let bytes = [0, 1].map(|index| self.bytes[index].load(Ordering::Relaxed));
        let cause = end.cause;
        let ended = Ended { end, kept, bytes };
        match cause {
            EndCause::Memory(seen) => Err(problem::limit(
                "limit.memory",
                format!(
                    "the tool and what it started held {} MiB of memory (sampled)",
                    seen / (1024 * 1024)
                ),
            )),
            EndCause::Processes(seen) => Err(problem::limit(
                "limit.processes",
                format!("the tool had {seen} processes"),
            )),
            EndCause::Disk(left) => Err(problem::limit(
                "limit.disk-reserve",
                format!(
                    "{} MiB were left on the disk that the tool writes to; {} MiB have to stay free",
                    left / (1024 * 1024),
                    limits::DISK_RESERVE_BYTES / (1024 * 1024),
                ),
            )),
            EndCause::Stopped => self.interrupted().map_or(Ok(ended), Err),
            EndCause::Itself => Ok(ended),
        }
    }

    /// Why the engine stopped it, unless the guest did.
    fn interrupted(&self) -> Option<Refusal> {
        if self.timed_out.load(Ordering::Relaxed) {
            Some(problem::timed_out())
        } else if self.cancel.is_cancelled() {
            Some(problem::cancelled())
        } else {
            None
        }
    }

    /// Some bytes of either stream that is the guest's: whether they are of
    /// standard error, and the bytes; none at the end of both.
    pub(super) async fn read(
        &mut self,
        max_bytes: usize,
    ) -> Result<Option<(bool, Vec<u8>)>, Refusal> {
        loop {
            let [stdout, stderr] = &mut self.pipes;
            let mut buffers = [vec![0; max_bytes], vec![0; max_bytes]];
            let [for_stdout, for_stderr] = &mut buffers;
            let (index, read) = match (stdout, stderr) {
                (None, None) => return Ok(None),
                (Some(stdout), None) => (0, stdout.read(for_stdout).await),
                (None, Some(stderr)) => (1, stderr.read(for_stderr).await),
                (Some(stdout), Some(stderr)) => tokio::select! {
                    read = stdout.read(for_stdout) => (0, read),
                    read = stderr.read(for_stderr) => (1, read),
                },
            };
            match read.map_err(|error| problem::stream(&error))? {
                0 => self.pipes[index] = None,
                read => {
                    let [stdout, stderr] = buffers;
                    let mut bytes = if index == 0 { stdout } else { stderr };
                    bytes.truncate(read);
                    return Ok(Some((index == 1, bytes)));
                }
            }
        }
    }

    /// Writes to standard input; none closes it.
    pub(super) async fn write(&mut self, bytes: Option<&[u8]>) -> Result<(), Refusal> {
        let Some(bytes) = bytes else {
            self.stdin = None;
            return Ok(());
        };
        let Some(stdin) = &mut self.stdin else {
            let message = "standard input is no pipe, or was closed".to_owned();
            return Err(problem::malformed(message));
        };
        let ended = self.ended.clone();
        tokio::select! {
            biased;
            written = stdin.write_all(bytes) => written.map_err(|error| problem::stream(&error)),
            () = ended.cancelled() => {
                let gone = std::io::ErrorKind::BrokenPipe.into();
                Err(problem::stream(&gone))
            }
        }
    }

    /// Asks the tool to stop, and kills it after the grace.
    pub(super) fn terminate(&self, grace: Duration) {
        self.stopper
            .terminate(grace.min(limits::EXEC_TERMINATE_GRACE));
    }

    /// Kills it.
    pub(super) fn kill(&self) {
        self.stopper.kill();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.end.is_some() {
            self.stopper.kill();
        }
    }
}
