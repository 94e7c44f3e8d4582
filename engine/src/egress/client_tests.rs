//! Client: what it does with servers that mean harm, on loopback.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::egress::{
    Body, Client, ClientOptions, Error, Leave, Phase, Resolver, ResponseBody, ScriptedResolver,
    Timeouts,
};

const PRIVATE: Leave = Leave { private: true };
const PUBLIC: Leave = Leave { private: false };

/// A server that answers every connection with a script, and tells what it read.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: mpsc::UnboundedReceiver<String>,
}

impl Server {
    /// Reads one head a request, writes `reply`, and goes on; hangs up where the
    /// reply says so with an empty one.
    async fn start(reply: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (sender, heads) = mpsc::unbounded_channel();
        let (count, reply) = (Arc::clone(&connections), Arc::new(reply));
        let requests = Arc::new(AtomicUsize::new(0));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (sender, reply) = (sender.clone(), Arc::clone(&reply));
                tokio::spawn(serve(stream, sender, reply, Arc::clone(&requests)));
            }
        });
        Self {
            address,
            connections,
            heads,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn serve<R: Fn(usize) -> Vec<u8>>(
    mut stream: TcpStream,
    heads: mpsc::UnboundedSender<String>,
    reply: Arc<R>,
    requests: Arc<AtomicUsize>,
) {
    while let Some(head) = read_head(&mut stream).await {
        let _ = heads.send(head);
        let bytes = reply(requests.fetch_add(1, Ordering::SeqCst));
        if bytes.is_empty() || stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8(head).unwrap())
}

fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn client() -> Client {
    Client::new(ClientOptions {
        resolver: Resolver::Scripted(Arc::new(ScriptedResolver::new())),
        timeouts: Timeouts {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_millis(300),
            between_bytes: Duration::from_millis(300),
            total: Duration::from_secs(5),
        },
        request_bytes: 1024,
        response_bytes: 1024,
        ..ClientOptions::default()
    })
}

fn get(url: &str) -> Request<Body> {
    Request::get(url).body(Body::empty()).unwrap()
}

async fn text(response: Response<ResponseBody>) -> Result<String, Error> {
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

async fn fetch(client: &Client, url: &str) -> Result<String, Error> {
    text(client.send(get(url), PRIVATE).await?).await
}

/// Row C11: headers of the connection, and another `Host`.
#[tokio::test]
async fn a_request_arrives_in_origin_form_and_with_the_right_host() {
    let mut server = Server::start(|_| ok("hello")).await;
    let mut request = get(&server.url("/a/b?c=%20d"));
    for (name, value) in [
        ("host", "evil.test"),
        ("connection", "x-hop, close"),
        ("x-hop", "1"),
        ("transfer-encoding", "chunked"),
        ("proxy-authorization", "Basic eDp5"),
        ("upgrade", "h2c"),
        ("expect", "100-continue"),
        ("x-kept", "yes"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let response = client().send(request, PRIVATE).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(response).await.unwrap(), "hello");
    let expected = format!(
        "GET /a/b?c=%20d HTTP/1.1\r\nhost: {}\r\nx-kept: yes\r\n\r\n",
        server.address
    );
    assert_eq!(server.heads.recv().await.unwrap(), expected);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(|_| ok("x")).await;
    let client = client();
    for _ in 0..5 {
        assert_eq!(fetch(&client, &server.url("/")).await.unwrap(), "x");
    }
    assert_eq!(server.connections(), 1);
}

/// Row C02: this machine over a connection that another leave opened.
#[tokio::test]
async fn a_connection_is_not_used_again_without_the_leave_it_was_made_with() {
    let server = Server::start(|_| ok("x")).await;
    let client = client();
    fetch(&client, &server.url("/")).await.unwrap();
    let refused = client.send(get(&server.url("/")), PUBLIC).await;
    assert_eq!(refused.unwrap_err().code(), "http.refused-address");
}

#[tokio::test]
async fn a_server_that_hung_up_in_between_is_connected_to_again() {
    let server = Server::start(|n| if n == 1 { Vec::new() } else { ok("x") }).await;
    let client = client();
    fetch(&client, &server.url("/")).await.unwrap();
    assert_eq!(fetch(&client, &server.url("/")).await.unwrap(), "x");
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn a_request_that_may_have_been_acted_on_is_not_sent_twice() {
    let mut server = Server::start(|n| if n == 1 { Vec::new() } else { ok("x") }).await;
    let client = client();
    fetch(&client, &server.url("/")).await.unwrap();
    let post = Request::post(server.url("/")).body(Body::empty()).unwrap();
    let failed = client.send(post, PRIVATE).await.unwrap_err();
    assert_eq!(failed.code(), "http.lost");
    assert!(server.heads.recv().await.unwrap().starts_with("GET "));
    assert!(server.heads.recv().await.unwrap().starts_with("POST "));
    assert!(server.heads.try_recv().is_err());
}

/// Row C08: a redirect into the cloud's metadata.
#[tokio::test]
async fn redirects_are_answers() {
    let server = Server::start(|_| {
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    })
    .await;
    let response = client().send(get(&server.url("/")), PRIVATE).await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()["location"], "http://169.254.169.254/");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn what_belongs_to_the_connection_does_not_come_through() {
    let server = Server::start(|_| {
        b"HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nX-Kept: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".to_vec()
    })
    .await;
    let response = client().send(get(&server.url("/")), PRIVATE).await.unwrap();
    let names: Vec<_> = response.headers().keys().map(ToString::to_string).collect();
    assert_eq!(names, ["x-kept"]);
    assert_eq!(text(response).await.unwrap(), "x");
}

/// One reply and the code that it ends with.
async fn check(reply: &[u8], code: &str) {
    let reply = reply.to_vec();
    let server = Server::start(move |_| reply.clone()).await;
    let shown = |error: &Error| format!("{} {error}", error.code());
    let outcome = fetch(&client(), &server.url("/")).await;
    let found = outcome
        .as_ref()
        .map_or_else(shown, |text| format!("ok {text}"));
    assert!(found.starts_with(code), "{code}: {found}");
}

/// Row C11, C12: answers with too many headers, two lengths, or none of HTTP.
#[tokio::test]
async fn hostile_responses_end_with_a_reason() {
    let many = "x: 1\r\n".repeat(101);
    let huge = format!("x: {}\r\n", "a".repeat(70_000));
    let head = |rest: &str| format!("HTTP/1.1 200 OK\r\n{rest}\r\n").into_bytes();
    for (reply, code) in [
        (head(&many), "http.limit"),
        (head(&huge), "http.limit"),
        (head("Content-Length: 2000\r\n"), "http.limit"),
        (
            head("Content-Length: 5\r\nContent-Length: 6\r\n"),
            "http.protocol",
        ),
        (head("Content-Length: -5\r\n"), "http.protocol"),
        (
            head("Content-Length: 5\r\n"),
            "http.timeout no further byte",
        ),
        (b"HTTP/1.1 200 OK\r\nx".to_vec(), "http.timeout no response"),
        (b"\x16\x03\x01".to_vec(), "http.protocol"),
        (b"SSH-2.0-OpenSSH_9\r\n\r\n".to_vec(), "http.protocol"),
        (b"HTTP/0.9\r\n\r\n".to_vec(), "http.protocol"),
        (
            head("Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            "http.protocol",
        ),
        (
            [head("Transfer-Encoding: chunked\r\n"), vec![b'f'; 40]].concat(),
            "http.protocol",
        ),
        (Vec::new(), "http.lost"),
        (head("x y: 1\r\n"), "http.protocol"),
        (head("x: 1\r\n folded\r\n"), "http.protocol"),
    ] {
        check(&reply, code).await;
    }
}

/// Row C12: a body without end.
#[tokio::test]
async fn an_infinite_body_is_cut_off() {
    let endless = "400\r\n".to_owned() + &"a".repeat(1024) + "\r\n";
    let reply = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{endless}{endless}");
    check(reply.as_bytes(), "http.limit").await;
    check(
        &[
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec(),
            vec![b'a'; 1025],
        ]
        .concat(),
        "http.limit",
    )
    .await;
}

/// Row C12: a body that would unpack to more.
#[tokio::test]
async fn a_compressed_body_stays_as_it_is() {
    let server = Server::start(|_| {
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb".to_vec()
    })
    .await;
    assert_eq!(fetch(&client(), &server.url("/")).await.unwrap(), "bomb");
}

/// Row C12: a byte now and then.
#[tokio::test]
async fn a_trickle_ends_with_the_total_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await.unwrap();
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await;
        let mut tick = tokio::time::interval(Duration::from_millis(20));
        while stream.write_all(b"1\r\nx\r\n").await.is_ok() {
            tick.tick().await;
        }
    });
    let client = client();
    let client = client.with_timeouts(Timeouts {
        total: Duration::from_millis(600),
        ..client.timeouts()
    });
    let failed = fetch(&client, &url).await.unwrap_err();
    let phase = Phase::Total;
    assert_eq!(failed, Error::Timeout { phase });
}

#[tokio::test]
async fn a_dropped_request_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = client();
    let sending = tokio::spawn(async move { fetch(&client, &url).await });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_head(&mut stream).await.unwrap();
    sending.abort();
    assert!(sending.await.unwrap_err().is_cancelled());
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_dropped_body_closes_its_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let client = client();
    let sending = tokio::spawn(async move { client.send(get(&url), PRIVATE).await.map(drop) });
    let (mut stream, _) = listener.accept().await.unwrap();
    read_head(&mut stream).await.unwrap();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123")
        .await
        .unwrap();
    sending.await.unwrap().unwrap();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap_or(0), 0);
}

/// A body of equal pieces, whose length nobody knows before.
struct Pieces(usize, usize);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(left) = self.0.checked_sub(1) else {
            return Poll::Ready(None);
        };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(vec![b'a'; self.1].into()))))
    }
}

fn pieces(count: usize, bytes: usize) -> Body {
    Body::stream(Pieces(count, bytes))
}

/// Row C11: lengths that are not the body's.
#[tokio::test]
async fn a_request_body_is_bounded_and_of_the_length_it_announces() {
    let server = Server::start(|_| ok("x")).await;
    let client = client();
    let url = server.url("/");
    let length = |value: &str, body| {
        Request::put(&url)
            .header("content-length", value)
            .body(body)
            .unwrap()
    };
    for (request, code) in [
        (length("1025", Body::full(vec![b'a'; 1025])), "http.limit"),
        (length("3000", pieces(3, 1000)), "http.limit"),
        (length("6", Body::full("hello")), "http.protocol"),
        (length("+5", Body::full("hello")), "http.protocol"),
        (length("", Body::full("hello")), "http.protocol"),
        (length("5, 5", Body::full("hello")), "http.protocol"),
        (length("30", pieces(2, 10)), "http.protocol"),
    ] {
        let failed = client.send(request, PRIVATE).await.unwrap_err();
        assert_eq!(failed.code(), code, "{failed}");
    }
    let mut twice = length("5", Body::full("hello"));
    twice
        .headers_mut()
        .append("content-length", "6".parse().unwrap());
    let failed = client.send(twice, PRIVATE).await.unwrap_err();
    assert_eq!(failed.code(), "http.protocol");
}

/// Row C11: methods that open tunnels.
#[tokio::test]
async fn methods_that_open_tunnels_or_show_headers_are_not_sent() {
    let server = Server::start(|_| ok("x")).await;
    for method in [Method::CONNECT, Method::TRACE] {
        let mut request = get(&server.url("/"));
        *request.method_mut() = method;
        let failed = client().send(request, PRIVATE).await.unwrap_err();
        assert_eq!(failed.code(), "http.protocol");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn nobody_at_the_port_is_a_transient_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let failed = fetch(&client(), &url).await.unwrap_err();
    assert_eq!(failed.code(), "http.connect");
    assert!(failed.is_transient());
}

/// Row C14: proxies in the environment.
#[tokio::test]
async fn proxies_of_the_environment_are_not_used() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", canary.local_addr().unwrap());
    let mut again = tokio::process::Command::new(std::env::current_exe().unwrap());
    again.args([
        "--exact",
        "egress::client::tests::a_connection_is_used_again",
    ]);
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ] {
        again.env(name, &proxy);
    }
    let output = again.output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("1 passed"), "{said}");
    let nobody =
        std::future::poll_fn(|context| Poll::Ready(canary.poll_accept(context).is_pending()));
    assert!(nobody.await, "something asked the proxy");
}
