//! Capabilities: what a guest may ask of the host, one file each.
//!
//! Every file has the same order: what it gives and what grants it, the context
//! of one attempt, `impl Host` with the check of the grant on the first line,
//! the tests of the grant table. [`link`] adds all of them to a linker, always:
//! what is not granted answers with the interface's own refusal.

mod attempt;
mod bindings;
mod context;
mod exec;
pub mod git;
mod http;
mod limiter;
mod link;
mod report;
mod secrets;
mod sockets;
mod stdio;
mod workspace;

pub use attempt::{Attempt, Services};
pub use bindings::{Failure as GuestFailure, FailureClass as GuestFailureClass, Plugin, PluginPre};
pub use exec::{RunningTools, SecretLookup, ToolServices};
pub use http::Requests;
pub use limiter::Limiter;
pub use link::link;
