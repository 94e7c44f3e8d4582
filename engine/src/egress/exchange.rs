//! Exchange: one request and the head of its response, on one connection.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use super::body::Outgoing;
use super::pool::Connection;
use super::{Error, Part, Phase};
use crate::model::limits;

/// Why there is no response, and what is left to try again with.
pub(super) enum Failed {
    /// Nothing was written: the request comes back whole.
    Unsent(Box<Request<Outgoing>>),
    /// Written, perhaps in part.
    Sent(Error),
}

/// Begins to speak HTTP on a stream.
pub(super) async fn begin<T>(stream: T) -> Result<Connection, Error>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_headers(limits::HTTP_HEADERS)
        .max_header_size(limits::HTTP_HEADER_BYTES)
        .max_buf_size(2 * limits::HTTP_HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failure_of(&error, "at its beginning"))?;
    let task = tokio::spawn(async move {
        // Its error reaches whoever waits for a response.
        let _ = connection.await;
    });
    Ok(Connection::new(sender, task))
}

/// Sends a request and waits for the head of its response.
pub(super) async fn exchange(
    connection: &mut Connection,
    request: Request<Outgoing>,
    first_byte: Duration,
    end: Instant,
) -> Result<Response<Incoming>, Failed> {
    let sending = Arc::clone(&request.body().sending());
    let response = connection.sender().try_send_request(request);
    let mut response = std::pin::pin!(response);
    loop {
        let due = (sending.last() + first_byte).min(end);
        match timeout_at(due, &mut response).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(mut failure)) => {
                return Err(match failure.take_message() {
                    Some(request) => Failed::Unsent(Box::new(request)),
                    None => Failed::Sent(failure_of(failure.error(), "before the response")),
                });
            }
            Err(_) if due == end => return Err(late(Phase::Total)),
            // A long upload is no silence: wait on from its last piece.
            Err(_) if sending.last() + first_byte > due => {}
            Err(_) => return Err(late(Phase::FirstByte)),
        }
    }
}

fn late(phase: Phase) -> Failed {
    Failed::Sent(Error::Timeout { phase })
}

/// What an error of the HTTP library means here.
pub(super) fn failure_of(error: &hyper::Error, when: &'static str) -> Error {
    let mut source = error.source();
    let mut invalid = false;
    while let Some(cause) = source {
        // The request's body failed, and said why.
        if let Some(own) = cause.downcast_ref::<Error>() {
            return own.clone();
        }
        invalid |= cause
            .downcast_ref::<io::Error>()
            .is_some_and(|error| is_malformed(error.kind()));
        source = cause.source();
    }
    if error.is_parse_too_large() {
        return Error::Limit {
            part: Part::ResponseHeaders,
            limit: limits::HTTP_HEADER_BYTES as u64,
        };
    }
    let reason = if error.is_parse() || invalid {
        "the response is no valid HTTP/1.1"
    } else if error.is_body_write_aborted() {
        "the request's body does not have the length that was announced"
    } else if error.is_user() {
        "the request cannot be sent as HTTP/1.1"
    } else {
        return Error::Lost { when };
    };
    Error::Protocol { reason }
}

fn is_malformed(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}
