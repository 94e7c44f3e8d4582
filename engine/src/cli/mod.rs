//! Cli: the command line. One file a command.

mod completions;
mod doctor;
mod explain;
mod init;

pub use completions::completions;
pub use doctor::{Check, CheckState, Subject, examine, to_json, to_table};
pub use explain::{UnknownCode, explain};
pub use init::{InitError, propose, write_new};
