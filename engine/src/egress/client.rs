//! Client: HTTP/1.1 requests under the rules of this room.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, Uri, Version};
use hyper::body::{Body as _, Incoming};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};

use super::body::Outgoing;
use super::connect::connect;
use super::exchange::{Failed, begin, exchange};
use super::pool::{Connection, Kept, Key, Pool};
use super::tls::Trust;
use super::{Body, Error, Leave, Phase, Resolver, ResponseBody, Scheme, Target, header};
use crate::model::limits;

/// What a [`Client`] is made from.
#[derive(Debug)]
pub struct ClientOptions {
    /// Where addresses come from.
    pub resolver: Resolver,
    /// Certificates to trust besides the system's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Bytes of a request's body.
    pub request_bytes: u64,
    /// Bytes of a response's body, as it comes: nothing is decompressed.
    pub response_bytes: u64,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            resolver: Resolver::default(),
            extra_roots: Vec::new(),
            timeouts: Timeouts::default(),
            request_bytes: limits::HTTP_REQUEST_BYTES,
            response_bytes: limits::HTTP_RESPONSE_BYTES,
        }
    }
}

/// How long to wait for each part of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a TCP connection, and again for the TLS handshake on it.
    pub connect: Duration,
    /// For the head of the response, from the last piece of the request.
    pub first_byte: Duration,
    /// For each further piece of the response.
    pub between_bytes: Duration,
    /// For all of it, to the end of the response's body.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: limits::CONNECT,
            first_byte: limits::HTTP_FIRST_BYTE,
            between_bytes: limits::IDLE,
            total: limits::HTTP_TOTAL,
        }
    }
}

/// Sends requests. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    timeouts: Timeouts,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(ClientOptions::default())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

struct Shared {
    resolver: Resolver,
    trust: Trust,
    pool: Arc<Pool>,
    request_bytes: u64,
    response_bytes: u64,
}

impl Timeouts {
    /// The shorter of both, wait by wait.
    #[must_use]
    pub fn at_most(self, other: Self) -> Self {
        Self {
            connect: self.connect.min(other.connect),
            first_byte: self.first_byte.min(other.first_byte),
            between_bytes: self.between_bytes.min(other.between_bytes),
            total: self.total.min(other.total),
        }
    }
}

impl Client {
    /// A client. Connects to nothing and reads nothing yet.
    pub fn new(options: ClientOptions) -> Self {
        let shared = Shared {
            resolver: options.resolver,
            trust: Trust::new(options.extra_roots),
            pool: Arc::default(),
            request_bytes: options.request_bytes,
            response_bytes: options.response_bytes,
        };
        Self {
            shared: Arc::new(shared),
            timeouts: options.timeouts,
        }
    }

    /// The same client, and the same connections, with other waits.
    #[must_use]
    pub fn with_timeouts(&self, timeouts: Timeouts) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            timeouts,
        }
    }

    /// How long it waits.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    /// Where its addresses come from.
    pub fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    /// Sends a request to an absolute `http:` or `https:` URL and returns the head
    /// of the response, whatever its status. Must be called inside of a tokio
    /// runtime. Dropping the future, or the response's body, closes the connection.
    ///
    /// `Host` and what belongs to a connection (`Connection`, `Transfer-Encoding`,
    /// `Upgrade`, …) is this room's own: it is taken out in both directions.
    pub async fn send(
        &self,
        request: Request<Body>,
        leave: Leave,
    ) -> Result<Response<ResponseBody>, Error> {
        let end = Instant::now() + self.timeouts.total;
        let target = Target::of(request.uri())?;
        let request = self.prepare(request, &target)?;
        let key = Key { target, leave };
        let request = match self.send_on_kept(&key, request, end).await {
            Ok(response) => return Ok(response),
            Err(Failed::Sent(error)) => return Err(error),
            Err(Failed::Unsent(request)) => *request,
        };
        let connection = self.connect(&key, end).await?;
        match self.send_on(connection, &key, request, end).await {
            Ok(response) => Ok(response),
            Err(Failed::Sent(error)) => Err(error),
            Err(Failed::Unsent(_)) => Err(Error::Lost {
                when: "before the request",
            }),
        }
    }

    /// The request as it will be written: origin-form, its headers in order, its
    /// body counted.
    fn prepare(&self, request: Request<Body>, target: &Target) -> Result<Request<Outgoing>, Error> {
        let (mut head, body) = request.into_parts();
        // `CONNECT` asks for a tunnel, and `TRACE` for the headers that were sent:
        // a guest must not see what was put into them.
        if head.method == Method::CONNECT || head.method == Method::TRACE {
            return Err(Error::Protocol {
                reason: "the methods CONNECT and TRACE are not sent",
            });
        }
        header::prepare(&mut head.headers, target, &body)?;
        head.uri = match head.uri.into_parts().path_and_query {
            Some(path) => Uri::from(path),
            None => Uri::from_static("/"),
        };
        head.version = Version::HTTP_11;
        let body = Outgoing::new(body, self.shared.request_bytes)?;
        Ok(Request::from_parts(head, body))
    }

    /// Tries a connection that is at hand. A request that may be sent twice comes
    /// back where the server had just hung up; any other is not tried again.
    async fn send_on_kept(
        &self,
        key: &Key,
        request: Request<Outgoing>,
        end: Instant,
    ) -> Result<Response<ResponseBody>, Failed> {
        let Some(mut connection) = self.shared.pool.take(key) else {
            return Err(Failed::Unsent(Box::new(request)));
        };
        if !connection.is_ready().await {
            return Err(Failed::Unsent(Box::new(request)));
        }
        let again = again(&request, self.shared.request_bytes);
        match (self.send_on(connection, key, request, end).await, again) {
            (Err(Failed::Sent(Error::Lost { .. })), Some(request)) => {
                Err(Failed::Unsent(Box::new(request)))
            }
            (outcome, _) => outcome,
        }
    }

    async fn send_on(
        &self,
        mut connection: Connection,
        key: &Key,
        request: Request<Outgoing>,
        end: Instant,
    ) -> Result<Response<ResponseBody>, Failed> {
        let sending = request.body().sending();
        let first_byte = self.timeouts.first_byte;
        let response = exchange(&mut connection, request, first_byte, end).await?;
        let kept = Kept {
            pool: Arc::clone(&self.shared.pool),
            key: key.clone(),
            connection,
            sending,
        };
        self.receive(response, kept, end).map_err(Failed::Sent)
    }

    fn receive(
        &self,
        response: Response<Incoming>,
        kept: Kept,
        end: Instant,
    ) -> Result<Response<ResponseBody>, Error> {
        let (mut head, body) = response.into_parts();
        header::remove_own(&mut head.headers);
        let limit = self.shared.response_bytes;
        let body = ResponseBody::new(body, limit, self.timeouts.between_bytes, end, kept)?;
        Ok(Response::from_parts(head, body))
    }

    async fn connect(&self, key: &Key, end: Instant) -> Result<Connection, Error> {
        let late = |_| Error::Timeout {
            phase: Phase::Connect,
        };
        let Target { scheme, host, port } = &key.target;
        let limit = self.timeouts.connect;
        let stream = connect(&self.shared.resolver, host, *port, key.leave, limit);
        let stream = timeout_at(end, stream).await.map_err(late)??;
        match scheme {
            Scheme::Http => begin(stream).await,
            Scheme::Https => {
                let due = end.min(Instant::now() + limit);
                let handshake = self.shared.trust.shake_hands(host, stream);
                begin(timeout_at(due, handshake).await.map_err(late)??).await
            }
        }
    }
}

/// A second copy of a request that may be sent twice (RFC 9110, 9.2.2) and has
/// nothing to send but its head.
fn again(request: &Request<Outgoing>, request_bytes: u64) -> Option<Request<Outgoing>> {
    let is_safe = request.method() == Method::GET || request.method() == Method::HEAD;
    if !is_safe || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(Outgoing::new(Body::empty(), request_bytes).ok()?);
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
