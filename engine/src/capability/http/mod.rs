//! `wasi:http`: requests to the web.
//!
//! Granted by `http: ["METHOD scheme://host/path"]`. The grant decides on method
//! and URL before anything is resolved; where the name leads is judged in
//! `egress`. Stand-ins of secrets are swapped in header values on the way out. What
//! changes the outside world is durable before it is sent. Tested by the guest
//! `http`.
//!
//! ```text
//! guest ─send_request─▶ decide ─▶ Exchange (a task) ─effect, swap, send, fact─▶ egress
//!       ◀── response, or a WIT error value ──┘  told to stop when nobody waits for it
//! ```

mod body;
mod context;
mod decide;
mod error;
mod exchange;
mod ordinal;
mod requests;

pub(super) use context::{Context, Surroundings};
pub use requests::Requests;

#[cfg(test)]
mod tests;
