//! `wasi:filesystem`: the folders of the workspace, as preopens.
//!
//! Granted by `workspace: { read: […], write: […] }`; one preopen for each
//! granted folder, at `/workspace/<path>`. Without a grant there is no preopen
//! and so no file. Tested by the guest `probe`.
//!
//! Paths are resolved by wasmtime-wasi, which lets none of them lead out of its
//! folder. Before it stands what is known and bounded here: opens, changes and
//! refusals are facts, reads and writes are counted, and what a guest adds to its
//! folders has an exact limit.

mod disk;
mod interface;
mod link;
mod listing;
mod open;
mod opens;
mod peek;
mod place;
mod record;
mod streams;
mod write;

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wasmtime_wasi::{FsPerms, WasiCtx};

use self::disk::Disk;
use self::opens::Opens;
use self::place::{Granted, Places, Slots, host_path};
use self::streams::Traffic;
use super::stdio::GuestOutput;
use crate::model::{FileUsage, limits};
use crate::plan::{Access, Mount, StageRequest};
use crate::store::layer;

pub(super) use self::link::link;

/// The files of one attempt.
#[derive(Debug)]
pub(super) struct Context {
    /// What was granted, in the order of the preopens.
    granted: Vec<Arc<Granted>>,
    /// What is open.
    places: Places,
    slots: Slots,
    opens: Opens,
    /// Calls with a path that were allowed and failed all the same.
    failed: u64,
    traffic: Arc<Traffic>,
    disk: Arc<Disk>,
    /// Whether it is on record that the limit of the disk was reached.
    said_full: bool,
    /// The same of the files that may be open.
    said_open: bool,
}

impl Context {
    /// What was used; none where no folder was granted.
    pub(super) fn usage(&self) -> Option<FileUsage> {
        if self.granted.is_empty() {
            return None;
        }
        let traffic = &self.traffic;
        Some(FileUsage {
            reads: traffic.reads.load(Ordering::Relaxed),
            read_bytes: traffic.read_bytes.load(Ordering::Relaxed),
            writes: traffic.writes.load(Ordering::Relaxed),
            written_bytes: traffic.written_bytes.load(Ordering::Relaxed),
            disk_bytes: self.disk.bytes(),
            entries: self.disk.entries(),
            failed: self.failed,
            repeated_opens: self.opens.repeated,
            unlisted_opens: self.opens.unlisted,
            unlisted_folders: self.opens.folders.clone(),
        })
    }
}

/// What a guest sees of the standard WASI interfaces: its folders, clocks and
/// random numbers; no arguments, no environment, no standard input.
pub(super) fn context(
    request: &StageRequest,
    output: &GuestOutput,
) -> io::Result<(WasiCtx, Context)> {
    let mut builder = WasiCtx::builder();
    builder
        .stdout(output.stdout())
        .stderr(output.stderr())
        .max_random_size(limits::RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    let mut granted = Vec::new();
    for mount in &request.mounts {
        let (permissions, writable) = match mount.access {
            Access::Read => (FsPerms::ReadOnly, false),
            Access::Write => (FsPerms::ReadWrite, true),
        };
        let folder = open(mount)?;
        builder
            .preopened_dir(
                name(&folder, mount),
                format!("/workspace/{}", mount.path),
                permissions,
            )
            .map_err(|error| io::Error::other(format!("{}: {error}", mount.path)))?;
        granted.push(Arc::new(Granted {
            path: mount.path.clone(),
            host: host_path(&folder).unwrap_or_default(),
            writable,
        }));
    }
    let context = Context {
        granted,
        places: Places::default(),
        slots: Slots::default(),
        opens: Opens::default(),
        failed: 0,
        traffic: Arc::default(),
        disk: Arc::new(Disk::new(request.limits.disk_bytes)),
        said_full: false,
        said_open: false,
    };
    Ok((builder.build(), context))
}

/// Opens the folder of a mount. Its path may lead through what another stage
/// wrote, so no link is followed.
fn open(mount: &Mount) -> io::Result<OwnedFd> {
    let missing = || {
        let message = format!("{}: the folder is not there", mount.path);
        io::Error::new(io::ErrorKind::NotFound, message)
    };
    layer::open_beneath(&mount.root, &mount.path)?.ok_or_else(missing)
}

/// A path that stands for the open folder, whatever becomes of its name.
#[cfg(target_os = "linux")]
fn name(folder: &OwnedFd, _: &Mount) -> PathBuf {
    place::proc_path(folder)
}

/// The path of the folder, which was checked a moment ago.
#[cfg(not(target_os = "linux"))]
fn name(_: &OwnedFd, mount: &Mount) -> PathBuf {
    mount.host()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::{Mount, name, open};
    use crate::plan::Access;

    #[test]
    fn a_preopen_is_the_folder_that_was_checked() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().join("layer");
        fs::create_dir_all(root.join("src/real")).expect("made");
        fs::write(root.join("src/real/file"), "").expect("written");
        fs::create_dir(directory.path().join("outside")).expect("made");
        symlink("../../outside", root.join("src/link")).expect("linked");
        let mount = |path: &str| Mount {
            path: path.to_owned(),
            root: root.clone(),
            access: Access::Read,
        };
        for path in ["src/link", "src/missing", "src/real/file"] {
            open(&mount(path)).expect_err(path);
        }
        let folder = open(&mount("src/real")).expect("opened");
        let name = name(&folder, &mount("src/real"));
        assert!(name.join("file").exists());
        if cfg!(target_os = "linux") {
            fs::rename(root.join("src/real"), root.join("src/old")).expect("moved");
            symlink("../../outside", root.join("src/real")).expect("linked");
            assert!(
                name.join("file").exists(),
                "the name does not matter any more"
            );
        }
    }
}
