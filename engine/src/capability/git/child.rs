//! Child: the process that does git's work, so that an abort, a hang or a bomb
//! ends it and never the engine (`engine internal git`).
//!
//! It needs no environment and reads no configuration. One thread owns its
//! input: when that ends the engine is gone, and the child ends itself with all
//! that it has started.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Resource, Rlimit, Signal, kill_current_process_group, setrlimit};

use super::clone::clone;
use super::contains::contains;
use super::failure::{FailureKind, GitFailure};
use super::frame;
use super::history::History;
use super::protocol::{Answer, ProcessLimits, Query, Reply, Request, Start};
use super::remote::ls_refs;
use super::watch::Report;

/// Serves one request on the standard streams of this process.
///
/// The caller has made this process for nothing else, and does nothing after.
pub fn serve() -> ExitCode {
    if let Err(error) = crate::sandbox::close_inherited() {
        return fail(GitFailure::io("inherited files cannot be closed", &error));
    }
    let mut input = io::stdin();
    let start: Start = match frame::read(&mut input) {
        Ok(Some(start)) => start,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            return fail(GitFailure::io("the request cannot be read", &error));
        }
    };
    if let Err(error) = confine(start.process) {
        return fail(GitFailure::io("the child cannot be limited", &error.into()));
    }
    let queries = watch_input(input, matches!(start.request, Request::History(_)));
    match work(start.request, queries) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Sets the limits that the kernel enforces.
fn confine(limits: ProcessLimits) -> rustix::io::Result<()> {
    let set = |resource, value| {
        setrlimit(
            resource,
            Rlimit {
                current: Some(value),
                maximum: Some(value),
            },
        )
    };
    // A core file would hold the secret.
    set(Resource::Core, 0)?;
    set(Resource::As, limits.memory_bytes)?;
    set(Resource::Cpu, limits.cpu_seconds)?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Hands queries on until the input ends. Its end means that nobody waits for
/// the work any more.
fn watch_input(mut input: impl Read + Send + 'static, expects_queries: bool) -> Receiver<Query> {
    let (sender, queries) = channel();
    std::thread::spawn(move || {
        loop {
            match frame::read::<Query>(&mut input) {
                Ok(Some(query)) if expects_queries => {
                    let _ = sender.send(query);
                }
                // Between two queries the end is how a session closes.
                Ok(None) if expects_queries => break,
                _ => {
                    // Only a child in a group of its own may end its group.
                    let own = rustix::process::getpid();
                    if rustix::process::getpgrp() == own {
                        let _ = kill_current_process_group(Signal::KILL);
                    }
                    break;
                }
            }
        }
    });
    queries
}

/// Does what is asked and writes what comes of it.
fn work(request: Request, queries: Receiver<Query>) -> io::Result<()> {
    let output = Arc::new(Mutex::new(io::stdout()));
    let report: Report = {
        let output = Arc::clone(&output);
        Arc::new(move |progress| {
            // Progress that cannot be told is told by the answer that cannot.
            let _ = say(&output, &Reply::Progress(progress));
        })
    };
    let answer = match request {
        Request::LsRefs(request) => ls_refs(&request).map(Answer::Refs),
        Request::Contains(request) => contains(&request, &report).map(Answer::Contains),
        Request::Clone(request) => {
            clone(&request, &report).map(|done| Answer::CheckedOut(Box::new(done)))
        }
        Request::History(request) => {
            let history = match History::open(&request) {
                Ok(history) => history,
                Err(failure) => return say(&output, &Reply::Failed(Box::new(failure))),
            };
            say(&output, &Reply::Answer(Box::new(Answer::Opened)))?;
            for query in queries {
                say(&output, &reply(history.answer(query)))?;
            }
            return Ok(());
        }
    };
    say(&output, &reply(answer))
}

fn reply(answer: Result<Answer, GitFailure>) -> Reply {
    match answer {
        Ok(answer) => Reply::Answer(Box::new(answer)),
        Err(failure) => Reply::Failed(Box::new(failure)),
    }
}

fn say(output: &Mutex<impl Write>, reply: &Reply) -> io::Result<()> {
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    match frame::write(&mut *output, reply) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            let failure = GitFailure::new(
                FailureKind::LimitExceeded,
                "limit.git-answer",
                format_args!("the answer is too long: {error}"),
            );
            frame::write(&mut *output, &Reply::Failed(Box::new(failure)))
        }
        done => done,
    }
}

fn fail(failure: GitFailure) -> ExitCode {
    let _ = say(&Mutex::new(io::stdout()), &Reply::Failed(Box::new(failure)));
    ExitCode::FAILURE
}
