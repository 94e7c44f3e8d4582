//! Tool: the program behind a name, and its digest.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::profile::{Profile, Surroundings};
use super::shim::{self, Shim};
use crate::model::{Digest, Hasher, limits};

/// The program that a tool's name stands for on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedTool {
    /// The program: absolute, behind every shim. The last part keeps the name
    /// it was looked for under, since some programs act by their name.
    pub path: PathBuf,
    /// Digest of the file that the path leads to.
    pub digest: Digest,
}

/// Why a tool cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The engine knows no such tool.
    #[error("`{name}` is no tool that the engine knows")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest name.
        suggestion: Option<&'static str>,
    },
    /// No folder of the search path has it.
    #[error("`{name}` is not on this machine: none of the search path's folders has {}", programs.join(" or "))]
    Missing {
        /// What was asked for.
        name: &'static str,
        /// The files that were looked for.
        programs: &'static [&'static str],
    },
    /// Only a shim was found, and what is behind it cannot be known.
    #[error("`{name}` is only there as a shim ({}): {reason}", path.display())]
    Shim {
        /// What was asked for.
        name: &'static str,
        /// The shim.
        path: PathBuf,
        /// Why the program behind it is not known.
        reason: String,
    },
    /// The program lies where a stage can write.
    #[error("{} lies in a workspace", path.display())]
    InWorkspace {
        /// The program.
        path: PathBuf,
    },
    /// The program cannot be read.
    #[error("{} cannot be read: {error}", path.display())]
    Unreadable {
        /// The program.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Finds the program that a name stands for.
///
/// `search_path` holds absolute folders, the first one that has it counts;
/// others are passed over. `workspaces` are the folders that stages may write
/// to: a program there is refused, whatever leads to it.
pub fn resolve(
    name: &str,
    search_path: &[PathBuf],
    surroundings: &Surroundings,
    workspaces: &[PathBuf],
) -> Result<ResolvedTool, ToolError> {
    let profile = Profile::find(name)?;
    let mut only_a_shim = None;
    for folder in search_path.iter().filter(|folder| folder.is_absolute()) {
        for program in profile.programs {
            let path = folder.join(program);
            if !is_executable(&path) {
                continue;
            }
            match shim::look_behind(&path, program, surroundings) {
                Shim::None => return admit(path, workspaces),
                Shim::For(real) if is_executable(&real) => return admit(real, workspaces),
                Shim::For(real) => {
                    let reason = format!("{} is not there", real.display());
                    only_a_shim.get_or_insert((path, reason));
                }
                Shim::Unknown(reason) => {
                    only_a_shim.get_or_insert((path, reason));
                }
            }
        }
    }
    Err(match only_a_shim {
        Some((path, reason)) => ToolError::Shim {
            name: profile.name,
            path,
            reason,
        },
        None => ToolError::Missing {
            name: profile.name,
            programs: profile.programs,
        },
    })
}

/// The digest of a program, and the file that has it: whoever runs it later can
/// tell whether it is still that file.
pub fn digest(path: &Path) -> Result<(Digest, Identity), ToolError> {
    cached_digest(path).map_err(|error| ToolError::Unreadable {
        path: path.to_path_buf(),
        error,
    })
}

fn admit(path: PathBuf, workspaces: &[PathBuf]) -> Result<ResolvedTool, ToolError> {
    let unreadable = |error| ToolError::Unreadable {
        path: path.clone(),
        error,
    };
    let target = path.canonicalize().map_err(unreadable)?;
    // The folder is followed, the name is kept: `cc` may lead to `gcc`, and
    // `sh` to something that only behaves like one under that name.
    let folder = path.parent().unwrap_or(Path::new("/"));
    let folder = folder.canonicalize().map_err(unreadable)?;
    for workspace in workspaces {
        let workspace = workspace.canonicalize().unwrap_or(workspace.clone());
        if target.starts_with(&workspace) || folder.starts_with(&workspace) {
            return Err(ToolError::InWorkspace { path });
        }
    }
    let (digest, _) = cached_digest(&target).map_err(unreadable)?;
    Ok(ResolvedTool { path, digest })
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// What tells a file from every other one and from its earlier self: device,
/// inode, size, and the times of the last change of content and of attributes.
/// The last cannot be set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity(u64, u64, u64, (i64, i64), (i64, i64));

impl Identity {
    /// Of an open file.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        let file = File::from(file.as_fd().try_clone_to_owned()?);
        Ok(Self::of_metadata(&file.metadata()?))
    }

    fn of_metadata(meta: &fs::Metadata) -> Self {
        Self(
            meta.dev(),
            meta.ino(),
            meta.size(),
            (meta.mtime(), meta.mtime_nsec()),
            (meta.ctime(), meta.ctime_nsec()),
        )
    }
}

fn cached_digest(path: &Path) -> io::Result<(Digest, Identity)> {
    static KNOWN: LazyLock<Mutex<HashMap<Identity, Digest>>> = LazyLock::new(Mutex::default);
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    let identity = Identity::of_metadata(&meta);
    let known = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(digest) = known().get(&identity) {
        return Ok((*digest, identity));
    }
    if meta.size() > limits::EXEC_PROGRAM_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    let digest = hasher.finish();
    known().insert(identity, digest);
    Ok((digest, identity))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::{Path, PathBuf};

    use super::{ResolvedTool, ToolError, digest, resolve};
    use crate::model::Digest;
    use crate::sandbox::Surroundings;

    fn program(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    fn find(name: &str, search: &[&Path]) -> Result<ResolvedTool, ToolError> {
        find_with(name, search, &Surroundings::default(), &[])
    }

    fn find_with(
        name: &str,
        search: &[&Path],
        surroundings: &Surroundings,
        workspaces: &[PathBuf],
    ) -> Result<ResolvedTool, ToolError> {
        let search: Vec<PathBuf> = search.iter().map(|path| path.to_path_buf()).collect();
        resolve(name, &search, surroundings, workspaces)
    }

    #[test]
    fn the_first_folder_that_has_the_program_counts() {
        let home = tempfile::tempdir().expect("a folder");
        let (a, b) = (home.path().join("a"), home.path().join("b"));
        fs::create_dir(&a).expect("a folder");
        fs::write(a.join("make"), "not executable").expect("a file");
        program(&b.join("make"), "two");
        let found = find("make", &[Path::new("relative"), &a, &b]).expect("b has it");
        assert_eq!(found.path, b.join("make"));
        assert_eq!(found.digest, Digest::of(b"two"));
    }

    #[test]
    fn the_digest_is_that_of_the_file_behind_the_links_and_follows_its_changes() {
        let home = tempfile::tempdir().expect("a folder");
        program(&home.path().join("real/gcc"), "one");
        fs::create_dir(home.path().join("bin")).expect("a folder");
        symlink("../real/gcc", home.path().join("bin/cc")).expect("a link");
        let found = find("cc", &[&home.path().join("bin")]).expect("it is there");
        assert_eq!(found.path, home.path().join("bin/cc"));
        assert_eq!(found.digest, Digest::of(b"one"));
        program(&home.path().join("real/gcc"), "two, longer");
        let (digest, _) = digest(&found.path).expect("it is there");
        assert_eq!(digest, Digest::of(b"two, longer"));
    }

    #[test]
    fn a_program_in_a_workspace_is_refused_whatever_leads_to_it() {
        let home = tempfile::tempdir().expect("a folder");
        let workspace = home.path().join("workspace");
        program(&workspace.join("make"), "planted");
        let bin = home.path().join("bin");
        fs::create_dir(&bin).expect("a folder");
        symlink(workspace.join("make"), bin.join("make")).expect("a link");
        let linked = home.path().join("linked");
        symlink(&workspace, &linked).expect("a link");
        for folder in [&workspace, &bin, &linked] {
            let surroundings = Surroundings::default();
            let found = find_with(
                "make",
                &[folder],
                &surroundings,
                std::slice::from_ref(&workspace),
            );
            assert!(
                matches!(found, Err(ToolError::InWorkspace { .. })),
                "{folder:?}: {found:?}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_said_with_the_names_that_were_looked_for() {
        let home = tempfile::tempdir().expect("a folder");
        let error = find("python", &[home.path()]).expect_err("it is empty");
        assert!(error.to_string().contains("python3 or python"), "{error}");
    }

    #[test]
    fn the_cargo_of_rustup_is_that_of_its_default_toolchain() {
        let home = tempfile::tempdir().expect("a folder");
        let (cargo, rustup) = (home.path().join(".cargo"), home.path().join(".rustup"));
        program(&cargo.join("bin/rustup"), "proxy");
        symlink("rustup", cargo.join("bin/cargo")).expect("a link");
        // Older versions make hard links.
        fs::hard_link(cargo.join("bin/rustup"), cargo.join("bin/rustc")).expect("a link");
        program(&rustup.join("toolchains/stable-x/bin/cargo"), "cargo");
        program(&rustup.join("toolchains/stable-x/bin/rustc"), "rustc");
        let settings = "version = \"12\"\ndefault_toolchain = \"stable-x\"\n[overrides]\n";
        fs::write(rustup.join("settings.toml"), settings).expect("a file");
        let surroundings = Surroundings {
            home: Some(home.path().to_path_buf()),
            ..Surroundings::default()
        };
        for name in ["cargo", "rustc"] {
            let found = find_with(name, &[&cargo.join("bin")], &surroundings, &[]);
            let found = found.expect("the toolchain has it");
            assert_eq!(
                found.path,
                rustup.join("toolchains/stable-x/bin").join(name)
            );
            assert_eq!(found.digest, Digest::of(name.as_bytes()));
        }
        fs::remove_file(rustup.join("settings.toml")).expect("it is ours");
        let error = find_with("cargo", &[&cargo.join("bin")], &surroundings, &[]);
        assert!(matches!(error, Err(ToolError::Shim { .. })), "{error:?}");
    }

    #[test]
    fn the_python_of_pyenv_is_that_of_its_first_version_that_has_it() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        program(&root.join("shims/python3"), "#!/bin/sh\nexec pyenv …");
        program(&root.join("versions/3.11.7/bin/python3"), "python");
        fs::write(root.join("version"), "2.7.18\n3.11.7\n").expect("a file");
        let found = find("python", &[&root.join("shims")]).expect("a version has it");
        assert_eq!(found.path, root.join("versions/3.11.7/bin/python3"));
    }

    #[test]
    fn what_is_behind_a_shim_may_also_come_later_in_the_search_path() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        program(&root.join("shims/python3"), "#!/bin/sh\nexec pyenv …");
        fs::create_dir(root.join("versions")).expect("a folder");
        fs::write(root.join("version"), "system\n").expect("a file");
        program(&root.join("bin/python3"), "system");
        let search = [root.join("shims"), root.join("bin")];
        let found = find("python", &[&search[0], &search[1]]).expect("the system has it");
        assert_eq!(found.path, root.join("bin/python3"));
    }
}
