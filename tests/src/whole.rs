//! Whole-engine tests, in one binary: `cargo test -p engine-tests`.
//!
//! - `tidy`: the rules of the house, read from the sources
//! - `guests`: hostile components, built from `tests/plugins`
//! - `hostile`: every attack that we know of, and which test proves its wall
//! - `commands`: the whole command line, as a person and as CI would use it
//! - `files`: what a guest does with its folders
//! - `stages`: the four built-in stages with real servers and real tools
//! - `walls`: native tools on machines that hold them less well

mod commands;
mod files;
mod guests;
mod hostile;
#[expect(
    dead_code,
    unreachable_pub,
    reason = "a server serves more than one kind of test"
)]
mod servers;
mod stages;
mod tidy;
#[expect(clippy::print_stderr, reason = "what is skipped is said")]
mod walls;
mod workbench;
