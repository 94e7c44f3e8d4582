//! Standard output and error of a guest: lines of its stage's log.
//!
//! A stream never fails and never blocks for good: past the log's limit the sink
//! drops lines in silence, since a full pipe would make an ordinary `println!`
//! panic.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use crate::model::{Level, LogStream};
use crate::store::{AttemptSink, Lines};

/// Bytes that a guest may hand over before it waits for the sink.
const PERMIT: usize = 64 * 1024;

/// Both streams of one attempt.
#[derive(Clone)]
pub struct GuestOutput {
    stdout: Output,
    stderr: Output,
}

/// One stream, cut into lines.
#[derive(Clone)]
struct Output {
    sink: AttemptSink,
    stream: LogStream,
    level: Level,
    state: Arc<Mutex<State>>,
}

struct State {
    lines: Lines,
    /// Whole lines that the sink has not got yet.
    whole: Vec<u8>,
    /// The sink is taking lines. Kept here so that a guest which stops waiting
    /// does not lose them.
    sending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl GuestOutput {
    pub(super) fn new(sink: &AttemptSink) -> Self {
        let output = |stream, level| Output {
            sink: sink.clone(),
            stream,
            level,
            state: Arc::new(Mutex::new(State {
                lines: sink.lines(),
                whole: Vec::new(),
                sending: None,
            })),
        };
        Self {
            stdout: output(LogStream::Stdout, Level::Info),
            stderr: output(LogStream::Stderr, Level::Warn),
        }
    }

    pub(super) fn stdout(&self) -> impl StdoutStream + use<> {
        self.stdout.clone()
    }

    pub(super) fn stderr(&self) -> impl StdoutStream + use<> {
        self.stderr.clone()
    }

    /// Hands on what is left, a last line without its end included.
    pub async fn finish(&self) {
        for output in [&self.stdout, &self.stderr] {
            output.end();
            std::future::poll_fn(|context| output.poll_sent(context)).await;
        }
    }
}

impl Output {
    fn push(&self, bytes: &[u8]) {
        let mut state = self.lock();
        let mut more = state.lines.push(bytes);
        state.whole.append(&mut more);
    }

    fn end(&self) {
        let mut state = self.lock();
        let mut rest = state.lines.finish();
        state.whole.append(&mut rest);
    }

    /// Ready when the sink has taken all whole lines.
    fn poll_sent(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        loop {
            if let Some(sending) = &mut state.sending {
                std::task::ready!(sending.as_mut().poll(context));
                state.sending = None;
            }
            if state.whole.is_empty() {
                return Poll::Ready(());
            }
            let text = std::mem::take(&mut state.whole);
            let (sink, stream, level) = (self.sink.clone(), self.stream, self.level);
            state.sending = Some(Box::pin(async move {
                // The run is over when the sink is closed: nobody reads on.
                let _ = sink
                    .log(stream, level, &String::from_utf8_lossy(&text))
                    .await;
            }));
        }
    }

    fn is_behind(&self) -> bool {
        let state = self.lock();
        state.sending.is_some() || !state.whole.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {
        std::future::poll_fn(|context| self.poll_sent(context)).await;
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        // Guest-controlled: nobody else keeps a guest to what `check-write` allowed.
        if bytes.len() > self.check_write()? {
            return Err(StreamError::trap(
                "the guest wrote more than `check-write` allowed",
            ));
        }
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.is_behind() { 0 } else { PERMIT })
    }
}

impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_sent(context));
        let taken = bytes.len().min(PERMIT);
        self.push(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_sent(context).map(Ok)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use tokio::sync::mpsc;
    use wasmtime_wasi::p2::{OutputStream as _, Pollable as _, StreamError};

    use super::{GuestOutput, PERMIT};
    use crate::model::{FixedClock, Signal, StageId, Timestamp};
    use crate::store::{AttemptMessage, AttemptSink, Redactor};

    /// Row A12: more than the host has taken.
    #[tokio::test]
    async fn a_guest_that_writes_more_than_it_may_is_stopped() {
        let (messages, mut inbox) = mpsc::channel(8);
        let sink = AttemptSink::new(
            StageId::new("stage").expect("a name"),
            1,
            Arc::new(FixedClock(Timestamp(0))),
            Arc::<Redactor>::default(),
            messages,
            None,
            1 << 20,
        );
        let mut stdout = GuestOutput::new(&sink).stdout.clone();
        let line = Bytes::from(vec![b'\n'; 1]);
        assert!(stdout.write(line.clone()).is_ok());
        // It has not waited for the line to be taken.
        assert!(matches!(
            stdout.write(line.clone()),
            Err(StreamError::Trap(_))
        ));
        stdout.ready().await;
        let taken = inbox.recv().await;
        assert!(matches!(
            taken,
            Some(AttemptMessage::Signal(Signal::Logged { .. }))
        ));
        assert!(stdout.write(line).is_ok());
        stdout.ready().await;
        let large = Bytes::from(vec![b'x'; PERMIT + 1]);
        assert!(matches!(stdout.write(large), Err(StreamError::Trap(_))));
    }
}
