//! Remote: opens the way to one, by its address.

use base64::Engine as _;
use zeroize::Zeroizing;

use super::address::Address;
use super::failure::{FailureKind, GitFailure};
use super::ledger::Ledger;
use super::listing::{Connection, check_prefixes, greet};
use super::local;
use super::protocol::{Bounds, Credential, LsRefs, Remote, RemoteRef};
use super::sender::sender;
use super::transport::{HttpTransport, Login, connect_ssh};

/// Reaches a remote and greets it.
pub(super) fn connect(remote: &Remote, bounds: &Bounds) -> Result<Connection, GitFailure> {
    let place = remote.address.to_string();
    let ledger = Ledger::new(0);
    match &remote.address {
        Address::Http { .. } => {
            let sender = sender(&place, authorization(remote)?, remote.private, bounds)?;
            let transport = HttpTransport::new(place.clone(), sender, ledger.clone());
            greet(Box::new(transport), ledger, place, bounds.refs)
        }
        Address::Ssh {
            user,
            host,
            port,
            path,
        } => {
            let settings = remote.ssh.as_ref().ok_or_else(|| {
                GitFailure::new(
                    FailureKind::Unsupported,
                    "git.ssh-settings",
                    format_args!("{place} needs ssh, and no known hosts are configured"),
                )
                .hint("name a known hosts file, or use the https URL of the repository")
            })?;
            let key = match &remote.credential {
                None => None,
                Some(Credential::SshKey(key)) => Some(key.expose()),
                Some(Credential::Token(_) | Credential::Basic(_)) => {
                    return Err(wrong_credential(&place, "a private key (kind `ssh-key`)"));
                }
            };
            let login = Login {
                user: user.as_deref(),
                host,
                port: *port,
                path,
            };
            let transport = connect_ssh(&login, key, settings, &ledger)?;
            greet(Box::new(transport), ledger, place, bounds.refs)
        }
        Address::Local { .. } => Err(GitFailure::new(
            FailureKind::Other,
            "git.address",
            format_args!("{place} is opened, not connected to"),
        )),
    }
}

/// The value of the header `authorization`.
fn authorization(remote: &Remote) -> Result<Option<Zeroizing<String>>, GitFailure> {
    let pair = match &remote.credential {
        None => return Ok(None),
        Some(Credential::Token(token)) => {
            Zeroizing::new(format!("x-access-token:{}", token.expose()))
        }
        Some(Credential::Basic(pair)) if pair.expose().contains(':') => {
            Zeroizing::new(pair.expose().to_owned())
        }
        Some(Credential::Basic(_)) => {
            return Err(wrong_credential(
                &remote.address.to_string(),
                "a secret of the form `user:password`",
            ));
        }
        Some(Credential::SshKey(_)) => {
            return Err(wrong_credential(
                &remote.address.to_string(),
                "a token or `user:password`",
            ));
        }
    };
    let encoded = Zeroizing::new(base64::engine::general_purpose::STANDARD.encode(pair.as_bytes()));
    Ok(Some(Zeroizing::new(format!("Basic {}", *encoded))))
}

fn wrong_credential(place: &str, wanted: &str) -> GitFailure {
    GitFailure::new(
        FailureKind::AuthFailed,
        "git.credential-kind",
        format_args!("{place} takes {wanted}, and another kind of secret was passed"),
    )
    .hint("pass a secret of the right kind, or use the other URL of the repository")
}

/// The refs of a remote, or of a local repository.
pub(super) fn ls_refs(request: &LsRefs) -> Result<Vec<RemoteRef>, GitFailure> {
    check_prefixes(&request.prefixes)?;
    if let Address::Local { .. } = request.remote.address {
        let (repository, _) = local::open(&request.remote, &request.bounds)?;
        return local::refs(&repository, &request.prefixes, request.bounds.refs);
    }
    connect(&request.remote, &request.bounds)?.refs(&request.prefixes, request.bounds.refs)
}
