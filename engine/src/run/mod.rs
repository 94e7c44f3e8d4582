//! Run: carries a plan out.
//!
//! ```text
//!             ┌───────────── dispatcher ─────────────┐
//!  cancels ──▶│ owns the state of every stage,        │──facts, signals──▶ journal ──▶ reporters
//!             │ decides what is ready, skipped, done  │
//!             └──starts──▶ executor ──▶ StageRunner ──┘
//!                             attempt's messages ───────▶ (back to the dispatcher)
//! ```
//!
//! A stage that fails is work that was carried out; `Err` is the engine's own
//! failure.

mod cancel;
mod dispatcher;
mod ending;
mod execute;
mod executor;
mod in_process;
mod retry;
mod runner;
mod scope;
mod start;
mod state;
#[cfg(test)]
mod tests;

pub use execute::{OnFailure, RunError, RunOptions, RunReport, StageReport, execute};
pub use in_process::InProcess;
pub use runner::StageRunner;
