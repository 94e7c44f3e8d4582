//! Report: reporters, which turn events into output. Blind to `run/`.
//!
//! ```text
//!          ┌─▶ view ──▶ summary, failure ─┐
//! Event ──▶│                              ├─▶ tty  plain  quiet  github
//!          ├─▶ narrate (a line for a fact)┘
//!          └─▶ jsonl
//! ```
//!
//! Nothing here reads the environment: colour, width and time zone are passed in.
//! Text of guests, repositories and servers is shown through [`escape()`].

mod escape;
mod failure;
mod github;
mod jsonl;
mod narrate;
mod output;
mod paint;
mod plain;
mod quantity;
mod quiet;
mod reporter;
mod stage_view;
mod step_summary;
mod summary;
mod tty;
mod view;

#[cfg(test)]
mod tests;

pub(crate) use paint::{Paint, Tone};

pub use escape::{cut, escape, escape_lines, width};
pub use reporter::{OutputMode, ReportOptions, Reporter, TerminalSize, reporter};
