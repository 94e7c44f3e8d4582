//! Tty: a live display on a terminal.
//!
//! ```text
//! view ──frame──▶ lines that fit ──screen──▶ terminal      while the run goes on
//! view ──summary──▶ lines that stay ──screen──▶ terminal   when it has ended
//! ```

mod frame;
mod live;
mod screen;

pub(super) use live::Tty;
