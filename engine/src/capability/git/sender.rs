//! Sender: the engine's own egress under git's HTTP transport.
//!
//! The library above blocks, so a runtime of one thread turns while it waits.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf as _, Bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::BodyExt as _;
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use super::failure::{FailureKind, GitFailure};
use super::protocol::Bounds;
use super::transport::{Exchange, HttpReply, Method, Send};
use crate::egress::{Body, Client, ClientOptions, Error, Leave, ResponseBody, Timeouts};
use crate::model::limits;

/// Sends requests to the remote at `place`, with `authorization` to its origin
/// and to nobody else.
pub(super) fn sender(
    place: &str,
    authorization: Option<Zeroizing<String>>,
    private: bool,
    bounds: &Bounds,
) -> Result<Box<Send>, GitFailure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| GitFailure::io("cannot start a runtime", &error))?;
    let runtime = Arc::new(runtime);
    let client = Client::new(ClientOptions {
        timeouts: Timeouts {
            first_byte: limits::GIT_FIRST_BYTE,
            // The engine ends the whole call; a long transfer is no fault.
            total: limits::GIT_TOTAL,
            ..Timeouts::default()
        },
        // The ledger counts more exactly; this is the wall behind it.
        response_bytes: bounds
            .pack_bytes
            .saturating_add(limits::FRAME_BYTES as u64 * 4),
        ..ClientOptions::default()
    });
    let origin = origin(place).to_owned();
    let place = place.to_owned();
    let authorization = authorization
        .map(|value| HeaderValue::try_from(value.as_str()))
        .transpose()
        .map_err(|_| {
            GitFailure::new(
                FailureKind::AuthFailed,
                "git.credential",
                format_args!("the secret for {place} holds characters that cannot be sent"),
            )
        })?
        .map(|mut value| {
            value.set_sensitive(true);
            value
        });
    // Several answers may name the same failure; the last body's reason is kept
    // by the reader itself.
    let leave = Leave { private };
    Ok(Box::new(move |exchange| {
        let request = request(exchange, &origin, authorization.as_ref())
            .map_err(|reason| GitFailure::new(FailureKind::Other, "git.request", reason))?;
        let response = runtime
            .block_on(client.send(request, leave))
            .map_err(|error| explain(&place, &error))?;
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
                .map(str::to_owned)
        };
        Ok(HttpReply {
            status: response.status().as_u16(),
            content_type: header(CONTENT_TYPE),
            location: header(LOCATION),
            body: Box::new(Incoming {
                runtime: Arc::clone(&runtime),
                body: Mutex::new(response.into_body()),
                pieces: VecDeque::new(),
                place: place.clone(),
            }),
        })
    }))
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

fn request(
    exchange: Exchange,
    expected: &str,
    authorization: Option<&HeaderValue>,
) -> Result<Request<Body>, String> {
    let mut request = Request::builder()
        .method(match exchange.method {
            Method::Get => http::Method::GET,
            Method::Post => http::Method::POST,
        })
        // Servers answer git's protocol only to what calls itself git.
        .header(
            USER_AGENT,
            concat!("git/engine-", env!("CARGO_PKG_VERSION")),
        );
    for (name, value) in &exchange.headers {
        request = request.header(*name, value);
    }
    if origin(&exchange.url) == expected
        && let Some(authorization) = authorization
    {
        request = request.header(AUTHORIZATION, authorization);
    }
    let body = if exchange.body.is_empty() {
        Body::empty()
    } else {
        Body::full(Bytes::from(exchange.body))
    };
    request
        .uri(exchange.url)
        .body(body)
        .map_err(|error| error.to_string())
}

/// An answer's body, read by blocking.
struct Incoming {
    runtime: Arc<Runtime>,
    body: Mutex<ResponseBody>,
    pieces: VecDeque<Bytes>,
    place: String,
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(piece) = self.pieces.front_mut() {
                let bytes = piece.len().min(buffer.len());
                piece.copy_to_slice(&mut buffer[..bytes]);
                if piece.is_empty() {
                    self.pieces.pop_front();
                }
                return Ok(bytes);
            }
            let body = self.body.get_mut().unwrap_or_else(PoisonError::into_inner);
            match self.runtime.block_on(body.frame()) {
                None => return Ok(0),
                Some(Ok(frame)) => {
                    if let Ok(piece) = frame.into_data()
                        && !piece.is_empty()
                    {
                        self.pieces.push_back(piece);
                    }
                }
                Some(Err(error)) => {
                    return Err(io::Error::other(explain(&self.place, &error)));
                }
            }
        }
    }
}

/// What a failure of egress means for git.
fn explain(place: &str, error: &Error) -> GitFailure {
    let failure = |kind, code: &str| GitFailure::new(kind, code, format_args!("{place}: {error}"));
    match error {
        Error::Url { .. } => failure(FailureKind::Unsupported, "git.url"),
        // A name that does not exist will not exist in a moment either.
        Error::Dns { .. } => failure(FailureKind::NotFound, "git.unknown-host")
            .hint("check the spelling of the host, and that this machine can resolve names"),
        Error::RefusedAddress { .. } => failure(FailureKind::Denied, "denied.git-address")
            .hint("grant it with  private: true  if it is meant to be reached"),
        Error::Connect { .. } => failure(FailureKind::Unavailable, "git.unavailable")
            .hint("try again later; if it stays, check host, port and network"),
        Error::Tls { .. } => failure(FailureKind::Other, "git.tls")
            .hint("the certificate must be valid for this host and signed by a trusted authority"),
        Error::Timeout { .. } => failure(FailureKind::Unavailable, "git.timeout")
            .hint("the remote is silent; try again later"),
        Error::Limit { .. } => failure(FailureKind::LimitExceeded, "limit.git-transfer"),
        Error::Lost { .. } => failure(FailureKind::Unavailable, "git.truncated")
            .hint("the connection ended before the answer did; try again"),
        Error::Protocol { .. } => failure(FailureKind::Other, "git.http"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row F13: another origin than the credential's.
    #[test]
    fn credentials_go_to_the_origin_of_the_url_and_nowhere_else() {
        let header = HeaderValue::from_static("Basic eDp5");
        for (url, sent) in [
            ("https://host/a/info/refs", true),
            ("https://host", true),
            ("http://host/a", false),
            ("https://host:8443/a", false),
            ("https://host.evil/a", false),
            ("https://evil/https://host/a", false),
        ] {
            let exchange = Exchange {
                method: Method::Get,
                url: url.to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
            };
            let request = request(exchange, "https://host", Some(&header)).unwrap();
            assert_eq!(request.headers().contains_key(AUTHORIZATION), sent, "{url}");
        }
    }

    #[test]
    fn only_what_may_pass_is_worth_another_try() {
        let host = || "h".to_owned();
        let reason = "r";
        for (error, kind, code) in [
            (
                Error::Dns {
                    host: host(),
                    reason: host(),
                },
                FailureKind::NotFound,
                "git.unknown-host",
            ),
            (
                Error::Connect {
                    host: host(),
                    port: 1,
                    reason: host(),
                },
                FailureKind::Unavailable,
                "git.unavailable",
            ),
            (
                Error::Tls {
                    host: host(),
                    reason,
                    certificate: true,
                },
                FailureKind::Other,
                "git.tls",
            ),
            (
                Error::Lost { when: "w" },
                FailureKind::Unavailable,
                "git.truncated",
            ),
            (
                Error::Timeout {
                    phase: crate::egress::Phase::NextByte,
                },
                FailureKind::Unavailable,
                "git.timeout",
            ),
            (Error::Protocol { reason }, FailureKind::Other, "git.http"),
        ] {
            let failure = explain("https://h", &error);
            assert_eq!(
                (failure.kind, failure.code.as_str()),
                (kind, code),
                "{error}"
            );
        }
    }
}
