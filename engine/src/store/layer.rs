//! Layer: what a stage wrote, as a directory tree.
//!
//! An attempt writes into its own tree. When it succeeds the tree becomes the
//! stage's layer by one rename; otherwise it is removed. A path that a stage
//! writes on top of an ancestor's layer starts as a copy of it, block-shared
//! where the file system can.
//!
//! All that lies below the root of a tree is guest-controlled, symbolic links to
//! anywhere included. So folders are found by [`open_beneath`], which follows
//! none, and what is below them is used through descriptors.

mod copy;

use std::fs;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path};

use rustix::fs::{Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;

pub use copy::{CopyBounds, CopyError, copy};

/// How folders are opened: a link in the place of one is an error.
const FOLDER: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// Opens a folder of a tree, by its path below the root. None if it is not there.
///
/// No symbolic link is followed below the root, neither at the end of the path
/// nor on the way.
///
/// # Errors
///
/// `NotADirectory` where a file or a link, of whatever target, takes the place of
/// a folder; else what the disk says. All name the path.
pub fn open_beneath(root: &Path, path: &str) -> io::Result<Option<OwnedFd>> {
    let opened = open_root(root).and_then(|root| open_folder(root.as_fd(), Path::new(path)));
    match opened {
        Ok(folder) => Ok(Some(folder)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(refused(&root.join(path), error)),
    }
}

/// Makes a folder of a tree and those around it, as far as they are missing, and
/// opens it. Follows no symbolic link below the root.
///
/// # Errors
///
/// As [`open_beneath`].
pub fn make_beneath(root: &Path, path: &str) -> io::Result<OwnedFd> {
    let mut at = root.to_owned();
    let mut here = open_root(root).map_err(|error| refused(root, error))?;
    for part in Path::new(path).components() {
        let Component::Normal(name) = part else {
            return Err(refused(&root.join(path), Errno::INVAL));
        };
        at.push(name);
        match mkdirat(&here, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(refused(&at, error)),
        }
        here = openat(&here, name, FOLDER, Mode::empty()).map_err(|error| refused(&at, error))?;
    }
    Ok(here)
}

fn open_root(root: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(root, FOLDER, Mode::empty())
}

fn open_folder(root: BorrowedFd<'_>, path: &Path) -> rustix::io::Result<OwnedFd> {
    let is_plain = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if path.as_os_str().is_empty() || !path.components().all(is_plain) {
        return Err(Errno::INVAL);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{ResolveFlags, openat2};
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        match openat2(root, path, FOLDER, Mode::empty(), resolve) {
            // Kernels before 5.6, filters that do not know the call, and paths
            // that are too long for one call.
            Err(Errno::NOSYS | Errno::PERM | Errno::NAMETOOLONG) => {}
            opened => return opened,
        }
    }
    walk(root, path)
}

/// Opens a folder part by part.
fn walk(root: BorrowedFd<'_>, path: &Path) -> rustix::io::Result<OwnedFd> {
    let mut here = openat(root, ".", FOLDER, Mode::empty())?;
    for part in path.components() {
        here = openat(&here, part.as_os_str(), FOLDER, Mode::empty())?;
    }
    Ok(here)
}

/// Removes a tree, directories without write permission included. What is not
/// there is removed already.
///
/// # Errors
///
/// What the disk says, with the path.
pub fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    };
    removed.map_err(|error| placed(path, &error))
}

/// Go's module cache, for one, makes its directories read-only.
fn make_writable(path: &Path) -> io::Result<()> {
    let mut directories = vec![path.to_owned()];
    while let Some(directory) = directories.pop() {
        let failed = |error: io::Error| placed(&directory, &error);
        let metadata = fs::symlink_metadata(&directory).map_err(failed)?;
        // What it leads to is not ours.
        if !metadata.is_dir() {
            continue;
        }
        let mut permissions = metadata.permissions();
        permissions.set_mode(permissions.mode() | 0o700);
        fs::set_permissions(&directory, permissions).map_err(failed)?;
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_dir() {
                directories.push(entry.path());
            }
        }
    }
    Ok(())
}

/// Syncs every file and folder of a tree, where one call for all does not exist.
///
/// # Errors
///
/// What the disk says, with the path.
#[cfg(not(target_os = "linux"))]
pub(super) fn sync(path: &Path) -> io::Result<()> {
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |error: io::Error| placed(&folder, &error);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                fs::File::open(entry.path())
                    .and_then(|file| file.sync_all())
                    .map_err(failed)?;
            }
        }
        fs::File::open(&folder)
            .and_then(|folder| folder.sync_all())
            .map_err(failed)?;
    }
    Ok(())
}

fn refused(path: &Path, error: Errno) -> io::Error {
    let path = path.display();
    match error {
        Errno::LOOP | Errno::NOTDIR | Errno::XDEV => io::Error::new(
            io::ErrorKind::NotADirectory,
            format!("{path}: a symbolic link or a file is in the place of a folder"),
        ),
        other => {
            let error = io::Error::from(other);
            io::Error::new(error.kind(), format!("{path}: {error}"))
        }
    }
}

fn placed(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::ErrorKind;
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    use super::{CopyBounds, CopyError, make_beneath, open_beneath, open_root, remove, walk};

    fn copy(from: &Path, path: &str, to: &Path) -> Result<(), CopyError> {
        let bounds = CopyBounds {
            bytes: u64::MAX,
            entries: u64::MAX,
            goes_on: &|| true,
        };
        super::copy(from, path, to, &bounds)
    }

    /// A tree `tree` with folders, files and links, beside a folder `outside`.
    fn hostile() -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let (tree, outside) = (
            directory.path().join("tree"),
            directory.path().join("outside"),
        );
        fs::create_dir_all(tree.join("src/deep/er")).expect("made");
        fs::create_dir_all(outside.join("inner")).expect("made");
        fs::write(outside.join("key"), "secret").expect("written");
        fs::write(tree.join("src/file"), "").expect("written");
        symlink(&outside, tree.join("src/out")).expect("linked");
        symlink("../../outside", tree.join("src/up")).expect("linked");
        symlink("deep", tree.join("src/in")).expect("linked");
        symlink("nowhere", tree.join("src/dangling")).expect("linked");
        symlink("/proc/self", tree.join("src/proc")).expect("linked");
        symlink("/", tree.join("src/root")).expect("linked");
        directory
    }

    /// Paths of the tree, and whether a folder is there; an error where neither
    /// yes nor no is true.
    const PATHS: &[(&str, Option<bool>)] = &[
        ("src", Some(true)),
        ("src/deep/er", Some(true)),
        ("src/missing", Some(false)),
        ("src/missing/x", Some(false)),
        ("other", Some(false)),
        ("src/file", None),
        ("src/file/x", None),
        ("src/out", None),
        ("src/out/inner", None),
        ("src/up", None),
        ("src/in", None),
        ("src/in/er", None),
        ("src/dangling", None),
        ("src/dangling/x", None),
        ("src/proc", None),
        ("src/proc/cwd", None),
        ("src/root/etc", None),
    ];

    #[test]
    fn a_folder_of_a_tree_is_opened_and_no_link_is_followed() {
        let directory = hostile();
        let tree = directory.path().join("tree");
        let malformed = ["", "..", "src/../src", "src/../../outside", "/", "/etc"];
        let malformed = malformed.iter().map(|path| (*path, None));
        for (path, expected) in PATHS.iter().copied().chain(malformed) {
            let found = open_beneath(&tree, path);
            let is_there = found.as_ref().ok().map(Option::is_some);
            assert_eq!(is_there, expected, "{path}: {found:?}");
        }
        let error = open_beneath(&tree, "src/out").expect_err("it is a link");
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        assert!(
            error.to_string().contains("tree/src/out: a symbolic link"),
            "{error}"
        );
        assert!(
            open_beneath(&directory.path().join("none"), "src")
                .expect("no error")
                .is_none()
        );
    }

    #[test]
    fn a_walk_finds_what_one_call_finds() {
        let directory = hostile();
        let root = open_root(&directory.path().join("tree")).expect("opened");
        for (path, expected) in PATHS {
            let is_there = match walk(root.as_fd(), Path::new(path)) {
                Ok(_) => Some(true),
                Err(rustix::io::Errno::NOENT) => Some(false),
                Err(_) => None,
            };
            assert_eq!(is_there, *expected, "{path}");
        }
    }

    #[test]
    fn folders_are_made_part_by_part_and_never_through_a_link() {
        let directory = hostile();
        let tree = directory.path().join("tree");
        for path in ["new/and/deep", "src/deep/er/more", "src"] {
            make_beneath(&tree, path).expect("made");
            assert!(tree.join(path).is_dir());
        }
        for path in [
            "src/out/new",
            "src/up/new",
            "src/dangling",
            "src/in/new",
            "src/file",
            "../new",
        ] {
            make_beneath(&tree, path).expect_err(path);
        }
        let outside = fs::read_dir(directory.path().join("outside")).expect("read");
        assert_eq!(
            outside.count(),
            2,
            "the key and the inner folder, nothing new"
        );
        assert!(!directory.path().join("new").exists());
        assert!(!tree.join("src/nowhere").exists());
    }

    #[test]
    fn a_copy_has_the_same_files_links_and_permissions() {
        let directory = tempfile::tempdir().expect("a directory");
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("src/a/b")).expect("made");
        fs::create_dir(&to).expect("made");
        fs::write(from.join("src/a/b/tool"), "#!").expect("written");
        let set = |path: &str, mode| {
            fs::set_permissions(from.join(path), fs::Permissions::from_mode(mode)).expect("set");
        };
        set("src/a/b/tool", 0o755);
        set("src/a", 0o750);
        symlink("/etc/passwd", from.join("src/a/link")).expect("linked");
        copy(&from, "src", &to).expect("copied");
        assert_eq!(fs::read(to.join("src/a/b/tool")).expect("there"), b"#!");
        for (path, expected) in [("src/a/b/tool", 0o755), ("src/a", 0o750)] {
            let metadata = fs::metadata(to.join(path)).expect("there");
            assert_eq!(metadata.permissions().mode() & 0o777, expected, "{path}");
        }
        let link = fs::read_link(to.join("src/a/link")).expect("still a link");
        assert_eq!(link.to_str(), Some("/etc/passwd"));
    }

    #[test]
    fn a_copy_neither_starts_at_a_link_nor_goes_through_one() {
        let directory = hostile();
        let (tree, to) = (directory.path().join("tree"), directory.path().join("to"));
        for path in [
            "src/out",
            "src/out/inner",
            "src/in",
            "src/dangling",
            "src/file",
            "src/missing",
        ] {
            fs::create_dir(&to).expect("made");
            copy(&tree, path, &to).expect_err(path);
            assert!(!to.join(path).is_symlink(), "{path}");
            assert!(!to.join(path).join("key").exists(), "{path}");
            remove(&to).expect("removed");
        }
        // Nor into one.
        fs::create_dir(&to).expect("made");
        symlink(directory.path().join("outside"), to.join("src")).expect("linked");
        copy(&tree, "src", &to).expect_err("a link is in the way");
        copy(&tree, "src/deep", &to).expect_err("a link is in the way");
        assert!(!directory.path().join("outside/deep").exists());
    }

    #[test]
    fn a_copy_of_a_tree_deeper_than_a_path_can_say_is_whole() {
        let directory = tempfile::tempdir().expect("a directory");
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir(&from).expect("made");
        fs::create_dir(&to).expect("made");
        let path = vec!["a-folder-with-a-name"; 300].join("/");
        make_beneath(&from, &path).expect("made");
        copy(&from, "a-folder-with-a-name", &to).expect("copied");
        assert!(open_beneath(&to, &path).expect("no error").is_some());
    }

    #[test]
    fn a_tree_with_read_only_directories_can_be_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let tree = directory.path().join("tree");
        fs::create_dir_all(tree.join("a")).expect("made");
        fs::write(tree.join("a/file"), "").expect("written");
        fs::set_permissions(tree.join("a"), fs::Permissions::from_mode(0o500)).expect("set");
        remove(&tree).expect("removed");
        remove(&tree).expect("removing nothing is no error");
        assert!(!tree.exists());
    }
}
