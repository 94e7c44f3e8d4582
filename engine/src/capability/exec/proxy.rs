//! Proxy: what answers a tool that was granted a list of hosts.
//!
//! ```text
//! tool ──CONNECT host:port──▶ a port of its own loopback, held by the engine
//!                                  │ granted? by name, before it is looked up
//!                                  ▼
//!                               egress ──▶ host        addresses judged as for all
//! ```
//!
//! The tool has no other way out: its network holds nothing but that port. What
//! is said after `CONNECT` is between the tool and the host. Everything that is
//! read before is of the tool, which nobody trusts.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Host;

use super::INTERFACE;
use crate::egress::{Leave, Resolver, dial, pipe};
use crate::model::{CallDecision, Level, LogStream, limits};
use crate::policy::ToolHost;
use crate::store::{AttemptSink, CallEnd};

/// What a tool may connect to, and who looks it up.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// The tool, for the record.
    pub(super) tool: String,
    pub(super) hosts: Vec<ToolHost>,
    pub(super) resolver: Resolver,
    /// Leave for private addresses, which no pipeline has.
    pub(super) leave: Leave,
}

/// Answers until it is dropped; then every connection ends.
pub(super) async fn serve(port: OwnedFd, reach: Reach, sink: AttemptSink) {
    let Ok(listener) = listen(port) else { return };
    let reach = Arc::new(reach);
    let room = Arc::new(Semaphore::new(limits::PROXY_CONNECTIONS));
    let mut open = JoinSet::new();
    loop {
        // Whoever has no room waits, in the queue of the port.
        let Ok(permit) = room.clone().acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, for one: those that are open will give some back.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        while open.try_join_next().is_some() {}
        let (reach, sink) = (Arc::clone(&reach), sink.clone());
        open.spawn(async move {
            // An error ends the connection: there is nobody else to tell.
            let _ = answer(stream, &reach, &sink).await;
            drop(permit);
        });
    }
}

fn listen(port: OwnedFd) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::from(port);
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

async fn answer(mut stream: TcpStream, reach: &Reach, sink: &AttemptSink) -> io::Result<()> {
    let since = Instant::now();
    let head = tokio::time::timeout(limits::PROXY_HEAD, read_head(&mut stream)).await??;
    let (host, port) = match target(&head) {
        Ok(target) => target,
        Err(reason) => return refuse(&mut stream, "400 Bad Request", reason).await,
    };
    let place = format!("{host}:{port}");
    // What cannot be recorded is not done: such an attempt ends with `limit.calls`.
    let call = sink.reserve_call().map_err(io::Error::other)?;
    if !reach
        .hosts
        .iter()
        .any(|granted| granted.matches(&host, port))
    {
        record(sink, reach, &place, (call, since), Some("denied.exec")).await;
        let reason = format!("{place} is not among the hosts that this tool was granted");
        tell(sink, reach, &reason).await;
        return refuse(&mut stream, "403 Forbidden", &reason).await;
    }
    let dialled = dial(&reach.resolver, &host.to_string(), port, reach.leave).await;
    let error = dialled.as_ref().err().map(crate::egress::Error::code);
    record(sink, reach, &place, (call, since), error).await;
    match dialled {
        Ok(outside) => {
            stream
                .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
                .await?;
            let (from, to) = stream.into_split();
            pipe(outside, from, to).await
        }
        Err(error) => {
            let reason = error.to_string();
            tell(sink, reach, &reason).await;
            refuse(&mut stream, "502 Bad Gateway", &reason).await
        }
    }
}

/// Most tools only say that there was no way: the log says why.
async fn tell(sink: &AttemptSink, reach: &Reach, reason: &str) {
    let text = format!("`{}` was not connected: {reason}", reach.tool);
    // A closed sink ends the attempt, and the tool with it.
    let _ = sink.log(LogStream::Engine, Level::Warn, &text).await;
}

/// Reads up to the empty line, byte by byte in effect: what follows is not ours.
async fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(512);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= limits::PROXY_HEAD_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// Where the tool wants to go.
fn target(head: &[u8]) -> Result<(Host<String>, u16), &'static str> {
    const HOW: &str = "only CONNECT to a host and a port is answered here";
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or(head);
    let line = std::str::from_utf8(line).map_err(|_| HOW)?;
    let mut words = line.split(' ');
    let (Some("CONNECT"), Some(place), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(HOW);
    };
    let (host, port) = place.rsplit_once(':').ok_or(HOW)?;
    let port: u16 = port.parse().map_err(|_| HOW)?;
    // The same reading of numbers, capitals and brackets as everywhere.
    let host = Host::parse(host.strip_suffix('.').unwrap_or(host)).map_err(|_| HOW)?;
    Ok((host, port))
}

async fn refuse(stream: &mut TcpStream, status: &str, reason: &str) -> io::Result<()> {
    let length = reason.len() + 1;
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{reason}\n"
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

async fn record(
    sink: &AttemptSink,
    reach: &Reach,
    place: &str,
    (call, since): (u64, Instant),
    error: Option<&str>,
) {
    let decision = match error {
        Some("denied.exec" | "http.refused-address") => CallDecision::Denied,
        _ => CallDecision::Allowed,
    };
    // A closed sink ends the attempt, and the tool with it.
    let _ = sink
        .called(CallEnd {
            interface: INTERFACE,
            function: "connect",
            arguments: format!("{} to {place}", reach.tool),
            decision,
            error: error.map(str::to_owned),
            result: error.is_none().then(|| "connected".to_owned()),
            duration: since.elapsed(),
            effect: Some(call),
        })
        .await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::mpsc;

    use super::{Reach, serve, target};
    use crate::egress::{Leave, Resolver, ScriptedResolver};
    use crate::model::{StageId, SystemClock};
    use crate::store::{AttemptSink, Redactor};

    #[tokio::test]
    async fn a_granted_host_is_connected_and_heard() {
        let host = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = host.local_addr().expect("it has one").port();
        let heard = std::thread::spawn(move || {
            let (mut stream, _) = host.accept().expect("somebody connects");
            let mut said = [0; 4];
            stream.read_exact(&mut said).expect("it says four bytes");
            stream.write_all(b"pong").expect("it listens");
            said
        });
        let names = ScriptedResolver::new().answer("granted.test", &["127.0.0.1"]);
        let reach = Reach {
            tool: "sh".to_owned(),
            hosts: vec![format!("granted.test:{port}").parse().expect("a host")],
            resolver: Resolver::Scripted(Arc::new(names)),
            leave: Leave { private: true },
        };
        let own = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let proxy = own.local_addr().expect("it has one");
        let (sender, mut messages) = mpsc::channel(16);
        let sink = AttemptSink::new(
            StageId::new("build").expect("a name"),
            1,
            Arc::new(SystemClock::default()),
            Arc::new(Redactor::default()),
            sender,
            None,
            u64::MAX,
        );
        let serving = tokio::spawn(serve(own.into(), reach, sink));
        let mut stream = TcpStream::connect(proxy).await.expect("it is answered");
        let ask = format!("CONNECT granted.test:{port} HTTP/1.1\r\n\r\nping");
        stream.write_all(ask.as_bytes()).await.expect("it listens");
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .await
            .expect("it answers");
        assert_eq!(answer, "HTTP/1.1 200 Connection established\r\n\r\npong");
        assert_eq!(&heard.join().expect("it does not panic"), b"ping");
        assert!(messages.recv().await.is_some(), "it is on record");
        serving.abort();
    }

    #[test]
    fn only_a_connect_to_a_host_and_a_port_is_understood() {
        for (line, expected) in [
            ("CONNECT a.test:443 HTTP/1.1", Some(("a.test", 443))),
            ("CONNECT A.TEST.:443 HTTP/1.0", Some(("a.test", 443))),
            ("CONNECT [::1]:80 HTTP/1.1", Some(("[::1]", 80))),
            ("CONNECT 2130706433:80 HTTP/1.1", Some(("127.0.0.1", 80))),
            ("CONNECT 0x7f.1:80 HTTP/1.1", Some(("127.0.0.1", 80))),
            ("CONNECT user@a.test:443 HTTP/1.1", None),
            ("CONNECT a.test HTTP/1.1", None),
            ("CONNECT a.test:x HTTP/1.1", None),
            ("CONNECT a.test%00.b.test:443 HTTP/1.1", None),
            ("CONNECT a.test:443 HTTP/1.1 x", None),
            ("CONNECT  a.test:443 HTTP/1.1", None),
            ("GET http://a.test/ HTTP/1.1", None),
            ("", None),
        ] {
            let found = target(format!("{line}\r\nHost: other.test\r\n\r\n").as_bytes()).ok();
            let found = found.map(|(host, port)| (host.to_string(), port));
            let expected = expected.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(found, expected, "{line}");
        }
    }
}
