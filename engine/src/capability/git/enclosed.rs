//! Enclosed: a repository of the workspace, no part of which leads out of it.
//!
//! A guest may have written every byte of it, and writes on while it is open. So
//! it is looked through before it is opened, and again before each question:
//! every folder that it names lies in the mount, and nothing in them is a link.
//! What a tool swaps between that look and the read is not seen.

use std::fs::{self, FileType};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::failure::{FailureKind, GitFailure};
use super::protocol::Bounds;
use super::repository::{canonical, no_repository, options, outside, shown};
use crate::model::limits;

/// Folders of a git folder that nothing here reads, and in which honest
/// repositories have links or a great many files.
const UNREAD: [&str; 4] = ["annex", "hooks", "lfs", "modules"];

/// Opens the repository whose working tree or git folder is `path`, in the mount
/// `root`. Its parents are never looked at.
///
/// # Errors
///
/// `denied` when any part of it lies outside of the mount or is a link, wherever
/// that leads; `not-found` when there is no repository; `limit-exceeded` when it
/// has too many files to be looked through.
pub(super) fn open(
    path: &Path,
    root: &Path,
    bounds: &Bounds,
) -> Result<gix::Repository, GitFailure> {
    let parts = look(path, root)?;
    // As it is: what was looked through is opened, and nothing in its stead.
    let options = options(bounds).open_path_as_is(true);
    let repository = gix::open_opts(parts.entry.clone(), options).map_err(|error| {
        GitFailure::library(format_args!("cannot open {}", shown(path)), &error)
    })?;
    parts.are_all_of(&repository)?;
    Ok(repository)
}

/// Looks through a repository once more that [`open`] gave for the same folders.
///
/// # Errors
///
/// As for [`open`].
pub(super) fn check(
    repository: &gix::Repository,
    path: &Path,
    root: &Path,
) -> Result<(), GitFailure> {
    look(path, root)?.are_all_of(repository)
}

/// What a repository consists of.
struct Parts {
    /// The mount.
    root: PathBuf,
    /// What is opened: `.git`, a folder or a file, or a bare repository's folder.
    entry: PathBuf,
    /// Every folder that is read, by its real path. None holds a link.
    folders: Vec<PathBuf>,
    /// The one of its objects, in one of the others.
    objects: PathBuf,
}

/// Finds the parts of a repository as git would, and looks through each before
/// anything that it names is read.
fn look(path: &Path, root: &Path) -> Result<Parts, GitFailure> {
    let (root, path) = walk_to(path, root)?;
    let own = path.join(".git");
    let (entry, git) = match kind_of(&own)? {
        Some(kind) if kind.is_dir() => (own.clone(), own),
        Some(kind) if kind.is_file() => {
            let named = gix::discover::path::from_gitdir_file(&own).map_err(|error| {
                GitFailure::library("cannot read where `.git` leads to", &error)
            })?;
            (own, enclosed(&named, &root)?)
        }
        Some(_) => return Err(no_repository(&path)),
        None => (path.clone(), path.clone()),
    };
    // A folder without a repository may be large, and is not looked through.
    if kind_of(&git.join("HEAD"))?.is_none() {
        return Err(no_repository(&path));
    }
    let mut left = limits::GIT_REPOSITORY_ENTRIES;
    refuse_links(&git, &mut left)?;
    let mut folders = vec![git.clone()];
    let common = match gix::discover::path::from_plain_file(&git.join("commondir")) {
        None => git,
        Some(Ok(named)) => {
            let common = enclosed(&git.join(named), &root)?;
            refuse_links(&common, &mut left)?;
            folders.push(common.clone());
            common
        }
        Some(Err(error)) => return Err(GitFailure::io("cannot read `commondir`", &error)),
    };
    let objects = common.join("objects");
    let mut stores = vec![objects.clone()];
    let mut read = 0;
    while let Some(store) = stores.get(read).cloned() {
        read += 1;
        for named in borrowed(&store)? {
            // Relative to the first of them, as the library takes it.
            let found = enclosed(&objects.join(named), &root)?;
            if !stores.contains(&found) {
                refuse_links(&found, &mut left)?;
                stores.push(found);
            }
        }
    }
    folders.extend(stores);
    Ok(Parts {
        root,
        entry,
        folders,
        objects,
    })
}

/// The real path of the mount and, below it, of the repository's folder. Links
/// on the way are refused, also those that lead back into the mount.
fn walk_to(path: &Path, root: &Path) -> Result<(PathBuf, PathBuf), GitFailure> {
    let inside = path.strip_prefix(root).map_err(|_| outside(path))?;
    let root = canonical(root)?;
    let mut here = root.clone();
    for part in inside.components() {
        let Component::Normal(name) = part else {
            return Err(outside(path));
        };
        here.push(name);
        if kind_of(&here)?.is_none() {
            return Err(no_repository(path));
        }
    }
    Ok((root, here))
}

/// The real path of a folder that a repository names. Whether there is anything
/// outside of the mount is not told.
fn enclosed(named: &Path, root: &Path) -> Result<PathBuf, GitFailure> {
    named
        .canonicalize()
        .ok()
        .filter(|found| found.starts_with(root))
        .ok_or_else(|| outside(named))
}

/// The folders from which a folder of objects borrows.
fn borrowed(objects: &Path) -> Result<Vec<PathBuf>, GitFailure> {
    let what = "cannot read the list of borrowed objects";
    let failed = |error: io::Error| GitFailure::io(what, &error);
    let list = objects.join("info/alternates");
    match fs::symlink_metadata(&list) {
        Ok(meta) if meta.is_symlink() => return Err(linked(&list)),
        Ok(meta) if meta.len() > limits::GIT_ALTERNATES_BYTES => {
            return Err(GitFailure::limit(
                "limit.git-alternates",
                format_args!(
                    "the list of borrowed objects has {} bytes; {} are allowed",
                    meta.len(),
                    limits::GIT_ALTERNATES_BYTES
                ),
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    }
    let text = fs::read(&list).map_err(failed)?;
    gix::odb::alternate::parse(&text).map_err(|error| GitFailure::library(what, &error))
}

/// Looks through a folder with all that lies in it and is read.
fn refuse_links(folder: &Path, left: &mut usize) -> Result<(), GitFailure> {
    let mut unread = vec![folder.to_owned()];
    while let Some(here) = unread.pop() {
        let failed = |error: io::Error| {
            GitFailure::io(format_args!("cannot look at {}", shown(&here)), &error)
        };
        *left = left.checked_sub(1).ok_or_else(too_many)?;
        for entry in fs::read_dir(&here).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            *left = left.checked_sub(1).ok_or_else(too_many)?;
            let name = entry.file_name();
            if here == folder && UNREAD.iter().any(|unread| name == *unread) {
                continue;
            }
            // Of the entry itself, not of what a link leads to.
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_symlink() {
                return Err(linked(&entry.path()));
            }
            if kind.is_dir() {
                unread.push(entry.path());
            }
        }
    }
    Ok(())
}

/// What is at a place; none when nothing is.
fn kind_of(path: &Path) -> Result<Option<FileType>, GitFailure> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => Err(linked(path)),
        Ok(meta) => Ok(Some(meta.file_type())),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            _ => Err(GitFailure::io(
                format_args!("cannot look at {}", shown(path)),
                &error,
            )),
        },
    }
}

impl Parts {
    /// Whether these are all that the library reads from: it has read the same
    /// files, maybe a moment later.
    fn are_all_of(&self, repository: &gix::Repository) -> Result<(), GitFailure> {
        let store = repository.objects.store_ref();
        let borrowed = store.alternate_db_paths().map_err(|error| {
            GitFailure::library("cannot read the list of borrowed objects", &error)
        })?;
        let mut folders = vec![
            repository.git_dir().to_owned(),
            repository.common_dir().to_owned(),
        ];
        folders.extend(borrowed);
        for folder in folders {
            if !self.folders.contains(&enclosed(&folder, &self.root)?) {
                return Err(outside(&folder));
            }
        }
        if enclosed(store.path(), &self.root)? != self.objects {
            return Err(outside(store.path()));
        }
        // A file or configuration can name these two, and neither has to be there.
        let index = repository.index_path();
        for part in repository.workdir().into_iter().chain([index.as_path()]) {
            let is_there = part.symlink_metadata().is_ok();
            let above = part.parent().unwrap_or(part);
            enclosed(if is_there { part } else { above }, &self.root)?;
        }
        Ok(())
    }
}

fn linked(path: &Path) -> GitFailure {
    GitFailure::new(
        FailureKind::Denied,
        "denied.git-outside-root",
        format_args!(
            "{} is a link, and could lead out of the granted folder",
            shown(path)
        ),
    )
    .hint("a repository of the workspace is opened only when no part of it is a link")
}

fn too_many() -> GitFailure {
    GitFailure::limit(
        "limit.git-repository-entries",
        format_args!(
            "the repository has more than {} files and folders of its own",
            limits::GIT_REPOSITORY_ENTRIES
        ),
    )
    .hint("run `git gc` in it, so that its objects lie in packs")
}
