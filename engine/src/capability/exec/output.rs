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
    let mut lines = Lines::default();
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
    sink.log(to, Level::Info, &String::from_utf8_lossy(&whole))
        .await
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

/// Cuts a stream into whole lines. Holds at most one line that has no end yet.
#[derive(Default)]
struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// The lines that are whole now, each with its end.
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut whole = std::mem::take(&mut self.partial);
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            whole.extend_from_slice(&bytes[..=end]);
            self.partial.extend_from_slice(&bytes[end + 1..]);
        } else {
            whole.extend_from_slice(bytes);
            self.partial = std::mem::take(&mut whole);
        }
        if self.partial.len() > limits::LOG_LINE_BYTES {
            // A progress bar writes over itself for ever; only its last state
            // is of interest.
            let last = self.partial.trim_ascii_end().iter();
            if let Some(at) = last.clone().rposition(|byte| *byte == b'\r') {
                self.partial.drain(..=at);
            }
        }
        if self.partial.len() > limits::LOG_LINE_BYTES {
            whole.append(&mut self.partial);
            whole.push(b'\n');
        }
        without_overwritten(whole)
    }

    /// The last line, if it had no end.
    fn finish(&mut self) -> Vec<u8> {
        without_overwritten(std::mem::take(&mut self.partial))
    }
}

/// Of a line with carriage returns only what a terminal would leave: the text
/// after the last one.
fn without_overwritten(lines: Vec<u8>) -> Vec<u8> {
    if !lines.contains(&b'\r') {
        return lines;
    }
    let mut kept = Vec::with_capacity(lines.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        let mut text = text;
        while let Some(shorter) = text.strip_suffix(b"\r") {
            text = shorter;
        }
        let from = text
            .iter()
            .rposition(|byte| *byte == b'\r')
            .map_or(0, |at| at + 1);
        kept.extend_from_slice(&text[from..]);
        kept.extend_from_slice(end);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use crate::model::limits;

    fn through(chunks: &[&[u8]]) -> (Vec<String>, String) {
        let mut lines = Lines::default();
        let whole = chunks.iter().map(|chunk| lines.push(chunk));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the tests write text");
        (whole.map(text).collect(), text(lines.finish()))
    }

    #[test]
    fn only_whole_lines_are_handed_on() {
        for (chunks, whole, last) in [
            (&[&b"a\nb"[..], b"c\n"][..], &["a\n", "bc\n"][..], ""),
            (&[b"a", b"b", b"c"], &["", "", ""], "abc"),
            (&[b"\n\n", b"x"], &["\n\n", ""], "x"),
        ] {
            assert_eq!(
                through(chunks),
                (
                    whole.iter().map(ToString::to_string).collect(),
                    last.to_owned()
                )
            );
        }
    }

    #[test]
    fn of_a_progress_bar_the_last_state_stays() {
        for (written, left) in [
            ("10%\r20%\r30%\n", "30%\n"),
            ("one\r\ntwo\r\n", "one\ntwo\n"),
            ("10%\r100%\r\n", "100%\n"),
            ("\r\n", "\n"),
        ] {
            assert_eq!(through(&[written.as_bytes()]).0, [left], "{written:?}");
        }
    }

    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let mut lines = Lines::default();
        for _ in 0..1000 {
            lines.push(&[b'x'; 4096]);
            assert!(lines.partial.len() <= limits::LOG_LINE_BYTES);
            lines.push(&b"99%\r".repeat(1024));
            assert!(lines.partial.len() <= limits::LOG_LINE_BYTES);
        }
    }
}
