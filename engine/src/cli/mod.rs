//! Command line: what people type, and what they are shown.

mod diagnostics;

pub use diagnostics::{render, to_json};
