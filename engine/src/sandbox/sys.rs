//! Sys: the system calls that build the wall and have no safe wrapper here.
//!
//! Each is one call whose arguments are ours, never a guest's raw bytes. The
//! wrappers are safe to call in a process with one thread, which launchers are.

#![expect(
    unsafe_code,
    reason = "mounts, namespaces and execveat have no safe wrapper in the crates at hand"
)]

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_uint};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use rustix::process::Pid;

/// Which side of a fork this is.
pub(super) enum Side {
    Parent(Pid),
    Child,
}

/// Forks into new namespaces (`libc::CLONE_NEW…`), or none.
///
/// The child has a copy of everything, and must end with [`exit`] or [`exec`].
pub(super) fn fork(namespaces: c_int) -> io::Result<Side> {
    let flags = c_long::from(namespaces | libc::SIGCHLD);
    let none = ptr::null::<u8>();
    // SAFETY: without CLONE_VM and with no stack of its own this is fork. There
    // is one thread, so that no lock is held by a thread that the child lacks.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    match c_int::try_from(pid) {
        Ok(0) => Ok(Side::Child),
        Ok(pid) if pid > 0 => Ok(Side::Parent(
            Pid::from_raw(pid).expect("a positive number is an id"),
        )),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Ends this process at once: nothing of the parent is flushed twice.
pub(super) fn exit(code: c_int) -> ! {
    // SAFETY: it does not return, and touches nothing.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from `first` on, or marks it to be closed by exec.
pub(super) fn close_from(first: c_uint, on_exec: bool) -> io::Result<()> {
    let flags = if on_exec {
        c_int::try_from(libc::CLOSE_RANGE_CLOEXEC).unwrap_or(0)
    } else {
        0
    };
    // SAFETY: callers are at the start or at the end of a process' life, where
    // no owner of these descriptors will use them again.
    done(unsafe { libc::close_range(first, c_uint::MAX, flags) }.into())
}

/// Becomes another program. Returns only the reason why not.
///
/// With an empty path it is the open file itself that runs.
pub(super) fn exec(
    program: BorrowedFd<'_>,
    path: &CStr,
    arguments: &[CString],
    environment: &[CString],
) -> io::Error {
    let list = |texts: &[CString]| -> Vec<*mut c_char> {
        let texts = texts.iter().map(|text| text.as_ptr().cast_mut());
        texts.chain([ptr::null_mut()]).collect()
    };
    let (arguments, environment) = (list(arguments), list(environment));
    // SAFETY: both lists end with a null, and what they point to outlives the
    // call, which does not write to it.
    unsafe {
        libc::execveat(
            program.as_raw_fd(),
            path.as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    io::Error::last_os_error()
}

/// Gives signals their usual meaning again: what this process ignores or blocks,
/// its program would ignore and block too.
pub(super) fn reset_signals() {
    // SAFETY: no handler of ours is installed, and an empty set blocks nothing.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut none = std::mem::zeroed::<libc::sigset_t>();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
    }
}

/// Becomes another user and group, with no other groups.
pub(super) fn become_user(id: u32) -> io::Result<()> {
    // SAFETY: numbers only. The process has one thread, so that the calls of the
    // C library reach all of it.
    unsafe {
        done(libc::setresgid(id, id, id).into())?;
        done(libc::setresuid(id, id, id).into())
    }
}

/// Leaves all supplementary groups, where that is allowed.
pub(super) fn leave_groups() {
    // SAFETY: an empty list is read from nowhere.
    unsafe { libc::setgroups(0, ptr::null()) };
}

/// Mounts a new file system.
pub(super) fn mount(kind: &CStr, at: &Path, flags: u64, options: &CStr) -> io::Result<()> {
    let at = c_path(at)?;
    // SAFETY: every pointer is to text that ends with a null.
    done(
        unsafe {
            libc::mount(
                kind.as_ptr(),
                at.as_ptr(),
                kind.as_ptr(),
                flags,
                options.as_ptr().cast(),
            )
        }
        .into(),
    )
}

/// Keeps what happens to our mounts from everybody else.
pub(super) fn keep_mounts_private() -> io::Result<()> {
    let flags = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: the path ends with a null; the others are not looked at.
    done(unsafe { libc::mount(ptr::null(), c"/".as_ptr(), ptr::null(), flags, ptr::null()) }.into())
}

/// Takes away whatever is mounted at a place, now or when nobody uses it.
pub(super) fn unmount(at: &Path) -> io::Result<()> {
    let at = c_path(at)?;
    // SAFETY: the path ends with a null.
    done(unsafe { libc::umount2(at.as_ptr(), libc::MNT_DETACH) }.into())
}

/// A copy of the mounts at a place, which is nowhere yet.
pub(super) fn copy_tree(from: impl AsFd, path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let flags = libc::OPEN_TREE_CLONE
        | libc::OPEN_TREE_CLOEXEC
        | (libc::AT_RECURSIVE | libc::AT_EMPTY_PATH).cast_unsigned();
    let from = from.as_fd().as_raw_fd();
    // SAFETY: the path ends with a null.
    let tree = unsafe { libc::syscall(libc::SYS_open_tree, from, path.as_ptr(), flags) };
    owned(tree)
}

/// Puts a copied tree on an open folder or file.
pub(super) fn attach(tree: impl AsFd, on: impl AsFd) -> io::Result<()> {
    let (tree, on) = (tree.as_fd().as_raw_fd(), on.as_fd().as_raw_fd());
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: both paths end with a null.
    done(unsafe {
        let empty = c"".as_ptr();
        libc::syscall(libc::SYS_move_mount, tree, empty, on, empty, flags)
    })
}

/// Gives a mount attributes (`libc::MOUNT_ATTR_…`), and all that is mounted below
/// it too if `below`.
pub(super) fn set_attributes(mount: impl AsFd, attributes: u64, below: bool) -> io::Result<()> {
    set(
        mount.as_fd(),
        below,
        &libc::mount_attr {
            attr_set: attributes,
            attr_clr: 0,
            propagation: 0,
            userns_fd: 0,
        },
    )
}

/// Shows the files of a mount as if their owners were those that a user
/// namespace maps them to.
pub(super) fn map_owners(mount: impl AsFd, namespace: impl AsFd) -> io::Result<()> {
    let namespace = namespace.as_fd().as_raw_fd();
    set(
        mount.as_fd(),
        true,
        &libc::mount_attr {
            attr_set: libc::MOUNT_ATTR_IDMAP,
            attr_clr: 0,
            propagation: 0,
            userns_fd: u64::try_from(namespace).map_err(|_| io::ErrorKind::InvalidInput)?,
        },
    )
}

fn set(mount: BorrowedFd<'_>, below: bool, attributes: &libc::mount_attr) -> io::Result<()> {
    let flags = libc::AT_EMPTY_PATH | if below { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the structure is of the size that is said, and is only read.
    done(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            ptr::from_ref(attributes),
            size_of::<libc::mount_attr>(),
        )
    })
}

/// Starts the loopback interface of this network namespace.
pub(super) fn start_loopback() -> io::Result<()> {
    let socket = rustix::net::socket(
        rustix::net::AddressFamily::INET,
        rustix::net::SocketType::DGRAM,
        None,
    )?;
    // SAFETY: zeroes are a valid request.
    let mut request = unsafe { std::mem::zeroed::<libc::ifreq>() };
    for (place, byte) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
        *place = byte.cast_signed();
    }
    request.ifr_ifru.ifru_flags =
        i16::try_from(libc::IFF_UP | libc::IFF_RUNNING).expect("both flags are below 2^15");
    // SAFETY: the request names an interface and holds its flags, which is what
    // this call reads.
    done(
        unsafe {
            libc::ioctl(
                socket.as_raw_fd(),
                libc::SIOCSIFFLAGS,
                ptr::from_ref(&request),
            )
        }
        .into(),
    )
}

/// Names the machine, in a namespace of its own.
pub(super) fn name_machine(name: &CStr) -> io::Result<()> {
    let bytes = name.to_bytes();
    // SAFETY: the length is that of the text.
    done(unsafe { libc::sethostname(bytes.as_ptr().cast(), bytes.len()) }.into())
}

/// Installs a seccomp filter for this process and all it starts.
pub(super) fn filter(program: &[libc::sock_filter]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?,
        filter: program.as_ptr().cast_mut(),
    };
    // SAFETY: the kernel copies the program, which is as long as is said.
    done(unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            0,
            ptr::from_ref(&program),
        )
    })
}

/// What a system call answers when a tool makes it, for the proof of the filter.
pub(super) fn ask(number: c_long, first: c_long) -> io::Result<()> {
    // SAFETY: only called with calls that take null pointers as nothing to do, or
    // that the filter refuses before they look at any.
    done(unsafe { libc::syscall(number, first, 0, 0, 0, 0) })
}

fn c_path(path: &Path) -> io::Result<CString> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn done(result: c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn owned(result: c_long) -> io::Result<OwnedFd> {
    done(result)?;
    let descriptor = c_int::try_from(result).map_err(|_| io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
