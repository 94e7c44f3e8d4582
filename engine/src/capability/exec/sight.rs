//! Sight: what a command sees of the machine's files, and where.

use std::path::{Path, PathBuf};

use super::command::granted_tools;
use super::scratch::Scratch;
use crate::plan::{Access, StageRequest};
use crate::sandbox::{
    HOME, Place, SECRETS, Surroundings, TEMPORARY, View, WORKSPACE, Walls, folders,
    is_of_the_system, loans,
};

/// Where a command finds what is its own: under names that are always the same
/// where it has a root of its own, else where it lies.
pub(super) struct Sight<'a> {
    scratch: &'a Scratch,
    walls: Walls,
}

impl<'a> Sight<'a> {
    pub(super) fn new(scratch: &'a Scratch, walls: Walls) -> Self {
        Self { scratch, walls }
    }

    /// `HOME`.
    pub(super) fn home(&self) -> PathBuf {
        self.choose(HOME, self.scratch.home())
    }

    /// `TMPDIR`.
    pub(super) fn temporary(&self) -> PathBuf {
        self.choose(TEMPORARY, self.scratch.temporary())
    }

    fn choose(&self, own: &str, lies: PathBuf) -> PathBuf {
        if self.walls.namespaces {
            own.into()
        } else {
            lies
        }
    }

    /// Everything that it sees. `directory` is below the workspace.
    pub(super) fn view(
        &self,
        request: &StageRequest,
        surroundings: &Surroundings,
        directory: &Path,
    ) -> View {
        let tools = granted_tools(request);
        let mut places: Vec<Place> = folders(&tools, surroundings)
            .into_iter()
            .chain(loans(&tools, surroundings).into_values())
            .filter(|path| !is_of_the_system(path))
            .map(|path| Place::same(path, Access::Read))
            .collect();
        let private = [
            (self.scratch.home(), self.home()),
            (self.scratch.temporary(), self.temporary()),
        ];
        places.extend(private.map(|(root, at)| Place {
            root,
            beneath: PathBuf::new(),
            at,
            access: Access::Write,
        }));
        if !self.walls.namespaces {
            let read = |path: &Path| Place::same(path, Access::Read);
            places.push(read(self.scratch.tree().root()));
            places.push(read(&self.scratch.secrets_folder()));
        }
        places.extend(self.scratch.tree().mounts().iter().map(|mount| Place {
            root: mount.root.clone(),
            beneath: mount.path.clone().into(),
            at: self.choose(&format!("{WORKSPACE}/{}", mount.path), mount.host()),
            access: mount.access,
        }));
        // An outer one before those inside it.
        places.sort_by(|a, b| a.at.cmp(&b.at));
        places.dedup_by(|a, b| a.at == b.at);
        View {
            places,
            directory: Path::new(WORKSPACE).join(directory),
        }
    }

    /// Where a command that has a root of its own finds a secret that is a file.
    pub(super) fn secret(name: &str) -> PathBuf {
        Path::new(SECRETS).join(name)
    }
}
