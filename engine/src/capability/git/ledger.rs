//! Ledger: what a transfer may still read, and why it ended.
//!
//! Shared by a transport and the code that drives it. A transport knows the true
//! reason of a failure (a status, a timeout, what ssh said), while the library
//! above it only sees an IO error; so the reason is kept here, and wins.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::failure::GitFailure;

/// What a transfer may still read, and why it ended. Cheap to clone.
#[derive(Clone)]
pub(super) struct Ledger(Arc<Inner>);

struct Inner {
    left: AtomicU64,
    read: AtomicU64,
    failure: Mutex<Option<GitFailure>>,
}

impl Ledger {
    /// A ledger for an answer of at most `bytes`.
    pub(super) fn new(bytes: u64) -> Self {
        Self(Arc::new(Inner {
            left: AtomicU64::new(bytes),
            read: AtomicU64::new(0),
            failure: Mutex::new(None),
        }))
    }

    /// Allows `bytes` for what comes next.
    pub(super) fn allow(&self, bytes: u64) {
        self.0.left.store(bytes, Ordering::Relaxed);
        self.0.read.store(0, Ordering::Relaxed);
    }

    /// Bytes read since the last [`Ledger::allow`].
    pub(super) fn bytes_read(&self) -> u64 {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Keeps the reason of a failure, the first one, and gives the IO error to
    /// hand upwards.
    pub(super) fn fail(&self, failure: GitFailure) -> io::Error {
        let error = io::Error::other(failure.message.clone());
        self.lock().get_or_insert(failure);
        error
    }

    /// The reason that was kept, or what the library said.
    pub(super) fn explain(&self, what: &str, error: &gix::Error) -> GitFailure {
        self.lock()
            .take()
            .unwrap_or_else(|| GitFailure::library(what, error))
    }

    fn count(&self, bytes: usize) -> io::Result<()> {
        let bytes = bytes as u64;
        self.0.read.fetch_add(bytes, Ordering::Relaxed);
        let left = self.0.left.load(Ordering::Relaxed);
        if bytes > left {
            let seen = self.bytes_read();
            return Err(self.fail(GitFailure::limit(
                "limit.git-transfer",
                format_args!(
                    "the remote sent more than is taken in: {seen} bytes and more to come"
                ),
            )));
        }
        self.0.left.store(left - bytes, Ordering::Relaxed);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<GitFailure>> {
        self.0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader whose bytes are counted in a ledger.
pub(super) struct Counted<R> {
    reader: R,
    ledger: Ledger,
}

impl<R> Counted<R> {
    /// Counts what `reader` gives.
    pub(super) fn new(reader: R, ledger: Ledger) -> Self {
        Self { reader, ledger }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.reader.read(buffer).map_err(|error| {
            // A reader that knows the reason wraps it.
            match error.get_ref().and_then(|inner| inner.downcast_ref()) {
                Some(failure) => self.ledger.fail(GitFailure::clone(failure)),
                None => error,
            }
        })?;
        self.ledger.count(bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Counted, Ledger};

    #[test]
    fn an_answer_that_never_ends_is_cut_off() {
        let ledger = Ledger::new(100_000);
        let mut reader = Counted::new(std::io::repeat(0), ledger.clone());
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert!(
            error.to_string().contains("more than is taken in"),
            "{error}"
        );
        let failure = ledger.lock().take().unwrap();
        assert_eq!(failure.code, "limit.git-transfer");
        assert!(ledger.bytes_read() < 200_000);
    }
}
