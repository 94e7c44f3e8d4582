//! Whole-engine tests, in one binary: `cargo test -p engine-tests`.
//!
//! - `tidy`: the rules of the house, read from the sources
//! - `guests`: hostile components, built from `tests/plugins`
//! - `commands`: the whole command line, as a person and as CI would use it

mod commands;
mod guests;
mod tidy;
mod workbench;
