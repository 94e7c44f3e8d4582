//! Body: bodies between a guest and egress.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use wasmtime_wasi_http::{Error as Told, WasiBody};

use super::error::told_in_body;
use crate::egress::{Body, Error, ResponseBody};

/// The body that a guest writes.
pub(super) fn from_guest(body: WasiBody) -> Body {
    if body.is_end_stream() {
        return Body::empty();
    }
    // A guest that breaks off says nothing more than that.
    Body::stream(body.map_err(|_| Error::Protocol {
        reason: "the request's body was not finished",
    }))
}

/// The body that a guest reads. Ends with an error when the run is cancelled.
pub(super) fn to_guest(body: ResponseBody, cancel: CancellationToken) -> WasiBody {
    let cancelled = Box::pin(cancel.cancelled_owned());
    Cancellable { body, cancelled }.boxed_unsync()
}

struct Cancellable {
    body: ResponseBody,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl HttpBody for Cancellable {
    type Data = Bytes;
    type Error = Told;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Told>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            let frame = frame.map(|frame| frame.map_err(|error| told_in_body(&error)));
            return Poll::Ready(frame);
        }
        match self.cancelled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(cancelled()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a guest gets of every call after a cancel.
pub(super) fn cancelled() -> Told {
    Told::InternalError(Some("cancelled".to_owned()))
}
