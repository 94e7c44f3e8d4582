//! Network: real guests that ask for what is not theirs, and real servers that
//! count who came.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::this_machine::TO_THIS_MACHINE;
use crate::servers::echo::Echo;
use crate::workbench::Workbench;

/// Has a guest ask; what came of each request, and the calls that were refused.
fn ask(grants: &[String], asked: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let bench = Workbench::new();
    bench.guest("greedy");
    let mut pipeline = "version: 1\nname: p\nstages:\n  s:\n    uses: ./greedy.wasm\n".to_owned();
    // Escaped: a pipeline must not hold what nobody sees.
    let with = json!({ "do": "ask", "with": asked }).to_string();
    let with: String = with.chars().map(escaped).collect();
    write!(
        pipeline,
        "    with: {with}\n    capabilities: {{ http: [{}] }}\n",
        grants.join(", ")
    )
    .expect("a text takes all");
    let (ended, events) = bench.run(&pipeline);
    let committed = events
        .iter()
        .find(|event| event["event"] == "stage-committed");
    let committed = committed.unwrap_or_else(|| panic!("{}{}", ended.stdout, ended.stderr));
    let seen = committed["outputs"]["seen"]
        .as_array()
        .expect("a list")
        .clone();
    let denied = events
        .into_iter()
        .filter(|event| event["decision"] == "denied");
    (seen, denied.collect())
}

/// A character of a text in JSON, in ASCII.
fn escaped(c: char) -> String {
    if c.is_ascii() {
        return c.to_string();
    }
    let units = c.encode_utf16(&mut [0; 2]).to_vec();
    units
        .iter()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect::<Vec<_>>()
        .concat()
}

/// Row C01, C02, C05, C06, C09, C17: a guest writes this machine in every way, without
/// leave or with leave for its name alone.
#[test]
fn no_guest_reaches_this_machine_without_leave() {
    let canary = Echo::start(|_| ("200 OK", b"reached".to_vec()));
    let port = canary.port();
    let asked: Vec<Value> = TO_THIS_MACHINE
        .iter()
        .map(|host| json!({ "authority": format!("{host}:{port}") }))
        .collect();
    assert!(asked.len() >= 60);
    // The second name leads to this machine by the machine's own table of hosts.
    let granted: Vec<String> = ["ok.test", "ip6-localhost"]
        .map(|host| format!("'GET http://{host}:{port}/**'"))
        .into();
    for grants in [&granted[..1], &granted] {
        let (seen, denied) = ask(grants, &asked);
        assert_eq!(seen.len(), asked.len());
        for (host, seen) in TO_THIS_MACHINE.iter().zip(&seen) {
            assert!(seen["status"].is_null(), "{host}: {seen}");
        }
        assert!(denied.len() > 20, "{denied:?}");
    }
    assert_eq!(canary.connections(), 0, "something reached this machine");
    // It is there to be reached.
    let leave = [format!(
        "{{ allow: 'GET http://127.0.0.1:{port}/**', private: true }}"
    )];
    let (seen, _) = ask(
        &leave,
        &[json!({ "authority": format!("127.0.0.1:{port}") })],
    );
    assert_eq!(seen[0]["body"], "reached");
}

/// Row C08: an answer that leads to where nothing is granted.
#[test]
fn a_guest_is_not_led_on_by_an_answer() {
    let canary = Echo::start(|_| ("200 OK", b"reached".to_vec()));
    let locations: [&'static str; 4] = ["127.0.0.1", "localhost", "169.254.169.254", "evil.test"];
    for host in locations {
        let head = format!("302 Found\r\nlocation: http://{host}:{}/", canary.port());
        let head: &'static str = head.leak();
        let server = Echo::start(move |_| (head, Vec::new()));
        let authority = format!("127.0.0.1:{}", server.port());
        let leave = [format!(
            "{{ allow: 'GET http://{authority}/**', private: true }}"
        )];
        let (seen, _) = ask(&leave, &[json!({ "authority": authority })]);
        assert_eq!(
            (&seen[0]["status"], server.connections()),
            (&json!(302), 1),
            "{seen:?}"
        );
    }
    assert_eq!(canary.connections(), 0);
}

/// Row C11: requests within requests, in every part that a guest writes.
#[test]
fn no_guest_smuggles_a_request_into_its_own() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    let server = Echo::start(move |request| {
        kept.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(request.to_owned());
        ("200 OK", Vec::new())
    });
    let authority = format!("127.0.0.1:{}", server.port());
    let asked = smuggled(&authority);
    let leave = [format!(
        "{{ allow: 'GET,POST http://{authority}/**', private: true }}"
    )];
    let (seen, _) = ask(&leave, &asked);
    assert_eq!(seen.len(), asked.len());
    let received = received.lock().unwrap_or_else(PoisonError::into_inner);
    let answered = seen.iter().filter(|seen| seen["status"] == 200).count();
    assert_eq!(received.len(), answered, "{received:?}");
    assert!(answered < asked.len() / 2, "{seen:?}");
    for request in received.iter() {
        check_whole(request, &authority);
    }
}

/// Requests of which each hides another, or a header of the connection's.
fn smuggled(authority: &str) -> Vec<Value> {
    let with = |part: &str, value: Value| {
        let mut asked =
            json!({ "authority": authority, "path": "/own", "method": "POST", "body": "body" });
        asked[part] = value;
        asked
    };
    let second = "GET /evil HTTP/1.1\r\nhost: evil.test\r\n\r\n";
    let mut asked = Vec::new();
    for value in [
        "a\r\nx-evil: 1",
        "a\nx-evil: 1",
        "a\rx-evil: 1",
        "a\0b",
        &format!("a\r\n\r\n{second}"),
    ] {
        asked.push(with("headers", json!([["x-own", value]])));
        asked.push(with("headers", json!([[format!("x-own: {value}"), "1"]])));
        asked.push(with("path", json!(format!("/own{value}"))));
        asked.push(with("method", json!(format!("POST{value}"))));
        asked.push(with("authority", json!(format!("{authority}{value}"))));
    }
    for path in [
        "/own HTTP/1.1\r\nx-evil: 1\r\n\r\n",
        "http://evil.test/evil",
        "//evil.test/evil",
        "*",
        "/own#\r\n",
        "/own x-evil HTTP/1.1",
    ] {
        asked.push(with("path", json!(path)));
    }
    for (name, value) in [
        ("host", "evil.test"),
        ("transfer-encoding", "chunked"),
        ("transfer-encoding", "identity, chunked"),
        ("connection", "close, x-own"),
        ("upgrade", "websocket"),
        ("te", "trailers"),
        ("trailer", "x-evil"),
        ("keep-alive", "timeout=9"),
        ("proxy-authorization", "Basic eDp4"),
        ("proxy-connection", "keep-alive"),
        ("expect", "100-continue"),
        ("content-length", "0"),
        ("content-length", "3"),
        ("content-length", "4, 4"),
        ("content-length", "+4"),
        ("content-length", "40"),
    ] {
        asked.push(with("headers", json!([[name, value]])));
    }
    asked.push(with(
        "headers",
        json!([["content-length", "4"], ["content-length", "40"]]),
    ));
    asked
}

/// One request, as it was granted, and nothing behind it.
fn check_whole(request: &str, authority: &str) {
    let (head, body) = request.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.split("\r\n");
    assert!(
        lines
            .next()
            .is_some_and(|line| line.starts_with("POST /") && line.ends_with(" HTTP/1.1")),
        "{request:?}"
    );
    let lines: Vec<String> = lines.map(str::to_ascii_lowercase).collect();
    let count = |name: &str| lines.iter().filter(|line| line.starts_with(name)).count();
    assert!(lines.contains(&format!("host: {authority}")), "{request:?}");
    assert_eq!(
        (
            count("host:"),
            count("content-length:") + count("transfer-encoding:")
        ),
        (1, 1),
        "{request:?}"
    );
    for name in [
        "x-evil",
        "connection:",
        "upgrade:",
        "te:",
        "trailer:",
        "keep-alive:",
        "proxy-",
        "expect:",
    ] {
        assert_eq!(count(name), 0, "{name} {request:?}");
    }
    assert!(
        ["", "bod", "body", "4\r\nbody\r\n0\r\n\r\n"].contains(&body),
        "{request:?}"
    );
}
