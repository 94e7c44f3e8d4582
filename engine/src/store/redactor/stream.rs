//! Redacting stream: takes secrets out of bytes that come in pieces, wherever
//! they are torn.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::scan::{Redactor, Torn};

/// Bytes in, bytes that are safe to show out. The result of all pieces together
/// is that of [`Redactor::redact_bytes`] on the whole.
///
/// Holds back only what may be the beginning of a secret, so at most the length
/// of the longest form.
pub struct RedactingStream {
    redactor: Arc<Redactor>,
    held: Zeroizing<Vec<u8>>,
    torn: Torn,
}

impl RedactingStream {
    /// A stream at its beginning.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            redactor,
            held: Zeroizing::new(Vec::new()),
            torn: Torn::default(),
        }
    }

    /// Takes the next piece and returns what is safe to show by now.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.redact(bytes, false)
    }

    /// The rest, at the end of the stream. The stream can begin anew after it.
    pub fn finish(&mut self) -> Vec<u8> {
        let rest = self.redact(&[], true);
        self.torn = Torn::default();
        rest
    }

    fn redact(&mut self, bytes: &[u8], is_last: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.held.len() + bytes.len());
        // The usual case: nothing is held back, and nothing is copied twice.
        let (held, torn) = if self.held.is_empty() {
            let (left, torn) = self
                .redactor
                .redact_torn(bytes, self.torn, is_last, &mut out);
            (bytes[bytes.len() - left..].to_vec(), torn)
        } else {
            self.held.extend_from_slice(bytes);
            let (left, torn) = self
                .redactor
                .redact_torn(&self.held, self.torn, is_last, &mut out);
            (self.held[self.held.len() - left..].to_vec(), torn)
        };
        self.held = Zeroizing::new(held);
        self.torn = torn;
        out
    }
}
