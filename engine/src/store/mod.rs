//! Store: the home of journal, logs, layers, blobs and caches on disk.

mod log;
mod redactor;
mod sink;

pub use log::{LogFile, read_log};
pub use redactor::Redactor;
pub use sink::{AttemptMessage, AttemptSink, CallEnd, SinkClosed};
