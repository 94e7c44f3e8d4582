//! TLS: who cannot prove to be the host is not spoken to.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::egress::{Body, Client, ClientOptions, Error, Leave, Resolver, ScriptedResolver};

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn root(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    /// A certificate for `name`, valid in the years given.
    fn issue(&self, name: &str, years: [i32; 2]) -> (CertificateDer<'static>, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        [params.not_before, params.not_after] = years.map(|year| date_time_ymd(year, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), key)
    }
}

/// A server for one certificate; returns its port. Every handshake is tried.
async fn serve(
    (certificate, key): (CertificateDer<'static>, KeyPair),
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> u16 {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
                .await;
        }
    });
    port
}

fn client(roots: Vec<CertificateDer<'static>>) -> Client {
    let script = ScriptedResolver::new()
        .answer("ok.test", &["127.0.0.1"])
        .answer("other.test", &["127.0.0.1"]);
    Client::new(ClientOptions {
        resolver: Resolver::Scripted(Arc::new(script)),
        extra_roots: roots,
        ..ClientOptions::default()
    })
}

async fn get(client: &Client, url: &str) -> Result<String, Error> {
    let request = http::Request::get(url).body(Body::empty()).unwrap();
    let response = client.send(request, Leave { private: true }).await?;
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_spoken_to() {
    let authority = Authority::new("ours");
    let client = client(vec![authority.root()]);
    for versions in [&[&rustls::version::TLS12], &[&rustls::version::TLS13]] {
        let port = serve(authority.issue("ok.test", [2020, 2100]), versions).await;
        let url = format!("https://ok.test:{port}/");
        assert_eq!(get(&client, &url).await.unwrap(), "hi");
    }
    let port = serve(
        authority.issue("127.0.0.1", [2020, 2100]),
        rustls::ALL_VERSIONS,
    )
    .await;
    let url = format!("https://127.0.0.1:{port}/");
    assert_eq!(get(&client, &url).await.unwrap(), "hi");
}

/// Row C13: certificates of nobody, of another, of another time.
#[tokio::test]
async fn a_server_that_proves_nothing_is_refused() {
    let (trusted, stranger) = (Authority::new("ours"), Authority::new("theirs"));
    let client = client(vec![trusted.root()]);
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["ok.test".to_owned()]).unwrap();
    let own = own.self_signed(&key).unwrap();
    for (certificate, reason) in [
        ((own.der().clone(), key), "nobody trusted"),
        (stranger.issue("ok.test", [2020, 2100]), "nobody trusted"),
        (trusted.issue("ok.test", [2019, 2020]), "expired"),
        (trusted.issue("ok.test", [2099, 2100]), "not valid yet"),
        (trusted.issue("other.test", [2020, 2100]), "another name"),
        (trusted.issue("*.ok.test", [2020, 2100]), "another name"),
        (trusted.issue("127.0.0.1", [2020, 2100]), "another name"),
    ] {
        let port = serve(certificate, rustls::ALL_VERSIONS).await;
        let failed = get(&client, &format!("https://ok.test:{port}/")).await;
        let failed = failed.unwrap_err();
        assert_eq!(failed.code(), "http.tls", "{reason}");
        assert!(failed.to_string().contains(reason), "{reason}: {failed}");
    }
}

/// Row C13: TLS as it was twenty years ago.
#[tokio::test]
async fn a_server_of_an_old_version_of_tls_is_not_spoken_to() {
    for minor in [0, 1, 2] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://ok.test:{}/", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello).await;
            // A `ServerHello` of that version, with a cipher of its time.
            let body = [&[3, minor][..], &[7; 32], &[0, 0, 0x2f, 0]].concat();
            let length = |bytes: usize| u16::try_from(bytes).unwrap().to_be_bytes();
            let message = [&[2, 0][..], &length(body.len()), &body].concat();
            let record = [&[0x16, 3, minor][..], &length(message.len()), &message].concat();
            let _ = stream.write_all(&record).await;
            let _ = stream.read(&mut hello).await;
        });
        let failed = get(&client(Vec::new()), &url).await.unwrap_err();
        assert_eq!(failed.code(), "http.tls", "1.{minor}: {failed}");
    }
}

/// Row C13: no TLS at all.
#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_in_plain() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://ok.test:{}/", listener.local_addr().unwrap().port());
    let reading = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut first = [0; 1];
        stream.read_exact(&mut first).await.unwrap();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        first[0]
    });
    let failed = get(&client(Vec::new()), &url).await.unwrap_err();
    assert_eq!(failed.code(), "http.tls");
    assert_eq!(reading.await.unwrap(), 0x16, "a TLS handshake record");
}
