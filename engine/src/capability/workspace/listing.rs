//! Listing: the entries of a folder, some at a time.
//!
//! wasmtime-wasi reads a folder whole. A folder may have millions of entries, made
//! by a tool or an earlier stage: what the host holds of it must be bounded.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use wasmtime_wasi::p2::bindings::filesystem::types::{DescriptorType, DirectoryEntry, ErrorCode};

use super::place::Slot;
use crate::model::limits;

/// A folder that is being listed.
pub(super) struct Listing {
    /// None while entries are read, and after the last of them.
    from: Option<Dir>,
    /// Of the folder itself, for what a list alone does not tell.
    folder: Arc<File>,
    read: VecDeque<Result<DirectoryEntry, ErrorCode>>,
    /// Keeps the folder counted as open.
    _slot: Slot,
}

impl Listing {
    pub(super) fn new(folder: Arc<File>, slot: Slot) -> io::Result<Self> {
        // The folder may be open for its name alone.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let from = Dir::new(openat(&folder, ".", flags, Mode::empty())?)?;
        Ok(Self {
            from: Some(from),
            folder,
            read: VecDeque::new(),
            _slot: slot,
        })
    }

    /// The next entry; none after the last.
    pub(super) async fn next(&mut self) -> Result<Option<DirectoryEntry>, ErrorCode> {
        if self.read.is_empty()
            && let Some(mut from) = self.from.take()
        {
            let folder = Arc::clone(&self.folder);
            // Waits for the disk, which must not hold up other stages.
            let reading = tokio::task::spawn_blocking(move || {
                let (entries, is_last) = some(&mut from, &folder);
                (entries, (!is_last).then_some(from))
            });
            let (entries, from) = reading.await.map_err(|_| ErrorCode::Io)?;
            self.read = entries;
            self.from = from;
        }
        self.read.pop_front().transpose()
    }
}

/// The next entries, at most [`limits::LISTING_ENTRIES`], and whether those were
/// the last.
fn some(from: &mut Dir, folder: &File) -> (VecDeque<Result<DirectoryEntry, ErrorCode>>, bool) {
    let mut entries = VecDeque::new();
    while entries.len() < limits::LISTING_ENTRIES {
        match from.read() {
            None => return (entries, true),
            Some(Err(error)) => {
                entries.push_back(Err(io::Error::from(error).into()));
                return (entries, true);
            }
            Some(Ok(entry)) => {
                if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                    entries.push_back(told(&entry, folder));
                }
            }
        }
    }
    (entries, false)
}

fn told(entry: &rustix::fs::DirEntry, folder: &File) -> Result<DirectoryEntry, ErrorCode> {
    let kind = match entry.file_type() {
        // Not every file system says so in its list.
        FileType::Unknown => {
            let stat = statat(folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)
                .map_err(|error| ErrorCode::from(io::Error::from(error)))?;
            FileType::from_raw_mode(stat.st_mode)
        }
        known => known,
    };
    let name = entry.file_name().to_str();
    Ok(DirectoryEntry {
        type_: described(kind),
        name: name.map_err(|_| ErrorCode::IllegalByteSequence)?.to_owned(),
    })
}

fn described(kind: FileType) -> DescriptorType {
    match kind {
        FileType::RegularFile => DescriptorType::RegularFile,
        FileType::Directory => DescriptorType::Directory,
        FileType::Symlink => DescriptorType::SymbolicLink,
        FileType::Fifo => DescriptorType::Fifo,
        FileType::Socket => DescriptorType::Socket,
        FileType::CharacterDevice => DescriptorType::CharacterDevice,
        FileType::BlockDevice => DescriptorType::BlockDevice,
        FileType::Unknown => DescriptorType::Unknown,
    }
}
