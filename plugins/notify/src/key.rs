//! Key: one name for one message, equal however often it is tried.

use engine_sdk::context::RunInfo;
use sha2::{Digest, Sha256};

/// A hash of what makes a message this message: run, stage instance, request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key([u8; 32]);

impl Key {
    /// `request` are the parts of the request, none of which may differ between
    /// attempts.
    pub(crate) fn derive(run: &RunInfo, request: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            // With its length, so that no two lists of parts run together.
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        part(run.run_id.as_bytes());
        part(run.stage.as_bytes());
        for (name, value) in &run.matrix {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        for bytes in request {
            part(bytes);
        }
        Self(hash.finalize().into())
    }

    /// The value of the header: 32 hexadecimal digits.
    pub(crate) fn header(&self) -> String {
        use std::fmt::Write;

        let mut text = String::with_capacity(32);
        for byte in &self.0[..16] {
            write!(text, "{byte:02x}").expect("writing to a String never fails");
        }
        text
    }

    /// A number that looks random, differs between runs, and is the same when
    /// an attempt is replayed.
    pub(crate) fn scatter(&self, attempt: u32, tries: u32) -> u64 {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(attempt.to_le_bytes());
        hash.update(tries.to_le_bytes());
        let bytes: [u8; 32] = hash.finalize().into();
        u64::from_le_bytes(*bytes.first_chunk().expect("32 bytes hold 8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stage: &str, attempt: u32) -> RunInfo {
        RunInfo {
            run_id: "0198".to_owned(),
            pipeline: "release".to_owned(),
            stage: stage.to_owned(),
            attempt,
            max_attempts: 3,
            matrix: Vec::new(),
            trigger: "cli".to_owned(),
            non_interactive: true,
        }
    }

    #[test]
    fn a_message_has_one_key_whatever_the_attempt() {
        let key = Key::derive(&run("tell", 1), &[b"POST", b"x"]);
        assert_eq!(key, Key::derive(&run("tell", 2), &[b"POST", b"x"]));
        assert_eq!(key.header().len(), 32);
        assert!(key.header().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn another_message_has_another_key() {
        let key = Key::derive(&run("tell", 1), &[b"POST", b"x"]);
        let mut cell = run("tell", 1);
        cell.matrix.push(("os".to_owned(), "linux".to_owned()));
        let others = [
            Key::derive(&run("tell2", 1), &[b"POST", b"x"]),
            Key::derive(&run("tell", 1), &[b"POST", b"y"]),
            Key::derive(&run("tell", 1), &[b"POSTx", b""]),
            Key::derive(&run("tell", 1), &[b"", b"POSTx"]),
            Key::derive(&cell, &[b"POST", b"x"]),
        ];
        for other in &others {
            assert_ne!(*other, key);
        }
        assert_ne!(others[2], others[3]);
    }

    #[test]
    fn the_scatter_differs_with_every_try() {
        let key = Key::derive(&run("tell", 1), &[]);
        assert_eq!(key.scatter(1, 1), key.scatter(1, 1));
        assert_ne!(key.scatter(1, 1), key.scatter(1, 2));
        assert_ne!(key.scatter(1, 1), key.scatter(2, 1));
    }
}
