//! Command line: what was typed becomes calls of the floors below, and their
//! results become output and an exit code. One file a command.

mod arguments;
mod builtin;
mod cancels;
mod completions;
mod diagnostics;
mod doctor;
mod environment;
mod event;
mod exit;
mod explain;
mod facts;
mod failure;
mod find_run;
mod init;
mod internal;
mod logs;
mod main_command;
mod output;
mod pipeline;
mod places;
mod plan;
mod plugins;
mod random;
mod receiver;
mod run;
mod runs;
mod secrets;
mod services;
mod show;
mod show_files;
mod source_lines;
mod time_zone;
mod validate;

pub use exit::Exit;
pub use main_command::main;
