//! Response: what a server answered.

use super::Error;
use crate::bindings::wasi::http::types::IncomingResponse;
use crate::bindings::wasi::io::streams::StreamError;

/// The most that is asked of the host at once.
const READ_BYTES: usize = 64 * 1024;

/// What a server answered. All of it is the server's: believe none of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Name and value of the headers, in the order of the answer.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, up to the bound of the request.
    pub body: Vec<u8>,
    /// Whether the body was longer.
    pub truncated: bool,
}

impl Response {
    pub(super) fn read(response: &IncomingResponse, max_bytes: usize) -> Result<Self, Error> {
        let mut read = Self {
            status: response.status(),
            headers: response.headers().entries(),
            ..Self::default()
        };
        let body = response.consume().expect("the body was not taken yet");
        let stream = body.stream().expect("the stream was not taken yet");
        loop {
            // One byte more than may be kept tells whether there is more.
            let room = (max_bytes - read.body.len()).saturating_add(1);
            match stream.blocking_read(room.min(READ_BYTES) as u64) {
                Ok(bytes) => read.body.extend_from_slice(&bytes),
                Err(StreamError::Closed) => return Ok(read),
                Err(StreamError::LastOperationFailed(_)) => {
                    return Err(Error::broken("the answer broke off"));
                }
            }
            if read.body.len() > max_bytes {
                read.body.truncate(max_bytes);
                read.truncated = true;
                return Ok(read);
            }
        }
    }

    /// The first header of that name, in any case, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case() {
        let response = Response {
            status: 204,
            headers: vec![
                ("Retry-After".to_owned(), b"3".to_vec()),
                ("bad".to_owned(), vec![0xff]),
            ],
            ..Response::default()
        };
        assert_eq!(response.header("retry-after"), Some("3"));
        assert_eq!(response.header("bad"), None);
        assert_eq!(response.header("absent"), None);
        assert!(response.is_success());
    }
}
