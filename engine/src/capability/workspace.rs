//! `wasi:filesystem`: the folders of the workspace, as preopens.
//!
//! Granted by `workspace: { read: […], write: […] }`; one preopen for each
//! granted folder, at `/workspace/<path>`. Without a grant there is no preopen
//! and so no file. Tested by the guest `files`.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

use wasmtime_wasi::{FsPerms, WasiCtx};

use super::stdio::GuestOutput;
use crate::model::limits;
use crate::plan::{Access, Mount, StageRequest};
use crate::store::layer;

/// What a guest sees of the standard WASI interfaces: its folders, clocks and
/// random numbers; no arguments, no environment, no standard input.
pub(super) fn context(request: &StageRequest, output: &GuestOutput) -> io::Result<WasiCtx> {
    let mut builder = WasiCtx::builder();
    builder
        .stdout(output.stdout())
        .stderr(output.stderr())
        .max_random_size(limits::RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    for mount in &request.mounts {
        let permissions = match mount.access {
            Access::Read => FsPerms::ReadOnly,
            Access::Write => FsPerms::ReadWrite,
        };
        let folder = open(mount)?;
        builder
            .preopened_dir(
                name(&folder, mount),
                format!("/workspace/{}", mount.path),
                permissions,
            )
            .map_err(|error| io::Error::other(format!("{}: {error}", mount.path)))?;
    }
    Ok(builder.build())
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
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()))
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
