//! Sandbox: starting native tools, and what holds them.
//!
//! A tool is started by a launcher, a re-executed child of the engine, behind
//! the strongest walls that this machine can build ([`probe`]):
//!
//! | wall | file | holds |
//! | --- | --- | --- |
//! | namespaces | `init` `root` `owner` | files, processes, network, user |
//! | Landlock | `fence` | files, once more or alone |
//! | seccomp | `filter` | what could undo the others |
//!
//! Whatever the walls are: no shell, an environment and descriptors from
//! nothing, no new privileges, no core files, no terminal, and an end to
//! everything that the tool started, within a second of its own end or of the
//! engine's.

mod fence;
mod filter;
mod init;
mod launch;
mod launcher;
mod owner;
mod process_tree;
mod profile;
mod proof;
mod root;
mod running;
mod shim;
mod start;
mod sys;
#[cfg(test)]
pub(crate) mod tests;
mod tool;
pub mod tree;
mod view;
mod wall;
mod wire;

pub use launch::{End, EndCause, Exit, Launch, LaunchError, Network, Output, Pipes, Stdin, Usage};
pub(crate) use launcher::close_inherited;
pub use launcher::run_launcher;
pub use profile::{
    GrantedTool, Loan, PROFILES, Profile, Spot, Surroundings, Value, environment, folders, loans,
};
pub use running::{Running, Stopper, start};
pub use tool::{Identity, ResolvedTool, ToolError, digest, resolve};
pub use view::{HOME, Place, SECRETS, TEMPORARY, View, WORKSPACE, is_of_the_system};
pub use wall::{Wall, Walls, probe};
