//! Git server: git's smart protocol over HTTP on loopback, with a check of the
//! `authorization` header, faults on demand and a log of what was asked.
//!
//! The protocol itself is `git http-backend`'s. Nothing but the standard library
//! is used, so that any test crate can take this file in.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What goes wrong at the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Every request is answered with this status and nothing else.
    Status(u16),
    /// Every request is sent on to this URL, with the path that was asked for.
    Redirect(String),
    /// Requests are taken and never answered.
    Silence,
    /// Of each answer to a POST only so many bytes are sent, then the connection
    /// ends.
    Truncate(usize),
    /// Of each answer to a POST only so many bytes are sent, then nothing more
    /// comes while the connection stays open.
    Stall(usize),
    /// Every answer is a web page.
    WebPage,
    /// Of each answer to a POST this byte, counted from its beginning, is another.
    Damage(usize),
    /// In each answer to a POST the first text is written as the second, which is
    /// as long.
    Lie(String, String),
}

/// A request that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The header `authorization`.
    pub authorization: Option<String>,
    /// Bytes of the answer's body.
    pub bytes: usize,
}

/// A server of all repositories below one folder. Ends when dropped.
pub struct GitServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

struct Shared {
    root: PathBuf,
    authorization: Mutex<Option<String>>,
    fault: Mutex<Option<Fault>>,
    log: Mutex<Vec<Served>>,
    /// Requests that are being answered, so that a look at the log waits for them.
    busy: Mutex<usize>,
    idle: Condvar,
    stop: AtomicBool,
}

impl GitServer {
    /// Serves the repositories below `root` to everyone.
    pub fn start(root: &Path) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            root: root.to_owned(),
            authorization: Mutex::new(None),
            fault: Mutex::new(None),
            log: Mutex::new(Vec::new()),
            busy: Mutex::new(0),
            idle: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let acceptor = {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || accept(&listener, &shared))
        };
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// From now on only requests with this `authorization` header are answered.
    pub fn require(&self, authorization: &str) {
        *self.shared.authorization.lock().expect("not poisoned") = Some(authorization.to_owned());
    }

    /// From now on this goes wrong; none puts it right.
    pub fn fail(&self, fault: Option<Fault>) {
        *self.shared.fault.lock().expect("not poisoned") = fault;
    }

    /// The URL of a repository.
    pub fn url(&self, repository: &str) -> String {
        format!("http://{}/{repository}", self.address)
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What was served since the last look. Waits for answers that are under
    /// way, but not for ever: some faults keep them so.
    pub fn take_log(&self) -> Vec<Served> {
        let busy = self.shared.busy.lock().expect("not poisoned");
        let most = Duration::from_secs(5);
        let _ = self
            .shared
            .idle
            .wait_timeout_while(busy, most, |busy| *busy > 0);
        std::mem::take(&mut *self.shared.log.lock().expect("not poisoned"))
    }
}

impl Drop for GitServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        // Wakes the acceptor up. Connections that hang end with the test.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        *shared.busy.lock().expect("not poisoned") += 1;
        std::thread::spawn(move || {
            // A client that goes away is the client's business.
            let _ = serve(&stream, &shared);
            *shared.busy.lock().expect("not poisoned") -= 1;
            shared.idle.notify_all();
        });
    }
}

struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    let Some(request) = read_request(&mut reader)? else {
        return Ok(());
    };
    let authorization = request.headers.get("authorization").cloned();
    let expected = shared.authorization.lock().expect("not poisoned").clone();
    let fault = shared.fault.lock().expect("not poisoned").clone();
    let refused = expected.is_some() && expected != authorization;
    let bytes = respond(stream, &mut reader, shared, &request, fault, refused);
    // A client may hang up once it has what it wants, which is no reason to
    // leave its request out of the log.
    shared.log.lock().expect("not poisoned").push(Served {
        method: request.method,
        path: request.path,
        authorization,
        bytes: *bytes.as_ref().unwrap_or(&0),
    });
    bytes.map(|_| ())
}

/// Answers as the fault wants it; the bytes of the answer's body.
fn respond(
    stream: &TcpStream,
    reader: &mut impl Read,
    shared: &Shared,
    request: &Request,
    fault: Option<Fault>,
    refused: bool,
) -> io::Result<usize> {
    let posts = request.method == "POST";
    match fault {
        Some(Fault::Status(status)) => answer(stream, status, &[], b""),
        Some(Fault::Redirect(to)) => {
            let location = format!("location: {to}{}", request.path);
            answer(stream, 302, &[&location], b"")
        }
        Some(Fault::Silence) => wait(reader),
        Some(Fault::WebPage) => answer(stream, 200, &["content-type: text/html"], b"<h1>hi</h1>"),
        _ if refused => answer(stream, 401, &["www-authenticate: Basic realm=\"git\""], b""),
        Some(Fault::Truncate(most)) if posts => backend(stream, shared, request, most, &|_| {}),
        Some(Fault::Stall(most)) if posts => {
            backend(stream, shared, request, most, &|_| {})?;
            wait(reader)
        }
        Some(Fault::Damage(place)) if posts => {
            let damage = |answer: &mut Vec<u8>| {
                if let Some(byte) = answer.get_mut(place) {
                    *byte ^= 0x55;
                }
            };
            backend(stream, shared, request, usize::MAX, &damage)
        }
        Some(Fault::Lie(truth, lie)) if posts => {
            let write = |answer: &mut Vec<u8>| replace(answer, truth.as_bytes(), lie.as_bytes());
            backend(stream, shared, request, usize::MAX, &write)
        }
        _ => backend(stream, shared, request, usize::MAX, &|_| {}),
    }
}

/// Writes a text as another of the same length, wherever it stands.
fn replace(answer: &mut [u8], truth: &[u8], lie: &[u8]) {
    assert_eq!(truth.len(), lie.len(), "the frames around tell lengths");
    let mut at = 0;
    while at + truth.len() <= answer.len() {
        if answer[at..].starts_with(truth) {
            answer[at..at + lie.len()].copy_from_slice(lie);
        }
        at += 1;
    }
}

/// Waits until the client goes away.
fn wait(reader: &mut impl Read) -> io::Result<usize> {
    let mut rest = [0; 1024];
    while reader.read(&mut rest)? > 0 {}
    Ok(0)
}

fn read_request(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next(), words.next()) else {
        return Ok(None);
    };
    let (method, path) = (method.to_owned(), path.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            None => break,
        }
    }
    let mut body = Vec::new();
    if let Some(length) = headers.get("content-length") {
        let length: u64 = length.parse().map_err(io::Error::other)?;
        reader.take(length).read_to_end(&mut body)?;
    } else if headers
        .get("transfer-encoding")
        .is_some_and(|how| how == "chunked")
    {
        read_chunks(reader, &mut body)?;
    }
    Ok(Some(Request {
        method,
        path,
        headers,
        body,
    }))
}

fn read_chunks(reader: &mut impl BufRead, body: &mut Vec<u8>) -> io::Result<()> {
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        reader.take(length).read_to_end(body)?;
        reader.read_line(&mut line)?;
        if length == 0 {
            return Ok(());
        }
    }
}

fn answer(mut stream: &TcpStream, status: u16, headers: &[&str], body: &[u8]) -> io::Result<usize> {
    let mut head = format!(
        "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n",
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    Ok(body.len())
}

/// Runs `git http-backend` for a request and passes its answer on, at most
/// `most` bytes of its body, after `change` had its way with it.
fn backend(
    mut stream: &TcpStream,
    shared: &Shared,
    request: &Request,
    most: usize,
    change: &dyn Fn(&mut Vec<u8>),
) -> io::Result<usize> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let header = |name: &str| request.headers.get(name).cloned().unwrap_or_default();
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", &shared.root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("HOME", "/nonexistent")
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("REQUEST_METHOD", &request.method)
        .env("CONTENT_TYPE", header("content-type"))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut input = child.stdin.take().expect("was asked for");
    let body = request.body.clone();
    let writer = std::thread::spawn(move || {
        let _ = input.write_all(&body);
    });
    let mut output = BufReader::new(child.stdout.take().expect("was asked for"));
    let mut status = "200 OK".to_owned();
    let mut headers = String::new();
    loop {
        let mut line = String::new();
        if output.read_line(&mut line)? == 0 {
            break;
        }
        match line.trim_end().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("status") => {
                value.trim().clone_into(&mut status);
            }
            Some(_) => headers.push_str(&line),
            None => break,
        }
    }
    // Without a length the end of the connection ends the answer; with a fault it
    // must be told from a whole one, so pieces are announced.
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    output.read_to_end(&mut answer)?;
    change(&mut answer);
    let sent = pass_on(stream, &mut &answer[..], most)?;
    let _ = child.kill();
    let _ = child.wait();
    let _ = writer.join();
    Ok(sent)
}

/// Sends on in pieces what is read, at most `most` bytes; says the end only when
/// all of it was sent.
fn pass_on(mut stream: &TcpStream, output: &mut impl Read, most: usize) -> io::Result<usize> {
    let mut sent = 0;
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let bytes = output.read(&mut buffer)?;
        if bytes == 0 {
            stream.write_all(b"0\r\n\r\n")?;
            return Ok(sent);
        }
        let bytes = bytes.min(most - sent);
        if bytes > 0 {
            write!(stream, "{bytes:x}\r\n")?;
            stream.write_all(&buffer[..bytes])?;
            stream.write_all(b"\r\n")?;
        }
        sent += bytes;
        if sent == most {
            return Ok(sent);
        }
    }
}
