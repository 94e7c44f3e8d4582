//! Error: why nothing was reached, by what the caller can do about it.
//!
//! No text of it holds a path, a query, a header or a body, where a secret may
//! stand; hosts and addresses do appear.

use std::net::IpAddr;

use super::AddressClass;

/// Why a connection or an exchange failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL cannot be requested: mend it.
    #[error("{reason}")]
    Url {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The name leads nowhere.
    #[error("`{host}` cannot be resolved: {reason}")]
    Dns {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The name leads somewhere that it must not: ask for leave, or give up.
    #[error("`{host}` leads to {address}, which is {class}")]
    RefusedAddress {
        /// The name.
        host: String,
        /// The first address that was refused.
        address: IpAddr,
        /// What that address is.
        class: AddressClass,
    },
    /// Nobody answers at any of the addresses: try again later.
    #[error("cannot connect to `{host}` at port {port}: {reason}")]
    Connect {
        /// The name.
        host: String,
        /// The port.
        port: u16,
        /// What the system said of the last address.
        reason: String,
    },
    /// Who answers cannot prove to be the host.
    #[error("no trusted connection to `{host}`: {reason}")]
    Tls {
        /// The name.
        host: String,
        /// What does not hold.
        reason: &'static str,
        /// Whether it is the certificate, and not the way they speak.
        certificate: bool,
    },
    /// It took too long.
    #[error("no {phase} in time")]
    Timeout {
        /// What did not come.
        phase: Phase,
    },
    /// More was to be sent, or came, than is taken.
    #[error("{part} are beyond the limit of {limit}")]
    Limit {
        /// What there was too much of.
        part: Part,
        /// How many bytes would have been taken.
        limit: u64,
    },
    /// The connection ended before the answer did: try again later.
    #[error("the connection was lost {when}")]
    Lost {
        /// How far the exchange was.
        when: &'static str,
    },
    /// What came, or was to be sent, is no HTTP.
    #[error("{reason}")]
    Protocol {
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// A part of an exchange that is bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The headers of the request: their number, or their bytes.
    RequestHeaders,
    /// The body of the request.
    RequestBody,
    /// The headers of the response: their number, or their bytes.
    ResponseHeaders,
    /// The body of the response.
    ResponseBody,
}

/// What did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// An answer of the resolver.
    Resolve,
    /// A connection.
    Connect,
    /// The head of the response.
    FirstByte,
    /// The next piece of the response.
    NextByte,
    /// The end of the response.
    Total,
}

impl Error {
    /// The stable dotted code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "http.url",
            Self::Dns { .. } => "http.dns",
            Self::RefusedAddress { .. } => "http.refused-address",
            Self::Connect { .. } => "http.connect",
            Self::Tls { .. } => "http.tls",
            Self::Timeout { .. } => "http.timeout",
            Self::Limit { .. } => "http.limit",
            Self::Lost { .. } => "http.lost",
            Self::Protocol { .. } => "http.protocol",
        }
    }

    /// Whether the same request might succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dns { .. } | Self::Connect { .. } | Self::Timeout { .. } | Self::Lost { .. } => {
                true
            }
            Self::Url { .. }
            | Self::RefusedAddress { .. }
            | Self::Tls { .. }
            | Self::Limit { .. }
            | Self::Protocol { .. } => false,
        }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RequestHeaders => "the request's headers",
            Self::RequestBody => "the bytes of the request's body",
            Self::ResponseHeaders => "the response's headers",
            Self::ResponseBody => "the bytes of the response's body",
        })
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resolve => "answer of the resolver",
            Self::Connect => "connection",
            Self::FirstByte => "response",
            Self::NextByte => "further byte of the response",
            Self::Total => "end of the response",
        })
    }
}
