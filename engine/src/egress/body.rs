//! Body: what is sent, and what comes back, piece by piece and within bounds.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use super::exchange::failure_of;
use super::pool::Kept;
use super::{Error, Part, Phase};

/// The body of a request.
#[derive(Debug, Default)]
pub struct Body(Content);

#[derive(Debug, Default)]
enum Content {
    #[default]
    Empty,
    Full(Bytes),
    Stream(UnsyncBoxBody<Bytes, Error>),
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self(Content::Empty)
    }

    /// A body that is at hand.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() {
            Self::empty()
        } else {
            Self(Content::Full(bytes))
        }
    }

    /// A body that comes piece by piece. Its trailers are not sent.
    pub fn stream(body: impl HttpBody<Data = Bytes, Error = Error> + Send + 'static) -> Self {
        Self(Content::Stream(body.boxed_unsync()))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut self.0 {
            Content::Empty => Poll::Ready(None),
            Content::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::Stream(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Empty => true,
            Content::Full(_) => false,
            Content::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Empty => SizeHint::with_exact(0),
            Content::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream(body) => body.size_hint(),
        }
    }
}

/// How far a request's body has got, seen from outside of the connection.
#[derive(Debug)]
pub(super) struct Sending {
    started: Instant,
    last_us: AtomicU64,
    is_done: AtomicBool,
}

impl Sending {
    /// When the last piece was taken.
    pub(super) fn last(&self) -> Instant {
        self.started + Duration::from_micros(self.last_us.load(Ordering::Relaxed))
    }

    /// Whether all of it was taken.
    pub(super) fn is_done(&self) -> bool {
        self.is_done.load(Ordering::Relaxed)
    }

    fn note(&self) {
        let since = self.started.elapsed().as_micros();
        let since = u64::try_from(since).unwrap_or(u64::MAX);
        self.last_us.store(since, Ordering::Relaxed);
    }
}

/// A request's body on its way: counted, and watched.
#[derive(Debug)]
pub(super) struct Outgoing {
    body: Body,
    left: u64,
    limit: u64,
    sending: Arc<Sending>,
}

impl Outgoing {
    /// Refused at once where the body says itself that it is too long.
    pub(super) fn new(body: Body, limit: u64) -> Result<Self, Error> {
        if body.size_hint().lower() > limit {
            return Err(too_long(Part::RequestBody, limit));
        }
        let sending = Sending {
            started: Instant::now(),
            last_us: AtomicU64::new(0),
            is_done: AtomicBool::new(body.is_end_stream()),
        };
        Ok(Self {
            body,
            left: limit,
            limit,
            sending: Arc::new(sending),
        })
    }

    pub(super) fn sending(&self) -> Arc<Sending> {
        Arc::clone(&self.sending)
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    self.sending.is_done.store(true, Ordering::Relaxed);
                    return Poll::Ready(None);
                }
            };
            self.sending.note();
            // Trailers are a second set of headers that nobody has looked at.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let Some(left) = self.left.checked_sub(data.len() as u64) else {
                let limit = self.limit;
                return Poll::Ready(Some(Err(too_long(Part::RequestBody, limit))));
            };
            self.left = left;
            if self.body.is_end_stream() {
                self.sending.is_done.store(true, Ordering::Relaxed);
            }
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a response. Dropping it before its end closes the connection.
#[derive(Debug)]
pub struct ResponseBody {
    incoming: Incoming,
    left: u64,
    limit: u64,
    between_bytes: Duration,
    end: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    kept: Option<Kept>,
    is_over: bool,
}

impl ResponseBody {
    /// Refused at once where the response says itself that it is too long.
    pub(super) fn new(
        incoming: Incoming,
        limit: u64,
        between_bytes: Duration,
        end: Instant,
        kept: Kept,
    ) -> Result<Self, Error> {
        if incoming.size_hint().lower() > limit {
            return Err(too_long(Part::ResponseBody, limit));
        }
        let mut body = Self {
            incoming,
            left: limit,
            limit,
            between_bytes,
            end,
            timer: None,
            kept: Some(kept),
            is_over: false,
        };
        if body.incoming.is_end_stream() {
            body.release();
        }
        Ok(body)
    }

    /// The end has come: the connection can serve the next request.
    fn release(&mut self) {
        if let Some(kept) = self.kept.take() {
            kept.release();
        }
    }

    /// The end will not come: the connection is of no more use.
    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.kept = None;
        self.is_over = true;
        Poll::Ready(Some(Err(error)))
    }

    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<Phase> {
        let (due, phase) = match Instant::now() + self.between_bytes {
            due if due < self.end => (due, Phase::NextByte),
            _ => (self.end, Phase::Total),
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(phase)
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => {
                return self.fail(failure_of(&error, "in the middle of the response"));
            }
            Poll::Ready(None) => {
                self.is_over = true;
                self.release();
                return Poll::Ready(None);
            }
            // Time runs only while the peer is waited for: a caller that takes
            // its time is bounded by the end alone.
            Poll::Pending => {
                let phase = ready!(self.poll_late(context));
                return self.fail(Error::Timeout { phase });
            }
        };
        self.timer = None;
        if Instant::now() >= self.end {
            let phase = Phase::Total;
            return self.fail(Error::Timeout { phase });
        }
        let length = frame.data_ref().map_or(0, Bytes::len) as u64;
        let Some(left) = self.left.checked_sub(length) else {
            let limit = self.limit;
            return self.fail(too_long(Part::ResponseBody, limit));
        };
        self.left = left;
        if self.incoming.is_end_stream() {
            self.release();
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

fn too_long(part: Part, limit: u64) -> Error {
    Error::Limit { part, limit }
}
