//! TLS: proving who answers.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{CertificateError, ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Error, Host};

/// Whom to trust, read from the system when it is first needed: that takes
/// milliseconds, which a run without TLS should not pay.
#[derive(Default)]
pub(super) struct Trust {
    extra_roots: Vec<CertificateDer<'static>>,
    config: OnceCell<Arc<ClientConfig>>,
}

impl Trust {
    pub(super) fn new(extra_roots: Vec<CertificateDer<'static>>) -> Self {
        Self {
            extra_roots,
            config: OnceCell::new(),
        }
    }

    /// Speaks TLS 1.2 or 1.3 on the stream, with a peer that proves to be `host`.
    pub(super) async fn shake_hands(
        &self,
        host: &Host,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let failed = |(reason, certificate)| Error::Tls {
            host: host.to_string(),
            reason,
            certificate,
        };
        let config = self
            .config
            .get_or_try_init(|| self.load())
            .await
            .map_err(failed)?;
        let name = match host {
            Host::Name(name) => ServerName::try_from(name.clone())
                .map_err(|_| failed(("its name cannot stand in a certificate", false)))?,
            Host::Address(address) => ServerName::from(*address),
        };
        TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
            .map_err(|error| failed(reason(&error)))
    }

    async fn load(&self) -> Result<Arc<ClientConfig>, (&'static str, bool)> {
        let extra = self.extra_roots.clone();
        tokio::task::spawn_blocking(move || config(extra))
            .await
            .unwrap_or(Err(("the trusted certificates could not be read", false)))
    }
}

/// Certificates of authorities that this machine trusts.
pub fn certificates() -> usize {
    rustls_native_certs::load_native_certs().certs.len()
}

fn config(
    extra_roots: Vec<CertificateDer<'static>>,
) -> Result<Arc<ClientConfig>, (&'static str, bool)> {
    let mut roots = RootCertStore::empty();
    // Systems carry certificates that rustls cannot read; the others still count.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for root in extra_roots {
        roots
            .add(root)
            .map_err(|_| ("an additional trusted certificate cannot be read", false))?;
    }
    if roots.is_empty() {
        return Err(("this system has no trusted certificates", false));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| ("TLS 1.2 and 1.3 are not built in", false))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// What does not hold, in our own words: the peer's may be anything.
fn reason(error: &std::io::Error) -> (&'static str, bool) {
    let cause = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::InvalidCertificate(error)) => (certificate(error), true),
        Some(rustls::Error::NoCertificatesPresented) => ("it shows no certificate", true),
        Some(rustls::Error::AlertReceived(_)) => ("it ended the handshake", false),
        Some(rustls::Error::PeerIncompatible(_)) => ("it speaks no TLS 1.2 or 1.3", false),
        Some(_) => ("it does not speak TLS as it should", false),
        None => ("the connection ended in the handshake", false),
    }
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::UnknownIssuer => "nobody trusted has issued its certificate",
        CertificateError::Revoked => "its certificate was revoked",
        _ => "its certificate is not valid",
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
