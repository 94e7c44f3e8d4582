//! Running: the engine's side of a tool that runs under a launcher.
//!
//! Nothing here needs the thread that started the tool to live on: the launcher
//! watches its socket, whose other end the kernel closes when the engine dies.

use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::net::Shutdown;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::pipe::{PipeFlags, fcntl_setpipe_size, pipe_with};
use rustix::process::{Pid, Signal, kill_process};

use super::launch::{End, Launch, LaunchError, Output, Pipes, Stdin};
use super::process_tree;
use super::wire::{self, Errand, Order, Report, Request};
use crate::model::{ChildProgram, limits};

/// A tool that runs. Dropping it, or the engine's death, kills it with
/// everything it started.
pub struct Running {
    launcher: Child,
    stopper: Stopper,
}

/// Stops a tool from anywhere. Cheap to clone.
#[derive(Clone)]
pub struct Stopper(Arc<Control>);

struct Control {
    socket: UnixStream,
    launcher: Pid,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the launcher was told to kill.
    killed: Option<Instant>,
    /// The launcher's id may belong to somebody else by now.
    reaped: bool,
}

/// Starts a tool.
///
/// Blocks for as long as two programs take to load, about 3 ms.
pub fn start(program: &ChildProgram, launch: Launch) -> Result<(Running, Pipes), LaunchError> {
    start_errand(program, launch, Errand::Run)
}

/// Starts a tool, or what proves the walls around one.
pub(super) fn start_errand(
    program: &ChildProgram,
    launch: Launch,
    errand: Errand,
) -> Result<(Running, Pipes), LaunchError> {
    let (ours, theirs) = UnixStream::pair().map_err(LaunchError::at("make a socket"))?;
    let mut pipes = Pipes::default();
    let stdin = standard_input(launch.stdin, &mut pipes)
        .map_err(LaunchError::at("prepare standard input"))?;
    let open = |output, ours: &mut Option<OwnedFd>| {
        standard_output(output, ours).map_err(LaunchError::at("make a pipe"))
    };
    let stdout = open(launch.stdout, &mut pipes.stdout)?;
    let stderr = open(launch.stderr, &mut pipes.stderr)?;
    let launcher = Command::new(&program.path)
        .args(&program.arguments)
        .env_clear()
        .current_dir("/")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(LaunchError::at("be started"))?;
    let control = Control {
        socket: ours,
        launcher: Pid::from_child(&launcher),
        state: Mutex::default(),
    };
    let running = Running {
        launcher,
        stopper: Stopper(Arc::new(control)),
    };
    let order = Order {
        program: launch.program.into_os_string(),
        arguments: launch.arguments,
        environment: launch
            .environment
            .into_iter()
            .map(|(name, value)| (name, value.to_vec()))
            .collect(),
        memory_bytes: launch.memory_bytes,
        processes: launch.processes,
        reserve_bytes: launch.reserve_bytes,
        identity: launch.identity,
        walls: launch.walls,
        view: launch.view,
        secrets: launch
            .secrets
            .into_iter()
            .map(|(name, value)| (name, value.to_vec()))
            .collect(),
        network: launch.network,
        errand,
    };
    let descriptors = [
        launch.directory.as_fd(),
        stdin.as_fd(),
        stdout.as_fd(),
        stderr.as_fd(),
    ];
    wire::send_with(&running.stopper.0.socket, &order, &descriptors)
        .map_err(LaunchError::at("take its order"))?;
    pipes.proxy = running.expect_start()?;
    Ok((running, pipes))
}

impl Running {
    /// A handle that stops the tool.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Waits until the tool and everything it started are gone. Blocks.
    pub fn wait(mut self) -> Result<End, LaunchError> {
        let report = self.stopper.0.report();
        if !matches!(report, Ok(Some(Report::Ended(_)))) {
            // Gone, or out of its mind: it must not be waited for in vain.
            self.stopper.kill();
        }
        let status = self.reap();
        match report {
            Ok(Some(Report::Ended(end))) => Ok(end),
            Ok(_) => Err(LaunchError::Lost(status)),
            Err(error) => Err(LaunchError::Lost(format!("{error}, {status}"))),
        }
    }

    /// The port that is answered for it, if there is one.
    fn expect_start(&self) -> Result<Option<OwnedFd>, LaunchError> {
        let word = self.stopper.0.first_report();
        Report::started(word.map_err(|error| LaunchError::Lost(error.to_string()))?)
    }

    /// Waits for the launcher itself; says how it ended.
    fn reap(&mut self) -> String {
        let mut state = self.stopper.0.lock();
        if state.reaped {
            return String::new();
        }
        // The launcher ends right after its last word, and its socket closes
        // when it ends: this does not wait for long.
        let status = self.launcher.wait();
        state.reaped = true;
        status.map_or_else(|error| error.to_string(), |status| status.to_string())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.stopper.0.lock().reaped {
            return;
        }
        self.stopper.kill();
        // Only reached when nobody waits: an error on the way, or a caller that
        // gave up. What is waited for is bounded by the launcher's patience.
        let _ = self.stopper.0.report();
        self.reap();
    }
}

impl Stopper {
    /// Asks the tool to stop (SIGTERM to its group), and has it killed with
    /// everything it started when it still runs after `grace`.
    pub fn terminate(&self, grace: Duration) {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        self.0.wake();
        // An error means that the launcher is gone: nothing is left to ask.
        let _ = wire::send(&self.0.socket, &Request::Terminate { grace_ms });
    }

    /// Kills the tool with everything it started. Returns at once.
    pub fn kill(&self) {
        self.0.lock().killed.get_or_insert_with(Instant::now);
        self.0.wake();
        let _ = self.0.socket.shutdown(Shutdown::Write);
    }
}

impl Control {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the launcher tried to start the tool, and how that went.
    fn first_report(&self) -> io::Result<Option<(Report, Vec<OwnedFd>)>> {
        let until = Instant::now() + limits::EXEC_START;
        while Instant::now() < until {
            if self.has_word()? {
                return wire::receive_with(&self.socket);
            }
            // A hostile tool may stop its launcher before that has said a word.
            self.wake();
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// The launcher's next word. Does the launcher's work over its head when it
    /// was told to kill and does not get on with it.
    fn report(&self) -> io::Result<Option<Report>> {
        loop {
            if self.has_word()? {
                return wire::receive(&self.socket);
            }
            self.overrule();
        }
    }

    /// Waits for a moment; whether the launcher has said something, or is gone.
    fn has_word(&self) -> io::Result<bool> {
        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: 100_000_000,
        };
        let mut descriptors = [PollFd::new(&self.socket, PollFlags::IN)];
        match poll(&mut descriptors, Some(&moment)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// The tool runs as the same user, and may have stopped its launcher.
    fn wake(&self) {
        let state = self.lock();
        if !state.reaped {
            let _ = kill_process(self.launcher, Signal::CONT);
        }
    }

    fn overrule(&self) {
        let Some(told) = self.lock().killed.map(|since| since.elapsed()) else {
            return;
        };
        if told < limits::EXEC_LAUNCHER_PATIENCE {
            return;
        }
        // While the launcher lives, stopped or not, what the tool started stays
        // below it.
        let living = process_tree::kill_descendants(self.launcher);
        self.wake();
        let state = self.lock();
        if living == 0 && told > limits::EXEC_KILL && !state.reaped {
            let _ = kill_process(self.launcher, Signal::KILL);
        }
    }
}

fn standard_input(stdin: Stdin, pipes: &mut Pipes) -> io::Result<OwnedFd> {
    match stdin {
        Stdin::Null => Ok(File::open("/dev/null")?.into()),
        Stdin::Pipe => {
            let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
            pipes.stdin = Some(ours);
            Ok(theirs)
        }
        Stdin::Bytes(bytes) => {
            // A file in memory has room for all bytes at once, where a pipe
            // would need somebody to go on writing.
            let file = rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?;
            let mut file = File::from(file);
            file.write_all(&bytes)?;
            file.rewind()?;
            Ok(file.into())
        }
    }
}

fn standard_output(output: Output, ours: &mut Option<OwnedFd>) -> io::Result<OwnedFd> {
    match output {
        Output::Null => Ok(File::options().write(true).open("/dev/null")?.into()),
        Output::Pipe => {
            let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
            // Refused when the user has too many large pipes; a small one works.
            let _ = fcntl_setpipe_size(&read, limits::EXEC_PIPE_BYTES);
            *ours = Some(read);
            Ok(write)
        }
    }
}
