//! Parent: asks a child to do git's work, and ends it when time is over.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::failure::{FailureKind, GitFailure, one_line};
use super::frame;
use super::protocol::{Answer, OpenHistory, ProcessLimits, Progress, Query, Reply, Request, Start};
use crate::model::{ChildProgram, limits};

/// Has a request done and gives its answer. Dropping the future ends the child
/// and all that it has started.
///
/// # Errors
///
/// What the child says; `unavailable` with `git.deadline` when `deadline` is over;
/// `other` with `git.child-died` when the child ends without an answer.
pub async fn call(
    program: &ChildProgram,
    request: Request,
    process: ProcessLimits,
    deadline: Instant,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Answer, GitFailure> {
    let mut running = Running::start(program)?;
    running
        .within(deadline, async |running: &mut Running| {
            running.send(&Start { process, request }).await;
            running.receive(progress).await
        })
        .await
}

/// An open repository, and the child that answers questions about it.
pub struct Session(Running);

impl Session {
    /// Opens a repository.
    ///
    /// # Errors
    ///
    /// As for [`call`].
    pub async fn open(
        program: &ChildProgram,
        request: OpenHistory,
        process: ProcessLimits,
        deadline: Instant,
    ) -> Result<Self, GitFailure> {
        let mut running = Running::start(program)?;
        let request = Request::History(request);
        running
            .within(deadline, async |running: &mut Running| {
                running.send(&Start { process, request }).await;
                running.receive(&|_| {}).await
            })
            .await?;
        Ok(Self(running))
    }

    /// Asks a question.
    ///
    /// # Errors
    ///
    /// As for [`call`]. After a deadline the session answers nothing any more.
    pub async fn ask(&mut self, query: Query, deadline: Instant) -> Result<Answer, GitFailure> {
        self.0
            .within(deadline, async |running: &mut Running| {
                running.send(&query).await;
                running.receive(&|_| {}).await
            })
            .await
    }
}

/// A child at work. Dropping it ends the child's whole process group.
struct Running {
    child: Child,
    group: Option<Pid>,
    input: ChildStdin,
    output: ChildStdout,
    words: Option<JoinHandle<String>>,
}

impl Running {
    fn start(program: &ChildProgram) -> Result<Self, GitFailure> {
        let failed = |error: &io::Error| GitFailure::io("cannot start the git child", error);
        let mut child = Command::new(&program.path)
            .args(&program.arguments)
            .env_clear()
            // Wherever the engine runs: a child that looks around finds nothing.
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error))?;
        let group = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let (Some(input), Some(output), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed(&io::Error::other("its streams are missing")));
        };
        Ok(Self {
            child,
            group,
            input,
            output,
            words: Some(tokio::spawn(tail(stderr))),
        })
    }

    /// Does `work`, at most until `deadline`; then the child is ended.
    async fn within<T>(
        &mut self,
        deadline: Instant,
        work: impl AsyncFnOnce(&mut Self) -> Result<T, GitFailure>,
    ) -> Result<T, GitFailure> {
        let done = tokio::time::timeout_at(deadline, work(self)).await;
        done.unwrap_or_else(|_| {
            self.end();
            Err(GitFailure::new(
                FailureKind::Unavailable,
                "git.deadline",
                "git did not finish in the time that was left for it",
            )
            .hint("give the stage more time, or fetch fewer commits with a depth"))
        })
    }

    /// Writes a message. A child that does not take it explains itself when its
    /// answer is read.
    async fn send<T: serde::Serialize>(&mut self, message: &T) {
        if let Ok(frame) = frame::encode(message) {
            let _ = self.input.write_all(&frame).await;
            let _ = self.input.flush().await;
        }
    }

    async fn receive(
        &mut self,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Answer, GitFailure> {
        loop {
            match self.read().await {
                Ok(Reply::Progress(step)) => progress(step),
                Ok(Reply::Answer(answer)) => return Ok(*answer),
                Ok(Reply::Failed(failure)) => return Err(*failure),
                Err(error) => return Err(self.explain(&error).await),
            }
        }
    }

    async fn read(&mut self) -> io::Result<Reply> {
        let mut header = [0; 4];
        self.output.read_exact(&mut header).await?;
        let mut body = Zeroizing::new(vec![0; frame::length(header)?]);
        self.output.read_exact(&mut body).await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Why a child has no answer: how it ended, and its last words.
    async fn explain(&mut self, error: &io::Error) -> GitFailure {
        /// The dead need no time to speak; their children might hold the pipe.
        const LAST_WORDS: Duration = Duration::from_secs(1);
        self.end();
        let status = match tokio::time::timeout(LAST_WORDS, self.child.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            _ => error.to_string(),
        };
        let words = match self.words.take() {
            Some(words) => tokio::time::timeout(LAST_WORDS, words).await,
            None => Ok(Ok(String::new())),
        };
        let words = words.ok().and_then(Result::ok).unwrap_or_default();
        let mut message = format!("the child that does git's work died ({status})");
        if !words.trim().is_empty() {
            message = format!("{message}: {}", one_line(words.trim()));
        }
        GitFailure::new(FailureKind::Other, "git.child-died", message)
            .hint("the repository may be too large for the memory that git's work may use")
    }

    fn end(&mut self) {
        if let Some(group) = self.group.take() {
            // The child is not waited for before this, so its number is its own.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// The end of what a child says.
async fn tail(mut stderr: ChildStderr) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(bytes @ 1..) = stderr.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..bytes]);
        let surplus = kept.len().saturating_sub(limits::STDERR_TAIL_BYTES);
        kept.drain(..surplus);
    }
    String::from_utf8_lossy(&kept).into_owned()
}
