//! Error: why a request got no answer.

use std::fmt;

use crate::bindings::wasi::http::types::ErrorCode;
use crate::{Failure, FailureClass};

/// Why a request got no answer. An answer with a status of 400 or more is an
/// answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The class of the failure that follows from it; connection trouble is
    /// [`FailureClass::Transient`].
    pub class: FailureClass,
    /// A dotted code, such as `http.unreachable`.
    pub code: &'static str,
    /// One line.
    pub message: String,
}

impl Error {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self {
            class: FailureClass::UserError,
            code: "http.request-invalid",
            message: message.into(),
        }
    }

    pub(super) fn broken(message: &str) -> Self {
        Self {
            class: FailureClass::Transient,
            code: "http.interrupted",
            message: message.to_owned(),
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        self.class == FailureClass::Transient
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<ErrorCode> for Error {
    fn from(error: ErrorCode) -> Self {
        let (class, code, message) = describe(&error);
        let message = match error {
            ErrorCode::InternalError(Some(text)) => format!("{message}: {text}"),
            _ => message.to_owned(),
        };
        Self {
            class,
            code,
            message,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.class, error.code, error.message)
    }
}

/// Class, code and text; refusals and what may pass by itself first.
fn describe(error: &ErrorCode) -> (FailureClass, &'static str, &'static str) {
    use ErrorCode as E;

    let denied = |code, text| (FailureClass::Denied, code, text);
    let transient = |code, text| (FailureClass::Transient, code, text);
    match error {
        E::HttpRequestDenied => denied("http.denied", "the request is not granted"),
        E::DestinationIpProhibited => {
            denied("http.address-denied", "the host's address is not allowed")
        }
        E::DnsTimeout => transient("http.dns", "looking the host up took too long"),
        E::DnsError(_) => transient("http.dns", "the host cannot be looked up"),
        E::DestinationUnavailable | E::DestinationIpUnroutable => {
            transient("http.unreachable", "the host cannot be reached")
        }
        E::ConnectionRefused => transient("http.unreachable", "the connection was refused"),
        E::ConnectionTerminated => transient("http.interrupted", "the connection broke"),
        E::ConnectionTimeout => transient("http.timeout", "connecting took too long"),
        E::ConnectionReadTimeout | E::ConnectionWriteTimeout | E::HttpResponseTimeout => {
            transient("http.timeout", "the server took too long")
        }
        E::ConnectionLimitReached => transient("http.busy", "too many connections"),
        E::HttpResponseIncomplete => transient("http.interrupted", "the answer broke off"),
        E::HttpProtocolError => transient("http.protocol", "the server does not speak HTTP"),
        lasting => describe_lasting(lasting),
    }
}

/// What stays as it is until somebody changes something.
fn describe_lasting(error: &ErrorCode) -> (FailureClass, &'static str, &'static str) {
    use ErrorCode as E;

    let user_error = |code, text| (FailureClass::UserError, code, text);
    let work_failed = |code, text| (FailureClass::WorkFailed, code, text);
    match error {
        E::DestinationNotFound => user_error("http.host-not-found", "there is no such host"),
        E::TlsCertificateError => user_error("http.tls", "the server's certificate is not trusted"),
        E::TlsProtocolError | E::TlsAlertReceived(_) => {
            user_error("http.tls", "no secure connection could be agreed upon")
        }
        E::HttpRequestLengthRequired
        | E::HttpRequestMethodInvalid
        | E::HttpRequestUriInvalid
        | E::HttpRequestUriTooLong => {
            user_error("http.request-invalid", "the request is not valid")
        }
        E::HttpRequestBodySize(_)
        | E::HttpRequestHeaderSectionSize(_)
        | E::HttpRequestHeaderSize(_)
        | E::HttpRequestTrailerSectionSize(_)
        | E::HttpRequestTrailerSize(_) => {
            user_error("http.request-too-large", "the request is too large")
        }
        E::HttpResponseHeaderSectionSize(_)
        | E::HttpResponseHeaderSize(_)
        | E::HttpResponseBodySize(_)
        | E::HttpResponseTrailerSectionSize(_)
        | E::HttpResponseTrailerSize(_) => {
            work_failed("http.response-too-large", "the answer is too large")
        }
        E::HttpResponseTransferCoding(_)
        | E::HttpResponseContentCoding(_)
        | E::HttpUpgradeFailed
        | E::LoopDetected => work_failed("http.response-invalid", "the answer is not valid"),
        _ => work_failed("http.other", "the request failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_denied_and_trouble_on_the_way_transient() {
        let table = [
            (ErrorCode::HttpRequestDenied, FailureClass::Denied),
            (ErrorCode::ConnectionRefused, FailureClass::Transient),
            (ErrorCode::HttpResponseIncomplete, FailureClass::Transient),
            (ErrorCode::TlsCertificateError, FailureClass::UserError),
            (
                ErrorCode::HttpResponseBodySize(None),
                FailureClass::WorkFailed,
            ),
        ];
        for (code, class) in table {
            assert_eq!(Error::from(code).class, class);
        }
    }

    #[test]
    fn the_hosts_own_words_are_kept() {
        let error = Error::from(ErrorCode::InternalError(Some("no such thing".into())));
        assert_eq!(error.message, "the request failed: no such thing");
    }
}
