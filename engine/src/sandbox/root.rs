//! Root: a file system of the tool's own, with nothing in it but its view.
//!
//! ```text
//! /usr /bin /lib …   the system's, read-only
//! /etc               what programs need of it, read-only
//! /proc /dev         of this process namespace; six devices that hold nothing
//! /tmp /home/tool    private folders of the attempt
//! /workspace         the folders of the stage, read-only or not as granted
//! /run/secrets       in memory
//! …                  the folders that the tool's profile names, where they lie
//! ```
//!
//! Built in a mount namespace of its own, by its first process.

use std::ffi::{CStr, CString, OsStr};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Component, Path};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, mkdirat, open, openat, openat2, readlinkat,
    statat, symlinkat,
};

use super::launch::LaunchError;
use super::sys;
use super::view::{
    DEVICES, HOME, Place, SECRETS, SETTINGS, SETTINGS_ONLINE, SYSTEM, View, WORKSPACE,
};
use crate::model::limits;
use crate::plan::Access;

/// Where it is built: a folder that every machine has and no tool needs.
const BASE: &str = "/proc";

const HELD: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
const READ_ONLY: u64 = HELD | libc::MOUNT_ATTR_RDONLY;
/// A device has to work as one; nobody may change what it is.
const DEVICE: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_RDONLY;

/// What a root is made of.
pub(super) struct Plan<'a> {
    pub(super) view: &'a View,
    /// For each place of the view, its tree, where it had to be copied outside.
    pub(super) trees: Vec<Option<OwnedFd>>,
    /// Names and bytes of the files in [`SECRETS`].
    pub(super) secrets: &'a [(String, Vec<u8>)],
    /// Whether names are asked of the machine's servers.
    pub(super) online: bool,
}

/// Builds the root and makes it this process's own.
pub(super) fn enter(plan: Plan<'_>) -> Result<(), LaunchError> {
    let step = LaunchError::at;
    sys::keep_mounts_private().map_err(step("keep its mounts private"))?;
    let outside = open_folder("/").map_err(step("open the root"))?;
    let base = Path::new(BASE);
    let size = format!(
        "mode=0755,size={},nr_inodes={}",
        limits::ROOT_BYTES,
        limits::ROOT_FILES
    );
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    mount(c"tmpfs", base, flags, &size).map_err(step("mount a root"))?;
    let root = Root {
        base: open_folder(base).map_err(step("open the new root"))?,
    };
    root.add_system(&outside, plan.online)
        .map_err(step("show the system"))?;
    root.add_settings().map_err(step("write /etc"))?;
    root.add_kernel(&outside)
        .map_err(step("make /proc and /dev"))?;
    root.add_secrets(plan.secrets)
        .map_err(step("write the secrets"))?;
    root.add_places(plan.view, plan.trees)?;
    root.become_it().map_err(step("enter the new root"))
}

struct Root {
    base: OwnedFd,
}

impl Root {
    fn add_system(&self, outside: &OwnedFd, online: bool) -> io::Result<()> {
        for name in SYSTEM {
            match readlinkat(outside, name, Vec::new()) {
                Ok(target) => symlinkat(target, &self.base, name)?,
                Err(_) => self.copy_if_there(outside, Path::new(name), READ_ONLY)?,
            }
        }
        let online = online.then_some(SETTINGS_ONLINE).into_iter().flatten();
        for name in SETTINGS.into_iter().chain(online) {
            self.copy_if_there(outside, &Path::new("etc").join(name), READ_ONLY)?;
        }
        Ok(())
    }

    /// Shows a folder or a file of the machine, if it is there, behind links.
    fn copy_if_there(&self, outside: &OwnedFd, path: &Path, attributes: u64) -> io::Result<()> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        // Links of the system are absolute: they are followed from the old root.
        let Ok(source) = openat(outside, path, flags, Mode::empty()) else {
            return Ok(());
        };
        let target = self.make(path, is_folder(&source)?)?;
        put(sys::copy_tree(&source, Path::new(""))?, target, attributes)
    }

    fn add_settings(&self) -> io::Result<()> {
        let user = limits::TOOL_USER;
        self.write(
            "etc/passwd",
            &format!("tool:x:{user}:{user}::{HOME}:/bin/sh\n"),
        )?;
        self.write("etc/group", &format!("tool:x:{user}:\n"))?;
        // There already where the machine's own is needed.
        if statat(&self.base, "etc/hosts", AtFlags::empty()).is_err() {
            self.write("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")?;
        }
        Ok(())
    }

    fn write(&self, path: &str, text: &str) -> io::Result<()> {
        self.make(Path::new(path).parent().unwrap_or(Path::new("")), true)?;
        fs::write(Path::new(BASE).join(path), text)
    }

    fn add_kernel(&self, outside: &OwnedFd) -> io::Result<()> {
        let base = Path::new(BASE);
        for folder in ["proc", "dev/shm"] {
            self.make(Path::new(folder), true)?;
        }
        let closed = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        mount(c"proc", &base.join("proc"), closed | libc::MS_RDONLY, "")?;
        let size = format!("mode=1777,size={}", limits::SHARED_MEMORY_BYTES);
        mount(c"tmpfs", &base.join("dev/shm"), closed, &size)?;
        for device in DEVICES {
            self.copy_if_there(outside, &Path::new("dev").join(device), DEVICE)?;
        }
        for (name, target) in [
            ("fd", ""),
            ("stdin", "/0"),
            ("stdout", "/1"),
            ("stderr", "/2"),
        ] {
            symlink(
                format!("/proc/self/fd{target}"),
                base.join("dev").join(name),
            )?;
        }
        Ok(())
    }

    fn add_secrets(&self, secrets: &[(String, Vec<u8>)]) -> io::Result<()> {
        if secrets.is_empty() {
            return Ok(());
        }
        let below = SECRETS.trim_start_matches('/');
        self.make(Path::new(below), true)?;
        let folder = Path::new(BASE).join(below);
        let closed = libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
        let size = format!("mode=0700,size={}", limits::SECRETS_BYTES);
        mount(c"tmpfs", &folder, closed, &size)?;
        for (name, bytes) in secrets {
            let path = folder.join(name);
            let mut file = File::create_new(&path)?;
            file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
            file.write_all(bytes)?;
        }
        sys::set_attributes(open_folder(&folder)?, libc::MOUNT_ATTR_RDONLY, false)
    }

    fn add_places(&self, view: &View, trees: Vec<Option<OwnedFd>>) -> Result<(), LaunchError> {
        // A workspace of no folders is a folder all the same.
        self.make(below_root(Path::new(WORKSPACE)), true)
            .map_err(LaunchError::at("make the workspace"))?;
        for (place, tree) in view.places.iter().zip(trees) {
            let inner: Vec<&Path> = view
                .places
                .iter()
                .filter_map(|other| other.at.strip_prefix(&place.at).ok())
                .filter(|path| !path.as_os_str().is_empty())
                .collect();
            self.add_place(place, tree, &inner)
                .map_err(|error| LaunchError::Launcher {
                    step: format!("show {}", place.at.display()),
                    error,
                })?;
        }
        Ok(())
    }

    fn add_place(&self, place: &Place, tree: Option<OwnedFd>, inner: &[&Path]) -> io::Result<()> {
        let attributes = match place.access {
            Access::Read => READ_ONLY,
            Access::Write => HELD,
        };
        let at = below_root(&place.at);
        let tree = match tree {
            Some(tree) => tree,
            None => sys::copy_tree(place.open()?, Path::new(""))?,
        };
        if inner.is_empty() || place.access == Access::Write || has_all(&tree, inner)? {
            let target = self.make(at, is_folder(&tree)?)?;
            return put(tree, target, attributes);
        }
        // Folders that are shown inside this one need a place in it, and we may
        // not make one in what others own.
        let aside = Path::new(".aside");
        put(tree, self.make(aside, true)?, attributes)?;
        let source = self.make(aside, true)?;
        self.unfold(source.as_fd(), at, inner)?;
        sys::unmount(&Path::new(BASE).join(aside))?;
        Ok(())
    }

    /// Shows what is in a folder one by one, in a folder of ours that has room for
    /// the `inner` ones.
    fn unfold(&self, source: BorrowedFd<'_>, at: &Path, inner: &[&Path]) -> io::Result<()> {
        let folder = self.make(at, true)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listing = openat(source, ".", flags, Mode::empty())?;
        for entry in Dir::read_from(&listing)? {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let path = Path::new(OsStr::from_bytes(name.to_bytes()));
            let below: Vec<&Path> = inner
                .iter()
                .filter_map(|inner| inner.strip_prefix(path).ok())
                .collect();
            if below.iter().any(|rest| rest.as_os_str().is_empty()) {
                continue; // The inner folder hides it.
            }
            let kind =
                FileType::from_raw_mode(statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode);
            if !below.is_empty() {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let child = openat(source, name, flags, Mode::empty())?;
                self.unfold(child.as_fd(), &at.join(path), &below)?;
            } else if kind == FileType::Symlink {
                symlinkat(readlinkat(source, name, Vec::new())?, &folder, name)?;
            } else {
                let target = self.make(&at.join(path), kind == FileType::Directory)?;
                sys::attach(sys::copy_tree(source, path)?, target)?;
            }
        }
        Ok(())
    }

    /// Opens a folder or a file of the new root, and makes it and the folders
    /// around it as far as they are missing. What a stage wrote may lie on the
    /// way: no link is followed.
    fn make(&self, path: &Path, is_folder: bool) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = |at: &OwnedFd, name: &OsStr| openat2(at, name, flags, Mode::empty(), resolve);
        let mut here = self.base.try_clone()?;
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let Component::Normal(name) = part else {
                return Err(io::ErrorKind::InvalidInput.into());
            };
            here = match opened(&here, name) {
                Ok(there) => there,
                Err(rustix::io::Errno::NOENT) if parts.peek().is_none() && !is_folder => {
                    let new = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                    drop(openat(&here, name, new, Mode::from_raw_mode(0o644))?);
                    opened(&here, name)?
                }
                Err(rustix::io::Errno::NOENT) => {
                    mkdirat(&here, name, Mode::from_raw_mode(0o755))?;
                    opened(&here, name)?
                }
                Err(error) => return Err(error.into()),
            };
        }
        Ok(here)
    }

    fn become_it(self) -> io::Result<()> {
        rustix::process::fchdir(&self.base)?;
        rustix::process::pivot_root(".", ".")?;
        // The old root lies on top of the new one now.
        sys::unmount(Path::new("."))?;
        rustix::process::chdir("/")?;
        sys::set_attributes(open_folder("/")?, libc::MOUNT_ATTR_RDONLY, false)
    }
}

fn mount(kind: &CStr, at: &Path, flags: u64, options: &str) -> io::Result<()> {
    let options =
        CString::new(options).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    sys::mount(kind, at, flags, &options)
}

/// Restricts a copied tree, and puts it in place.
fn put(tree: OwnedFd, target: OwnedFd, attributes: u64) -> io::Result<()> {
    sys::set_attributes(&tree, attributes, true)?;
    sys::attach(tree, target)
}

/// Whether every one of the inner folders has a place below a tree.
fn has_all(tree: &OwnedFd, inner: &[&Path]) -> io::Result<bool> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    for path in inner {
        match openat2(tree, *path, flags, Mode::empty(), resolve) {
            Ok(_) => {}
            Err(rustix::io::Errno::NOENT) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(true)
}

fn is_folder(opened: &OwnedFd) -> io::Result<bool> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(opened)?.st_mode);
    Ok(kind == FileType::Directory)
}

fn below_root(path: &Path) -> &Path {
    path.strip_prefix("/").unwrap_or(path)
}

fn open_folder(path: impl AsRef<Path>) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(open(path.as_ref(), flags, Mode::empty())?)
}
