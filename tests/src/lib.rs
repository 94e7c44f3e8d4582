//! Whole-engine tests, in one binary: `cargo test -p engine-tests`.
//!
//! - `tidy`: the rules of the house, read from the sources
//! - `guests`: real components, built from `tests/plugins`
//! - `cases`: the whole command line

#[cfg(test)]
mod tidy;
