//! Redactor: takes secrets out of every byte that is stored or shown.
//!
//! The second net: a secret should not come here at all (see `docs/secrets.md`,
//! whose table lists what is found and what cannot be).

mod escape;
mod forms;
mod scan;
mod stream;

pub use scan::Redactor;
pub use stream::RedactingStream;
