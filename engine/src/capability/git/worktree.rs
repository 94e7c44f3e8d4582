//! Worktree: the files of a local repository as they stand, with changes that
//! are not committed.
//!
//! Tracked files and files that are not ignored. Links are copied as links and
//! never followed, nor is any folder that turns out to be one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use gix::bstr::{BString, ByteSlice};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, openat, readlinkat, statat};

use super::clone::{Source, finish};
use super::failure::GitFailure;
use super::protocol::{Bounds, CheckedOut, Clone};
use super::repository::{NEVER, describe_commit, name_rules, object_id};
use super::watch::{Report, watch};

/// Copies the working tree of a repository into the staging folder.
pub(super) fn take(
    request: &Clone,
    from: &Source<'_>,
    report: &Report,
) -> Result<CheckedOut, GitFailure> {
    let commit = describe_commit(from.repository, from.commit)?;
    let Some(workdir) = from.repository.workdir() else {
        return Err(GitFailure::new(
            super::failure::FailureKind::Unsupported,
            "git.no-working-tree",
            "the repository is bare: it has no working tree to take",
        )
        .hint("leave `uncommitted` out"));
    };
    let listed = list(from.repository)?;
    let done = std::sync::atomic::AtomicU64::new(0);
    let mut copying = Copying {
        to: &request.staging,
        bounds: &request.bounds,
        files: 0,
        bytes: 0,
        special: 0,
        done: &done,
    };
    let total = listed.paths.len() as u64;
    watch(
        report,
        "copying the working tree",
        "files",
        Some(total),
        || done.load(std::sync::atomic::Ordering::Relaxed),
        || copying.all(workdir, &listed.paths),
    )?;
    let mut remarks = Vec::new();
    if copying.special > 0 {
        remarks.push(format!("{} special files are left out", copying.special));
    }
    if listed.repositories > 0 {
        remarks.push(format!("{} submodules are left out", listed.repositories));
    }
    let mut result = CheckedOut {
        commit: commit.oid,
        tree: commit.tree,
        reference: from.reference.map(str::to_owned),
        author: commit.author,
        subject: commit.message.lines().next().unwrap_or_default().to_owned(),
        describe: None,
        shallow: false,
        files: copying.files,
        bytes: copying.bytes,
        remarks,
    };
    let tree = object_id(&result.tree)?;
    let index = gix::index::State::from_tree(&tree, &from.repository.objects, name_rules())
        .map_err(|error| GitFailure::library("cannot read the tree of HEAD", &error))?;
    finish(request, from, index, &mut result)?;
    Ok(result)
}

struct Listed {
    paths: BTreeSet<BString>,
    repositories: usize,
}

/// Everything that is tracked, or neither tracked nor ignored.
fn list(repository: &gix::Repository) -> Result<Listed, GitFailure> {
    use gix::dir::entry::Kind;
    let failed = |error: &gix::Error| GitFailure::library("cannot list the working tree", error);
    let index = repository
        .index_or_empty()
        .map_err(|error| failed(&error))?;
    let mut paths = BTreeSet::new();
    let mut repositories = 0;
    for entry in index.entries() {
        if entry.mode == gix::index::entry::Mode::COMMIT {
            repositories += 1;
        } else {
            paths.insert(entry.path(&index).to_owned());
        }
    }
    let options = repository
        .dirwalk_options()
        .map_err(|error| failed(&error))?
        .emit_untracked(gix::dir::walk::EmissionMode::Matching)
        .emit_tracked(false)
        .emit_ignored(None)
        .emit_empty_directories(false)
        .recurse_repositories(false);
    let mut found = gix::dir::walk::delegate::Collect::default();
    repository
        .dirwalk(
            &index,
            None::<&gix::bstr::BStr>,
            &NEVER,
            options,
            &mut found,
        )
        .map_err(|error| failed(&error))?;
    for (entry, _) in found.into_entries_by_path() {
        match entry.disk_kind {
            Some(Kind::Repository) => repositories += 1,
            Some(Kind::Directory) => {}
            _ => {
                paths.insert(entry.rela_path);
            }
        }
    }
    Ok(Listed {
        paths,
        repositories,
    })
}

struct Copying<'a> {
    to: &'a Path,
    bounds: &'a Bounds,
    files: u64,
    bytes: u64,
    special: u64,
    done: &'a std::sync::atomic::AtomicU64,
}

impl Copying<'_> {
    fn all(&mut self, workdir: &Path, paths: &BTreeSet<BString>) -> Result<(), GitFailure> {
        let root = File::open(workdir)
            .map_err(|error| GitFailure::io("cannot open the working tree", &error))?;
        if paths.len() as u64 > self.bounds.files {
            return Err(GitFailure::limit(
                "limit.git-files",
                format_args!(
                    "the working tree has {} files; {} are allowed",
                    paths.len(),
                    self.bounds.files
                ),
            ));
        }
        for path in paths {
            self.one(root.as_fd(), path)
                .map_err(|error| GitFailure::io(format_args!("cannot copy `{path}`"), &error))?;
            if self.bytes > self.bounds.checkout_bytes {
                return Err(GitFailure::limit(
                    "limit.git-checkout-bytes",
                    format_args!(
                        "the working tree has {} bytes or more; {} are allowed",
                        self.bytes, self.bounds.checkout_bytes
                    ),
                ));
            }
            self.done.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }

    fn one(&mut self, root: std::os::fd::BorrowedFd<'_>, path: &BString) -> io::Result<()> {
        // A name of the index is the repository's word: it is checked like one
        // of a tree, and opened without following anything.
        check_name(path)?;
        let (folder, name) = match path.rfind_byte(b'/') {
            Some(at) => (Some(&path[..at]), &path[at + 1..]),
            None => (None, path.as_slice()),
        };
        let parent = match folder.map(|folder| descend(root, folder)).transpose() {
            Ok(parent) => parent,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let parent = parent.as_ref().map_or(root, OwnedFd::as_fd);
        let stat = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            // Tracked, but deleted in the working tree.
            Err(error) if is_gone(&error.into()) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let to = self.to.join(Path::new(std::ffi::OsStr::from_bytes(path)));
        let make_folders = || to.parent().map_or(Ok(()), std::fs::create_dir_all);
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                make_folders()?;
                self.bytes += copy(parent, name, &to)?;
                self.files += 1;
            }
            FileType::Symlink => {
                make_folders()?;
                let target = readlinkat(parent, name, Vec::new())?;
                std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(target.as_bytes()), &to)?;
                self.files += 1;
            }
            // A file that became a folder: what is in it is listed by itself.
            FileType::Directory => {}
            _ => self.special += 1,
        }
        Ok(())
    }
}

/// Copies a plain file; nothing else, even if it is swapped in between.
fn copy(parent: std::os::fd::BorrowedFd<'_>, name: &[u8], to: &Path) -> io::Result<u64> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut from = File::from(openat(parent, name, flags, Mode::empty())?);
    let meta = from.metadata()?;
    if !meta.is_file() {
        return Ok(0);
    }
    let mut file = File::create_new(to)?;
    let bytes = io::copy(&mut from, &mut file)?;
    let mode = if meta.permissions().mode() & 0o100 == 0 {
        0o644
    } else {
        0o755
    };
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    Ok(bytes)
}

/// Opens a folder below `root`, one part after the other, following no link.
fn descend(root: std::os::fd::BorrowedFd<'_>, folder: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut opened: Option<OwnedFd> = None;
    for part in folder.split(|byte| *byte == b'/') {
        let here = opened.as_ref().map_or(root, OwnedFd::as_fd);
        opened = Some(openat(here, part, flags, Mode::empty())?);
    }
    opened.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

fn is_gone(error: &io::Error) -> bool {
    use rustix::io::Errno;
    // A folder that has become a file or a link holds no tracked file any more.
    matches!(
        Errno::from_io_error(error),
        Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP)
    )
}

fn check_name(path: &BString) -> io::Result<()> {
    for part in path.split(|byte| *byte == b'/') {
        gix::validate::path::component(part.as_bstr(), None, name_rules())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "its name is refused"))?;
    }
    Ok(())
}
