//! HTTP transport: git's smart protocol over requests that someone else sends.
//!
//! Who sends them is egress: this file knows no socket. A request is sent when
//! its answer is first read, since by then its body is complete; bodies are the
//! small side of a fetch and are kept in memory.

use std::any::Any;
use std::borrow::Cow;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use gix::bstr::BStr;
use gix::protocol::transport::client::blocking_io::{self, RequestWriter, SetServiceResponse};
use gix::protocol::transport::client::capabilities::blocking_recv::Handshake;
use gix::protocol::transport::client::{self, MessageKind, TransportWithoutIO, WriteMode};
use gix::protocol::transport::packetline::PacketLineRef;
use gix::protocol::transport::packetline::blocking_io::StreamingPeekableIter;
use gix::protocol::transport::{Protocol, Service};

use crate::capability::git::failure::{FailureKind, GitFailure};
use crate::capability::git::ledger::{Counted, Ledger};
use crate::model::limits;

/// How a request is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::capability::git) enum Method {
    /// For the first question.
    Get,
    /// For all others.
    Post,
}

/// A request to the remote's own host.
pub(in crate::capability::git) struct Exchange {
    /// How.
    pub(in crate::capability::git) method: Method,
    /// The whole URL.
    pub(in crate::capability::git) url: String,
    /// Headers, without authorization: the sender adds that.
    pub(in crate::capability::git) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(in crate::capability::git) body: Vec<u8>,
}

/// The answer to an [`Exchange`].
pub(in crate::capability::git) struct HttpReply {
    /// The status.
    pub(in crate::capability::git) status: u16,
    /// The header `content-type`.
    pub(in crate::capability::git) content_type: Option<String>,
    /// The header `location`.
    pub(in crate::capability::git) location: Option<String>,
    /// The body.
    pub(in crate::capability::git) body: Box<dyn Read + std::marker::Send>,
}

/// Sends a request and waits for the head of its answer.
pub(in crate::capability::git) type Send =
    dyn FnMut(Exchange) -> Result<HttpReply, GitFailure> + std::marker::Send;

/// A remote that is asked over HTTP.
pub(in crate::capability::git) struct HttpTransport {
    url: String,
    sender: Arc<Mutex<Box<Send>>>,
    ledger: Ledger,
    version: Protocol,
    service: Option<Service>,
    lines: Option<StreamingPeekableIter<Body>>,
}

impl HttpTransport {
    /// A remote at `url`, which holds no user information.
    pub(in crate::capability::git) fn new(url: String, sender: Box<Send>, ledger: Ledger) -> Self {
        Self {
            url,
            sender: Arc::new(Mutex::new(sender)),
            ledger,
            version: Protocol::V2,
            service: None,
            lines: None,
        }
    }

    fn body(&self, exchange: Exchange, expect: String, filled: Arc<Mutex<Vec<u8>>>) -> Body {
        Body {
            state: State::Waiting(Box::new(Waiting {
                exchange,
                filled,
                expect,
                place: self.url.clone(),
                sender: Arc::clone(&self.sender),
            })),
            ledger: self.ledger.clone(),
        }
    }
}

impl TransportWithoutIO for HttpTransport {
    fn to_url(&self) -> Cow<'_, BStr> {
        Cow::Borrowed(self.url.as_str().into())
    }

    fn connection_persists_across_multiple_requests(&self) -> bool {
        false
    }

    fn configure(&mut self, _config: &dyn Any) -> gix::Result {
        Ok(())
    }
}

impl blocking_io::Transport for HttpTransport {
    fn handshake<'a>(
        &mut self,
        service: Service,
        extra_parameters: &'a [(&'a str, Option<&'a str>)],
    ) -> Result<SetServiceResponse<'_>, client::Error> {
        let mut protocol = "version=2".to_owned();
        for (key, value) in extra_parameters {
            protocol.push(':');
            protocol.push_str(key);
            if let Some(value) = value {
                protocol.push('=');
                protocol.push_str(value);
            }
        }
        let exchange = Exchange {
            method: Method::Get,
            url: format!("{}/info/refs?service={}", self.url, service.as_str()),
            headers: vec![("git-protocol", protocol)],
            body: Vec::new(),
        };
        let expect = format!("application/x-{}-advertisement", service.as_str());
        let body = self.body(exchange, expect, Arc::default());
        let lines = self.lines.insert(StreamingPeekableIter::new(
            body,
            &[PacketLineRef::Flush],
            false,
        ));

        // The announcement is only sometimes there; what follows it is what counts.
        let first = lines.peek_line().ok_or(client::Error::ExpectedLine(
            "capabilities, version or service",
        ))???;
        let first = first.as_text().ok_or(client::Error::ExpectedLine("text"))?;
        if let Some(announced) = first.0.strip_prefix(b"# service=") {
            if announced != service.as_str().as_bytes() {
                return Err(client::Error::ExpectedLine(
                    "the service that was asked for",
                ));
            }
            lines.as_read().read_to_end(&mut Vec::new())?;
        }
        let Handshake {
            capabilities,
            refs,
            protocol,
        } = Handshake::from_lines_with_version_detection(lines)?;
        self.version = protocol;
        self.service = Some(service);
        Ok(SetServiceResponse {
            actual_protocol: protocol,
            capabilities,
            refs,
        })
    }

    fn request(
        &mut self,
        write_mode: WriteMode,
        on_into_read: MessageKind,
        trace: bool,
    ) -> Result<RequestWriter<'_>, client::Error> {
        let service = self.service.ok_or(client::Error::MissingHandshake)?;
        let mut headers = vec![
            (
                "content-type",
                format!("application/x-{}-request", service.as_str()),
            ),
            (
                "accept",
                format!("application/x-{}-result", service.as_str()),
            ),
        ];
        if self.version == Protocol::V2 {
            headers.push(("git-protocol", "version=2".to_owned()));
        }
        let exchange = Exchange {
            method: Method::Post,
            url: format!("{}/{}", self.url, service.as_str()),
            headers,
            body: Vec::new(),
        };
        let filled = Arc::<Mutex<Vec<u8>>>::default();
        let expect = format!("application/x-{}-result", service.as_str());
        let body = self.body(exchange, expect, Arc::clone(&filled));
        let lines = self.lines.as_mut().ok_or(client::Error::MissingHandshake)?;
        lines.replace(body);
        Ok(RequestWriter::new_from_bufread(
            Filling(filled),
            Box::new(lines.as_read_without_sidebands()),
            write_mode,
            on_into_read,
            trace,
        ))
    }
}

/// Collects the body of a request.
struct Filling(Arc<Mutex<Vec<u8>>>);

impl Write for Filling {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if body.len() + bytes.len() > limits::FRAME_BYTES {
            return Err(io::Error::other("the negotiation has become too long"));
        }
        body.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The body of an answer, whose request is sent when it is first read.
struct Body {
    state: State,
    ledger: Ledger,
}

enum State {
    Waiting(Box<Waiting>),
    Open(io::BufReader<Counted<Box<dyn Read + std::marker::Send>>>),
    Ended,
}

struct Waiting {
    exchange: Exchange,
    filled: Arc<Mutex<Vec<u8>>>,
    expect: String,
    place: String,
    sender: Arc<Mutex<Box<Send>>>,
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let State::Waiting(_) = self.state
            && let State::Waiting(waiting) = std::mem::replace(&mut self.state, State::Ended)
        {
            let body = waiting
                .send()
                .map_err(|failure| self.ledger.fail(failure))?;
            self.state = State::Open(io::BufReader::with_capacity(
                64 * 1024,
                Counted::new(body, self.ledger.clone()),
            ));
        }
        match &mut self.state {
            State::Open(body) => body.read(buffer),
            State::Waiting(_) | State::Ended => Ok(0),
        }
    }
}

impl Waiting {
    fn send(self) -> Result<Box<dyn Read + std::marker::Send>, GitFailure> {
        let mut exchange = self.exchange;
        exchange.body =
            std::mem::take(&mut *self.filled.lock().unwrap_or_else(PoisonError::into_inner));
        let reply = {
            let mut send = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
            send(exchange)?
        };
        check_status(&reply, &self.place)?;
        let content_type = reply.content_type.as_deref().unwrap_or_default();
        if content_type.split(';').next().map(str::trim) != Some(self.expect.as_str()) {
            return Err(GitFailure::new(
                FailureKind::Other,
                "git.no-git-server",
                format_args!(
                    "{} answers with `{content_type}`, which is not git's protocol",
                    self.place
                ),
            )
            .hint("check the URL: it seems to be a web page, or a server without git's smart protocol"));
        }
        Ok(reply.body)
    }
}

/// What a status that is not 200 means.
fn check_status(reply: &HttpReply, place: &str) -> Result<(), GitFailure> {
    let status = reply.status;
    let failure = match status {
        200 => return Ok(()),
        401 => GitFailure::new(
            FailureKind::AuthFailed,
            "git.auth-failed",
            format_args!("{place} wants credentials, or does not accept these (status 401)"),
        )
        .hint("pass a secret that is bound to this host, and check that it has not run out"),
        403 => GitFailure::new(
            FailureKind::AuthFailed,
            "git.forbidden",
            format_args!("{place} does not let these credentials read it (status 403)"),
        )
        .hint("give the token leave to read this repository"),
        404 | 410 => GitFailure::repository_not_found(format_args!(
            "there is no repository at {place} (status {status})"
        )),
        300..=399 => redirect(status, place, reply.location.as_deref()),
        429 | 500..=599 => GitFailure::new(
            FailureKind::Unavailable,
            "git.unavailable",
            format_args!("{place} cannot answer just now (status {status})"),
        )
        .hint("try again later"),
        _ => GitFailure::new(
            FailureKind::Other,
            "git.http-status",
            format_args!("{place} answers with status {status}"),
        ),
    };
    Err(failure)
}

/// Redirects are never followed: a grant is for the URL that it names.
fn redirect(status: u16, place: &str, location: Option<&str>) -> GitFailure {
    let target = location.unwrap_or("nowhere");
    let target = target.split("/info/refs").next().unwrap_or(target);
    GitFailure::new(
        FailureKind::Unsupported,
        "git.redirect",
        format_args!("{place} redirects to {target} (status {status}); redirects are not followed"),
    )
    .hint(format_args!(
        "use {target} as the URL and grant it, if you trust it"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16) -> HttpReply {
        HttpReply {
            status,
            content_type: None,
            location: Some(
                "https://me:hunter2hunter2@other.example/x/info/refs?service=y".to_owned(),
            ),
            body: Box::new(io::empty()),
        }
    }

    #[test]
    fn a_status_means_what_the_caller_can_do_about_it() {
        for (status, kind, code) in [
            (301, FailureKind::Unsupported, "git.redirect"),
            (401, FailureKind::AuthFailed, "git.auth-failed"),
            (403, FailureKind::AuthFailed, "git.forbidden"),
            (404, FailureKind::NotFound, "git.repository-not-found"),
            (418, FailureKind::Other, "git.http-status"),
            (429, FailureKind::Unavailable, "git.unavailable"),
            (503, FailureKind::Unavailable, "git.unavailable"),
        ] {
            let failure = check_status(&reply(status), "https://host/x").unwrap_err();
            assert_eq!(
                (failure.kind, failure.code.as_str()),
                (kind, code),
                "{status}"
            );
            assert!(!format!("{failure:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_redirect_names_its_target() {
        let failure = check_status(&reply(302), "https://host/x").unwrap_err();
        assert!(
            failure.message.contains("https://other.example/x "),
            "{failure}"
        );
    }
}
