//! Web hook: a receiver that answers what its script says, and keeps what it got.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// A receiver. Its thread ends with the tests.
pub(crate) struct WebHook {
    port: u16,
    received: Arc<Mutex<Vec<String>>>,
}

impl WebHook {
    /// Answers the first request with the first head, and so on; the last repeats.
    /// A head is such as `429 Too Many Requests\r\nretry-after: 0`.
    pub(crate) fn answering(heads: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback is there");
        let port = listener.local_addr().expect("it listens").port();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, heads, &kept);
            }
        });
        Self { port, received }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Everything that came, head and body of each request.
    pub(crate) fn received(&self) -> Vec<String> {
        self.received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn answer(stream: TcpStream, heads: &[&str], kept: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        let ends = line == "\r\n";
        request.push_str(&line);
        if ends {
            break;
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    request.push_str(&String::from_utf8_lossy(&body));
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let head = heads[kept.len().min(heads.len() - 1)];
    kept.push(request);
    drop(kept);
    let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = reader.into_inner().write_all(answer.as_bytes());
}
