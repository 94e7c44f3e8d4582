//! Owner: whom a tool is, outside of its namespace.
//!
//! Inside it is always the same ordinary user. Outside it is whoever runs the
//! engine, with one exception: the superuser's tools must not be the superuser,
//! since many a file of the kernel only asks for that number. They are a user
//! that owns nothing, and the folders of the stage are shown to it as its own.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::process::{Pid, WaitOptions, getegid, geteuid, waitpid};

use super::launch::LaunchError;
use super::sys::{self, Side};
use super::view::View;
use super::wire::{self, Request};
use crate::model::limits;
use crate::plan::Access;

/// Whom a tool is, outside of its namespace.
pub(super) struct Owner {
    /// User and group.
    pub(super) ids: (u32, u32),
    /// For each place of the view, a tree that shows it as this user's, if it
    /// would be somebody else's otherwise.
    pub(super) trees: Vec<Option<OwnedFd>>,
}

impl Owner {
    /// Chooses.
    pub(super) fn find(view: &View) -> Self {
        let ids = (geteuid().as_raw(), getegid().as_raw());
        if ids.0 == 0
            && let Ok(trees) = trees_of_nobody(view)
        {
            return Self {
                ids: (limits::TOOL_OWNER, limits::TOOL_OWNER),
                trees,
            };
        }
        // An ordinary user; or the superuser of a container, who is not that of
        // the machine, or whose file systems cannot be shown as somebody else's.
        let trees = view.places.iter().map(|_| None).collect();
        Self { ids, trees }
    }
}

fn trees_of_nobody(view: &View) -> io::Result<Vec<Option<OwnedFd>>> {
    let namespace = namespace_of(limits::TOOL_OWNER)?;
    let places = view.places.iter();
    places
        .map(|place| {
            let tree = sys::copy_tree(place.open()?, Path::new(""))?;
            match sys::map_owners(&tree, &namespace) {
                // What anybody may read needs no owner.
                Err(_) if place.access == Access::Read => {}
                mapped => mapped?,
            }
            Ok(Some(tree))
        })
        .collect()
}

/// A user namespace in which the superuser stands for another user.
fn namespace_of(id: u32) -> io::Result<File> {
    let (ours, theirs) = UnixStream::pair()?;
    match sys::fork(libc::CLONE_NEWUSER)? {
        Side::Child => {
            drop(ours);
            // Lives until it has been looked at.
            let _ = wire::receive::<Request>(&theirs);
            sys::exit(0)
        }
        Side::Parent(pid) => {
            drop(theirs);
            let opened = write_maps(pid, 0, (id, id))
                .and_then(|()| File::open(format!("/proc/{pid}/ns/user")));
            drop(ours);
            waitpid(Some(pid), WaitOptions::empty())?;
            opened
        }
    }
}

/// Says whom the processes of a new namespace are outside of it.
pub(super) fn map(pid: Pid, inside: u32, outside: (u32, u32)) -> Result<(), LaunchError> {
    write_maps(pid, inside, outside).map_err(LaunchError::at("map the user"))
}

fn write_maps(pid: Pid, inside: u32, (user, group): (u32, u32)) -> io::Result<()> {
    // Without it a group could be left that takes rights away.
    fs::write(format!("/proc/{pid}/setgroups"), "deny")?;
    fs::write(format!("/proc/{pid}/uid_map"), format!("{inside} {user} 1"))?;
    fs::write(
        format!("/proc/{pid}/gid_map"),
        format!("{inside} {group} 1"),
    )
}
