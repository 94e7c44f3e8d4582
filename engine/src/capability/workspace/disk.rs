//! Disk: what a guest may add to its folders, counted before it is added.
//!
//! Bytes are what files grow by, so that a hole counts as much as data: a file of
//! a terabyte without content is a terabyte to whoever copies it. Nothing is given
//! back for what is removed or cut off, since it may still be open somewhere. So
//! the sizes of all files together never grow by more than what was taken here.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::model::limits;

/// What one attempt may add to its folders.
#[derive(Debug)]
pub(super) struct Disk {
    limit_bytes: u64,
    bytes: AtomicU64,
    entries: AtomicU64,
    refused: AtomicBool,
}

/// The attempt may add no more to its folders. A guest sees the error `quota`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stage may add no more to its folders")]
pub(super) struct DiskFull;

impl Disk {
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self {
            limit_bytes,
            bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            refused: AtomicBool::new(false),
        }
    }

    /// Takes room for so many bytes, or for none.
    pub(super) fn take_bytes(&self, bytes: u64) -> Result<(), DiskFull> {
        self.take(&self.bytes, bytes, self.limit_bytes)
    }

    /// Takes room for a file, folder or link.
    pub(super) fn take_entry(&self) -> Result<(), DiskFull> {
        self.take(&self.entries, 1, limits::DISK_ENTRIES)
    }

    /// The entry was not made after all.
    pub(super) fn give_entry_back(&self) {
        self.entries.fetch_sub(1, Ordering::Relaxed);
    }

    /// The most bytes that may be taken.
    pub(super) fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Bytes taken.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Entries taken.
    pub(super) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    /// Whether anything was refused.
    pub(super) fn refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    fn take(&self, from: &AtomicU64, more: u64, limit: u64) -> Result<(), DiskFull> {
        let taken = from.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(more).filter(|sum| *sum <= limit)
        });
        if taken.is_err() {
            self.refused.store(true, Ordering::Relaxed);
            return Err(DiskFull);
        }
        Ok(())
    }
}

/// Whether an error is [`DiskFull`].
pub(super) fn is_full(error: &std::io::Error) -> bool {
    let cause = error.get_ref();
    cause.is_some_and(<dyn std::error::Error + Send + Sync>::is::<DiskFull>)
}

/// How large an open file is known to have been. Never lowered: growing to a size
/// that the file had before needs no more room than it had.
#[derive(Debug, Default)]
pub(super) struct Size(AtomicU64);

impl Size {
    pub(super) fn new(bytes: u64) -> Self {
        Self(AtomicU64::new(bytes))
    }

    /// Takes room for what the file grows by when something is written up to `end`.
    pub(super) fn grow(&self, end: u64, file: &File, disk: &Disk) -> io::Result<()> {
        if end <= self.0.load(Ordering::Relaxed) {
            return Ok(());
        }
        // It may have grown through another descriptor.
        let size = file.metadata()?.len();
        let known = self.0.fetch_max(size, Ordering::Relaxed).max(size);
        if end > known {
            disk.take_bytes(end - known).map_err(io::Error::other)?;
            self.0.fetch_max(end, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::FileExt as _;

    use proptest::prelude::*;

    use super::{Disk, DiskFull, Size};

    fn file(directory: &tempfile::TempDir, name: &str) -> File {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(directory.path().join(name))
            .expect("opened")
    }

    #[test]
    fn the_limit_is_exact_and_nothing_is_taken_beyond_it() {
        let disk = Disk::new(100);
        assert_eq!(disk.take_bytes(60), Ok(()));
        assert_eq!(disk.take_bytes(41), Err(DiskFull));
        assert_eq!((disk.bytes(), disk.refused()), (60, true));
        assert_eq!(disk.take_bytes(40), Ok(()));
        assert_eq!(disk.take_bytes(u64::MAX), Err(DiskFull));
        assert_eq!(disk.bytes(), 100);
    }

    #[test]
    fn a_hole_counts_as_much_as_data_and_overwriting_costs_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = file(&directory, "file");
        let (disk, size) = (Disk::new(1000), Size::default());
        size.grow(10, &file, &disk).expect("there is room");
        file.write_all_at(&[1; 10], 0).expect("written");
        size.grow(10, &file, &disk).expect("it is that long");
        size.grow(500, &file, &disk).expect("there is room");
        size.grow(1 << 40, &file, &disk).expect_err("a hole");
        assert_eq!(disk.bytes(), 500);
    }

    #[test]
    fn a_file_that_grew_through_another_descriptor_is_not_paid_twice() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = file(&directory, "file");
        let disk = Disk::new(1000);
        let (one, other) = (Size::default(), Size::default());
        one.grow(100, &file, &disk).expect("there is room");
        file.set_len(100).expect("set");
        other.grow(100, &file, &disk).expect("it is that long");
        other.grow(101, &file, &disk).expect("there is room");
        assert_eq!(disk.bytes(), 101);
    }

    proptest! {
        /// Whatever is written, cut off and removed through whatever descriptor:
        /// files are never larger, together, than what was taken.
        #[test]
        fn files_never_grow_by_more_than_was_taken(
            steps in prop::collection::vec((0..3_usize, 0..4_u8, 0..200_u64), 1..60)
        ) {
            let directory = tempfile::tempdir().expect("a directory");
            let disk = Disk::new(1000);
            let open = |index: usize| {
                let file = file(&directory, &format!("{}", index % 2));
                let size = Size::new(file.metadata().expect("stat").len());
                (file, size)
            };
            let mut files = [open(0), open(1), open(2)];
            for (index, step, end) in steps {
                let (file, size) = &files[index];
                match step {
                    0 | 1 => {
                        if size.grow(end, file, &disk).is_ok() && end > 0 {
                            file.write_all_at(&[1], end - 1).expect("written");
                        }
                    }
                    2 => file.set_len(file.metadata().expect("stat").len().min(end)).expect("cut"),
                    _ => {
                        let _ = std::fs::remove_file(directory.path().join(format!("{}", index % 2)));
                        files[index] = open(index);
                    }
                }
                let entries = std::fs::read_dir(directory.path()).expect("read");
                let sizes = entries.map(|entry| entry.expect("entry").metadata().expect("stat").len());
                prop_assert!(sizes.sum::<u64>() <= disk.bytes());
                prop_assert!(disk.bytes() <= 1000);
            }
        }
    }
}
