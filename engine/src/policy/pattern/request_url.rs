//! Request URL: the URL of a request that a guest asks for.

use url::Url;

use super::PatternError;
use super::host::canonical_host;
use super::parts::{Scheme, split, user_information};
use super::path::decode_segments;
use crate::model::limits;

/// Parses the URL of a request, refusing every form that the parser would
/// normalise into another path or host without a word.
///
/// The text is guest-controlled. Capitals in the host are the one thing that is
/// normalised; no name of the web means another host by them.
pub fn request_url(text: &str) -> Result<Url, PatternError> {
    if text.len() > limits::URL_BYTES {
        return Err(PatternError::new(format!(
            "the URL is longer than {} bytes",
            limits::URL_BYTES
        )));
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii_graphic() || *c == '\\') {
        return Err(PatternError::new(format!(
            "the character `{}` cannot stand in a URL",
            c.escape_default()
        )));
    }
    let parts = split(text)?;
    let scheme = Scheme::parse(parts.scheme).ok_or_else(|| {
        PatternError::new(format!("`{}://` is not a scheme of the web", parts.scheme))
    })?;
    if parts.user.is_some() {
        return Err(user_information());
    }
    let host = canonical_host(&parts.host.to_ascii_lowercase())?;
    decode_segments(parts.path.strip_prefix('/').unwrap_or_default())?;
    let url = Url::parse(text).map_err(|error| PatternError::new(format!("no URL: {error}")))?;
    // The two readings of the authority must be one.
    let same = url.host().map(|host| host.to_owned()) == Some(host)
        && url.port_or_known_default() == Some(parts.port.unwrap_or(scheme.default_port()));
    if same {
        Ok(url)
    } else {
        Err(PatternError::new("the host can be read in two ways"))
    }
}
