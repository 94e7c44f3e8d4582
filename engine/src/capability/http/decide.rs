//! Decide: whether a guest may make a request, and what the request really is.

use http::Uri;
use url::Url;
use wasmtime_wasi_http::Error;

use crate::egress::Leave;
use crate::policy::{HttpPattern, request_url};
use crate::store::AttemptSecrets;

/// A request that is covered by the grant.
#[derive(Debug, Clone)]
pub(super) struct Allowed {
    /// Where it goes. May be a secret: not to be recorded.
    pub(super) url: Url,
    /// What the record may say of it.
    pub(super) shown: String,
    /// What is the same in every attempt that makes this request.
    pub(super) identity: String,
    /// What the patterns that cover it open beyond public addresses.
    pub(super) leave: Leave,
}

/// A request that is not.
#[derive(Debug)]
pub(super) struct Refused {
    /// What the record may say of it.
    pub(super) shown: String,
    /// What the guest gets.
    pub(super) error: Error,
}

/// Decides on a request by its method and URL, both guest-controlled. Nothing is
/// looked up.
pub(super) fn decide(
    grant: &[HttpPattern],
    secrets: &AttemptSecrets,
    method: &str,
    uri: &Uri,
) -> Result<Allowed, Refused> {
    let asked = request_url(&uri.to_string()).map_err(|error| Refused {
        shown: format!("{method} (no plain URL: {error})"),
        error: Error::HttpRequestUriInvalid,
    })?;
    let (url, shown, identity) = if let Some(secret) = secrets.swap_url(&asked) {
        let shown = format!("{method} {} of secret `{}`", secret.shown(), secret.name);
        (secret.url, shown, format!("secret {}", secret.name))
    } else {
        let shown = format!("{method} {}", without_query(&asked));
        let identity = format!("url {asked}");
        (asked, shown, identity)
    };
    let covering = grant.iter().filter(|pattern| pattern.matches(method, &url));
    let private = covering.clone().any(|pattern| pattern.private);
    if covering.count() == 0 {
        let error = Error::HttpRequestDenied;
        return Err(Refused { shown, error });
    }
    Ok(Allowed {
        url,
        shown,
        identity,
        leave: Leave { private },
    })
}

/// A query may hold keys that nobody declared as secrets.
fn without_query(url: &Url) -> String {
    let shown = &url[..url::Position::AfterPath];
    if url.query().is_some() {
        format!("{shown}?…")
    } else {
        shown.to_owned()
    }
}
