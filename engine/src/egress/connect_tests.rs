//! Connect: no way of writing this machine's address reaches it without leave.

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::egress::{
    Body, Client, ClientOptions, Error, Leave, Resolver, ScriptedResolver, dial, pipe,
};

/// Guests of the whole engine try the same.
#[path = "../../../tests/src/hostile/this_machine.rs"]
mod this_machine;
use this_machine::TO_THIS_MACHINE;

const PRIVATE: Leave = Leave { private: true };
const PUBLIC: Leave = Leave { private: false };

fn resolver() -> Arc<ScriptedResolver> {
    let mut script = ScriptedResolver::new()
        .answer("mixed.test", &["1.1.1.1", "127.0.0.1"])
        .answer("mapped.test", &["::ffff:7f00:1"]);
    for name in [
        "localhost",
        "localhost.localdomain",
        "ip6-localhost",
        "a.localhost",
        "inside.test",
    ] {
        script = script.answer(name, &["127.0.0.1"]);
    }
    Arc::new(script)
}

fn client(resolver: &Arc<ScriptedResolver>) -> Client {
    Client::new(ClientOptions {
        resolver: Resolver::Scripted(Arc::clone(resolver)),
        ..ClientOptions::default()
    })
}

async fn get(client: &Client, url: &str, leave: Leave) -> Result<(), Error> {
    let request = http::Request::get(url)
        .body(Body::empty())
        .map_err(|_| Error::Url { reason: "no uri" })?;
    client.send(request, leave).await.map(drop)
}

/// Row C02, C05, C06, C07, C09: this machine in every notation, and names that lead to it.
#[tokio::test]
async fn no_form_of_a_host_reaches_this_machine_without_leave() {
    assert!(TO_THIS_MACHINE.len() >= 60);
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let client = client(&resolver());
    for host in TO_THIS_MACHINE {
        for url in [
            format!("http://{host}:{port}/"),
            format!("https://{host}:{port}/"),
        ] {
            let failed = get(&client, &url, PUBLIC).await;
            let code = failed.map_err(|error| error.code());
            assert!(
                matches!(code, Err("http.refused-address" | "http.url")),
                "{url}: {code:?}"
            );
        }
        let failed = dial(client.resolver(), host, port, PUBLIC).await;
        let code = failed.map(drop).map_err(|error| error.code());
        assert!(
            matches!(code, Err("http.refused-address" | "http.url")),
            "{host}: {code:?}"
        );
    }
    let nobody = std::future::poll_fn(|context| {
        std::task::Poll::Ready(canary.poll_accept(context).is_pending())
    });
    assert!(nobody.await, "something reached the canary");
}

/// Row C03: metadata addresses, whatever is granted.
#[tokio::test]
async fn metadata_and_link_local_addresses_stay_closed_with_leave() {
    let resolver = ScriptedResolver::new().answer("meta.test", &["100.100.100.200"]);
    let client = client(&Arc::new(resolver));
    for host in [
        "169.254.169.254",
        "2852039166",
        "0xa9fea9fe",
        "[::ffff:169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[64:ff9b::a9fe:a9fe]",
        "100.100.100.200",
        "meta.test",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
    ] {
        let failed = get(&client, &format!("http://{host}/"), PRIVATE).await;
        let code = failed.map_err(|error| error.code());
        assert_eq!(code, Err("http.refused-address"), "{host}");
    }
}

/// Row C07: a second answer to the same question.
#[tokio::test]
async fn a_name_is_looked_up_once_and_its_judged_address_is_dialled() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    // The second answer of a name that rebinds is never asked for.
    let script = ScriptedResolver::new()
        .answer("rebind.test", &["127.0.0.1"])
        .answer("rebind.test", &["169.254.169.254"]);
    let script = Arc::new(script);
    let resolver = Resolver::Scripted(Arc::clone(&script));
    let stream = dial(&resolver, "rebind.test", port, PRIVATE).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), canary.local_addr().unwrap());
    assert_eq!(script.asked(), ["rebind.test"]);
    let failed = dial(&resolver, "rebind.test", port, PRIVATE).await;
    assert_eq!(failed.unwrap_err().code(), "http.refused-address");
}

#[tokio::test]
async fn a_dead_address_does_not_hide_a_live_one() {
    let server = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let script = ScriptedResolver::new().answer("two.test", &["127.0.0.3", "127.0.0.2"]);
    let resolver = Resolver::Scripted(Arc::new(script));
    let stream = dial(&resolver, "two.test", port, PRIVATE).await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), server.local_addr().unwrap());
}

#[tokio::test]
async fn names_without_an_answer_say_so() {
    let script = ScriptedResolver::new().answer("empty.test", &[]);
    let resolver = Resolver::Scripted(Arc::new(script));
    for host in ["empty.test", "unknown.test"] {
        let failed = dial(&resolver, host, 22, PUBLIC).await.unwrap_err();
        assert_eq!(failed.code(), "http.dns", "{host}");
    }
    for host in ["-oProxyCommand=x", "a b", "", "a/b", "user@ok.test"] {
        let failed = dial(&resolver, host, 22, PUBLIC).await.unwrap_err();
        assert_eq!(failed.code(), "http.url", "{host}");
    }
}

#[tokio::test]
async fn the_system_resolver_knows_this_machine() {
    let canary = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = canary.local_addr().unwrap().port();
    let resolver = Resolver::default();
    let refused = dial(&resolver, "localhost", port, PUBLIC).await;
    assert_eq!(refused.unwrap_err().code(), "http.refused-address");
    dial(&resolver, "localhost", port, PRIVATE).await.unwrap();
}

#[tokio::test]
async fn a_pipe_copies_both_ways_and_passes_on_each_end() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = server.local_addr().unwrap().port();
    let resolver = Resolver::default();
    let stream = dial(&resolver, "127.0.0.1", port, PRIVATE).await.unwrap();
    let (mut output, far) = tokio::io::duplex(64);
    let piping = tokio::spawn(async move { pipe(stream, &b"ping"[..], far).await });

    let (mut peer, _) = server.accept().await.unwrap();
    let mut sent = String::new();
    peer.read_to_string(&mut sent).await.unwrap();
    assert_eq!(sent, "ping");
    // The other direction is still open after the end of the first.
    peer.write_all(b"pong").await.unwrap();
    drop(peer);
    let mut received = String::new();
    output.read_to_string(&mut received).await.unwrap();
    assert_eq!(received, "pong");
    piping.await.unwrap().unwrap();
}
