//! Receiver: a web hook on loopback that shows what it is sent, to try
//! notifications without a service.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::Exit;
use super::failure::Failure;
use crate::report::escape_lines;
use crate::store::Redactor;

/// Longest body that is shown, and most requests that are kept.
const BODY_BYTES: usize = 64 * 1024;
const REQUESTS: usize = 100;

/// Listens while it lives.
pub(super) struct Receiver {
    port: u16,
    received: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Receiver {
    /// Listens on a port of 127.0.0.1.
    pub(super) async fn start(port: u16) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(|error| {
                Failure::new(
                    Exit::Infrastructure,
                    format!("the receiver cannot listen on 127.0.0.1:{port}: {error}"),
                )
                .hint("end what listens there, or choose another port here and in the pipeline")
            })?;
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = Arc::clone(&kept);
                let service = service_fn(move |request| answer(request, Arc::clone(&kept)));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(async move {
                    // A client that goes away is its own affair.
                    let _ = connection.await;
                });
            }
        });
        Ok(Self {
            port,
            received,
            task,
        })
    }

    /// Stops listening; what arrived, for people, without secrets.
    pub(super) fn finish(self, redactor: &Redactor) -> String {
        self.task.abort();
        let received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        let count = received.len();
        let mut text = format!(
            "the receiver on 127.0.0.1:{} got {count} request{}\n",
            self.port,
            if count == 1 { "" } else { "s" }
        );
        for request in received.iter() {
            for line in escape_lines(&redactor.redact(request)) {
                text.push_str("  ");
                text.push_str(&line);
                text.push('\n');
            }
        }
        text
    }
}

async fn answer(
    request: Request<Incoming>,
    kept: Arc<Mutex<Vec<String>>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let (status, shown) = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => (StatusCode::OK, pretty(&body.to_bytes())),
        Err(error) => (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
    };
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() < REQUESTS {
        kept.push(format!("{} {}\n{shown}", head.method, head.uri));
    }
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    Ok(response)
}

/// JSON is shown with its structure, other text as it is.
fn pretty(body: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(value) => format!("{value:#}"),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}
