//! Tree: the folders of a stage as one tree, for its native tools.
//!
//! The folders of a workspace lie in layers of their own, wherever the store
//! keeps them. A tool needs them at their places below one root. Behind
//! namespaces they are mounted there ([`list`]). Without them that is a folder of
//! links to the layers ([`build`]), and `..` out of a folder leads to what lies
//! beside its layer, not to the tree.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};

use crate::plan::{Access, Mount};
use crate::store::layer;

/// The folders of a stage as one tree.
#[derive(Debug, Default)]
pub struct Tree {
    root: PathBuf,
    mounts: Vec<Mount>,
}

/// A tree that cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// A folder lies in another one that may be written.
    #[error(
        "the folder `{inner}` lies in `{outer}`, which the stage may write; without private mounts tools cannot see both"
    )]
    Nested {
        /// The folder.
        inner: String,
        /// The one around it.
        outer: String,
    },
    /// The disk says no.
    #[error("{}: {error}", path.display())]
    Disk {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// A folder that a command cannot start in.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It is not written as a path below the workspace.
    #[error("not a path below the workspace")]
    Malformed,
    /// It is outside the folders of the stage, or something on the way to it is.
    #[error("outside the folders of the stage")]
    Outside,
    /// It is not there, or no folder.
    #[error("{0}")]
    Unusable(io::Error),
}

/// The tree of some mounts for whoever mounts them at their places.
pub fn list(mounts: &[Mount]) -> Result<Tree, TreeError> {
    let sorted = sorted(mounts);
    for mount in &sorted {
        open_mount(mount).map_err(|error| TreeError::Disk {
            path: PathBuf::from(&mount.path),
            error,
        })?;
    }
    Ok(Tree {
        root: PathBuf::new(),
        mounts: sorted.into_iter().cloned().collect(),
    })
}

/// Outer folders before inner ones.
fn sorted(mounts: &[Mount]) -> Vec<&Mount> {
    let mut sorted: Vec<&Mount> = mounts.iter().collect();
    sorted.sort_by(|a, b| Path::new(&a.path).cmp(Path::new(&b.path)));
    sorted
}

/// Builds the tree of some mounts in a folder, which must not exist.
pub fn build(root: &Path, mounts: &[Mount]) -> Result<Tree, TreeError> {
    let sorted = sorted(mounts);
    make_folder(root)?;
    for mount in &sorted {
        let inner: Vec<&Path> = sorted
            .iter()
            .filter(|other| other.path != mount.path)
            .filter_map(|other| Path::new(&other.path).strip_prefix(&mount.path).ok())
            .collect();
        if let (Access::Write, Some(first)) = (mount.access, inner.first()) {
            return Err(TreeError::Nested {
                inner: Path::new(&mount.path).join(first).display().to_string(),
                outer: mount.path.clone(),
            });
        }
        let at = root.join(&mount.path);
        if let Some(parent) = at.parent() {
            make_folder(parent)?;
        }
        open_mount(mount).map_err(|error| TreeError::Disk {
            path: PathBuf::from(&mount.path),
            error,
        })?;
        link(&mount.host(), &at, &inner)?;
    }
    Ok(Tree {
        root: root.to_path_buf(),
        mounts: sorted.into_iter().cloned().collect(),
    })
}

impl Tree {
    /// The root, where the workspace is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folders, an outer one before those inside it.
    pub fn mounts(&self) -> &[Mount] {
        &self.mounts
    }

    /// Opens a folder, relative to the workspace. Guest-controlled: neither
    /// `..` nor a symbolic link gets out of the folder of the stage it lies in,
    /// and what is opened cannot be swapped any more.
    pub fn open(&self, path: &str) -> Result<OwnedFd, DirectoryError> {
        let clean = clean(path)?;
        if self.is_around_a_mount(&clean) {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let root = open(&self.root, flags, Mode::empty());
            return open_within(root.map_err(refused)?, &clean);
        }
        self.open_in_mount(&clean)
    }

    /// The folder as a path below the workspace, if it could be opened.
    pub fn find(&self, path: &str) -> Result<PathBuf, DirectoryError> {
        let clean = clean(path)?;
        if !self.is_around_a_mount(&clean) {
            self.open_in_mount(&clean)?;
        }
        Ok(clean)
    }

    /// Whether it is a folder of ours, above or between the mounts.
    fn is_around_a_mount(&self, clean: &Path) -> bool {
        let mut mounts = self.mounts.iter().map(|mount| Path::new(&mount.path));
        clean.as_os_str().is_empty()
            || mounts.any(|mount| mount != clean && mount.starts_with(clean))
    }

    fn open_in_mount(&self, clean: &Path) -> Result<OwnedFd, DirectoryError> {
        let mount = self
            .mounts
            .iter()
            .rfind(|mount| clean.starts_with(&mount.path))
            .ok_or(DirectoryError::Outside)?;
        let rest = clean.strip_prefix(&mount.path).unwrap_or(clean);
        let folder = open_mount(mount).map_err(DirectoryError::Unusable)?;
        open_within(folder, rest)
    }
}

/// A path below the workspace in its normal form. Guest-controlled.
fn clean(path: &str) -> Result<PathBuf, DirectoryError> {
    let mut clean = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            _ => return Err(DirectoryError::Malformed),
        }
    }
    if path.contains('\0') {
        return Err(DirectoryError::Malformed);
    }
    Ok(clean)
}

/// Opens the folder of a mount. Its path may lead through what another stage
/// wrote, so no link is followed.
fn open_mount(mount: &Mount) -> io::Result<OwnedFd> {
    layer::open_beneath(&mount.root, &mount.path)?.ok_or_else(|| io::ErrorKind::NotFound.into())
}

fn refused(error: rustix::io::Errno) -> DirectoryError {
    match error {
        rustix::io::Errno::XDEV | rustix::io::Errno::LOOP => DirectoryError::Outside,
        other => DirectoryError::Unusable(other.into()),
    }
}

/// Opens what is below a folder; links are followed as far as they stay there.
fn open_within(folder: OwnedFd, rest: &Path) -> Result<OwnedFd, DirectoryError> {
    if rest.as_os_str().is_empty() {
        return Ok(folder);
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    openat2(folder, rest, flags, Mode::empty(), resolve).map_err(refused)
}

/// Makes a folder appear at a place, with room for the `inner` ones below it.
fn link(host: &Path, at: &Path, inner: &[&Path]) -> Result<(), TreeError> {
    let failed = |error| TreeError::Disk {
        path: at.to_path_buf(),
        error,
    };
    // A folder around this one has linked it already, unless we hide it now.
    if inner.is_empty() {
        return symlink(host, at).map_err(failed);
    }
    // A link of the workspace must not lead us out of the layer.
    if !fs::symlink_metadata(host).map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    make_folder(at)?;
    for entry in fs::read_dir(host).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = PathBuf::from(entry.file_name());
        let below: Vec<&Path> = inner
            .iter()
            .filter_map(|path| path.strip_prefix(&name).ok())
            .collect();
        if below.iter().any(|path| path.as_os_str().is_empty()) {
            continue; // The inner folder hides it.
        }
        link(&entry.path(), &at.join(&name), &below)?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), TreeError> {
    fs::create_dir_all(path).map_err(|error| TreeError::Disk {
        path: path.to_path_buf(),
        error,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::{DirectoryError, Tree, TreeError, build};
    use crate::plan::{Access, Mount};

    /// A folder in a layer of its own, whose files hold the layer's name.
    fn mount(home: &Path, path: &str, access: Access, files: &[&str]) -> Mount {
        let layer = path.replace('/', "-");
        let mount = Mount {
            path: path.to_owned(),
            root: home.join("layers").join(&layer),
            access,
        };
        fs::create_dir_all(mount.host()).expect("a folder");
        for file in files {
            let path = mount.host().join(file);
            fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
            fs::write(path, &layer).expect("a file");
        }
        mount
    }

    fn read(tree: &Tree, path: &str) -> String {
        fs::read_to_string(tree.root().join(path)).expect("the tree has it")
    }

    #[test]
    fn folders_of_different_layers_make_one_tree() {
        let home = tempfile::tempdir().expect("a folder");
        let home = home.path();
        let mounts = [
            mount(home, "src", Access::Read, &["a/file", "target/old", "top"]),
            mount(home, "src/target", Access::Write, &["new"]),
            mount(home, "deep/er/dist", Access::Write, &[]),
        ];
        let tree = build(&home.join("tree"), &mounts).expect("it can be built");
        assert_eq!(read(&tree, "src/a/file"), "src");
        assert_eq!(read(&tree, "src/top"), "src");
        assert_eq!(read(&tree, "src/target/new"), "src-target");
        assert!(!tree.root().join("src/target/old").exists(), "it is hidden");
        fs::write(tree.root().join("deep/er/dist/out"), "x").expect("it may be written");
        assert!(
            mounts[2].host().join("out").exists(),
            "it lands in the layer"
        );
    }

    #[test]
    fn a_folder_inside_a_written_one_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let mounts = [
            mount(home.path(), "a", Access::Write, &[]),
            mount(home.path(), "a/b", Access::Read, &[]),
        ];
        let error = build(&home.path().join("tree"), &mounts).expect_err("files would be lost");
        assert!(matches!(error, TreeError::Nested { .. }), "{error}");
    }

    #[test]
    fn a_folder_that_is_reached_through_a_link_is_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let home = home.path();
        let src = mount(home, "src", Access::Write, &["real/file"]);
        fs::create_dir_all(home.join("outside/inner")).expect("a folder");
        symlink(home.join("outside"), src.host().join("link")).expect("a link");
        for (number, path) in ["src/link", "src/link/inner", "src/missing"]
            .iter()
            .enumerate()
        {
            let mount = Mount {
                path: (*path).to_owned(),
                ..src.clone()
            };
            let error = build(&home.join(number.to_string()), &[mount]).expect_err(path);
            assert!(matches!(error, TreeError::Disk { .. }), "{error}");
        }
        // Or that becomes one afterwards.
        let real = Mount {
            path: "src/real".to_owned(),
            ..src.clone()
        };
        let tree = build(&home.join("tree"), &[real]).expect("it can be built");
        assert!(tree.open("src/real").is_ok());
        fs::rename(src.host().join("real"), src.host().join("old")).expect("moved");
        symlink(home.join("outside"), src.host().join("real")).expect("a link");
        for path in ["src/real", "src/real/inner"] {
            assert!(
                matches!(tree.open(path), Err(DirectoryError::Unusable(_))),
                "{path}"
            );
        }
    }

    #[test]
    fn a_command_starts_only_in_the_folders_of_its_stage() {
        let home = tempfile::tempdir().expect("a folder");
        let home = home.path();
        let mounts = [
            mount(home, "src", Access::Read, &["a/b/file"]),
            mount(home, "src/target", Access::Write, &["debug/file"]),
            mount(home, "x/y", Access::Read, &[]),
        ];
        symlink("/etc", mounts[0].host().join("etc")).expect("a link");
        symlink("../../src-target", mounts[0].host().join("beside")).expect("a link");
        symlink("a/b", mounts[0].host().join("inside")).expect("a link");
        symlink("loop", mounts[0].host().join("loop")).expect("a link");
        let tree = build(&home.join("tree"), &mounts).expect("it can be built");
        for good in [
            "",
            ".",
            "src",
            "src/a",
            "./src/a/b",
            "src/inside",
            "src/target",
            "src/target/debug",
            "x",
            "x/y",
        ] {
            assert!(tree.open(good).is_ok(), "{good}: {:?}", tree.open(good));
        }
        for (bad, expected) in [
            ("/", "Malformed"),
            ("/etc", "Malformed"),
            ("..", "Malformed"),
            ("src/../x", "Malformed"),
            ("src\0", "Malformed"),
            ("src/etc", "Outside"),
            ("src/beside", "Outside"),
            ("src/loop", "Outside"),
            ("other", "Outside"),
            ("src/missing", "Unusable"),
            ("src/a/b/file", "Unusable"),
        ] {
            let word = match tree.open(bad) {
                Err(DirectoryError::Malformed) => "Malformed",
                Err(DirectoryError::Outside) => "Outside",
                Err(DirectoryError::Unusable(_)) => "Unusable",
                Ok(_) => "opened",
            };
            assert_eq!(word, expected, "{bad}");
        }
    }
}
