//! Sandbox: starting native tools, and what holds them.
//!
//! A tool is started by a launcher, a re-executed child of the engine. What
//! holds today, on every machine: no shell, an environment and descriptors from
//! nothing, no new privileges, no core files, no terminal, and an end to
//! everything that the tool started, within a second of its own end or of the
//! engine's. What does not hold is data: [`probe`].

mod launch;
mod launcher;
mod process_tree;
mod profile;
mod running;
mod shim;
#[cfg(test)]
pub(crate) mod tests;
mod tool;
pub mod tree;
mod wall;
mod wire;

pub use launch::{End, EndCause, Exit, Launch, LaunchError, Output, Pipes, Stdin, Usage};
pub(crate) use launcher::close_inherited;
pub use launcher::run_launcher;
pub use profile::{GrantedTool, PROFILES, Place, Profile, Surroundings, Value, environment};
pub use running::{Running, Stopper, start};
pub use tool::{ResolvedTool, ToolError, digest, resolve};
pub use wall::{Wall, probe};
