//! Parts: a URL's text taken apart, before anything is normalised.

use super::PatternError;
use super::source::HOLE;

/// The schemes of the web.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scheme {
    Http,
    Https,
}

impl Scheme {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    pub(super) fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The text of a URL in parts.
pub(super) struct Parts<'a> {
    pub(super) scheme: &'a str,
    /// What stands before `@`. It may hold a password: never repeat it.
    pub(super) user: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
    /// From the first `/` on; empty when there is none.
    pub(super) path: &'a str,
    pub(super) query: Option<&'a str>,
}

/// Takes a URL apart.
pub(super) fn split(url: &str) -> Result<Parts<'_>, PatternError> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| {
        PatternError::new("the scheme is missing").with_hint("begin with `https://`")
    })?;
    if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_lowercase()) {
        return Err(PatternError::new("the scheme is not in lower case letters"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if tail.contains('#') {
        return Err(PatternError::new("a fragment (`#…`) is never sent")
            .with_hint("leave it out, or write `%23` for the character itself"));
    }
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    // The last `@` ends the user information, whatever it holds.
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(user), place),
        None => (None, authority),
    };
    let (host, port) = split_port(place)?;
    Ok(Parts {
        scheme,
        user,
        host,
        port,
        path,
        query,
    })
}

/// Host and port of `host[:port]`, where an IPv6 address stands in brackets.
fn split_port(place: &str) -> Result<(&str, Option<u16>), PatternError> {
    let host_end = match place.find(']') {
        Some(bracket) if place.starts_with('[') => bracket + 1,
        _ => place.find(':').unwrap_or(place.len()),
    };
    let (host, port) = place.split_at(host_end);
    if port.is_empty() {
        return Ok((host, None));
    }
    let Some(digits) = port.strip_prefix(':') else {
        return Err(PatternError::new(
            "`]` is followed by neither a port nor a path",
        ));
    };
    if digits.contains(HOLE) {
        return Err(misplaced_expression());
    }
    let is_number = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    match digits.parse() {
        Ok(number) if is_number => Ok((host, Some(number))),
        _ => Err(PatternError::new(format!("`{digits}` is not a port"))
            .with_hint("a port is a number from 1 to 65535")),
    }
}

/// The error of an expression where none may stand.
pub(super) fn misplaced_expression() -> PatternError {
    PatternError::new("an expression can stand in the host and in the path alone")
}

/// The error of user information in a web URL.
pub(super) fn user_information() -> PatternError {
    PatternError::new("user information cannot stand in a URL")
        .with_hint("leave out what stands before `@`, and pass the credentials as a secret")
}
