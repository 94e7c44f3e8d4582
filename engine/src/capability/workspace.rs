//! `wasi:filesystem`: the folders of the workspace, as preopens.
//!
//! Granted by `workspace: { read: […], write: […] }`; one preopen for each
//! granted folder, at `/workspace/<path>`. Without a grant there is no preopen
//! and so no file. Tested by the guest `files`.

use std::io;

use wasmtime_wasi::{FsPerms, WasiCtx};

use super::stdio::GuestOutput;
use crate::model::limits;
use crate::plan::{Access, StageRequest};

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
        builder
            .preopened_dir(
                &mount.host,
                format!("/workspace/{}", mount.path),
                permissions,
            )
            .map_err(|error| io::Error::other(format!("{}: {error}", mount.path)))?;
    }
    Ok(builder.build())
}
