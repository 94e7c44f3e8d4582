//! Repository: the one way to open one, with nothing of its own configuration
//! trusted.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use gix::ObjectId;

use super::failure::{FailureKind, GitFailure};
use super::protocol::Bounds;

/// Never set: a child is interrupted by ending it.
pub(super) static NEVER: AtomicBool = AtomicBool::new(false);

/// Opens the repository whose working tree or git folder is `path`. Its parents
/// are never looked at, and nothing of the user's or the system's
/// configuration is read.
///
/// # Errors
///
/// `not-found` when there is none.
pub(super) fn open(path: &Path, bounds: &Bounds) -> Result<gix::Repository, GitFailure> {
    if !path.join(".git").exists() && !path.join("HEAD").is_file() {
        return Err(no_repository(path));
    }
    let repository = gix::open_opts(path, options(bounds)).map_err(|error| {
        GitFailure::library(format_args!("cannot open {}", shown(path)), &error)
    })?;
    Ok(repository)
}

/// Opens `path` as [`open`] does, and refuses a repository below the granted
/// `root` that has any part outside of it: its git folder, its objects or
/// borrowed ones.
///
/// Whoever granted the root made what lies at the root itself, also a link out
/// of it. A folder that a guest may have written is opened by
/// [`super::enclosed::open`] instead.
pub(super) fn open_granted(
    path: &Path,
    root: &Path,
    bounds: &Bounds,
) -> Result<gix::Repository, GitFailure> {
    let root = canonical(root)?;
    let path = canonical(path)?;
    let inside = |part: &Path| canonical(part).map(|part| part.starts_with(&root));
    if !path.starts_with(&root) {
        return Err(outside(&path));
    }
    let repository = open(&path, bounds)?;
    // A linked working tree's parts may lie elsewhere only when the root itself
    // is that tree: then whoever granted the root made the link.
    let trusted = path == root;
    let mut parts: Vec<PathBuf> = vec![
        repository.git_dir().to_owned(),
        repository.common_dir().to_owned(),
        repository.objects.store_ref().path().to_owned(),
    ];
    parts.extend(
        repository
            .objects
            .store_ref()
            .alternate_db_paths()
            .map_err(|error| {
                GitFailure::library("cannot read the list of borrowed objects", &error)
            })?,
    );
    for part in parts {
        if !trusted && !inside(&part)? {
            return Err(outside(&part));
        }
    }
    Ok(repository)
}

/// The options of every repository that is opened here.
pub(super) fn options(bounds: &Bounds) -> gix::open::Options {
    gix::open::Options::isolated()
        .with(gix::sec::Trust::Reduced)
        .config_overrides([
            // Names that mean `.git` on another system are refused on all.
            "core.protectHFS=true".to_owned(),
            "core.protectNTFS=true".to_owned(),
            "gitoxide.core.protectWindows=true".to_owned(),
            // Reduced trust would set 16 MiB, less than many real files.
            format!("gitoxide.objects.allocLimit={}", bounds.object_bytes),
            "core.logAllRefUpdates=false".to_owned(),
        ])
}

/// The rules for names in trees.
pub(super) fn name_rules() -> gix::validate::path::component::Options {
    gix::validate::path::component::Options {
        protect_windows: true,
        protect_hfs: true,
        protect_ntfs: true,
    }
}

/// An object id from its digits.
///
/// # Errors
///
/// `not-found` when it is not 40 or 64 hexadecimal digits.
pub(super) fn object_id(text: &str) -> Result<ObjectId, GitFailure> {
    ObjectId::from_hex(text.as_bytes()).map_err(|_| {
        GitFailure::new(
            FailureKind::NotFound,
            "git.object-id",
            format_args!("`{text}` is not an object id"),
        )
        .hint("an object id has 40 or 64 hexadecimal digits")
    })
}

/// A commit, as the contract tells it.
pub(super) fn describe_commit(
    repository: &gix::Repository,
    id: ObjectId,
) -> Result<super::protocol::Commit, GitFailure> {
    let what = || format!("cannot read commit {id}");
    let object = repository
        .try_find_object(id)
        .map_err(|error| GitFailure::library(what(), &error))?
        .ok_or_else(|| {
            GitFailure::new(
                FailureKind::NotFound,
                "git.object-not-found",
                format_args!("there is no commit {id}"),
            )
        })?;
    let commit = object.try_into_commit().map_err(|_| not_a_commit(id))?;
    let commit = commit
        .decode()
        .map_err(|error| GitFailure::library(what(), &error))?;
    let signature = |bytes: &gix::bstr::BStr| match gix::actor::SignatureRef::from_bytes(bytes) {
        Ok(parsed) => signature(parsed),
        Err(_) => super::protocol::Signature {
            name: bytes.to_string(),
            email: String::new(),
            seconds: 0,
            offset_minutes: 0,
        },
    };
    Ok(super::protocol::Commit {
        oid: id.to_string(),
        tree: commit.tree().to_string(),
        parents: commit.parents().map(|parent| parent.to_string()).collect(),
        author: signature(commit.author),
        committer: signature(commit.committer),
        message: commit.message.to_string(),
    })
}

fn signature(signature: gix::actor::SignatureRef<'_>) -> super::protocol::Signature {
    let time = signature.time().unwrap_or_default();
    super::protocol::Signature {
        name: signature.name.to_string(),
        email: signature.email.to_string(),
        seconds: time.seconds,
        offset_minutes: time.offset / 60,
    }
}

/// Follows tags until there is a commit.
pub(super) fn peel_to_commit(
    repository: &gix::Repository,
    id: ObjectId,
) -> Result<ObjectId, GitFailure> {
    repository
        .find_object(id)
        .and_then(gix::Object::peel_tags_to_end)
        .map_err(|error| GitFailure::library(format_args!("cannot read object {id}"), &error))?
        .try_into_commit()
        .map(|commit| commit.id)
        .map_err(|_| not_a_commit(id))
}

fn not_a_commit(id: ObjectId) -> GitFailure {
    GitFailure::new(
        FailureKind::Unsupported,
        "git.no-commit",
        format_args!("object {id} is no commit"),
    )
}

/// How much of a commit's history a repository has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HistoryState {
    /// The commit is not there.
    Missing,
    /// It is, but less of its history than was asked for.
    Cut,
    /// As much as was asked for.
    Enough,
}

/// Whether a repository has a commit with `depth` commits of history; none asks
/// for all of it.
pub(super) fn history_state(
    repository: &gix::Repository,
    commit: ObjectId,
    depth: Option<NonZeroU32>,
) -> Result<HistoryState, GitFailure> {
    let failed = |error| GitFailure::library("cannot read the history", &error);
    if !repository.has_object(commit) {
        return Ok(HistoryState::Missing);
    }
    let Some(cut) = repository.shallow_commits().map_err(failed)? else {
        return Ok(HistoryState::Enough);
    };
    let mut seen = gix::hashtable::HashSet::default();
    let mut level = vec![commit];
    let mut left = depth.map(|depth| depth.get() - 1);
    while !level.is_empty() && left != Some(0) {
        let mut next = Vec::new();
        for id in level {
            if cut.contains(&id) {
                // A root commit can stand in the list too; what counts is
                // whether it names parents.
                let commit = repository.find_commit(id).map_err(failed)?;
                if commit.parent_ids().next().is_some() {
                    return Ok(HistoryState::Cut);
                }
                continue;
            }
            let Ok(commit) = repository.find_commit(id) else {
                return Ok(HistoryState::Cut);
            };
            for parent in commit.parent_ids() {
                if seen.insert(parent.detach()) {
                    next.push(parent.detach());
                }
            }
        }
        level = next;
        left = left.map(|left| left - 1);
    }
    Ok(HistoryState::Enough)
}

pub(super) fn canonical(path: &Path) -> Result<PathBuf, GitFailure> {
    path.canonicalize().map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound {
            no_repository(path)
        } else {
            GitFailure::io(format_args!("cannot look at {}", shown(path)), &error)
        }
    })
}

pub(super) fn no_repository(path: &Path) -> GitFailure {
    GitFailure::new(
        FailureKind::NotFound,
        "git.repository-not-found",
        format_args!("there is no git repository in {}", shown(path)),
    )
    .hint("the folder itself must hold `.git`; folders above it are not looked at")
}

pub(super) fn outside(path: &Path) -> GitFailure {
    GitFailure::new(
        FailureKind::Denied,
        "denied.git-outside-root",
        format_args!("{} lies outside the granted folder", shown(path)),
    )
    .hint("grant a folder that holds the whole repository, without links that lead out of it")
}

/// A folder as messages name it: its last part, since guests see messages and
/// should not learn the paths of the host.
pub(super) fn shown(path: &Path) -> String {
    path.file_name().map_or_else(
        || "the folder".to_owned(),
        |name| format!("`{}`", name.display()),
    )
}
