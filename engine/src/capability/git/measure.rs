//! Measure: how large a tree would be on disk, before any of it is written.
//!
//! A tree can name itself a thousand times over on each of ten levels in a few
//! kilobytes. Every subtree is counted once and its figures are remembered, so
//! the work grows with the objects that there are, not with the files that they
//! stand for.

use gix::ObjectId;
use gix::objs::tree::EntryKind;

use super::failure::{FailureKind, GitFailure};
use super::protocol::Bounds;

/// How large a tree is on disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Files and links, folders not counted.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// Folders in folders.
    pub(super) depth: usize,
    /// Submodules, which are left out.
    pub(super) submodules: u64,
    /// Everything that has a name. Folders without files and submodules cost
    /// memory too, so a bomb can be made of them alone.
    entries: u64,
}

/// Measures the tree of a commit.
///
/// # Errors
///
/// `limit-exceeded` as soon as one of `bounds` is.
pub(super) fn measure(
    repository: &gix::Repository,
    tree: ObjectId,
    bounds: &Bounds,
) -> Result<Size, GitFailure> {
    let mut measuring = Measuring {
        repository,
        bounds,
        trees: gix::hashtable::HashMap::default(),
        blobs: gix::hashtable::HashMap::default(),
    };
    measuring.tree(tree, 0)
}

struct Measuring<'a> {
    repository: &'a gix::Repository,
    bounds: &'a Bounds,
    trees: gix::hashtable::HashMap<ObjectId, Size>,
    blobs: gix::hashtable::HashMap<ObjectId, u64>,
}

impl Measuring<'_> {
    fn tree(&mut self, id: ObjectId, above: usize) -> Result<Size, GitFailure> {
        if let Some(size) = self.trees.get(&id) {
            return self.check(*size, above);
        }
        if above >= self.bounds.depth {
            return Err(GitFailure::limit(
                "limit.git-depth",
                format_args!("its folders lie more than {} deep", self.bounds.depth),
            ));
        }
        let tree = self
            .repository
            .find_tree(id)
            .map_err(|error| unreadable(id, &error))?;
        let mut size = Size {
            depth: 1,
            ..Size::default()
        };
        for entry in tree.iter() {
            let entry = entry.map_err(|error| unreadable(id, &error))?;
            size.entries = size.entries.saturating_add(1);
            match entry.kind() {
                EntryKind::Tree => {
                    let below = self.tree(entry.object_id(), above + 1)?;
                    size.files = size.files.saturating_add(below.files);
                    size.bytes = size.bytes.saturating_add(below.bytes);
                    size.submodules = size.submodules.saturating_add(below.submodules);
                    size.entries = size.entries.saturating_add(below.entries);
                    size.depth = size.depth.max(below.depth + 1);
                }
                EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => {
                    size.files = size.files.saturating_add(1);
                    size.bytes = size.bytes.saturating_add(self.blob(entry.object_id())?);
                }
                EntryKind::Commit => size.submodules = size.submodules.saturating_add(1),
            }
            self.check(size, above)?;
        }
        self.trees.insert(id, size);
        Ok(size)
    }

    fn blob(&mut self, id: ObjectId) -> Result<u64, GitFailure> {
        if let Some(bytes) = self.blobs.get(&id) {
            return Ok(*bytes);
        }
        let bytes = self
            .repository
            .find_header(id)
            .map_err(|error| unreadable(id, &error))?
            .size();
        if bytes > self.bounds.object_bytes {
            return Err(GitFailure::limit(
                "limit.git-object-bytes",
                format_args!(
                    "one of its files has {bytes} bytes; {} are allowed",
                    self.bounds.object_bytes
                ),
            ));
        }
        self.blobs.insert(id, bytes);
        Ok(bytes)
    }

    fn check(&self, size: Size, above: usize) -> Result<Size, GitFailure> {
        let bounds = self.bounds;
        let (code, seen, allowed, unit) = if size.files > bounds.files {
            ("limit.git-files", size.files, bounds.files, "files")
        } else if size.entries > bounds.files.saturating_mul(2) {
            let allowed = bounds.files.saturating_mul(2);
            (
                "limit.git-files",
                size.entries,
                allowed,
                "files, folders and submodules",
            )
        } else if size.bytes > bounds.checkout_bytes {
            (
                "limit.git-checkout-bytes",
                size.bytes,
                bounds.checkout_bytes,
                "bytes",
            )
        } else if above + size.depth > bounds.depth {
            let deep = (above + size.depth) as u64;
            (
                "limit.git-depth",
                deep,
                bounds.depth as u64,
                "folders in folders",
            )
        } else {
            return Ok(size);
        };
        Err(GitFailure::limit(
            code,
            format_args!("its tree has {seen} {unit} or more; {allowed} are allowed"),
        )
        .hint("the repository is too large to check out, or made to be"))
    }
}

fn unreadable(id: ObjectId, error: &gix::Error) -> GitFailure {
    if error.is_not_found() {
        return GitFailure::new(
            FailureKind::Other,
            "git.incomplete",
            format_args!("object {id} of the tree is missing"),
        )
        .hint("the repository is damaged at its origin; run `git fsck` there");
    }
    GitFailure::library(format_args!("cannot read object {id}"), error)
}
