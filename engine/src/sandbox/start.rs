//! Start: the process of a tool, from the fork to the program.

use std::convert::Infallible;
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, open};
use rustix::io::FdFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Resource, Rlimit, Signal, getppid, setrlimit};
use rustix::thread::{
    CapabilitiesSecureBits, CapabilitySet, CapabilitySets, remove_capability_from_bounding_set,
    set_capabilities, set_capabilities_secure_bits,
};

use super::fence::{self, Terrain};
use super::filter::{Filter, Sockets};
use super::launch::{LaunchError, Network};
use super::proof;
use super::sys::{self, Side};
use super::tool::Identity;
use super::wire::{Errand, Order, Report};
use crate::model::limits;

/// What the process of a tool begins with.
pub(super) struct Start<'a> {
    pub(super) order: &'a Order,
    /// Where it starts, unless it has a root of its own.
    pub(super) directory: OwnedFd,
    /// Standard input, output and error.
    pub(super) streams: [OwnedFd; 3],
    /// Whoever forks it, by the name that it sees.
    pub(super) parent: Pid,
}

/// Starts a tool: returns when its program runs, or cannot.
pub(super) fn start(start: Start<'_>) -> Result<Pid, LaunchError> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)
        .map_err(|error| LaunchError::at("make a pipe")(error.into()))?;
    let side = sys::fork(0).map_err(LaunchError::at("fork"))?;
    let Side::Parent(tool) = side else {
        drop(read);
        let error = match become_it(start) {
            Ok(never) => match never {},
            Err(error) => error,
        };
        // Without this word the other side believes that the program runs.
        let word = serde_json::to_vec(&Report::of(&error)).unwrap_or_default();
        let _ = File::from(write).write_all(&word);
        sys::exit(127)
    };
    drop((write, start));
    let mut word = Vec::new();
    let read = File::from(read).read_to_end(&mut word);
    read.map_err(LaunchError::at("hear of the program"))?;
    if word.is_empty() {
        return Ok(tool);
    }
    let word = serde_json::from_slice(&word).ok();
    Report::started(word.map(|word| (word, Vec::new()))).map(|_| tool)
}

/// Everything that holds for the tool, each wall after what it would be in the
/// way of.
fn become_it(start: Start<'_>) -> Result<Infallible, LaunchError> {
    let at = LaunchError::at;
    let Start {
        order,
        directory,
        streams,
        parent,
    } = start;
    rustix::process::setsid().map_err(|error| at("begin a session")(error.into()))?;
    die_with(parent).map_err(at("follow its parent"))?;
    sys::reset_signals();
    set_limits(order).map_err(at("set limits"))?;
    enter(order, &directory).map_err(at("enter the folder"))?;
    use_streams(streams).map_err(at("connect the streams"))?;
    drop_capabilities().map_err(at("drop its capabilities"))?;
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| at("give up new privileges")(error.into()))?;
    let program = Program::find(order)?;
    // Compiled before Landlock, in case that takes files; installed after it.
    let filter = order.walls.seccomp.then(|| Filter::new(sockets(order)));
    let filter = filter.transpose().map_err(at("make a seccomp filter"))?;
    if order.walls.landlock {
        let terrain = Terrain {
            view: &order.view,
            own_root: order.walls.namespaces,
            online: order.network == Network::Host,
        };
        fence::put_up(&terrain).map_err(at("set up Landlock"))?;
    }
    if let Some(filter) = filter {
        filter.install().map_err(at("set up seccomp"))?;
    }
    match order.errand {
        Errand::Prove => {
            proof::check(order)?;
            sys::exit(proof::code(order))
        }
        Errand::Run => Err(program.run(order)),
    }
}

fn die_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have died before that call.
    if getppid() == Some(parent) {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::ESRCH))
    }
}

fn set_limits(order: &Order) -> io::Result<()> {
    let limit = |resource, most: u64| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        // Whoever has less may not ask for more, and need not.
        let now = rustix::process::getrlimit(resource);
        match now.maximum {
            Some(maximum) if maximum < most => Ok(()),
            _ => setrlimit(resource, limit),
        }
    };
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, limits::EXEC_FILE_BYTES)?;
    if order.walls.namespaces {
        // Elsewhere it counts whatever the user runs.
        limit(
            Resource::Nproc,
            order.processes.saturating_mul(limits::EXEC_THREADS),
        )?;
    }
    Ok(())
}

fn enter(order: &Order, directory: &OwnedFd) -> io::Result<()> {
    if order.walls.namespaces {
        rustix::process::chdir(&order.view.directory)?;
    } else {
        rustix::process::fchdir(directory)?;
    }
    Ok(())
}

/// Makes the streams the first three descriptors, and has exec close the rest.
fn use_streams(streams: [OwnedFd; 3]) -> io::Result<()> {
    // Beyond the first three, so that none is overwritten before its turn.
    let mut moved = Vec::with_capacity(streams.len());
    for stream in streams {
        moved.push(rustix::io::fcntl_dupfd_cloexec(stream, 3)?);
    }
    let [stdin, stdout, stderr] = &moved[..] else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    rustix::stdio::dup2_stdin(stdin)?;
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    // Where a stream was in its place already, its mark is still there.
    for stream in [
        io::stdin().as_fd(),
        io::stdout().as_fd(),
        io::stderr().as_fd(),
    ] {
        rustix::io::fcntl_setfd(stream, FdFlags::empty())?;
    }
    sys::close_from(3, true)
}

/// Gives up every capability, and what programs could bring new ones with.
pub(super) fn drop_capabilities() -> io::Result<()> {
    // Refused where there are none to give up.
    for capability in CapabilitySet::all().iter() {
        let _ = remove_capability_from_bounding_set(capability);
    }
    let _ = set_capabilities_secure_bits(
        CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED,
    );
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    Ok(set_capabilities(None, none)?)
}

fn sockets(order: &Order) -> Sockets {
    match (order.network, order.walls.namespaces) {
        (_, true) => Sockets::Any,
        (Network::None | Network::Proxy, false) => Sockets::Pairs,
        (Network::Host, false) => Sockets::Internet,
    }
}

/// The program, open and ready to run.
struct Program {
    file: Option<OwnedFd>,
    path: CString,
}

impl Program {
    fn find(order: &Order) -> Result<Self, LaunchError> {
        let invalid = |_| LaunchError::Program(io::ErrorKind::InvalidInput.into());
        let path = CString::new(order.program.as_bytes()).map_err(invalid)?;
        if order.errand == Errand::Prove {
            return Ok(Self { file: None, path });
        }
        let program = |error: rustix::io::Errno| LaunchError::Program(error.into());
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let file = open(Path::new(&order.program), flags, Mode::empty()).map_err(program)?;
        let now = Identity::of(&file).map_err(LaunchError::Program)?;
        if order.identity.is_some_and(|planned| planned != now) {
            let changed = io::Error::from_raw_os_error(libc::ESTALE);
            return Err(LaunchError::Program(changed));
        }
        // A script is read again, by a program that has to find it by its name.
        let file = (!is_script(Path::new(&order.program))).then_some(file);
        Ok(Self { file, path })
    }

    /// Returns only the reason why not.
    fn run(self, order: &Order) -> LaunchError {
        let invalid = |_| LaunchError::Program(io::ErrorKind::InvalidInput.into());
        let texts = |texts: Vec<Vec<u8>>| {
            let texts = texts.into_iter().map(CString::new);
            texts.collect::<Result<Vec<_>, _>>().map_err(invalid)
        };
        let arguments = [&order.program].into_iter().chain(&order.arguments);
        let arguments = texts(arguments.map(|text| text.as_bytes().to_vec()).collect());
        let variables = order.environment.iter().map(|(name, value)| {
            let name = name.clone().into_vec();
            [name, b"=".to_vec(), value.clone()].concat()
        });
        let environment = texts(variables.collect());
        match (arguments, environment) {
            (Ok(arguments), Ok(environment)) => LaunchError::Program(match &self.file {
                Some(file) => sys::exec(file.as_fd(), c"", &arguments, &environment),
                None => sys::exec(CWD, &self.path, &arguments, &environment),
            }),
            (Err(error), _) | (_, Err(error)) => error,
        }
    }
}

fn is_script(path: &Path) -> bool {
    let mut start = [0; 2];
    File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok()) && &start == b"#!"
}
