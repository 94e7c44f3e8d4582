//! Target: the scheme, host and port of a URL, in the one form that is compared,
//! resolved and sent.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Error;

/// Longest name that DNS can hold.
const HOST_BYTES: usize = 253;

/// The way a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}

/// A host: lower-case ASCII labels without a dot at the end, or an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name, to be resolved.
    Name(String),
    /// An address, written as such in any of the notations that a URL knows.
    Address(IpAddr),
}

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// The way.
    pub scheme: Scheme,
    /// The host.
    pub host: Host,
    /// The port, never 0.
    pub port: u16,
}

impl Scheme {
    /// The word in a URL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port where the URL names none.
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

impl Host {
    /// Reads a host as a URL would: `0x7f.1` is `127.0.0.1`.
    ///
    /// Stricter than a URL where leniency only serves to disguise: percent
    /// encoding, characters outside of ASCII and empty labels are refused. `text`
    /// may be guest-controlled.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason| Error::Url { reason };
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').unwrap_or_default();
            let address: Ipv6Addr = inner
                .parse()
                .map_err(|_| wrong("the host is no IPv6 address"))?;
            return Ok(Self::Address(address.into()));
        }
        let name = text.strip_suffix('.').unwrap_or(text);
        if name.is_empty() || name.len() > HOST_BYTES {
            return Err(wrong("the host is empty or too long"));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !name.bytes().all(plain) {
            return Err(wrong("the host is neither a plain name nor an address"));
        }
        let label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-');
        if !name.split('.').all(label) {
            return Err(wrong(
                "a label of the host is empty, too long or begins with `-`",
            ));
        }
        match url::Host::parse(name) {
            Ok(url::Host::Domain(name)) => Ok(Self::Name(name)),
            Ok(url::Host::Ipv4(address)) => Ok(Self::Address(address.into())),
            Ok(url::Host::Ipv6(address)) => Ok(Self::Address(address.into())),
            Err(_) => Err(wrong("the host is neither a plain name nor an address")),
        }
    }
}

impl Target {
    /// The target of a URL. User information is refused: it is a place for
    /// disguises and for credentials, and both have better places.
    pub fn of(uri: &http::Uri) -> Result<Self, Error> {
        let wrong = |reason| Error::Url { reason };
        let scheme = match uri.scheme_str() {
            Some("http") => Scheme::Http,
            Some("https") => Scheme::Https,
            _ => return Err(wrong("the URL begins with neither `https:` nor `http:`")),
        };
        let authority = uri.authority().ok_or(wrong("the URL names no host"))?;
        let text = authority.as_str();
        if text.contains('@') {
            return Err(wrong("the URL holds user information"));
        }
        let (host, port) = split_port(text)?;
        let port = port.unwrap_or(scheme.default_port());
        let host = Host::parse(host)?;
        Ok(Self { scheme, host, port })
    }

    /// Host, and port where it is not the scheme's own: the `Host` header.
    pub fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.to_string()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The URL of a path and query on this target, in its one form.
    pub fn url(&self, path_and_query: &str) -> String {
        format!(
            "{}://{}{path_and_query}",
            self.scheme.as_str(),
            self.authority()
        )
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Error> {
    let after_address = authority.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = authority[after_address..].find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(after_address + colon);
    let port = &port[1..];
    let number = port.parse().ok().filter(|number| *number != 0);
    if !port.bytes().all(|byte| byte.is_ascii_digit()) || number.is_none() {
        return Err(Error::Url {
            reason: "the port is no number from 1 to 65535",
        });
    }
    Ok((host, number))
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

impl From<Ipv4Addr> for Host {
    fn from(address: Ipv4Addr) -> Self {
        Self::Address(address.into())
    }
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
