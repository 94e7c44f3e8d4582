//! Launcher: the re-executed child that starts a tool and outlives all it starts.
//!
//! ```text
//! engine ──socket──▶ launcher ──▶ init ┊──▶ tool ──▶ …   whatever loses its parent
//!                                   ▲  ┊              │   becomes a child of init
//!                                   └──┊──────────────┘
//! ```
//!
//! Right of the line is a process namespace of the tool's own; without one the
//! launcher does what init would. Single-threaded, without tokio: what it forks
//! goes on in the middle of things.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, WaitStatus, getpid,
    kill_process_group, pidfd_open, wait,
};

use super::init::{self, Init};
use super::launch::{End, EndCause, Exit, LaunchError, Usage};
use super::process_tree::{self, Memory};
use super::start::{self, Start};
use super::sys;
use super::wire::{self, DESCRIPTORS, Order, Report, Request};
use crate::model::limits;
use crate::plan::Access;

/// Runs one tool, as the engine at the other end of standard input orders.
///
/// The whole life of the process: call it first in `main`, before any thread
/// is started and any file is opened, and end with its result.
pub fn run_launcher() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody is left to tell: the engine sees the socket close.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    close_inherited()?;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    if let Err(error) = prepare() {
        return wire::send(&socket, &Report::of(&error));
    }
    let (order, descriptors) = wire::receive_order(&socket)?;
    let limits = Limits::of(&order);
    let started = Instant::now();
    let mut tool = match start(&order, descriptors) {
        Ok(tool) => tool,
        Err(error) => return wire::send(&socket, &Report::of(&error)),
    };
    // It may hold secrets, which nobody needs any more.
    drop(order);
    // From here on there is something to kill, whatever fails.
    let proxy = tool.take_proxy();
    let with: Vec<_> = proxy.iter().map(AsFd::as_fd).collect();
    let reported = wire::send_with(&socket, &Report::Started, &with);
    drop(with);
    drop(proxy);
    let mut watch = Watch {
        tool,
        socket: &socket,
        limits,
        exit: None,
        stragglers: None,
        cause: EndCause::Itself,
    };
    if reported.is_ok() {
        watch.until_the_end();
    }
    let stragglers = watch.kill_all();
    let usage = usage(started.elapsed());
    let end = End {
        exit: watch.exit.unwrap_or(Exit::Signal(libc::SIGKILL)),
        cause: watch.cause,
        usage,
        stragglers,
    };
    wire::send(&socket, &Report::Ended(end))
}

/// Closes whatever the engine, or whoever started the engine, left open.
pub(crate) fn close_inherited() -> io::Result<()> {
    // This is the first thing that the process does: nothing but the standard
    // streams has an owner yet.
    sys::close_from(3, false)
}

/// What holds for the launcher and, by inheritance, for all it starts.
fn prepare() -> Result<(), LaunchError> {
    let step =
        |name: &'static str| move |error: rustix::io::Errno| LaunchError::at(name)(error.into());
    rustix::process::setsid().map_err(step("begin a session"))?;
    rustix::process::set_child_subreaper(Some(getpid())).map_err(step("become a subreaper"))?;
    rustix::thread::set_no_new_privs(true).map_err(step("give up new privileges"))?;
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none).map_err(step("forbid core files"))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    // The order holds secrets, and the tool may run as the same user.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(step("close its memory to others"))
}

/// What the launcher started, and watches.
enum Tool {
    /// The tool itself.
    Child(Pid),
    /// A namespace with the tool in it.
    Inside(Init),
}

impl Tool {
    /// The process that the launcher is the parent of.
    fn child(&self) -> Pid {
        match self {
            Self::Child(pid) => *pid,
            Self::Inside(init) => init.pid,
        }
    }

    /// The port that the engine answers, if it does.
    fn take_proxy(&mut self) -> Option<OwnedFd> {
        match self {
            Self::Child(_) => None,
            Self::Inside(init) => init.proxy.take(),
        }
    }
}

fn start(order: &Order, descriptors: [OwnedFd; DESCRIPTORS]) -> Result<Tool, LaunchError> {
    let [directory, stdin, stdout, stderr] = descriptors;
    let streams = [stdin, stdout, stderr];
    if order.walls.namespaces {
        return init::start(order, directory, streams).map(Tool::Inside);
    }
    let start = Start {
        order,
        directory,
        streams,
        parent: getpid(),
    };
    start::start(start).map(Tool::Child)
}

/// What a tool and all it starts have to stay within.
struct Limits {
    memory_bytes: Option<u64>,
    processes: u64,
    reserve_bytes: u64,
    /// Where it may write.
    disks: Vec<OwnedFd>,
}

impl Limits {
    fn of(order: &Order) -> Self {
        let places = order.view.places.iter();
        let writable = places.filter(|place| place.access == Access::Write);
        Self {
            memory_bytes: order.memory_bytes,
            processes: order.processes,
            reserve_bytes: order.reserve_bytes,
            // What cannot be opened fails where it is shown, with its name.
            disks: writable.filter_map(|place| place.open().ok()).collect(),
        }
    }

    /// The least that is left on a disk, if it is too little.
    fn shortage(&self) -> Option<u64> {
        let left = self.disks.iter().filter_map(|disk| {
            let disk = rustix::fs::fstatvfs(disk).ok()?;
            Some(disk.f_bavail.saturating_mul(disk.f_frsize))
        });
        left.min().filter(|left| *left < self.reserve_bytes)
    }
}

/// The watch over a tool that runs.
struct Watch<'a> {
    tool: Tool,
    socket: &'a UnixStream,
    limits: Limits,
    exit: Option<Exit>,
    /// What a namespace said that it had killed.
    stragglers: Option<u64>,
    cause: EndCause,
}

impl Watch<'_> {
    /// Returns when the tool has ended, or everything must be killed.
    fn until_the_end(&mut self) {
        // None when it has ended already, which `reap` will see.
        let child = pidfd_open(self.tool.child(), PidfdFlags::empty()).ok();
        let interval = match self.limits.memory_bytes {
            Some(_) => limits::EXEC_WATCH_MEMORY,
            None => limits::EXEC_WATCH,
        };
        let mut kill_at: Option<Instant> = None;
        loop {
            self.reap();
            if self.exit.is_some() || self.is_over_a_limit() {
                return;
            }
            let mut wait = interval;
            if let Some(at) = kill_at {
                let left = at.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return;
                }
                wait = wait.min(left);
            }
            match self.wait_for_news(child.as_ref(), wait) {
                News::Nothing => {}
                News::Kill => {
                    self.cause = EndCause::Stopped;
                    return;
                }
                News::Terminate(grace) => {
                    self.cause = EndCause::Stopped;
                    kill_at.get_or_insert(Instant::now() + grace);
                    self.terminate();
                }
            }
        }
    }

    fn terminate(&self) {
        match &self.tool {
            Tool::Child(tool) => {
                let _ = kill_process_group(*tool, Signal::TERM);
            }
            // Its process group has a name only in there.
            Tool::Inside(init) => {
                let _ = wire::send(&init.socket, &Request::Terminate { grace_ms: 0 });
            }
        }
    }

    fn wait_for_news(&self, child: Option<&OwnedFd>, wait: Duration) -> News {
        let mut descriptors = vec![PollFd::new(self.socket, PollFlags::IN)];
        if let Some(child) = child {
            descriptors.push(PollFd::new(child, PollFlags::IN));
        }
        if pause(&mut descriptors, wait).is_err() || descriptors[0].revents().is_empty() {
            return News::Nothing;
        }
        match wire::receive(self.socket) {
            Ok(Some(Request::Terminate { grace_ms })) => {
                let grace = Duration::from_millis(grace_ms).min(limits::EXEC_TERMINATE_GRACE);
                News::Terminate(grace)
            }
            Ok(Some(Request::Begin)) => News::Nothing,
            // The engine wants it dead, or is dead itself.
            Ok(None) | Err(_) => News::Kill,
        }
    }

    fn is_over_a_limit(&mut self) -> bool {
        let mut processes = process_tree::descendants(getpid());
        if let Tool::Inside(init) = &self.tool {
            // Ours, and only there for the tool.
            processes.retain(|process| process.pid != init.pid);
        }
        let count = processes.len() as u64;
        if count > self.limits.processes {
            self.cause = EndCause::Processes(count);
            return true;
        }
        if let Some(left) = self.limits.shortage() {
            self.cause = EndCause::Disk(left);
            return true;
        }
        let Some(limit) = self.limits.memory_bytes else {
            return false;
        };
        let mut memory = Memory::default();
        let page_bytes = rustix::param::page_size() as u64;
        for process in processes {
            memory.add(process.pid, page_bytes);
        }
        if memory.bytes() > limit {
            self.cause = EndCause::Memory(memory.bytes());
            return true;
        }
        false
    }

    /// Kills whatever is left, and returns how much of it the tool had left behind.
    fn kill_all(&mut self) -> u64 {
        let left_behind = self.exit.is_some();
        let mut stragglers = 0;
        let until = Instant::now() + limits::EXEC_KILL;
        while self.reap() && Instant::now() < until {
            let killed = process_tree::kill_descendants(getpid()) as u64;
            if left_behind {
                stragglers = stragglers.max(killed);
            }
            let _ = pause(&mut [], Duration::from_millis(1));
        }
        self.stragglers.unwrap_or(stragglers)
    }

    /// Takes note of every process that has ended; whether any is left.
    fn reap(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.tool.child() => self.note(status),
                Ok(Some(_)) | Err(rustix::io::Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn note(&mut self, status: WaitStatus) {
        let exit = exit_of(status);
        let Tool::Inside(init) = &self.tool else {
            self.exit = exit;
            return;
        };
        // Its last word, if it had one; it cannot say more.
        let word = wire::receive(&init.socket);
        if let Ok(Some(Report::Ended(end))) = word {
            self.exit = Some(end.exit);
            self.stragglers = Some(end.stragglers);
        } else {
            self.exit = exit;
        }
    }
}

enum News {
    Nothing,
    Terminate(Duration),
    Kill,
}

/// How a process ended.
pub(super) fn exit_of(status: WaitStatus) -> Option<Exit> {
    let code = status.exit_status().map(Exit::Code);
    code.or_else(|| status.terminating_signal().map(Exit::Signal))
}

/// Waits until there is something to read, or for this long.
pub(super) fn pause(descriptors: &mut [PollFd<'_>], wait: Duration) -> rustix::io::Result<usize> {
    let wait = Timespec::try_from(wait).unwrap_or(Timespec {
        tv_sec: 1,
        tv_nsec: 0,
    });
    poll(descriptors, Some(&wait))
}

/// What all processes that the launcher has waited for used.
fn usage(wall: Duration) -> Usage {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    #[expect(unsafe_code, reason = "getrusage has no safe wrapper")]
    // SAFETY: the kernel fills the whole structure, and zeroes are valid where
    // it fails.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_CHILDREN, usage.as_mut_ptr());
        usage.assume_init()
    };
    let time = |time: libc::timeval| {
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_usec).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_micros(micros)
    };
    Usage {
        wall,
        user: time(usage.ru_utime),
        system: time(usage.ru_stime),
        // In KiB.
        max_rss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
    }
}
