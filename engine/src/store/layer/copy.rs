//! Copy: a folder of one tree, at the same place in another.
//!
//! What is copied is guest-controlled in size as well: the copy is bounded, and
//! stops between two entries, or two pieces of a large file, when it is told to.

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Dir, DirEntry, FileType, Mode, OFlags, fchmod, fstat, mkdirat, openat, readlinkat,
    statat, symlinkat,
};

use super::{make_beneath, open_folder, open_root, placed, refused};

/// Bytes of a file that are copied between two looks at [`CopyBounds::goes_on`]:
/// a tenth of a second on a slow disk.
const PIECE_BYTES: u64 = 16 * 1024 * 1024;

/// What stops a copy.
pub struct CopyBounds<'a> {
    /// Most bytes. What shares its blocks with the original costs none.
    pub bytes: u64,
    /// Most files, folders and links.
    pub entries: u64,
    /// Whether to go on. Asked often: it must be cheap.
    pub goes_on: &'a dyn Fn() -> bool,
}

/// Why a folder was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The disk says no, or something that is no folder is in its place.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// More than may be copied.
    #[error("it has more than {bytes} bytes or {entries} entries")]
    TooLarge {
        /// The bound.
        bytes: u64,
        /// The bound.
        entries: u64,
    },
    /// It was told to stop.
    #[error("the copy was stopped")]
    Stopped,
}

impl From<rustix::io::Errno> for CopyError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}

/// Copies a folder of one tree to the same place in another, where nothing is
/// yet. Links inside of it are copied as links, never followed; sockets, pipes
/// and devices are left out, since they have no content. Block-shared where the
/// file system can.
///
/// # Errors
///
/// As [`super::open_beneath`]; a folder that is not there is an error too. And
/// what the bounds say. What was copied until then is left.
pub fn copy(from: &Path, path: &str, to: &Path, bounds: &CopyBounds<'_>) -> Result<(), CopyError> {
    let source_root = open_root(from).map_err(|error| refused(from, error))?;
    let target_root = open_root(to).map_err(|error| refused(to, error))?;
    make_beneath(to, path)?;
    let mut left = Left {
        bounds,
        bytes: bounds.bytes,
        entries: bounds.entries,
    };
    // A stack of our own: a tree may be deeper than the thread's stack. It holds
    // no descriptors: there may be more folders than a process may open.
    let mut folders = vec![PathBuf::from(path)];
    while let Some(folder) = folders.pop() {
        let (from, to) = (from.join(&folder), to.join(&folder));
        let source =
            open_folder(source_root.as_fd(), &folder).map_err(|error| refused(&from, error))?;
        let target =
            open_folder(target_root.as_fd(), &folder).map_err(|error| refused(&to, error))?;
        for entry in Dir::read_from(&source).map_err(|error| refused(&from, error))? {
            let entry = entry.map_err(|error| refused(&from, error))?;
            let name = Path::new(std::ffi::OsStr::from_bytes(entry.file_name().to_bytes()));
            if matches!(name.as_os_str().as_bytes(), b"." | b"..") {
                continue;
            }
            left.take_entry()?;
            let is_folder =
                copy_entry(&source, &target, &entry, &mut left).map_err(|error| match error {
                    CopyError::Io(error) => placed(&from.join(name), &error).into(),
                    other => other,
                })?;
            if is_folder {
                folders.push(folder.join(name));
            }
        }
        fstat(&source)
            .and_then(|stat| fchmod(&target, Mode::from_raw_mode(stat.st_mode)))
            .map_err(|error| refused(&to, error))?;
    }
    Ok(())
}

/// What is left of the bounds of one copy.
struct Left<'a> {
    bounds: &'a CopyBounds<'a>,
    bytes: u64,
    entries: u64,
}

impl Left<'_> {
    fn go_on(&self) -> Result<(), CopyError> {
        if (self.bounds.goes_on)() {
            Ok(())
        } else {
            Err(CopyError::Stopped)
        }
    }

    fn take_entry(&mut self) -> Result<(), CopyError> {
        self.go_on()?;
        let left = self.entries.checked_sub(1);
        self.entries = left.ok_or_else(|| self.too_large())?;
        Ok(())
    }

    fn take_bytes(&mut self, bytes: u64) -> Result<(), CopyError> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or_else(|| self.too_large())?;
        Ok(())
    }

    fn too_large(&self) -> CopyError {
        CopyError::TooLarge {
            bytes: self.bounds.bytes,
            entries: self.bounds.entries,
        }
    }
}

/// Copies what is no folder, and makes a folder for what is one. Whether it is.
fn copy_entry(
    source: &OwnedFd,
    target: &OwnedFd,
    entry: &DirEntry,
    left: &mut Left<'_>,
) -> Result<bool, CopyError> {
    let name = entry.file_name();
    let kind = match entry.file_type() {
        // Not every file system says so in its list.
        FileType::Unknown => {
            let stat = statat(source, name, AtFlags::SYMLINK_NOFOLLOW)?;
            FileType::from_raw_mode(stat.st_mode)
        }
        known => known,
    };
    match kind {
        FileType::Directory => mkdirat(target, name, Mode::from_raw_mode(0o777))?,
        FileType::Symlink => {
            let leads_to = readlinkat(source, name, Vec::<u8>::new())?;
            symlinkat(&leads_to, target, name)?;
        }
        FileType::RegularFile => copy_file(source, target, name, left)?,
        _ => {}
    }
    Ok(kind == FileType::Directory)
}

fn copy_file(
    source: &OwnedFd,
    target: &OwnedFd,
    name: &CStr,
    left: &mut Left<'_>,
) -> Result<(), CopyError> {
    // A pipe that took the file's place must not make us wait.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let source = File::from(openat(source, name, flags, Mode::empty())?);
    let metadata = source.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut target = File::from(openat(target, name, flags, Mode::from_raw_mode(0o600))?);
    #[cfg(target_os = "linux")]
    let is_shared = rustix::fs::ioctl_ficlone(&target, &source).is_ok();
    #[cfg(not(target_os = "linux"))]
    let is_shared = false;
    if !is_shared {
        // A large file is refused before it is begun.
        left.take_bytes(metadata.len())?;
        let mut copied = 0;
        while copied < metadata.len() {
            left.go_on()?;
            let piece = PIECE_BYTES.min(metadata.len() - copied);
            let some = io::copy(&mut (&source).take(piece), &mut target)?;
            if some == 0 {
                break;
            }
            copied += some;
        }
    }
    Ok(target.set_permissions(metadata.permissions())?)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::path::PathBuf;

    use super::{CopyBounds, CopyError, PIECE_BYTES, copy};

    /// Three files of 1000 bytes in two folders: six entries with their own folders.
    fn tree(directory: &tempfile::TempDir) -> (PathBuf, PathBuf) {
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("src/a/b")).expect("made");
        fs::create_dir(&to).expect("made");
        for file in ["src/one", "src/a/two", "src/a/b/three"] {
            fs::write(from.join(file), [1; 1000]).expect("written");
        }
        (from, to)
    }

    #[test]
    fn a_copy_is_bounded_in_bytes_and_entries() {
        for (bytes, entries, fits) in [
            (3000, 5, true),
            (u64::MAX, 4, false),
            (2999, u64::MAX, false),
            (0, 0, false),
        ] {
            let directory = tempfile::tempdir().expect("a directory");
            let (from, to) = tree(&directory);
            let bounds = CopyBounds {
                bytes,
                entries,
                goes_on: &|| true,
            };
            let copied = copy(&from, "src", &to, &bounds);
            match copied {
                Ok(()) => assert!(fits, "{bytes} {entries}"),
                // Shared blocks cost nothing.
                Err(CopyError::TooLarge { .. }) => assert!(!fits, "{bytes} {entries}"),
                Err(other) => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_copy_stops_between_two_entries_when_it_is_told_to() {
        let directory = tempfile::tempdir().expect("a directory");
        let (from, to) = tree(&directory);
        let asked = Cell::new(0);
        let bounds = CopyBounds {
            bytes: u64::MAX,
            entries: u64::MAX,
            goes_on: &|| asked.replace(asked.get() + 1) < 2,
        };
        let stopped = copy(&from, "src", &to, &bounds);
        assert!(matches!(stopped, Err(CopyError::Stopped)), "{stopped:?}");
        assert_eq!(asked.get(), 3, "asked again and again, and not after");
    }

    #[test]
    fn a_large_file_is_copied_whole_and_stops_in_the_middle() {
        let directory = tempfile::tempdir().expect("a directory");
        let (from, to) = tree(&directory);
        let length = 2 * PIECE_BYTES + 5;
        let large = fs::File::create(from.join("src/large")).expect("made");
        large.set_len(length).expect("a hole");
        let bounds = |goes_on| CopyBounds {
            bytes: u64::MAX,
            entries: u64::MAX,
            goes_on,
        };
        copy(&from, "src", &to, &bounds(&|| true)).expect("copied");
        let copied = fs::metadata(to.join("src/large")).expect("there");
        assert_eq!(copied.len(), length);
    }
}
