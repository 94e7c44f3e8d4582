//! Init: the first process of a tool's own namespaces.
//!
//! It builds the root, starts the tool, reaps whatever loses its parent, and
//! ends when the tool has ended: the kernel then ends everything else in the
//! namespace, whatever session or group that is in.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, kill_process_group,
    pidfd_open, set_dumpable_behavior, wait,
};

use super::launch::{End, EndCause, Exit, LaunchError, Network, Usage};
use super::launcher::{exit_of, pause};
use super::owner::{self, Owner};
use super::root;
use super::start::{self, Start};
use super::sys::{self, Side};
use super::wire::{self, Order, Report, Request};
use crate::model::limits;

/// A namespace with a tool in it, seen from outside.
pub(super) struct Init {
    /// Its first process. Killing it kills all.
    pub(super) pid: Pid,
    /// Speaks as a launcher does.
    pub(super) socket: UnixStream,
    /// A port of its network that is answered from outside.
    pub(super) proxy: Option<OwnedFd>,
}

const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

/// Makes the namespaces, and starts the tool in them.
pub(super) fn start(
    order: &Order,
    directory: OwnedFd,
    streams: [OwnedFd; 3],
) -> Result<Init, LaunchError> {
    let at = LaunchError::at;
    let (ours, theirs) = UnixStream::pair().map_err(at("make a socket"))?;
    sys::leave_groups();
    let owner = Owner::find(&order.view);
    let namespaces = match order.network {
        Network::Host => NAMESPACES,
        Network::None | Network::Proxy => NAMESPACES | libc::CLONE_NEWNET,
    };
    // The maps of a process that nobody may look into are the superuser's to write.
    dumpable(DumpableBehavior::Dumpable)?;
    let side = sys::fork(namespaces).map_err(at("make namespaces"))?;
    let Side::Parent(pid) = side else {
        drop(ours);
        let streams = Streams { directory, streams };
        sys::exit(live(order, owner.trees, streams, &theirs))
    };
    let mut init = Init {
        pid,
        socket: ours,
        proxy: None,
    };
    drop((theirs, directory, streams));
    let mapped = owner::map(pid, limits::TOOL_USER, owner.ids);
    dumpable(DumpableBehavior::NotDumpable)?;
    let begun = mapped.and_then(|()| {
        wire::send(&init.socket, &Request::Begin).map_err(at("begin the namespace"))?;
        wire::receive_with(&init.socket).map_err(at("hear of the tool"))
    });
    match begun.and_then(Report::started) {
        Ok(proxy) => {
            init.proxy = proxy;
            Ok(init)
        }
        Err(error) => {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            Err(error)
        }
    }
}

fn dumpable(behavior: DumpableBehavior) -> Result<(), LaunchError> {
    set_dumpable_behavior(behavior)
        .map_err(|error| LaunchError::at("close its memory to others")(error.into()))
}

struct Streams {
    directory: OwnedFd,
    streams: [OwnedFd; 3],
}

/// The whole life of the first process; its exit code.
fn live(
    order: &Order,
    trees: Vec<Option<OwnedFd>>,
    streams: Streams,
    socket: &UnixStream,
) -> libc::c_int {
    match begin(order, trees, streams, socket) {
        Ok((tool, proxy)) => {
            let with: Vec<_> = proxy.iter().map(AsFd::as_fd).collect();
            if wire::send_with(socket, &Report::Started, &with).is_err() {
                return 1;
            }
            drop(with);
            drop(proxy);
            let end = watch(tool, socket);
            libc::c_int::from(wire::send(socket, &Report::Ended(end)).is_err())
        }
        Err(error) => {
            let _ = wire::send(socket, &Report::of(&error));
            1
        }
    }
}

fn begin(
    order: &Order,
    trees: Vec<Option<OwnedFd>>,
    streams: Streams,
    socket: &UnixStream,
) -> Result<(Pid, Option<TcpListener>), LaunchError> {
    let at = LaunchError::at;
    match wire::receive(socket) {
        Ok(Some(Request::Begin)) => {}
        _ => return Err(LaunchError::Lost("nobody began the namespace".to_owned())),
    }
    sys::become_user(limits::TOOL_USER).map_err(at("become an ordinary user"))?;
    // After the change of user, which takes both back. Its parent is in another
    // namespace, and has no name here: the socket tells whether it lives.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| at("follow its parent")(error.into()))?;
    dumpable(DumpableBehavior::NotDumpable)?;
    rustix::process::setsid().map_err(|error| at("begin a session")(error.into()))?;
    root::enter(root::Plan {
        view: &order.view,
        trees,
        secrets: &order.secrets,
        online: order.network == Network::Host,
    })?;
    sys::name_machine(c"sandbox").map_err(at("name the machine"))?;
    if order.network != Network::Host {
        sys::start_loopback().map_err(at("start the loopback interface"))?;
    }
    // A socket belongs to the network that it was made in, whoever holds it.
    let address = (Ipv4Addr::LOCALHOST, limits::PROXY_PORT);
    let proxy = (order.network == Network::Proxy).then(|| TcpListener::bind(address));
    let proxy = proxy.transpose().map_err(at("open a port"))?;
    let tool = start::start(Start {
        order,
        directory: streams.directory,
        streams: streams.streams,
        parent: getpid(),
    })?;
    start::drop_capabilities().map_err(at("drop its capabilities"))?;
    Ok((tool, proxy))
}

/// Returns when the tool has ended and nothing is left of it.
fn watch(tool: Pid, socket: &UnixStream) -> End {
    // None when the tool has ended already, which `reap` will see.
    let ended = pidfd_open(tool, PidfdFlags::empty()).ok();
    loop {
        let mut exit = None;
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            if pid == tool {
                exit = exit_of(status);
            }
        }
        if let Some(exit) = exit {
            return end(exit);
        }
        let mut descriptors = vec![PollFd::new(socket, PollFlags::IN)];
        if let Some(ended) = &ended {
            descriptors.push(PollFd::new(ended, PollFlags::IN));
        }
        let news = pause(&mut descriptors, limits::EXEC_WATCH);
        if news.is_err() || descriptors[0].revents().is_empty() {
            continue;
        }
        match wire::receive(socket) {
            Ok(Some(Request::Terminate { .. })) => {
                let _ = kill_process_group(tool, Signal::TERM);
            }
            Ok(Some(Request::Begin)) => {}
            // Nobody is left outside: the end of this process is that of all.
            Ok(None) | Err(_) => sys::exit(1),
        }
    }
}

/// Kills what the tool left behind, and counts it.
fn end(exit: Exit) -> End {
    let mut stragglers = 0;
    loop {
        // The group of the first process stands for everybody in the namespace
        // but the caller. Anywhere else it would be everybody on the machine.
        if getpid() == Pid::INIT {
            let _ = kill_process_group(Pid::INIT, Signal::KILL);
        }
        match wait(WaitOptions::empty()) {
            Ok(Some((_, status))) => stragglers += u64::from(is_killed(status)),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => break,
        }
    }
    End {
        exit,
        cause: EndCause::Itself,
        // Whoever waits for this process learns of it from the kernel.
        usage: Usage::default(),
        stragglers,
    }
}

fn is_killed(status: WaitStatus) -> bool {
    status.terminating_signal() == Some(Signal::KILL.as_raw())
}
