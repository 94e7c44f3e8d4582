//! Requests: what a guest may ask for, what leaves, and what is recorded.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::{Context, Surroundings};
use crate::egress::{Client, ClientOptions, Resolver, ScriptedResolver};
use crate::model::{CallDecision, Digest, Fact, HostCall, RunId, StageId, SystemClock, limits};
use crate::plan::{
    Effects, SecretDeclaration, SecretHandle, SecretKind, StageLimits, StageRequest,
};
use crate::policy::{Grants, HttpGrant, HttpPattern};
use crate::store::{
    Ambient, AttemptMessage, AttemptSecrets, AttemptSink, SecretVault, secret_sources,
};

const TOKEN: &str = "canary-7f3a9c51e2d8";
const BASIC: &str = "robot:canary-b4d0c6aa19";
const HOOK_PATH: &str = "/services/canary-e5f1/0123456789abcdef0123";

/// One attempt with its grant, and everything that it says.
struct Stage {
    context: Context,
    sink: AttemptSink,
    secrets: Arc<AttemptSecrets>,
    script: Arc<ScriptedResolver>,
    cancel: CancellationToken,
    said: Arc<Mutex<Vec<Fact>>>,
}

#[derive(Clone)]
struct Setup {
    run: RunId,
    grant: Vec<HttpPattern>,
    hook: String,
    deadline: Duration,
}

fn setup(port: u16) -> Setup {
    let allow = |text: String, private| {
        let pattern: HttpPattern = text.parse().unwrap();
        pattern.with_private(private)
    };
    Setup {
        run: RunId::new(),
        grant: vec![
            allow(format!("GET,POST http://ok.test:{port}/**"), true),
            allow(format!("GET http://other.test:{port}/**"), true),
            allow(format!("GET http://inside.test:{port}/**"), false),
            allow(format!("POST http://hook.test:{port}/services/**"), true),
        ],
        hook: format!("http://hook.test:{port}{HOOK_PATH}"),
        deadline: Duration::from_mins(1),
    }
}

fn vault(hook: &str) -> SecretVault {
    let declare = |kind| SecretDeclaration {
        kind,
        hosts: Vec::new(),
        from: None,
    };
    let declared = [
        ("token".to_owned(), declare(SecretKind::Token)),
        ("login".to_owned(), declare(SecretKind::Basic)),
        ("hook".to_owned(), declare(SecretKind::Url)),
    ]
    .into();
    let given = [("token", "T"), ("login", "L"), ("hook", "H")]
        .map(|(name, variable)| (name.to_owned(), format!("env:{variable}").parse().unwrap()))
        .into();
    let env = |name: &str| match name {
        "T" => Some(TOKEN.into()),
        "L" => Some(BASIC.into()),
        "H" => Some(hook.into()),
        _ => None,
    };
    let sources = secret_sources(&declared, &given, &env).unwrap();
    let nothing = || Ok(Vec::new());
    let ambient = Ambient {
        env: &env,
        file: &|_| nothing(),
        stdin: &nothing,
    };
    SecretVault::load(&declared, &sources, &ambient).unwrap()
}

fn handles() -> Vec<SecretHandle> {
    let handle = |name: &str, kind, host: &str| SecretHandle {
        name: name.to_owned(),
        kind,
        hosts: vec![host.to_owned()],
    };
    vec![
        handle("token", SecretKind::Token, "ok.test"),
        handle("login", SecretKind::Basic, "ok.test"),
        handle("hook", SecretKind::Url, "hook.test"),
    ]
}

fn stage_request(setup: &Setup) -> StageRequest {
    StageRequest {
        run: setup.run.clone(),
        pipeline: "p".to_owned(),
        stage: StageId::new("send").unwrap(),
        attempt: 1,
        max_attempts: 1,
        trigger: "manual".to_owned(),
        component: Digest::of(b""),
        inputs: serde_json::Value::Null,
        env: [].into(),
        grants: Grants {
            http: Some(HttpGrant {
                allow: setup.grant.clone(),
            }),
            ..Grants::default()
        },
        limits: StageLimits::default(),
        effects: Effects::Once,
        secrets: handles(),
        tools: [].into(),
        mounts: Vec::new(),
        local_root: None,
    }
}

fn stage(setup: &Setup) -> Stage {
    let request = Arc::new(stage_request(setup));
    let vault = Arc::new(vault(&setup.hook));
    let secrets = Arc::new(AttemptSecrets::new(handles(), vault).unwrap());
    let mut script = ScriptedResolver::new();
    for name in ["ok.test", "other.test", "inside.test", "hook.test"] {
        script = script.answer(name, &["127.0.0.1"]);
    }
    let script = Arc::new(script);
    let client = Client::new(ClientOptions {
        resolver: Resolver::Scripted(Arc::clone(&script)),
        ..ClientOptions::default()
    });
    let (sender, receiver) = mpsc::channel(64);
    let said = Arc::new(Mutex::new(Vec::new()));
    tokio::spawn(listen(receiver, Arc::clone(&said)));
    // Without a redactor: what is recorded holds no secret of itself.
    let sink = AttemptSink::new(
        request.stage.clone(),
        1,
        Arc::new(SystemClock::default()),
        Arc::default(),
        sender,
        None,
        u64::MAX,
    );
    let cancel = CancellationToken::new();
    let context = Context::new(&Surroundings {
        request: &request,
        sink: &sink,
        cancel: &cancel,
        deadline: Instant::now() + setup.deadline,
        secrets: &secrets,
        client: &client,
    });
    Stage {
        context,
        sink,
        secrets,
        script,
        cancel,
        said,
    }
}

async fn listen(mut messages: mpsc::Receiver<AttemptMessage>, said: Arc<Mutex<Vec<Fact>>>) {
    while let Some(message) = messages.recv().await {
        match message {
            AttemptMessage::Fact(fact) => said.lock().unwrap().push(fact),
            AttemptMessage::DurableFact(fact, durable) => {
                said.lock().unwrap().push(fact);
                let _ = durable.send(());
            }
            _ => {}
        }
    }
}

impl Stage {
    async fn send(&mut self, request: Request<WasiBody>) -> Result<u16, Error> {
        let response = self.context.send(request, None).await?;
        let status = response.status().as_u16();
        response.into_body().collect().await?;
        Ok(status)
    }

    /// The calls that were recorded, once all are.
    async fn calls(&self) -> Vec<HostCall> {
        self.context.requests().finish().await;
        tokio::task::yield_now().await;
        let calls = self.facts().into_iter().filter_map(|fact| match fact {
            Fact::HostCalled(call) => Some(call),
            _ => None,
        });
        calls.collect()
    }

    fn facts(&self) -> Vec<Fact> {
        self.said.lock().unwrap().clone()
    }

    fn placeholder(&self, name: &str) -> String {
        self.secrets.placeholder(name).unwrap().to_owned()
    }
}

/// A server that answers 204 and hands over what it was sent, a request each.
struct Server {
    port: u16,
    requests: mpsc::UnboundedReceiver<String>,
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, requests) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, sender.clone()));
            }
        });
        Self { port, requests }
    }

    fn got(&mut self) -> String {
        self.requests.try_recv().unwrap()
    }
}

async fn serve(mut stream: TcpStream, requests: mpsc::UnboundedSender<String>) {
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else {
                return;
            };
            request.push(byte);
        }
        let head = String::from_utf8_lossy(&request).into_owned();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        let _ = requests.send(head + &String::from_utf8_lossy(&body));
        if stream
            .write_all(b"HTTP/1.1 204 No Content\r\n\r\n")
            .await
            .is_err()
        {
            return;
        }
    }
}

fn request(
    method: &str,
    url: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> Request<WasiBody> {
    let body = Full::new(Bytes::from(body.to_owned()));
    let mut request = Request::new(body.map_err(|never| match never {}).boxed_unsync());
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = url.parse().unwrap();
    let headers = headers
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    *request.headers_mut() = headers.collect::<HeaderMap>();
    request
}

fn get(url: &str) -> Request<WasiBody> {
    request("GET", url, &[], "")
}

/// Row C01, C17: hosts, methods, ports and labels that no grant covers; nothing is looked
/// up.
#[tokio::test]
async fn a_request_that_is_not_granted_looks_nothing_up_and_is_recorded() {
    let port = Server::start().await.port;
    let mut stage = stage(&setup(port));
    let table = [
        ("GET", format!("http://evil.test:{port}/")),
        ("GET", format!("http://secret-in-a-label.evil.test:{port}/")),
        ("DELETE", format!("http://ok.test:{port}/")),
        ("POST", format!("http://other.test:{port}/")),
        ("GET", "http://ok.test/".to_owned()),
        ("GET", format!("https://ok.test:{port}/")),
        ("GET", format!("http://ok.test.evil.test:{port}/")),
        (
            "GET",
            "https://engine-secret-0123456789abcdef.secret.invalid/".to_owned(),
        ),
    ];
    for (method, url) in &table {
        let failed = stage.send(request(method, url, &[], "")).await.unwrap_err();
        assert!(matches!(failed, Error::HttpRequestDenied), "{method} {url}");
    }
    for url in [
        format!("http://ok.test:{port}@evil.test/"),
        format!("http://ok.test:{port}/a/%2e%2e/b"),
        format!("http://ok.test:{port}/a%2fb"),
        "http://0x7f.1/".to_owned(),
        "http://2130706433/".to_owned(),
    ] {
        let failed = stage.send(get(&url)).await.unwrap_err();
        assert!(
            matches!(failed, Error::HttpRequestUriInvalid),
            "{url}: {failed}"
        );
    }
    let calls = stage.calls().await;
    assert_eq!(calls.len(), table.len() + 5);
    for call in calls {
        assert_eq!(call.decision, CallDecision::Denied, "{}", call.arguments);
        assert_eq!(call.error.as_deref(), Some("denied.http"));
    }
    assert!(stage.script.asked().is_empty());
}

/// Row C02: this machine under a name that is granted.
#[tokio::test]
async fn a_granted_name_that_leads_inside_needs_leave() {
    let port = Server::start().await.port;
    let mut stage = stage(&setup(port));
    let failed = stage
        .send(get(&format!("http://inside.test:{port}/")))
        .await;
    assert!(matches!(failed, Err(Error::DestinationIpProhibited)));
    let calls = stage.calls().await;
    assert_eq!(calls[0].decision, CallDecision::Denied);
    assert_eq!(calls[0].error.as_deref(), Some("http.refused-address"));
    let words = "`inside.test` leads to 127.0.0.1, which is a loopback address";
    assert_eq!(calls[0].result.as_deref(), Some(words));
}

#[tokio::test]
async fn a_read_is_one_fact_and_an_effect_is_durable_before_it_is_sent() {
    let mut server = Server::start().await;
    let mut stage = stage(&setup(server.port));
    let url = format!("http://ok.test:{}/a?key=1", server.port);
    assert_eq!(stage.send(get(&url)).await.unwrap(), 204);
    assert_eq!(
        stage.send(request("POST", &url, &[], "x")).await.unwrap(),
        204
    );
    stage.calls().await;
    let shown = |method| format!("{method} http://ok.test:{}/a?…", server.port);
    let facts: Vec<(String, Option<String>)> = stage
        .facts()
        .into_iter()
        .map(|fact| match fact {
            Fact::HostCalled(call) => (call.arguments, call.result),
            Fact::EffectBegun { arguments, .. } => (arguments, Some("begun".to_owned())),
            other => panic!("{other:?}"),
        })
        .collect();
    let word = |word: &str| Some(word.to_owned());
    assert_eq!(
        facts,
        [
            (shown("GET"), word("204")),
            (shown("POST"), word("begun")),
            (shown("POST"), word("204")),
        ]
    );
    assert!(!server.got().contains("idempotency-key"));
    let posted = server.got();
    assert!(posted.contains("\r\nuser-agent: engine/"), "{posted}");
    assert!(posted.ends_with("\r\n\r\nx"), "{posted}");
}

#[tokio::test]
async fn with_the_facts_used_up_no_request_leaves() {
    let mut server = Server::start().await;
    let port = server.port;
    let mut setup = setup(port);
    let head: HttpPattern = format!("HEAD http://ok.test:{port}/**").parse().unwrap();
    setup.grant.push(head.with_private(true));
    let mut stage = stage(&setup);
    let url = format!("http://ok.test:{port}/");
    for _ in 1..limits::ATTEMPT_FACTS {
        stage.sink.reserve_call().unwrap();
    }
    // The last one leaves and is recorded, …
    assert_eq!(stage.send(get(&url)).await.unwrap(), 204);
    assert!(server.got().starts_with("GET / "));
    let asked = stage.script.asked().len();
    // … and then nothing does.
    for (method, host) in [
        ("GET", "ok.test"),
        ("HEAD", "ok.test"),
        ("POST", "ok.test"),
        ("GET", "evil.test"),
    ] {
        let url = format!("http://{host}:{port}/");
        let failed = stage.send(request(method, &url, &[], "")).await;
        let told = format!("{method} {host}: {failed:?}");
        assert!(
            matches!(failed, Err(Error::InternalError(Some(_)))),
            "{told}"
        );
    }
    let calls = stage.calls().await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].call, limits::ATTEMPT_FACTS);
    assert_eq!(stage.facts().len(), 1);
    assert_eq!(stage.script.asked().len(), asked);
    assert!(server.requests.try_recv().is_err());
}

#[tokio::test]
async fn every_request_has_its_number_before_it_is_sent() {
    for method in ["GET", "POST"] {
        let (stage, stream, waiting) = hanging(method, Duration::from_mins(1)).await;
        assert_eq!(stage.sink.reserve_call().unwrap(), 2, "{method}");
        drop(stream);
        assert!(waiting.await.unwrap().is_err());
        assert_eq!(stage.calls().await[0].call, 1, "{method}");
    }
}

fn key_of(request: &str) -> String {
    let key = request
        .lines()
        .find_map(|line| line.strip_prefix("idempotency-key: "));
    key.unwrap_or_else(|| panic!("{request}")).to_owned()
}

#[tokio::test]
async fn equal_requests_have_a_key_each_that_every_attempt_repeats() {
    let mut server = Server::start().await;
    let setup = setup(server.port);
    let mut attempts = Vec::new();
    for _ in 0..2 {
        let mut stage = stage(&setup);
        let mut keys = Vec::new();
        let hook = format!("https://{}.secret.invalid/", stage.placeholder("hook"));
        let ok = format!("http://ok.test:{}/a", server.port);
        for url in [&ok, &ok, &hook, &hook] {
            stage.send(request("POST", url, &[], "")).await.unwrap();
            keys.push(key_of(&server.got()));
        }
        attempts.push(keys);
    }
    assert_eq!(attempts[0], attempts[1]);
    let mut distinct = attempts[0].clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 4);
    // The guest's own key stays.
    let url = format!("http://ok.test:{}/a", server.port);
    let own = request("POST", &url, &[("idempotency-key", "mine")], "");
    stage(&setup).send(own).await.unwrap();
    assert_eq!(key_of(&server.got()), "mine");
}

/// Row C16, D07: a stand-in to another host, in a path, in a body.
#[tokio::test]
async fn secrets_are_swapped_in_headers_to_their_hosts_and_nowhere_else() {
    let mut server = Server::start().await;
    let mut stage = stage(&setup(server.port));
    let [token, login] = ["token", "login"].map(|name| stage.placeholder(name));
    let port = server.port;
    let url = |host: &str, path: &str| format!("http://{host}:{port}{path}");
    let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
    let path = format!("/{token}?{token}");
    let table = [
        ("x-token", token.clone(), "ok.test", TOKEN.to_owned()),
        (
            "authorization",
            format!("Bearer {token}"),
            "ok.test",
            format!("Bearer {TOKEN}"),
        ),
        (
            "x-both",
            format!("{token},{token}"),
            "ok.test",
            format!("{TOKEN},{TOKEN}"),
        ),
        (
            "authorization",
            basic(format!("me:{token}")),
            "ok.test",
            basic(format!("me:{TOKEN}")),
        ),
        (
            "authorization",
            basic(login.clone()),
            "ok.test",
            basic(BASIC.to_owned()),
        ),
        (
            "authorization",
            format!("basic {login}"),
            "ok.test",
            basic(BASIC.to_owned()),
        ),
        // To another host the stand-in stays.
        ("x-token", token.clone(), "other.test", token.clone()),
        (
            "authorization",
            basic(login.clone()),
            "other.test",
            basic(login.clone()),
        ),
        // Somebody else's stand-in is nobody's.
        (
            "x-token",
            "engine-secret-00000000".to_owned(),
            "ok.test",
            "engine-secret-00000000".to_owned(),
        ),
        (
            "authorization",
            "Basic !!".to_owned(),
            "ok.test",
            "Basic !!".to_owned(),
        ),
    ];
    for (name, value, host, expected) in table {
        let sent = request("GET", &url(host, &path), &[(name, &value)], &token);
        stage.send(sent).await.unwrap();
        let got = server.got();
        assert!(
            got.contains(&format!("\r\n{name}: {expected}\r\n")),
            "{value}: {got}"
        );
        assert!(got.starts_with(&format!("GET {path} HTTP")), "{got}");
        assert!(got.ends_with(&format!("\r\n\r\n{token}")), "{got}");
    }
}

#[tokio::test]
async fn a_secret_url_is_swapped_whole_and_then_judged_like_any_other() {
    let mut server = Server::start().await;
    let mut setup = setup(server.port);
    let mut granted = stage(&setup);
    let hook = granted.placeholder("hook");
    let post = |url: String| request("POST", &url, &[], "hi");
    let url = format!("https://{hook}.secret.invalid/");
    assert_eq!(granted.send(post(url)).await.unwrap(), 204);
    let got = server.got();
    assert!(
        got.starts_with(&format!("POST {HOOK_PATH} HTTP/1.1\r\n")),
        "{got}"
    );
    assert!(
        got.contains(&format!("\r\nhost: hook.test:{}\r\n", server.port)),
        "{got}"
    );
    let calls = granted.calls().await;
    let shown = format!("POST http://hook.test:{}/… of secret `hook`", server.port);
    assert_eq!(calls[0].arguments, shown);
    // Only the whole stand-in stands for it.
    let token = granted.placeholder("token");
    let mut stage_again = stage(&setup);
    for url in [
        format!("https://{hook}.secret.invalid/more"),
        format!("https://{hook}.secret.invalid/?more"),
        format!("http://{hook}.secret.invalid/"),
        format!("https://a.{hook}.secret.invalid/"),
        format!("https://{token}.secret.invalid/"),
    ] {
        let failed = granted
            .context
            .send(post(url.clone()), None)
            .await
            .map(drop);
        assert!(failed.is_err(), "{url}");
    }
    // Neither does another attempt's, nor one whose URL is not granted.
    let stale = post(format!("https://{hook}.secret.invalid/"));
    assert!(matches!(
        stage_again.send(stale).await,
        Err(Error::HttpRequestDenied)
    ));
    setup.grant.pop();
    let mut without = stage(&setup);
    let hook = without.placeholder("hook");
    let failed = without
        .send(post(format!("https://{hook}.secret.invalid/")))
        .await;
    assert!(matches!(failed, Err(Error::HttpRequestDenied)));
    assert!(server.requests.try_recv().is_err());
}

/// Row D07: requests that fail, and what is recorded of them.
#[tokio::test]
async fn nothing_that_is_recorded_holds_a_secret() {
    let server = Server::start().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = closed.local_addr().unwrap().port();
    drop(closed);
    for port in [server.port, nobody] {
        let mut stage = stage(&setup(port));
        let [token, login, hook] = ["token", "login", "hook"].map(|name| stage.placeholder(name));
        let headers = [("x-token", token.as_str()), ("x-login", login.as_str())];
        for (method, url) in [
            ("GET", format!("http://ok.test:{port}/a?b")),
            ("POST", format!("http://ok.test:{port}/a?b")),
            ("POST", format!("https://{hook}.secret.invalid/")),
            ("PUT", format!("https://{hook}.secret.invalid/")),
            ("GET", format!("http://inside.test:{port}/")),
            ("GET", format!("http://evil.test/{token}")),
        ] {
            let outcome = stage.send(request(method, &url, &headers, "")).await;
            let told = format!("{outcome:?}");
            assert!(!told.contains("canary"), "{told}");
        }
        stage.calls().await;
        let said = serde_json::to_string(&stage.facts()).unwrap();
        assert!(!said.contains("canary"), "{said}");
        assert!(!said.contains("0123456789abcdef0123"), "{said}");
    }
}

/// A server that never answers, and a request to it that has arrived.
async fn hanging(method: &str, deadline: Duration) -> (Stage, TcpStream, Waiting) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut stage = stage(&Setup {
        deadline,
        ..setup(port)
    });
    let url = format!("http://ok.test:{port}/");
    let sending = stage.context.send(request(method, &url, &[], ""), None);
    let waiting = tokio::spawn(sending);
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = [0; 5];
    stream.read_exact(&mut head).await.unwrap();
    (stage, stream, waiting)
}

type Waiting = tokio::task::JoinHandle<Result<Response<WasiBody>, Error>>;

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    // An abrupt end is an end as well.
    let _ = stream.read_to_end(&mut rest).await;
    true
}

#[tokio::test]
async fn a_request_that_its_guest_forgets_ends_and_is_recorded() {
    for method in ["GET", "POST"] {
        let (stage, mut stream, waiting) = hanging(method, Duration::from_mins(1)).await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        assert!(is_closed(&mut stream).await);
        let calls = stage.calls().await;
        assert_eq!(calls.len(), 1);
        assert_eq!(calls[0].error.as_deref(), Some("http.abandoned"));
    }
}

/// Row A28: the guest dies while a request is under way.
#[tokio::test]
async fn the_end_of_an_attempt_ends_and_records_its_requests() {
    let (stage, mut stream, waiting) = hanging("POST", Duration::from_mins(1)).await;
    let calls = stage.calls().await;
    assert_eq!(calls[0].error.as_deref(), Some("http.abandoned"));
    assert!(is_closed(&mut stream).await);
    assert!(waiting.await.unwrap().is_err());
}

/// Row A16: a server that never answers.
#[tokio::test]
async fn cancellation_and_the_deadline_end_a_request() {
    let (stage, mut stream, waiting) = hanging("GET", Duration::from_mins(1)).await;
    stage.cancel.cancel();
    assert!(matches!(
        waiting.await.unwrap(),
        Err(Error::InternalError(_))
    ));
    assert!(is_closed(&mut stream).await);
    assert_eq!(
        stage.calls().await[0].error.as_deref(),
        Some("http.cancelled")
    );

    let (stage, mut stream, waiting) = hanging("GET", Duration::from_millis(200)).await;
    assert!(waiting.await.unwrap().is_err());
    assert!(is_closed(&mut stream).await);
    assert_eq!(
        stage.calls().await[0].error.as_deref(),
        Some("http.deadline")
    );
}

#[tokio::test]
async fn a_guest_may_wait_shorter_than_the_engine() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut stage = stage(&setup(port));
    let options = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(50)),
        ..RequestOptions::default()
    };
    let sending = stage
        .context
        .send(get(&format!("http://ok.test:{port}/")), Some(options));
    assert!(matches!(sending.await, Err(Error::HttpResponseTimeout)));
    assert_eq!(
        stage.calls().await[0].error.as_deref(),
        Some("http.timeout")
    );
}

#[tokio::test]
async fn a_burst_waits_for_its_turn() {
    let server = Server::start().await;
    let mut stage = stage(&setup(server.port));
    let url = format!("http://ok.test:{}/", server.port);
    let sending: Vec<_> = (0..100)
        .map(|_| stage.context.send(get(&url), None))
        .collect();
    for sending in sending {
        assert_eq!(sending.await.unwrap().status(), 204);
    }
    assert_eq!(stage.calls().await.len(), 100);
}

/// Row C18: more requests at once than may be under way.
#[tokio::test]
async fn no_more_requests_are_under_way_than_there_may_be() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let most = limits::HTTP_CONCURRENT;
    // Nobody is answered before as many wait as may be under way.
    let together = Arc::new(tokio::sync::Barrier::new(most));
    let under_way = Arc::new(Mutex::new((0, 0)));
    let counted = Arc::clone(&under_way);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (together, counted) = (Arc::clone(&together), Arc::clone(&counted));
            tokio::spawn(async move {
                let mut head = [0; 5];
                while stream.read_exact(&mut head).await.is_ok() {
                    let mut rest = Vec::new();
                    while !rest.ends_with(b"\r\n\r\n") {
                        rest.push(stream.read_u8().await.unwrap());
                    }
                    {
                        let mut counted = counted.lock().unwrap();
                        counted.0 += 1;
                        counted.1 = counted.1.max(counted.0);
                    }
                    together.wait().await;
                    counted.lock().unwrap().0 -= 1;
                    let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
                    stream.write_all(answer).await.unwrap();
                }
            });
        }
    });
    let mut stage = stage(&setup(port));
    let url = format!("http://ok.test:{port}/");
    let sending: Vec<_> = (0..4 * most)
        .map(|_| stage.context.send(get(&url), None))
        .collect();
    for sending in sending {
        assert_eq!(sending.await.unwrap().status(), 204);
    }
    assert_eq!(under_way.lock().unwrap().1, most);
}
