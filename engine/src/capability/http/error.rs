//! Error: what a guest is told of a request that failed.

use wasmtime_wasi_http::Error as Told;

use crate::egress::{Error, Part, Phase};

/// The WIT error value for a failure of egress.
pub(super) fn told(error: &Error) -> Told {
    match error {
        Error::Url { .. } => Told::HttpRequestUriInvalid,
        Error::Dns { .. } => Told::DnsError {
            rcode: None,
            info_code: None,
        },
        Error::RefusedAddress { .. } => Told::DestinationIpProhibited,
        Error::Connect { .. } => Told::ConnectionRefused,
        Error::Tls {
            certificate: true, ..
        } => Told::TlsCertificateError,
        Error::Tls { .. } => Told::TlsProtocolError,
        Error::Timeout { phase } => match phase {
            Phase::Resolve => Told::DnsTimeout,
            Phase::Connect => Told::ConnectionTimeout,
            Phase::NextByte => Told::ConnectionReadTimeout,
            Phase::FirstByte | Phase::Total => Told::HttpResponseTimeout,
        },
        Error::Limit { part, limit } => match part {
            Part::RequestHeaders => Told::HttpRequestHeaderSectionSize(u32::try_from(*limit).ok()),
            Part::RequestBody => Told::HttpRequestBodySize(Some(*limit)),
            Part::ResponseHeaders => {
                Told::HttpResponseHeaderSectionSize(u32::try_from(*limit).ok())
            }
            Part::ResponseBody => Told::HttpResponseBodySize(Some(*limit)),
        },
        Error::Lost { .. } => Told::ConnectionTerminated,
        Error::Protocol { .. } => Told::HttpProtocolError,
    }
}

/// The same in the middle of a body.
pub(super) fn told_in_body(error: &Error) -> Told {
    match error {
        Error::Lost { .. } => Told::HttpResponseIncomplete,
        other => told(other),
    }
}
