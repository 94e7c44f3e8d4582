//! Runtime: the only door to wasmtime for the floors above.
//!
//! ```text
//! bytes ──inspect──▶ imports ──compile (in a child)──▶ code ──load──▶ Plugin
//! Plugin + StageRequest + sink ──invoke──▶ AttemptEnd
//! ```

mod compile;
mod config;
mod describe;
mod inspect;
mod invoke;
mod load;
mod trap;

pub use compile::{CompileLimits, serve as serve_compile};
pub use inspect::{ComponentError, Import, imports};
pub use load::{Plugin, Runtime, RuntimeError, RuntimeOptions};
