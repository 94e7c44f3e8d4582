//! Journal: the append-only record of a run.
//!
//! ```text
//! dispatcher ──facts, signals──▶ committer: write, one sync for all that queued ──▶ reporters
//! ```
//!
//! One line a fact: `{"v":1,"seq":1,"at":…,"prev":"…","event":…,…,"sum":"…"}`.
//! `prev` is the sha256 of the line before, `sum` the first 16 digits of the
//! line's own, both taken over the line without its `sum`. Whatever queued up
//! while the last sync ran shares the next one: no timer.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use tokio::sync::{mpsc, oneshot, watch};

use super::line;
use crate::model::{Clock, Digest, Event, Fact, Signal, limits};

/// The journal could not be written. Nothing that was not acknowledged counts,
/// and nothing more is taken: a failed sync is never tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the journal cannot be written: {0}")]
pub struct JournalFailed(pub String);

/// The way to the committer. The dispatcher holds the only one.
#[derive(Debug)]
pub struct Journal {
    entries: mpsc::Sender<Entry>,
    failed: watch::Receiver<Option<JournalFailed>>,
    committer: Option<thread::JoinHandle<()>>,
}

#[derive(Debug)]
enum Entry {
    Fact(Fact, Option<oneshot::Sender<()>>),
    Signal(Signal),
}

impl Journal {
    /// Creates the journal of a run; the file must not exist.
    ///
    /// Every event reaches `reporters` in order, facts once they are durable.
    pub fn create(
        path: &Path,
        clock: Arc<dyn Clock>,
        reporters: mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let file = File::options().append(true).create_new(true).open(path)?;
        // The name must be durable before the first line is acknowledged.
        if let Some(directory) = path.parent() {
            File::open(directory)?.sync_all()?;
        }
        let (entries, queue) = mpsc::channel(limits::QUEUE);
        let (poison, failed) = watch::channel(None);
        let committer = Committer {
            file,
            clock,
            reporters,
            sequence: 0,
            previous: line::genesis(),
        };
        let committer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || {
                let mut queue = queue;
                if let Err(error) = committer.run(&mut queue) {
                    tracing::error!(%error, "the journal failed");
                    // While the queue is open: whoever waits to send shall learn why.
                    poison.send_replace(Some(JournalFailed(error.to_string())));
                }
            })?;
        Ok(Self {
            entries,
            failed,
            committer: Some(committer),
        })
    }

    /// Adds a fact. It will be durable, and shown, some time later.
    pub async fn append(&self, fact: Fact) -> Result<(), JournalFailed> {
        self.send(Entry::Fact(fact, None)).await
    }

    /// Adds a fact; `durable` is answered when it and all before it are on disk.
    pub async fn append_durable(
        &self,
        fact: Fact,
        durable: oneshot::Sender<()>,
    ) -> Result<(), JournalFailed> {
        self.send(Entry::Fact(fact, Some(durable))).await
    }

    /// Passes a signal on to the reporters, in order with the facts.
    pub async fn signal(&self, signal: Signal) -> Result<(), JournalFailed> {
        self.send(Entry::Signal(signal)).await
    }

    /// Waits until everything is durable and shown, and closes the file.
    pub async fn close(mut self) -> Result<(), JournalFailed> {
        let committer = self.committer.take().expect("it is taken here alone");
        let failed = self.failed.clone();
        drop(self);
        let joined = tokio::task::spawn_blocking(move || committer.join()).await;
        let reason = failed.borrow().clone();
        match (reason, joined) {
            (Some(failed), _) => Err(failed),
            (None, Ok(Ok(()))) => Ok(()),
            (None, _) => Err(JournalFailed("its thread panicked".to_owned())),
        }
    }

    async fn send(&self, entry: Entry) -> Result<(), JournalFailed> {
        if self.entries.send(entry).await.is_ok() {
            return Ok(());
        }
        Err(self
            .failed
            .borrow()
            .clone()
            .unwrap_or(JournalFailed("its thread ended".to_owned())))
    }
}

/// The only writer of the file.
struct Committer {
    file: File,
    clock: Arc<dyn Clock>,
    reporters: mpsc::Sender<Event>,
    sequence: u64,
    previous: Digest,
}

impl Committer {
    fn run(mut self, queue: &mut mpsc::Receiver<Entry>) -> io::Result<()> {
        let mut batch = Vec::new();
        let mut text = Vec::new();
        loop {
            // Waits for one, takes all that are there.
            if queue.blocking_recv_many(&mut batch, limits::QUEUE) == 0 {
                return Ok(());
            }
            let (mut events, mut waiting) = (Vec::with_capacity(batch.len()), Vec::new());
            text.clear();
            for entry in batch.drain(..) {
                let at = self.clock.now();
                match entry {
                    Entry::Signal(signal) => events.push(Event::Signal { at, signal }),
                    Entry::Fact(fact, durable) => {
                        self.sequence += 1;
                        self.previous =
                            line::write(&mut text, self.sequence, at, &self.previous, &fact);
                        waiting.extend(durable);
                        events.push(Event::Fact {
                            sequence: self.sequence,
                            at,
                            fact,
                        });
                    }
                }
            }
            if !text.is_empty() {
                self.file.write_all(&text)?;
                self.file.sync_data()?;
            }
            for durable in waiting {
                // Whoever waited may have been cancelled.
                let _ = durable.send(());
            }
            for event in events {
                // A run without reporters is still a run.
                let _ = self.reporters.blocking_send(event);
            }
        }
    }
}
