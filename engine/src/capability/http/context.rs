//! Context: the grant of one attempt, and the hooks that wasmtime calls.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderName, Request, Response, header};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, Error, ForbiddenHeaderFilter, RequestOptions, Result, WasiBody,
    WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::Requests;
use super::decide::{Refused, decide};
use super::exchange::{Exchange, record_refusal};
use super::ordinal::Ordinals;
use crate::capability::Attempt;
use crate::egress::{Client, Timeouts};
use crate::model::limits;
use crate::plan::StageRequest;
use crate::policy::HttpPattern;
use crate::store::{AttemptSecrets, AttemptSink};

/// What the requests of one attempt need of the rest of it.
pub(in crate::capability) struct Surroundings<'a> {
    pub(in crate::capability) request: &'a Arc<StageRequest>,
    pub(in crate::capability) sink: &'a AttemptSink,
    pub(in crate::capability) cancel: &'a CancellationToken,
    pub(in crate::capability) deadline: Instant,
    pub(in crate::capability) secrets: &'a Arc<AttemptSecrets>,
    pub(in crate::capability) client: &'a Client,
}

/// The requests of one attempt.
pub(in crate::capability) struct Context {
    http: WasiHttpCtx,
    hooks: Hooks,
}

/// What wasmtime asks before, and for, each request.
struct Hooks {
    request: Arc<StageRequest>,
    grant: Vec<HttpPattern>,
    sink: AttemptSink,
    cancel: CancellationToken,
    deadline: Instant,
    secrets: Arc<AttemptSecrets>,
    client: Client,
    requests: Requests,
    ordinals: Ordinals,
}

type Sent = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<()>> + Send>,
);

impl Context {
    pub(in crate::capability) fn new(surroundings: &Surroundings<'_>) -> Self {
        let mut http = WasiHttpCtx::new();
        http.set_field_size_limit(2 * limits::HTTP_HEADER_BYTES);
        let grant = &surroundings.request.grants.http;
        let hooks = Hooks {
            request: Arc::clone(surroundings.request),
            grant: grant
                .as_ref()
                .map_or_else(Vec::new, |grant| grant.allow.clone()),
            sink: surroundings.sink.clone(),
            cancel: surroundings.cancel.clone(),
            deadline: surroundings.deadline,
            secrets: Arc::clone(surroundings.secrets),
            client: surroundings.client.clone(),
            requests: Requests::default(),
            ordinals: Ordinals::default(),
        };
        Self { http, hooks }
    }

    pub(in crate::capability) fn requests(&self) -> &Requests {
        &self.hooks.requests
    }

    /// What a guest's call of `handle` comes to.
    #[cfg(test)]
    pub(super) fn send(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Response<WasiBody>>> + Send>> {
        let sending = self
            .hooks
            .send_request(request, options, Box::new(async { Ok(()) }));
        Box::pin(async move { Ok(Box::into_pin(sending).await?.0) })
    }
}

impl WasiHttpView for Attempt {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http.hooks,
            table: &mut self.table,
            ctx: &mut self.http.http,
        }
    }
}

impl WasiHttpHooks for Hooks {
    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|name| DEFAULT_FORBIDDEN_HEADERS.contains(name) || OWN_HEADERS.contains(name))
    }

    // Egress writes it, from the URL that was decided on.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        limits::HTTP_CHUNK_BYTES
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<()>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent>> + Send> {
        let method = request.method().as_str();
        let allowed = match decide(&self.grant, &self.secrets, method, request.uri()) {
            Ok(allowed) => allowed,
            Err(refused) => return self.refuse(refused),
        };
        let is_outward = !matches!(method, "GET" | "HEAD");
        let StageRequest { run, stage, .. } = &*self.request;
        let key = is_outward.then(|| {
            self.ordinals
                .next_key(run, stage, method, &allowed.identity)
        });
        let stop = self.requests.stop();
        let exchange = Exchange {
            allowed,
            key,
            sink: self.sink.clone(),
            client: self.client.with_timeouts(self.timeouts(options)),
            secrets: Arc::clone(&self.secrets),
            permits: self.requests.permits(),
            cancel: self.cancel.clone(),
            deadline: self.deadline,
            stop: stop.clone(),
        };
        let (sender, receiver) = oneshot::channel();
        self.requests.spawn(async move {
            // Nobody may wait for it any more.
            let _ = sender.send(exchange.run(request).await);
        });
        Box::new(async move {
            let _abandoned = stop.drop_guard();
            let response = receiver.await.unwrap_or(Err(Error::InternalError(None)))?;
            Ok((response, no_more()))
        })
    }
}

/// `TE`, `Trailer` and `Expect` announce what egress does not do.
const OWN_HEADERS: [HeaderName; 3] = [header::TE, header::TRAILER, header::EXPECT];

/// The connection is driven elsewhere.
fn no_more() -> Box<dyn Future<Output = Result<()>> + Send> {
    Box::new(async { Ok(()) })
}

impl Hooks {
    fn refuse(&self, refused: Refused) -> Box<dyn Future<Output = Result<Sent>> + Send> {
        let Refused { shown, error } = refused;
        let sink = self.sink.clone();
        let (sender, receiver) = oneshot::channel();
        self.requests.spawn(async move {
            let _ = sender.send(record_refusal(&sink, shown).await);
        });
        Box::new(async move {
            // Told when it is recorded, so that no refusal goes unseen.
            receiver.await.unwrap_or(Ok(()))?;
            Err(error)
        })
    }

    /// The guest's waits, never longer than ours.
    fn timeouts(&self, options: Option<RequestOptions>) -> Timeouts {
        let ours = self.client.timeouts();
        let Some(options) = options else {
            return ours;
        };
        let or_ours = |theirs: Option<Duration>| theirs.unwrap_or(Duration::MAX);
        ours.at_most(Timeouts {
            connect: or_ours(options.connect_timeout),
            first_byte: or_ours(options.first_byte_timeout),
            between_bytes: or_ours(options.between_bytes_timeout),
            total: Duration::MAX,
        })
    }
}
