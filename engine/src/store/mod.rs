//! Store: the home of journal, logs, layers, blobs and caches on disk.

mod attempt_log;
mod budget;
mod compiled;
mod home;
mod index;
mod journal;
pub mod layer;
mod line;
mod lines;
mod log;
mod redactor;
mod retention;
mod secret;
mod sink;

pub use compiled::{CompiledCache, CompiledEntry};
pub use home::{Home, HomeError, RunDirectory, is_running, journal_path, log_path};
pub use index::{Index, IndexError, IndexedRun};
pub use journal::{Journal, JournalFailed};
pub use line::{ReadError, Record, read_journal};
pub use lines::Lines;
pub use log::{LogFile, read_log};
pub use redactor::{RedactingStream, Redactor};
pub use retention::Retention;
pub use secret::{
    Ambient, AttemptSecrets, SecretError, SecretSource, SecretUrl, SecretVault, Swapped,
    sources as secret_sources,
};
pub use sink::{AttemptMessage, AttemptSink, CallEnd, SinkClosed};
