//! Header: which headers cross, in either direction.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::body::Body as _;

use super::{Body, Error, Part, Target};
use crate::model::limits;

/// Headers that belong to one connection and never cross.
///
/// `Expect` and `Trailer` announce what is not done here.
const OWN: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// Makes the headers of a request fit to be sent: bounded, about this body, and
/// to this target whatever `Host` said.
pub(super) fn prepare(headers: &mut HeaderMap, target: &Target, body: &Body) -> Result<(), Error> {
    remove_own(headers);
    headers.remove(header::EXPECT);
    let limit = limits::HTTP_HEADER_BYTES;
    let size: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if headers.len() > limits::HTTP_HEADERS || size > limit {
        return Err(Error::Limit {
            part: Part::RequestHeaders,
            limit: limit as u64,
        });
    }
    check_length(headers, body)?;
    let host = HeaderValue::try_from(target.authority()).map_err(|_| Error::Url {
        reason: "the host cannot stand in a header",
    })?;
    headers.insert(header::HOST, host);
    Ok(())
}

/// Takes out what belongs to this connection alone.
pub(super) fn remove_own(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&OWN) {
        headers.remove(name);
    }
}

/// Two lengths, or a length that is none, are how one request is smuggled inside
/// another.
fn check_length(headers: &HeaderMap, body: &Body) -> Result<(), Error> {
    let wrong = |reason| Err(Error::Protocol { reason });
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else {
        return Ok(());
    };
    let digits = value.as_bytes();
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let length: Option<u64> = value.to_str().ok().and_then(|text| text.parse().ok());
    let (true, None, Some(length)) = (is_number, values.next(), length) else {
        return wrong("the request's `Content-Length` is not one number");
    };
    match body.size_hint().exact() {
        Some(exact) if exact != length => {
            wrong("the request's `Content-Length` is not that of its body")
        }
        _ => Ok(()),
    }
}
