//! Launch: what to run, and how it ended.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::tool::Identity;
use super::view::View;
use super::wall::Walls;

/// A tool to run.
#[derive(Debug)]
pub struct Launch {
    /// The program, an absolute path. Also the first of what it sees as arguments.
    pub program: PathBuf,
    /// The other arguments. Guest-controlled; no shell ever sees them.
    pub arguments: Vec<OsString>,
    /// Its whole environment, in order. Nothing of the engine's is added.
    pub environment: Vec<(OsString, Zeroizing<Vec<u8>>)>,
    /// The file that the program must be; none to take what is there.
    pub identity: Option<Identity>,
    /// Where it starts: an open folder, so that nobody can swap it any more.
    /// Behind namespaces it is [`View::directory`] that counts.
    pub directory: OwnedFd,
    /// Standard input.
    pub stdin: Stdin,
    /// Standard output.
    pub stdout: Output,
    /// Standard error.
    pub stderr: Output,
    /// Memory of the whole tree; none is the machine's.
    pub memory_bytes: Option<u64>,
    /// Processes of the whole tree at the same time, usually
    /// [`limits::EXEC_PROCESSES`](crate::model::limits::EXEC_PROCESSES).
    pub processes: u64,
    /// Bytes that have to stay free where it may write.
    pub reserve_bytes: u64,
    /// What holds it.
    pub walls: Walls,
    /// What it sees of the machine's files, where a wall holds it to that.
    pub view: View,
    /// Files in [`SECRETS`](super::SECRETS): names and bytes. Only behind
    /// namespaces; without them nobody looks at it.
    pub secrets: Vec<(String, Zeroizing<Vec<u8>>)>,
    /// What it may reach.
    pub network: Network,
}

/// What a tool may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Network {
    /// Nothing.
    None,
    /// What answers on a port of its own loopback, [`limits::PROXY_PORT`], which is
    /// [`Pipes::proxy`] for the caller. Only behind namespaces.
    ///
    /// [`limits::PROXY_PORT`]: crate::model::limits::PROXY_PORT
    Proxy,
    /// Whatever the machine can.
    Host,
}

/// Where standard input comes from.
#[derive(Debug)]
pub enum Stdin {
    /// Nowhere: it is at its end from the start.
    Null,
    /// From the caller, through [`Pipes::stdin`].
    Pipe,
    /// These bytes, then the end.
    Bytes(Zeroizing<Vec<u8>>),
}

/// Where an output stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Nowhere.
    Null,
    /// To the caller, through [`Pipes`].
    Pipe,
}

/// Our ends of the pipes of a tool.
#[derive(Debug, Default)]
pub struct Pipes {
    /// Writes to its standard input.
    pub stdin: Option<OwnedFd>,
    /// Reads its standard output.
    pub stdout: Option<OwnedFd>,
    /// Reads its standard error.
    pub stderr: Option<OwnedFd>,
    /// Accepts what it connects to in its own network; with [`Network::Proxy`].
    pub proxy: Option<OwnedFd>,
}

/// How a tool ended. Everything it started is gone by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How the tool itself ended.
    pub exit: Exit,
    /// What ended it.
    pub cause: EndCause,
    /// What it used.
    pub usage: Usage,
    /// Processes that it left behind, and that were killed.
    pub stragglers: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What ended a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndCause {
    /// Itself, or somebody outside the engine.
    Itself,
    /// The engine, because it was told to.
    Stopped,
    /// The engine: the tree held this many bytes of memory.
    Memory(u64),
    /// The engine: the tree had this many processes.
    Processes(u64),
    /// The engine: so many bytes were left on a disk that it may write to.
    Disk(u64),
}

/// What a tool and everything it started used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// From start to end.
    pub wall: Duration,
    /// Processor time in user mode.
    pub user: Duration,
    /// Processor time in the kernel.
    pub system: Duration,
    /// Most memory of any one process of the tree, in bytes. Never less than
    /// the launcher's own size, which the tool has until its program is loaded.
    pub max_rss_bytes: u64,
}

/// Why a tool did not start, or its end is not known.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The system would not start the program.
    #[error("the program could not be started: {0}")]
    Program(std::io::Error),
    /// The system would not do something that the launcher cannot go without.
    #[error("the launcher could not {step}: {error}")]
    Launcher {
        /// What it tried to do.
        step: String,
        /// Why not.
        error: std::io::Error,
    },
    /// The launcher is gone and has not said how the tool ended.
    #[error("the launcher of the tool went away ({0})")]
    Lost(String),
}

impl LaunchError {
    pub(super) fn at(step: &'static str) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::Launcher {
            step: step.to_owned(),
            error,
        }
    }
}
