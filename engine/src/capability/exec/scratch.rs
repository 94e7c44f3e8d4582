//! Scratch: the private folders of the tools of one attempt.
//!
//! ```text
//! <scratch>/      0700, made with the first command, removed with the last
//!   tree/         the folders of the stage as links, without namespaces
//!   home/         HOME
//!   tmp/          TMPDIR
//!   secrets/      files that hold secrets, 0600; without namespaces
//! ```

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::command::granted_tools;
use crate::plan::StageRequest;
use crate::sandbox::tree::{self, Tree, TreeError};
use crate::sandbox::{Surroundings, Walls, loans};
use crate::store::layer;

/// The private folders of one attempt. Whoever runs a tool there holds it, so
/// that they are removed when nothing can write to them any more.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    tree: Tree,
    secrets: AtomicU64,
}

impl Scratch {
    /// Makes the folders.
    pub(super) fn new(
        below: &Path,
        request: &StageRequest,
        walls: Walls,
        surroundings: &Surroundings,
    ) -> Result<Self, TreeError> {
        let name = format!(
            "{}-{}-{}",
            request.run.short(),
            request.stage,
            request.attempt
        );
        let disk = |path: &Path| {
            let path = path.to_path_buf();
            move |error| TreeError::Disk { path, error }
        };
        fs::create_dir_all(below).map_err(disk(below))?;
        // With a random end, so that what a crash left behind is not in the way.
        let path = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(below)
            .map_err(disk(below))?
            .keep();
        // From here on `Drop` removes it.
        let mut scratch = Self {
            tree: Tree::default(),
            secrets: AtomicU64::new(0),
            path,
        };
        for folder in [
            scratch.home(),
            scratch.temporary(),
            scratch.secrets_folder(),
        ] {
            let made = DirBuilder::new().mode(0o700).create(&folder);
            made.map_err(disk(&folder))?;
        }
        for (name, lies) in loans(&granted_tools(request), surroundings) {
            let at = scratch.home().join(name);
            let folder = at.parent().unwrap_or(&at);
            fs::create_dir_all(folder).map_err(disk(folder))?;
            symlink(lies, &at).map_err(disk(&at))?;
        }
        scratch.tree = if walls.namespaces {
            tree::list(&request.mounts)?
        } else {
            tree::build(&scratch.path.join("tree"), &request.mounts)?
        };
        Ok(scratch)
    }

    /// The folders of the stage.
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    /// `HOME`.
    pub(super) fn home(&self) -> PathBuf {
        self.path.join("home")
    }

    /// `TMPDIR`.
    pub(super) fn temporary(&self) -> PathBuf {
        self.path.join("tmp")
    }

    /// Writes a secret to a file of its own.
    pub(super) fn write_secret(&self, value: &[u8]) -> io::Result<PathBuf> {
        let number = self.secrets.fetch_add(1, Ordering::Relaxed);
        let path = self.secrets_folder().join(number.to_string());
        File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?
            .write_all(value)?;
        Ok(path)
    }

    /// The folder of all of them.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the secrets that are files.
    pub(super) fn secrets_folder(&self) -> PathBuf {
        self.path.join("secrets")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = layer::remove(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "a private folder was not removed");
        }
    }
}
