//! Exchange: one request that was decided on, from its record to its record.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Request, Response, Uri};
use tokio::sync::Semaphore;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::{Error as Told, WasiBody};

use super::body::{cancelled, from_guest, to_guest};
use super::decide::Allowed;
use super::error::told;
use crate::egress::{Body, Client, Error, ResponseBody, Scheme, Target};
use crate::model::CallDecision;
use crate::store::{AttemptSecrets, AttemptSink, CallEnd, SinkClosed};

const INTERFACE: &str = "wasi:http/outgoing-handler";
const FUNCTION: &str = "handle";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const OUR_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("engine/", env!("CARGO_PKG_VERSION")));

/// One request, and what it needs.
pub(super) struct Exchange {
    pub(super) allowed: Allowed,
    /// The idempotency key, of a request that may change something out there.
    pub(super) key: Option<String>,
    pub(super) sink: AttemptSink,
    pub(super) client: Client,
    pub(super) secrets: Arc<AttemptSecrets>,
    pub(super) permits: Arc<Semaphore>,
    pub(super) cancel: CancellationToken,
    pub(super) deadline: Instant,
    /// Nobody waits for the response any more.
    pub(super) stop: CancellationToken,
}

/// Why there is no response.
enum Stopped {
    Failed(Error),
    Header,
    Cancelled,
    Late,
    Abandoned,
}

impl Exchange {
    /// Makes the request. Returns when its end is recorded.
    pub(super) async fn run(
        mut self,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, Told> {
        let request = self.prepare(request);
        let call = self.begin().await.map_err(unrecorded)?;
        let started = Instant::now();
        let outcome = match request {
            Some(request) => self.send(request).await,
            None => Err(Stopped::Header),
        };
        self.record(&outcome, call, started.elapsed()).await;
        match outcome {
            Ok(response) => Ok(response.map(|body| to_guest(body, self.cancel))),
            Err(stopped) => Err(stopped.told()),
        }
    }

    /// The request as it goes out; none if a secret's value cannot stand in a
    /// header.
    fn prepare(&mut self, request: Request<WasiBody>) -> Option<Request<Body>> {
        let (mut head, body) = request.into_parts();
        head.uri = self.allowed.url.as_str().parse::<Uri>().ok()?;
        let names = self.swap_headers(&mut head.headers, &head.uri)?;
        for name in &names {
            self.allowed.shown.extend([" with secret `", name, "`"]);
        }
        head.headers.entry(USER_AGENT).or_insert(OUR_USER_AGENT);
        if let Some(key) = &self.key
            && let Ok(key) = HeaderValue::from_str(key)
        {
            head.headers.entry(IDEMPOTENCY_KEY).or_insert(key);
        }
        Some(Request::from_parts(head, from_guest(body)))
    }

    /// Puts secrets into the place of their stand-ins; the names of those used.
    fn swap_headers(&self, headers: &mut HeaderMap, uri: &Uri) -> Option<Vec<String>> {
        // In the clear a credential goes to nobody but a neighbour.
        let scheme = Target::of(uri).ok()?.scheme;
        if scheme == Scheme::Http && !self.allowed.leave.private {
            return Some(Vec::new());
        }
        let host = self.allowed.url.host()?;
        let mut used = Vec::new();
        for value in headers.values_mut() {
            if let Some(swapped) = self.secrets.swap_header(value.as_bytes(), &host) {
                *value = HeaderValue::from_bytes(&swapped.value).ok()?;
                value.set_sensitive(true);
                used.extend(swapped.names);
            }
        }
        used.sort_unstable();
        used.dedup();
        Some(used)
    }

    /// Takes the number of the call before anything leaves, so that no request is
    /// made that cannot be recorded. One that may change something out there is
    /// made durable as well.
    async fn begin(&self) -> Result<u64, SinkClosed> {
        if self.key.is_none() {
            return self.sink.reserve_call();
        }
        let shown = &self.allowed.shown;
        self.sink.begin_effect(INTERFACE, FUNCTION, shown).await
    }

    async fn send(&self, request: Request<Body>) -> Result<Response<ResponseBody>, Stopped> {
        let sending = async {
            // The semaphore is never closed: without a permit there is no limit.
            let _permit = self.permits.acquire().await.ok();
            self.client.send(request, self.allowed.leave).await
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Stopped::Abandoned),
            () = self.cancel.cancelled() => Err(Stopped::Cancelled),
            () = sleep_until(self.deadline.into()) => Err(Stopped::Late),
            outcome = sending => outcome.map_err(Stopped::Failed),
        }
    }

    async fn record(
        &self,
        outcome: &Result<Response<ResponseBody>, Stopped>,
        call: u64,
        duration: Duration,
    ) {
        let (decision, error, result) = match outcome {
            Ok(response) => (
                CallDecision::Allowed,
                None,
                Some(response.status().as_str().to_owned()),
            ),
            Err(stopped) => (
                stopped.decision(),
                Some(stopped.code().to_owned()),
                stopped.words(),
            ),
        };
        let end = CallEnd {
            interface: INTERFACE,
            function: FUNCTION,
            arguments: self.allowed.shown.clone(),
            decision,
            error,
            result,
            duration,
            effect: Some(call),
        };
        // A run that is over takes no more facts, and there is nobody to tell.
        let _ = self.sink.called(end).await;
    }
}

/// Records a request that the grant does not cover.
pub(super) async fn record_refusal(sink: &AttemptSink, shown: String) -> Result<(), Told> {
    let call = sink.reserve_call().map_err(unrecorded)?;
    let end = CallEnd {
        interface: INTERFACE,
        function: FUNCTION,
        arguments: shown,
        decision: CallDecision::Denied,
        error: Some("denied.http".to_owned()),
        result: None,
        duration: Duration::ZERO,
        effect: Some(call),
    };
    sink.called(end).await.map_err(unrecorded)
}

/// What a guest gets for a call that cannot be recorded, and was not made.
fn unrecorded(closed: SinkClosed) -> Told {
    Told::InternalError(Some(closed.to_string()))
}

impl Stopped {
    /// An address that is not open is a refusal of ours, like a name.
    fn decision(&self) -> CallDecision {
        match self {
            Self::Failed(Error::RefusedAddress { .. }) => CallDecision::Denied,
            _ => CallDecision::Allowed,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Failed(error) => error.code(),
            Self::Header => "http.secret-header",
            Self::Cancelled => "http.cancelled",
            Self::Late => "http.deadline",
            Self::Abandoned => "http.abandoned",
        }
    }

    fn words(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(error.to_string()),
            Self::Header => Some("the secret's value cannot stand in a header".to_owned()),
            Self::Cancelled | Self::Late | Self::Abandoned => None,
        }
    }

    fn told(&self) -> Told {
        match self {
            Self::Failed(error) => told(error),
            Self::Header => Told::HttpRequestHeaderSize {
                field_name: None,
                field_size: None,
            },
            Self::Cancelled | Self::Late | Self::Abandoned => cancelled(),
        }
    }
}
