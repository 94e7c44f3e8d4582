//! Command line: what was typed becomes calls of the floors below, and their
//! results become output and an exit code. One file a command.

mod arguments;
mod builtin;
mod cancels;
mod diagnostics;
mod doctor;
mod environment;
mod exit;
mod facts;
mod failure;
mod find_run;
mod internal;
mod logs;
mod main_command;
mod output;
mod pipeline;
mod places;
mod plan;
mod random;
mod run;
mod runs;
mod secrets;
mod services;
mod show;
mod validate;

pub use exit::Exit;
pub use main_command::main;
