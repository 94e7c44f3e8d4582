//! Place: what an open descriptor of a guest stands for.

use std::collections::HashMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::disk::{Disk, Size};
use crate::model::limits;

/// A folder that was granted, open.
#[derive(Debug)]
pub(super) struct Granted {
    /// Path in the workspace.
    pub(super) path: String,
    /// Where it is on this machine; empty if that is not known.
    pub(super) host: PathBuf,
    pub(super) writable: bool,
}

/// A file or folder that a guest has open.
#[derive(Debug)]
pub(super) struct Place {
    /// Path in the workspace.
    pub(super) path: String,
    pub(super) granted: Arc<Granted>,
    /// The file, and how large it is known to have been; none for a folder.
    pub(super) file: Option<(Arc<File>, Size)>,
    /// Held as long as the descriptor, or a stream of it, is open.
    pub(super) _slot: Option<Slot>,
}

impl Place {
    /// The path of something below this folder, as the guest names it. A long
    /// one, guest-controlled, is cut.
    pub(super) fn below(&self, path: &str) -> String {
        let mut end = path.len().min(limits::GUEST_PATH_BYTES);
        while !path.is_char_boundary(end) {
            end -= 1;
        }
        match &path[..end] {
            "." => self.path.clone(),
            // Refused: no path of the workspace is written so.
            path if path.starts_with('/') => path.to_owned(),
            path => format!("{}/{path}", self.path),
        }
    }

    /// Takes room for what this file grows by when something is written up to
    /// `end`. Nothing for a folder, where writing fails.
    pub(super) fn grow(&self, end: u64, disk: &Disk) -> std::io::Result<()> {
        let Some((file, size)) = &self.file else {
            return Ok(());
        };
        size.grow(end, file, disk)
    }
}

impl Granted {
    /// Where an open file of this folder really is, in the workspace. None where
    /// the system does not tell.
    #[cfg(target_os = "linux")]
    pub(super) fn real_path(&self, file: &File) -> Option<String> {
        if self.host.as_os_str().is_empty() {
            return None;
        }
        let host = host_path(file)?;
        let rest = host.strip_prefix(&self.host).ok()?;
        if rest.as_os_str().is_empty() {
            return Some(self.path.clone());
        }
        Some(format!("{}/{}", self.path, rest.to_string_lossy()))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn real_path(&self, _: &File) -> Option<String> {
        None
    }
}

/// Where an open file is on this machine.
#[cfg(target_os = "linux")]
pub(super) fn host_path(file: impl std::os::fd::AsFd) -> Option<PathBuf> {
    std::fs::read_link(proc_path(file)).ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn host_path(_: impl std::os::fd::AsFd) -> Option<PathBuf> {
    None
}

/// A path that stands for an open file, whatever becomes of its name.
#[cfg(target_os = "linux")]
pub(super) fn proc_path(file: impl std::os::fd::AsFd) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))
}

/// The places of all open descriptors of one attempt, by the number that the guest
/// has for them.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<u32, Arc<Place>>);

impl Places {
    pub(super) fn insert(&mut self, descriptor: u32, place: Place) {
        self.0.insert(descriptor, Arc::new(place));
    }

    pub(super) fn get(&self, descriptor: u32) -> Option<Arc<Place>> {
        self.0.get(&descriptor).cloned()
    }

    pub(super) fn remove(&mut self, descriptor: u32) {
        self.0.remove(&descriptor);
    }
}

/// Leave for one open file; given back when dropped.
#[derive(Debug)]
pub(super) struct Slot(Arc<AtomicUsize>);

/// How many files of an attempt are open.
#[derive(Debug, Default)]
pub(super) struct Slots(Arc<AtomicUsize>);

impl Slots {
    /// None if as many files are open as may be.
    pub(super) fn take(&self) -> Option<Slot> {
        let update = |open: usize| (open < limits::OPEN_FILES).then_some(open + 1);
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
        taken.ok().map(|_| Slot(Arc::clone(&self.0)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::{Granted, Place, Slots};
    use crate::model::limits;

    fn folder(path: &str, host: PathBuf) -> Place {
        let granted = Granted {
            path: "src".to_owned(),
            host,
            writable: false,
        };
        Place {
            path: path.to_owned(),
            granted: Arc::new(granted),
            file: None,
            _slot: None,
        }
    }

    #[test]
    fn a_path_is_told_as_the_guest_names_it_and_never_without_end() {
        let place = folder("src/deep", PathBuf::new());
        for (path, expected) in [
            (".", "src/deep"),
            ("file", "src/deep/file"),
            ("../../etc/passwd", "src/deep/../../etc/passwd"),
            ("/etc/passwd", "/etc/passwd"),
        ] {
            assert_eq!(place.below(path), expected);
        }
        let long = "ä".repeat(1 << 20);
        assert_eq!(
            place.below(&long).len(),
            "src/deep/".len() + limits::GUEST_PATH_BYTES
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_open_file_is_told_by_where_it_really_is() {
        let directory = tempfile::tempdir().expect("a directory");
        let host = directory.path().canonicalize().expect("it exists");
        std::fs::create_dir(host.join("real")).expect("made");
        std::fs::write(host.join("real/file"), "").expect("written");
        std::os::unix::fs::symlink("real", host.join("link")).expect("linked");
        let place = folder("src", host.clone());
        let real = |path: &str| {
            let file = std::fs::File::open(host.join(path)).expect("opened");
            place.granted.real_path(&file)
        };
        assert_eq!(real("link/file").as_deref(), Some("src/real/file"));
        assert_eq!(real(".").as_deref(), Some("src"));
        assert_eq!(real("..").as_deref(), None, "outside of the folder");
    }

    #[test]
    fn files_are_open_up_to_a_bound() {
        let slots = Slots::default();
        let mut open: Vec<_> = (0..limits::OPEN_FILES)
            .map(|_| slots.take().expect("there is room"))
            .collect();
        assert!(slots.take().is_none());
        open.pop();
        assert!(slots.take().is_some());
    }
}
