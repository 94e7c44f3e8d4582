//! Hostile: what means harm, driven against the engine.
//!
//! - `rows`: every attack, and those that no test proves
//! - `table`: which test proves which row, and the page that says so

mod absent;
mod bombs;
mod crafted;
mod network;
mod proposals;
mod rows;
mod secrets;
mod table;
mod this_machine;
mod wasm;
