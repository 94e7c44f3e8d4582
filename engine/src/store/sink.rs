//! Sink: where one attempt reports what it does.
//!
//! ```text
//! capability ──log, progress──▶ ┌──────┐ ──redacted lines──▶ log file of the attempt
//!            ──calls──────────▶ │ sink │ ──messages────────▶ dispatcher ──▶ journal ──▶ reporters
//! guest's stdout, stderr ─────▶ └──────┘
//! ```
//!
//! Everything passes the redactor here, once, so that the journal, the terminal
//! and every report inherit it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::attempt_log::{AttemptLog, cut};
use super::budget::Budget;
use super::{Lines, Redactor};
use crate::model::{
    Annotation, CallDecision, Clock, Fact, Failure, FileUsage, HostCall, HostUsage, Level,
    LogStream, Progress, Signal, StageId, limits,
};
use crate::plan::AttemptEnd;

/// What an attempt tells the dispatcher.
#[derive(Debug)]
pub enum AttemptMessage {
    /// Something happened.
    Fact(Fact),
    /// Something is about to happen; answer when it is durable.
    DurableFact(Fact, oneshot::Sender<()>),
    /// Something is worth showing.
    Signal(Signal),
    /// What it wrote cannot be made durable. Nothing may be called committed any
    /// more, and the run must end.
    Unsynced(std::io::Error),
    /// It is over, after so long; the last message.
    Ended(StageId, Box<AttemptEnd>, Duration),
}

/// The attempt cannot report any more: the run is over, or the attempt has used
/// up what it may report. The host call must end with a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SinkClosed {
    /// The dispatcher is gone.
    #[error("the run is over")]
    RunOver,
    /// Too many calls.
    #[error("more than {} calls that carry authority", limits::ATTEMPT_FACTS)]
    TooManyFacts,
    /// Too many files.
    #[error(
        "more than {} files opened, made, renamed or removed",
        limits::FILE_FACTS
    )]
    TooManyFileFacts,
}

/// A host call that has been made, as a capability describes it.
#[derive(Debug, Clone)]
pub struct CallEnd {
    /// The interface, such as `engine:git/remote`.
    pub interface: &'static str,
    /// The function, such as `ls-refs`.
    pub function: &'static str,
    /// The arguments, in words. May hold guest-controlled text: it is cut to
    /// 512 bytes and redacted here.
    pub arguments: String,
    /// Whether the grants let it through.
    pub decision: CallDecision,
    /// The dotted code of the error that the guest gets.
    pub error: Option<String>,
    /// The result, in words.
    pub result: Option<String>,
    /// How long it took.
    pub duration: Duration,
    /// The number that [`AttemptSink::begin_effect`] or
    /// [`AttemptSink::reserve_call`] gave; none takes the next one.
    pub effect: Option<u64>,
}

/// Where one attempt reports what it does. Cheap to clone.
#[derive(Clone)]
pub struct AttemptSink(Arc<Inner>);

struct Inner {
    stage: StageId,
    attempt: u32,
    clock: Arc<dyn Clock>,
    redactor: Arc<Redactor>,
    messages: mpsc::Sender<AttemptMessage>,
    log: Mutex<AttemptLog>,
    budget: Budget,
    annotations: AtomicU64,
    denied: AtomicBool,
    given_codes: Mutex<BTreeSet<String>>,
    usage: Mutex<BTreeMap<String, u64>>,
    files: Mutex<Option<FileUsage>>,
    /// When each open part of the work was last shown. Bounded by the handles
    /// that a guest may hold.
    shown: Mutex<BTreeMap<u64, Instant>>,
    /// Parts of the work that were shown.
    sections: AtomicU64,
}

impl AttemptSink {
    /// The sink of an attempt. The file at `log` is made with the first line;
    /// without a path log text is only shown.
    pub fn new(
        stage: StageId,
        attempt: u32,
        clock: Arc<dyn Clock>,
        redactor: Arc<Redactor>,
        messages: mpsc::Sender<AttemptMessage>,
        log: Option<PathBuf>,
        limit_bytes: u64,
    ) -> Self {
        let log = AttemptLog::new(log, limit_bytes);
        Self(Arc::new(Inner {
            stage,
            attempt,
            clock,
            redactor,
            messages,
            log: Mutex::new(log),
            budget: Budget::default(),
            annotations: AtomicU64::new(0),
            denied: AtomicBool::new(false),
            given_codes: Mutex::default(),
            usage: Mutex::default(),
            files: Mutex::default(),
            shown: Mutex::default(),
            sections: AtomicU64::new(0),
        }))
    }

    /// Logs a text, line by line. Waits while the dispatcher is behind.
    ///
    /// The caller passes whole lines where it can: a secret that is torn apart
    /// between two calls is not found.
    pub async fn log(&self, stream: LogStream, level: Level, text: &str) -> Result<(), SinkClosed> {
        let redacted = self.0.redactor.redact(text);
        let at = self.0.clock.now();
        // A text may be millions of lines: what is under way at a time is bounded.
        let mut rest = &*redacted;
        while !rest.is_empty() {
            let lines;
            let has_begun;
            {
                let mut log = self.lock_log();
                (lines, rest) = log.keep(at, stream, level, rest);
                has_begun = log.has_begun();
            }
            if has_begun {
                self.flush_while_it_runs();
            }
            if lines.is_empty() {
                continue;
            }
            let (stage, attempt) = (self.0.stage.clone(), self.0.attempt);
            self.send(AttemptMessage::Signal(Signal::Logged {
                stage,
                attempt,
                lines,
            }))
            .await?;
        }
        Ok(())
    }

    /// Lets readers of the log file see what a stage said that is silent now.
    fn flush_while_it_runs(&self) {
        let attempt = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(limits::LOG_FLUSH).await;
                let Some(inner) = attempt.upgrade() else {
                    return;
                };
                let mut log = inner.log.lock().unwrap_or_else(PoisonError::into_inner);
                if !log.flush_if_due() {
                    return;
                }
            }
        });
    }

    /// Cuts a stream of this attempt into lines for [`Self::log`].
    pub fn lines(&self) -> Lines {
        Lines::new(Arc::clone(&self.0.redactor))
    }

    /// Shows how far a part of the work is. Dropped when the dispatcher is
    /// behind: the next one says it all again.
    ///
    /// A guest may call this as often as it likes: what comes within
    /// [`limits::PROGRESS_INTERVAL`] after the last one of the same part is left
    /// out, but for its end.
    pub fn progress(&self, mut progress: Progress) {
        if !self.is_due(&progress) {
            return;
        }
        progress.title = self.text(&progress.title, 256);
        progress.status = progress.status.map(|status| self.text(&status, 256));
        progress.unit = self.text(&progress.unit, 16);
        let signal = Signal::Progressed {
            stage: self.0.stage.clone(),
            attempt: self.0.attempt,
            progress,
        };
        let _ = self.0.messages.try_send(AttemptMessage::Signal(signal));
    }

    /// Records that a call which changes the outside world is about to be made,
    /// and returns when that is durable. Pass the number to [`CallEnd::effect`].
    pub async fn begin_effect(
        &self,
        interface: &'static str,
        function: &'static str,
        arguments: &str,
    ) -> Result<u64, SinkClosed> {
        let call = self.reserve_call()?;
        let fact = Fact::EffectBegun {
            stage: self.0.stage.clone(),
            attempt: self.0.attempt,
            call,
            interface: interface.to_owned(),
            function: function.to_owned(),
            arguments: self.text(arguments, 512),
        };
        let (durable, wait) = oneshot::channel();
        self.send(AttemptMessage::DurableFact(fact, durable))
            .await?;
        wait.await.map_err(|_| SinkClosed::RunOver)?;
        Ok(call)
    }

    /// Takes the number of a call before it is made, so that no call is made which
    /// could not be recorded. Pass it to [`CallEnd::effect`].
    pub fn reserve_call(&self) -> Result<u64, SinkClosed> {
        self.0.budget.take_call()
    }

    /// Whether one more fact about a file can be recorded. Asked before a file is
    /// changed; the attempt must end where it cannot.
    pub fn has_room_for_file_fact(&self) -> Result<(), SinkClosed> {
        self.0.budget.has_room_for_file_fact()
    }

    /// What this attempt has used up, and must end for.
    pub fn exhausted(&self) -> Option<SinkClosed> {
        self.0.budget.exhausted()
    }

    /// Records what was done with a file. What was refused is a call as any other:
    /// see [`Self::called`].
    pub async fn file_used(&self, mut end: CallEnd) -> Result<(), SinkClosed> {
        end.effect = Some(self.0.budget.take_file_fact()?);
        self.called(end).await
    }

    /// Records a call that carries authority, made or refused.
    pub async fn called(&self, end: CallEnd) -> Result<(), SinkClosed> {
        if end.decision == CallDecision::Denied {
            self.0.denied.store(true, Ordering::Relaxed);
        }
        if let Some(code) = &end.error {
            self.0
                .given_codes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(code.clone());
        }
        let call = match end.effect {
            Some(call) => call,
            None => self.reserve_call()?,
        };
        let fact = Fact::HostCalled(HostCall {
            stage: self.0.stage.clone(),
            attempt: self.0.attempt,
            call,
            interface: end.interface.to_owned(),
            function: end.function.to_owned(),
            arguments: self.text(&end.arguments, 512),
            decision: end.decision,
            error: end.error.map(|error| self.text(&error, 128)),
            result: end.result.map(|result| self.text(&result, 256)),
            duration_us: u64::try_from(end.duration.as_micros()).unwrap_or(u64::MAX),
        });
        self.send(AttemptMessage::Fact(fact)).await
    }

    /// Counts a call that carries no authority.
    pub fn count(&self, interface: &str) {
        let mut usage = self.0.usage.lock().unwrap_or_else(PoisonError::into_inner);
        match usage.get_mut(interface) {
            Some(calls) => *calls += 1,
            None => {
                usage.insert(interface.to_owned(), 1);
            }
        }
    }

    /// Says what was done with files, once, before the end.
    pub fn count_files(&self, files: FileUsage) {
        *self.0.files.lock().unwrap_or_else(PoisonError::into_inner) = Some(files);
    }

    /// Records a remark. Beyond the limit it is dropped.
    pub async fn annotate(&self, mut annotation: Annotation) -> Result<(), SinkClosed> {
        if self.0.annotations.fetch_add(1, Ordering::Relaxed) >= limits::ANNOTATIONS {
            return Ok(());
        }
        annotation.message = self.text(&annotation.message, limits::TEXT_BYTES);
        annotation.title = annotation.title.map(|title| self.text(&title, 256));
        annotation.code = annotation.code.map(|code| self.text(&code, 128));
        if let Some(location) = &mut annotation.location {
            location.path = self.text(&location.path, 4096);
        }
        let (stage, attempt) = (self.0.stage.clone(), self.0.attempt);
        self.send(AttemptMessage::Fact(Fact::Annotated {
            stage,
            attempt,
            annotation,
        }))
        .await
    }

    /// Adds to the summary of the run. Counts as an annotation.
    pub async fn summarise(&self, markdown: &str) -> Result<(), SinkClosed> {
        if self.0.annotations.fetch_add(1, Ordering::Relaxed) >= limits::ANNOTATIONS {
            return Ok(());
        }
        let markdown = self.text(markdown, limits::TEXT_BYTES);
        let (stage, attempt) = (self.0.stage.clone(), self.0.attempt);
        self.send(AttemptMessage::Fact(Fact::Summarised {
            stage,
            attempt,
            markdown,
        }))
        .await
    }

    /// Hides a value in this attempt's log from now on. Values of an unfit
    /// length, and those beyond the limit, are ignored.
    pub fn mask(&self, value: &str) {
        self.lock_log().mask(value);
    }

    /// Whether the host refused this attempt something.
    pub fn was_denied(&self) -> bool {
        self.0.denied.load(Ordering::Relaxed)
    }

    /// Whether a call of this attempt ended with this error code, so that a guest
    /// which passes it on does not speak for itself.
    pub fn gave(&self, code: &str) -> bool {
        self.0
            .given_codes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(code)
    }

    /// A failure with every text redacted and cut, and the end of standard
    /// error attached.
    pub fn redact_failure(&self, mut failure: Failure) -> Failure {
        let tail = self.lock_log().take_stderr_tail();
        failure.code = self.text(&failure.code, 128);
        failure.message = self.text(&failure.message, 4096);
        failure.hint = failure.hint.map(|hint| self.text(&hint, 4096));
        failure.causes.truncate(16);
        failure.causes = failure
            .causes
            .iter()
            .map(|cause| self.text(cause, 4096))
            .collect();
        if let Some(location) = &mut failure.location {
            location.path = self.text(&location.path, 4096);
        }
        if failure.stderr_tail.is_none() && !tail.is_empty() {
            failure.stderr_tail = Some(tail);
        }
        failure
    }

    /// Outputs with every text redacted.
    pub fn redact_value(&self, value: serde_json::Value) -> serde_json::Value {
        self.0.redactor.redact_value(value)
    }

    /// Ends the log and records what was used. No more log text after it.
    ///
    /// Returns when the log file is on disk. The error is the first that writing
    /// it met: the stage must not be called a success then.
    pub async fn close(&self, memory_bytes: u64) -> std::io::Result<()> {
        let (file, log_bytes, log_lines_dropped) = self.lock_log().end();
        let finished = match file {
            // Finishing waits for the disk, which must not hold up other stages.
            Ok(Some(file)) => tokio::task::spawn_blocking(move || file.finish())
                .await
                .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked))),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        let calls =
            std::mem::take(&mut *self.0.usage.lock().unwrap_or_else(PoisonError::into_inner));
        let usage = HostUsage {
            calls,
            log_bytes,
            log_lines_dropped,
            memory_bytes,
            files: self
                .0
                .files
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        };
        let (stage, attempt) = (self.0.stage.clone(), self.0.attempt);
        // A run that is over has no use for it.
        let _ = self
            .send(AttemptMessage::Fact(Fact::HostUsed {
                stage,
                attempt,
                usage,
            }))
            .await;
        finished
    }

    /// The stage that reports.
    pub fn stage(&self) -> &StageId {
        &self.0.stage
    }

    fn is_due(&self, progress: &Progress) -> bool {
        let mut shown = self.0.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.closed {
            // The end of a part that was never shown is of no interest.
            return shown.remove(&progress.section).is_some();
        }
        if !shown.contains_key(&progress.section)
            && self.0.sections.fetch_add(1, Ordering::Relaxed) >= limits::SECTIONS
        {
            return false;
        }
        let now = Instant::now();
        let last = shown.get(&progress.section);
        let due = last.is_none_or(|last| now.duration_since(*last) >= limits::PROGRESS_INTERVAL);
        if due {
            shown.insert(progress.section, now);
        }
        due
    }

    async fn send(&self, message: AttemptMessage) -> Result<(), SinkClosed> {
        self.0
            .messages
            .send(message)
            .await
            .map_err(|_| SinkClosed::RunOver)
    }

    /// Redacts a guest-controlled text, then cuts it to at most `bytes`.
    fn text(&self, text: &str, bytes: usize) -> String {
        // Twice the length is read at most, so that redacting a huge text costs
        // nothing. A secret that the cut tears in half must not be shown by half,
        // also where masks before it made the text shorter.
        let head = cut(text, bytes.saturating_mul(2));
        let redacted = if head.len() == text.len() {
            self.0.redactor.redact(head)
        } else {
            self.0.redactor.redact_beginning(head)
        };
        let kept = cut(&redacted, bytes);
        if kept.len() < text.len() && kept.len() < redacted.len().max(head.len()) {
            format!("{kept}…")
        } else {
            kept.to_owned()
        }
    }

    fn lock_log(&self) -> std::sync::MutexGuard<'_, AttemptLog> {
        self.0.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
