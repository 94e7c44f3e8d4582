//! Request: one request, built a part at a time and sent as often as needed.

use std::time::Duration;

use super::url::Target;
use super::{Error, Method, Response};
use crate::bindings::wasi::http::outgoing_handler::handle;
use crate::bindings::wasi::http::types::{
    Fields, FutureIncomingResponse, IncomingResponse, OutgoingBody, OutgoingRequest, RequestOptions,
};
use crate::bindings::wasi::io::poll::poll;

/// Bytes of an answer's body that are kept unless the caller wants more.
const DEFAULT_MAX_BODY_BYTES: usize = 1024 * 1024;

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    method: Method,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    timeout: Option<Duration>,
    max_body_bytes: usize,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: Vec::new(),
            timeout: None,
            max_body_bytes: DEFAULT_MAX_BODY_BYTES,
        }
    }

    /// `GET`
    pub fn get(url: impl Into<String>) -> Self {
        Self::new(Method::Get, url)
    }

    /// `POST`
    pub fn post(url: impl Into<String>) -> Self {
        Self::new(Method::Post, url)
    }

    /// Adds a header. Values may hold placeholders of secrets.
    ///
    /// `Host`, `Content-Length` and the headers of the connection are the
    /// host's to write.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Bounds connecting, the wait for the first byte, and each wait for
    /// another. The host has bounds of its own as well.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Keeps at most so many bytes of the answer's body (1 MiB without this);
    /// the rest is cut off and [`Response::truncated`] says so.
    #[must_use]
    pub fn max_body_bytes(mut self, max_bytes: usize) -> Self {
        self.max_body_bytes = max_bytes;
        self
    }

    /// Sends it and waits for the answer.
    ///
    /// # Errors
    ///
    /// When there is no answer. A status of 400 or more is an answer.
    pub fn send(&self) -> Result<Response, Error> {
        let request = self.lower()?;
        let body = if self.body.is_empty() {
            None
        } else {
            Some(
                request
                    .body()
                    .expect("the body of a new request was not taken yet"),
            )
        };
        let answer = handle(request, self.options()?)?;
        if let Some(body) = body {
            write(body, &self.body, &answer);
        }
        loop {
            if let Some(response) = answer.get() {
                let response: IncomingResponse = response.expect("the answer was not taken yet")?;
                return Response::read(&response, self.max_body_bytes);
            }
            answer.subscribe().block();
        }
    }

    fn lower(&self) -> Result<OutgoingRequest, Error> {
        let target = Target::parse(&self.url).map_err(Error::invalid)?;
        let mut headers = self.headers.clone();
        if !self.body.is_empty() {
            headers.push((
                "content-length".to_owned(),
                self.body.len().to_string().into_bytes(),
            ));
        }
        let headers = Fields::from_list(&headers)
            .map_err(|error| Error::invalid(format!("a header is not valid: {error}")))?;
        let request = OutgoingRequest::new(headers);
        let refused = |part: &'static str| {
            move |()| Error::invalid(format!("the request's {part} is not valid"))
        };
        request
            .set_method(&self.method)
            .map_err(refused("method"))?;
        request
            .set_scheme(Some(&target.scheme))
            .map_err(refused("scheme"))?;
        request
            .set_authority(Some(target.authority))
            .map_err(refused("host"))?;
        request
            .set_path_with_query(Some(&target.path_with_query))
            .map_err(refused("path"))?;
        Ok(request)
    }

    fn options(&self) -> Result<Option<RequestOptions>, Error> {
        let Some(timeout) = self.timeout else {
            return Ok(None);
        };
        let nanoseconds = Some(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX));
        let options = RequestOptions::new();
        options
            .set_connect_timeout(nanoseconds)
            .and_then(|()| options.set_first_byte_timeout(nanoseconds))
            .and_then(|()| options.set_between_bytes_timeout(nanoseconds))
            .map_err(|()| Error::invalid("the host offers no timeouts"))?;
        Ok(Some(options))
    }
}

/// Writes the body. A server may answer before it has read all of it, and may
/// never read the rest: whoever waited for the stream alone would wait for
/// ever. What went wrong stands in the answer, so nothing is reported here.
fn write(body: OutgoingBody, mut left: &[u8], answer: &FutureIncomingResponse) {
    {
        let stream = body.write().expect("the stream was not taken yet");
        while !left.is_empty() {
            let Ok(room) = stream.check_write() else {
                break;
            };
            if room == 0 {
                let answered = answer.subscribe();
                poll(&[&stream.subscribe(), &answered]);
                if answered.ready() {
                    break;
                }
                continue;
            }
            let room = usize::try_from(room).unwrap_or(usize::MAX);
            let (chunk, rest) = left.split_at(room.min(left.len()));
            if stream.write(chunk).is_err() {
                break;
            }
            left = rest;
        }
        // The stream is a child of the body: it goes first.
    }
    drop(OutgoingBody::finish(body, None));
}
