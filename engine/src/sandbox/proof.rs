//! Proof: whether the walls hold, asked from inside by what would be the tool.
//!
//! A call that succeeds is not yet a wall: some kernels take a filter and do not
//! look at it. So what each wall must refuse is tried.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use rustix::net::{AddressFamily, SocketType, socket};
use rustix::process::{getegid, geteuid, getpid};
use rustix::thread::{CapabilitySet, capabilities};

use super::launch::LaunchError;
use super::launch::Network;
use super::sys;
use super::wire::Order;

/// Ends a proof that holds, but around the superuser.
pub(super) const SUPERUSER: i32 = 3;

/// The exit code of a proof that holds.
pub(super) fn code(order: &Order) -> i32 {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let outside = map.split_ascii_whitespace().nth(1);
    if order.walls.namespaces && outside == Some("0") {
        SUPERUSER
    } else {
        0
    }
}

/// Tries what must be refused; names the first wall that does not hold.
pub(super) fn check(order: &Order) -> Result<(), LaunchError> {
    let walls = order.walls;
    hold("hold what it is", has_nothing())?;
    if walls.seccomp {
        hold("hold with seccomp", Ok(filters()))?;
    }
    if walls.namespaces {
        hold("hold with namespaces", is_apart(order))?;
    }
    if walls.landlock && !walls.namespaces {
        hold("hold with Landlock", Ok(is_fenced()))?;
    }
    Ok(())
}

fn hold(step: &'static str, holds: io::Result<bool>) -> Result<(), LaunchError> {
    let refused = match holds {
        Ok(true) => return Ok(()),
        Ok(false) => io::Error::from_raw_os_error(libc::ENOTRECOVERABLE),
        Err(error) => error,
    };
    Err(LaunchError::at(step)(refused))
}

fn has_nothing() -> io::Result<bool> {
    let sets = capabilities(None)?;
    Ok(sets.effective == CapabilitySet::empty()
        && sets.permitted == CapabilitySet::empty()
        && rustix::thread::no_new_privs()?)
}

fn filters() -> bool {
    let answers = |call, errno| {
        let answer = sys::ask(call, 0)
            .err()
            .and_then(|error| error.raw_os_error());
        answer == Some(errno)
    };
    answers(libc::SYS_unshare, libc::EPERM)
        && answers(libc::SYS_clone3, libc::ENOSYS)
        && socket(AddressFamily::NETLINK, SocketType::RAW, None).is_err()
}

fn is_apart(order: &Order) -> io::Result<bool> {
    let is_alone = getpid().as_raw_nonzero().get() < 16;
    let is_ordinary = !geteuid().is_root() && !getegid().is_root();
    // The view is all but empty: there is nothing but the system, and nothing to
    // write.
    let is_closed = fs::write("/proof", "").is_err() && !fs::exists("/var")?;
    let is_offline = order.network == Network::Host || !has_route()?;
    Ok(is_alone && is_ordinary && is_closed && is_offline)
}

/// Whether anything beyond this machine could be spoken to. Connecting a
/// datagram socket sends nothing.
fn has_route() -> io::Result<bool> {
    let anywhere = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // An address for documentation.
    Ok(anywhere.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).is_ok())
}

fn is_fenced() -> bool {
    // Nothing of the view: the folder of every machine's mail, logs and state.
    fs::read_dir("/var").is_err() && fs::read_dir("/").is_err()
}
