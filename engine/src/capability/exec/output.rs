//! Output: a stream of a tool on its way to the log, or to the guest.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::Receiver;
use tokio_util::sync::CancellationToken;

use crate::model::{Level, LogStream, limits};
use crate::store::{AttemptSink, SinkClosed};

/// Our end of an output stream.
pub(super) struct Stream {
    pipe: Receiver,
    read: Arc<AtomicU64>,
    /// The tool and everything it started are gone.
    ended: CancellationToken,
}

impl Stream {
    pub(super) fn new(pipe: Receiver, read: Arc<AtomicU64>, ended: CancellationToken) -> Self {
        Self { pipe, read, ended }
    }

    /// Reads some bytes; 0 at the end. May be dropped while it waits.
    pub(super) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = tokio::select! {
            biased;
            read = self.pipe.read(buffer) => read?,
            // Somebody who was handed the stream holds it open.
            () = silence(&self.ended) => 0,
        };
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

async fn silence(ended: &CancellationToken) {
    ended.cancelled().await;
    tokio::time::sleep(limits::EXEC_DRAIN).await;
}

/// Reads a stream to its end, line by line into the log. Waits while the log is
/// behind, and the tool with it.
pub(super) async fn log(mut stream: Stream, to: LogStream, sink: AttemptSink) {
    let mut lines = sink.lines();
    let mut buffer = vec![0; limits::EXEC_PIPE_BYTES];
    loop {
        // A stream that cannot be read has ended.
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            let _ = emit(&sink, to, lines.finish()).await;
            return;
        }
        if emit(&sink, to, lines.push(&buffer[..read])).await.is_err() {
            // The run is over; the tool is about to be killed.
            return;
        }
    }
}

async fn emit(sink: &AttemptSink, to: LogStream, whole: Vec<u8>) -> Result<(), SinkClosed> {
    if whole.is_empty() {
        return Ok(());
    }
    // Checked as a whole first, which is many times faster.
    let text = String::from_utf8(whole)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    sink.log(to, Level::Info, &text).await
}

/// Reads a stream to its end and keeps the beginning: the bytes, and whether
/// there were more.
pub(super) async fn collect(mut stream: Stream, max_bytes: usize) -> (Vec<u8>, bool) {
    let mut kept = Vec::new();
    let mut truncated = false;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        if read == 0 {
            return (kept, truncated);
        }
        let taken = read.min(max_bytes - kept.len());
        kept.extend_from_slice(&buffer[..taken]);
        truncated |= taken < read;
    }
}
