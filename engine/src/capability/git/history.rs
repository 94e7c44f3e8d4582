//! History: questions about a repository that lies in the workspace.
//!
//! The repository is the guest's, down to every byte of its `.git`, and the guest
//! may change it between two questions.

use std::path::PathBuf;

use base64::Engine as _;
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::object::tree::diff::ChangeDetached;
use gix::traverse::commit::simple::CommitTimeOrder;

use super::failure::{FailureKind, GitFailure};
use super::protocol::{Answer, Change, ChangeKind, Commit, OpenHistory, Query};
use super::repository::{describe_commit, object_id, peel_to_commit};
use super::{enclosed, local, tags};
use crate::model::limits;

/// Memory for objects that were read already; queries come in groups.
const OBJECT_CACHE_BYTES: usize = 16 * 1024 * 1024;

/// An open repository.
pub(super) struct History {
    repository: gix::Repository,
    path: PathBuf,
    root: PathBuf,
    most_refs: u32,
}

impl History {
    /// Opens the repository at a folder, and none above it.
    pub(super) fn open(request: &OpenHistory) -> Result<Self, GitFailure> {
        let mut repository = enclosed::open(&request.path, &request.root, &request.bounds)?;
        repository.object_cache_size_if_unset(OBJECT_CACHE_BYTES);
        Ok(Self {
            repository,
            path: request.path.clone(),
            root: request.root.clone(),
            most_refs: request.bounds.refs,
        })
    }

    /// Answers one question.
    pub(super) fn answer(&self, query: Query) -> Result<Answer, GitFailure> {
        enclosed::check(&self.repository, &self.path, &self.root)?;
        match query {
            Query::Resolve { revision } => self
                .resolve(&revision)
                .map(|id| Answer::Oid(id.to_string())),
            Query::ReadCommit { at } => {
                let commit = describe_commit(&self.repository, object_id(&at)?)?;
                Ok(Answer::Commits(vec![commit]))
            }
            Query::Log {
                start,
                exclude,
                limit,
            } => self.log(&start, &exclude, limit).map(Answer::Commits),
            Query::MergeBase { a, b } => {
                let base = self
                    .repository
                    .merge_base(self.commit(&a)?, self.commit(&b)?)
                    .map_err(|error| GitFailure::library("cannot find the merge base", &error))?;
                Ok(Answer::MaybeText(base.map(|id| id.to_string())))
            }
            Query::Describe { at } => {
                let commit = self.commit(&at)?;
                let prefixes = ["refs/tags/".to_owned()];
                let refs = local::refs(&self.repository, &prefixes, self.most_refs)?;
                tags::describe(&self.repository, commit, &refs).map(Answer::MaybeText)
            }
            Query::Diff { old, new } => self.diff(old.as_deref(), &new).map(Answer::Changes),
            Query::ReadBlob {
                at,
                path,
                max_bytes,
            } => self.read_blob(&at, &path, max_bytes),
        }
    }

    fn resolve(&self, revision: &str) -> Result<ObjectId, GitFailure> {
        let not_found = || GitFailure::revision_not_found(revision, "the repository");
        // Names and ids, and none of the operators: those can ask for a search
        // through all of history.
        let plain = revision == "HEAD"
            || revision
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
            || gix::validate::reference::name_partial(revision.into()).is_ok();
        if !plain || revision.is_empty() || revision.starts_with('-') {
            return Err(not_found());
        }
        let id = self
            .repository
            .rev_parse_single(revision)
            .map_err(|_| not_found())?;
        peel_to_commit(&self.repository, id.detach())
    }

    fn commit(&self, oid: &str) -> Result<ObjectId, GitFailure> {
        let id = object_id(oid)?;
        if !self.repository.has_object(id) {
            return Err(GitFailure::revision_not_found(oid, "the repository"));
        }
        peel_to_commit(&self.repository, id)
    }

    fn log(&self, start: &str, exclude: &[String], limit: u32) -> Result<Vec<Commit>, GitFailure> {
        let failed = |error: &gix::Error| GitFailure::library("cannot read the history", error);
        // Guest-controlled numbers.
        let most = limit.min(limits::GIT_LOG_COMMITS) as usize;
        if exclude.len() > 1000 {
            return Err(GitFailure::limit(
                "limit.git-exclude",
                format_args!("{} commits are excluded; 1000 are allowed", exclude.len()),
            ));
        }
        let hidden: Vec<ObjectId> = exclude
            .iter()
            .map(|oid| self.commit(oid))
            .collect::<Result<_, _>>()?;
        let walk = self
            .repository
            .rev_walk([self.commit(start)?])
            .sorting(gix::revision::walk::Sorting::ByCommitTime(
                CommitTimeOrder::NewestFirst,
            ))
            .with_hidden(hidden)
            .all()
            .map_err(|error| failed(&error))?;
        let mut commits = Vec::new();
        let mut bytes = 0;
        for info in walk.take(most) {
            let id = info.map_err(|error| failed(&error))?.id;
            let commit = describe_commit(&self.repository, id)?;
            bytes += commit.message.len() + 512;
            if bytes > limits::FRAME_BYTES / 8 {
                return Err(GitFailure::limit(
                    "limit.git-log-bytes",
                    format_args!(
                        "the messages of {} commits are too long together",
                        commits.len()
                    ),
                )
                .hint("ask for fewer commits at a time"));
            }
            commits.push(commit);
        }
        Ok(commits)
    }

    fn diff(&self, old: Option<&str>, new: &str) -> Result<Vec<Change>, GitFailure> {
        let failed = |error: &gix::Error| GitFailure::library("cannot compare the trees", error);
        let tree = |oid: &str| -> Result<gix::Tree<'_>, GitFailure> {
            self.repository
                .find_commit(self.commit(oid)?)
                .and_then(|commit| commit.tree())
                .map_err(|error| failed(&error))
        };
        let old = old.map(tree).transpose()?;
        let new = tree(new)?;
        let mut options = gix::diff::Options::default();
        options.track_path();
        options.track_rewrites(Some(gix::diff::Rewrites::default()));
        let changes = self
            .repository
            .diff_tree_to_tree(old.as_ref(), &new, options)
            .map_err(|error| failed(&error))?;
        let changes: Vec<Change> = changes.into_iter().filter_map(change).collect();
        if changes.len() > limits::GIT_CHANGES {
            return Err(GitFailure::limit(
                "limit.git-changes",
                format_args!(
                    "{} files differ; {} are allowed",
                    changes.len(),
                    limits::GIT_CHANGES
                ),
            ));
        }
        Ok(changes)
    }

    fn read_blob(&self, at: &str, path: &str, max_bytes: u64) -> Result<Answer, GitFailure> {
        let what = || format!("cannot read `{path}`");
        let not_found = || {
            GitFailure::new(
                FailureKind::NotFound,
                "git.path-not-found",
                format_args!("there is no file `{path}` at {at}"),
            )
        };
        let tree = self
            .repository
            .find_commit(self.commit(at)?)
            .and_then(|commit| commit.tree())
            .map_err(|error| GitFailure::library(what(), &error))?;
        let entry = tree
            .lookup_entry(path.split('/').map(str::as_bytes))
            .map_err(|error| GitFailure::library(what(), &error))?
            .filter(|entry| entry.mode().is_blob_or_symlink())
            .ok_or_else(not_found)?;
        let size = self
            .repository
            .find_header(entry.object_id())
            .map_err(|error| GitFailure::library(what(), &error))?
            .size();
        let most = max_bytes.min(limits::GIT_READ_BYTES);
        if size > most {
            return Err(GitFailure::limit(
                "limit.git-blob",
                format_args!("`{path}` has {size} bytes; {most} are allowed"),
            ));
        }
        let blob = entry
            .object()
            .map_err(|error| GitFailure::library(what(), &error))?;
        Ok(Answer::Blob(
            base64::engine::general_purpose::STANDARD.encode(&blob.data),
        ))
    }
}

/// A change as the contract tells it; none for folders, whose files are told
/// one by one.
fn change(change: ChangeDetached) -> Option<Change> {
    let text = |path: &gix::bstr::BString| path.to_str_lossy().into_owned();
    let made = match change {
        ChangeDetached::Addition {
            location,
            entry_mode,
            id,
            ..
        } if !entry_mode.is_tree() => Change {
            kind: ChangeKind::Added,
            path: text(&location),
            old_path: None,
            old_oid: None,
            new_oid: Some(id.to_string()),
        },
        ChangeDetached::Deletion {
            location,
            entry_mode,
            id,
            ..
        } if !entry_mode.is_tree() => Change {
            kind: ChangeKind::Deleted,
            path: text(&location),
            old_path: None,
            old_oid: Some(id.to_string()),
            new_oid: None,
        },
        ChangeDetached::Modification {
            location,
            previous_entry_mode,
            previous_id,
            entry_mode,
            id,
        } if !(entry_mode.is_tree() && previous_entry_mode.is_tree()) => Change {
            kind: if same_type(previous_entry_mode, entry_mode) {
                ChangeKind::Modified
            } else {
                ChangeKind::TypeChanged
            },
            path: text(&location),
            old_path: None,
            old_oid: Some(previous_id.to_string()),
            new_oid: Some(id.to_string()),
        },
        ChangeDetached::Rewrite {
            source_location,
            source_id,
            location,
            entry_mode,
            id,
            copy,
            ..
        } if !entry_mode.is_tree() => Change {
            kind: if copy {
                ChangeKind::Copied
            } else {
                ChangeKind::Renamed
            },
            path: text(&location),
            old_path: Some(text(&source_location)),
            old_oid: Some(source_id.to_string()),
            new_oid: Some(id.to_string()),
        },
        _ => return None,
    };
    Some(made)
}

fn same_type(a: gix::objs::tree::EntryMode, b: gix::objs::tree::EntryMode) -> bool {
    a.kind() == b.kind() || (a.is_blob() && b.is_blob())
}
