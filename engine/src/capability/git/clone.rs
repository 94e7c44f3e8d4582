//! Clone: a commit of a remote into a folder.
//!
//! ```text
//! list refs with the caller's credentials ──▶ the commit ──▶ in the mirror? ──no──▶ fetch
//!                                                                │ yes               │
//!                       files, and `.git` if asked for ◀── measure, check out ◀──────┘
//! ```

use std::num::NonZeroU32;

use gix::ObjectId;
use gix::protocol::fetch::Shallow;

use super::address::Address;
use super::checkout::checkout;
use super::failure::{FailureKind, GitFailure};
use super::listing::Connection;
use super::mirror::{Mirror, Use};
use super::protocol::{Bounds, CheckedOut, Clone, RemoteRef};
use super::repository::{HistoryState, history_state, peel_to_commit};
use super::revision::{Revision, Target};
use super::watch::Report;
use super::{dotgit, fetch, local, remote, repository, tags};

/// Checks a commit out into the staging folder.
pub(super) fn clone(request: &Clone, report: &Report) -> Result<CheckedOut, GitFailure> {
    if let Address::Local { .. } = request.remote.address {
        return local::clone(request, report);
    }
    if request.uncommitted {
        return Err(GitFailure::new(
            FailureKind::Unsupported,
            "git.uncommitted-remote",
            "only a local repository has a working tree to take",
        )
        .hint("leave `uncommitted` out, or name a local path such as `.`"));
    }
    let revision = Revision::parse(request.revision.as_deref())?;
    let mut connection = remote::connect(&request.remote, &request.bounds)?;
    let mut prefixes = revision.prefixes();
    if request.tags {
        prefixes.push("refs/tags/".to_owned());
    }
    let refs = connection.refs(&prefixes, request.bounds.refs)?;
    let target = revision.find(&refs, &connection.place)?;
    expect_early(request, &target, &refs)?;

    let place = request.mirror.as_ref().ok_or_else(|| {
        GitFailure::new(
            FailureKind::Other,
            "git.no-mirror",
            "no place for a mirror was given",
        )
    })?;
    let mirror = Mirror::locate(place, &request.remote.address)?;
    let plan = Plan {
        request,
        target,
        refs,
        depth: depth(request),
    };
    mirror.with_repair(report, || {
        clear(&request.staging)?;
        plan.bring(&mut connection, &mirror, report)?;
        let _lock = mirror.lock(Use::Read, report)?;
        plan.write(&connection, &mirror, report)
    })
}

/// How much history to fetch. When nobody can look at history, one commit is
/// all that is needed.
fn depth(request: &Clone) -> Option<NonZeroU32> {
    if request.history || request.tags {
        request
            .depth
            .map(|depth| NonZeroU32::new(depth).unwrap_or(NonZeroU32::MIN))
    } else {
        Some(NonZeroU32::MIN)
    }
}

/// Refuses before the transfer where the listing already tells the commit.
fn expect_early(request: &Clone, target: &Target, refs: &[RemoteRef]) -> Result<(), GitFailure> {
    let oid = target.object.to_string();
    let peeled = refs
        .iter()
        .find(|remote| remote.oid == oid)
        .and_then(|remote| remote.peeled.clone());
    expect(request, &peeled.unwrap_or(oid))
}

/// Refuses any commit but the expected one.
pub(super) fn expect(request: &Clone, commit: &str) -> Result<(), GitFailure> {
    match request.expect.as_deref() {
        Some(expected) if expected != commit => Err(GitFailure::new(
            FailureKind::Unsupported,
            "git.unexpected-commit",
            format_args!(
                "{} is at {commit}, not at {expected}",
                revision_name(request)
            ),
        )
        .hint("the branch or tag has moved since; look at what came in between")),
        _ => Ok(()),
    }
}

fn revision_name(request: &Clone) -> &str {
    request.revision.as_deref().unwrap_or("HEAD")
}

/// Removes what a failed try has left in the staging folder.
fn clear(staging: &std::path::Path) -> Result<(), GitFailure> {
    let failed = |error: std::io::Error| GitFailure::io("cannot clear the folder", &error);
    for entry in std::fs::read_dir(staging).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            std::fs::remove_dir_all(entry.path()).map_err(failed)?;
        } else {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    Ok(())
}

struct Plan<'a> {
    request: &'a Clone,
    target: Target,
    refs: Vec<RemoteRef>,
    depth: Option<NonZeroU32>,
}

impl Plan<'_> {
    /// Sees to it that the mirror has what is needed.
    fn bring(
        &self,
        connection: &mut Connection,
        mirror: &Mirror,
        report: &Report,
    ) -> Result<(), GitFailure> {
        let bounds = &self.request.bounds;
        let hash = connection.object_hash()?;
        {
            let _lock = mirror.lock(Use::Read, report)?;
            if let Some(repository) = mirror.open(hash, bounds)
                && self.missing(&repository)?.is_none()
            {
                return Ok(());
            }
        }
        let _lock = mirror.lock(Use::Write, report)?;
        let repository = mirror.open_or_make(hash, bounds)?;
        let Some(missing) = self.missing(&repository)? else {
            return Ok(());
        };
        mirror.begin_writing()?;
        let fetched =
            bring_missing(connection, &repository, &missing, bounds, report).and_then(|()| {
                // Tags that were not sent along with the commits they name.
                let tags = self.missing_tags(&repository)?;
                if !tags.is_empty() {
                    fetch::fetch(
                        connection,
                        &repository,
                        &tags,
                        &Shallow::NoChange,
                        bounds,
                        report,
                    )?;
                }
                fetch::remember(&repository, &missing.objects)
            });
        mirror.finish_unless_broken(fetched)
    }

    fn missing(&self, repository: &gix::Repository) -> Result<Option<Missing>, GitFailure> {
        let object = self.target.object;
        let state = if repository.has_object(object) {
            let commit = peel_to_commit(repository, object)?;
            history_state(repository, commit, self.depth)?
        } else {
            HistoryState::Missing
        };
        let shallow = match (state, self.depth) {
            (HistoryState::Enough, _) => {
                let tags = self.missing_tags(repository)?;
                if tags.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(Missing {
                    objects: tags,
                    shallow: Shallow::NoChange,
                }));
            }
            // Once a mirror has all history, asking for little would cut it.
            (HistoryState::Missing, Some(_)) if !is_new_or_cut(repository)? => Shallow::NoChange,
            (_, Some(depth)) => Shallow::DepthAtRemote(depth),
            (_, None) if repository.is_shallow().unwrap_or(true) => Shallow::undo(),
            (_, None) => Shallow::NoChange,
        };
        Ok(Some(Missing {
            objects: vec![object],
            shallow,
        }))
    }

    /// Annotated tags of commits that are there, which are not there themselves.
    fn missing_tags(&self, repository: &gix::Repository) -> Result<Vec<ObjectId>, GitFailure> {
        let mut missing = Vec::new();
        if !self.request.tags {
            return Ok(missing);
        }
        for tag in &self.refs {
            if let (true, Some(peeled)) = (tag.name.starts_with("refs/tags/"), &tag.peeled) {
                let oid = repository::object_id(&tag.oid)?;
                let commit = repository::object_id(peeled)?;
                if repository.has_object(commit) && !repository.has_object(oid) {
                    missing.push(oid);
                }
            }
        }
        Ok(missing)
    }

    /// Writes the files, and `.git` if it is asked for. Under the reading lock.
    fn write(
        &self,
        connection: &Connection,
        mirror: &Mirror,
        report: &Report,
    ) -> Result<CheckedOut, GitFailure> {
        let bounds = &self.request.bounds;
        let object = self.target.object;
        let source = mirror
            .open(connection.object_hash()?, bounds)
            .filter(|source| source.has_object(object))
            .ok_or_else(|| fetch::incomplete(&connection.place, object))?;
        let url = self.request.remote.address.to_string();
        let from = Source {
            repository: &source,
            commit: peel_to_commit(&source, object)?,
            reference: self.target.reference.as_deref(),
            refs: &self.refs,
            url: Some(&url),
        };
        expect(self.request, &from.commit.to_string())?;
        write_out(self.request, &from, report)
    }
}

struct Missing {
    objects: Vec<ObjectId>,
    shallow: Shallow,
}

fn is_new_or_cut(repository: &gix::Repository) -> Result<bool, GitFailure> {
    let failed = |error: &gix::Error| GitFailure::library("cannot read the mirror", error);
    let cut = repository.is_shallow().map_err(|error| failed(&error))?;
    Ok(cut || !repository.git_dir().join("refs/engine").exists())
}

fn bring_missing(
    connection: &mut Connection,
    repository: &gix::Repository,
    missing: &Missing,
    bounds: &Bounds,
    report: &Report,
) -> Result<(), GitFailure> {
    fetch::fetch(
        connection,
        repository,
        &missing.objects,
        &missing.shallow,
        bounds,
        report,
    )?;
    for object in &missing.objects {
        if !repository.has_object(object) {
            return Err(fetch::incomplete(&connection.place, *object));
        }
    }
    Ok(())
}

/// A repository of this machine that has the commit.
pub(super) struct Source<'a> {
    /// The repository.
    pub(super) repository: &'a gix::Repository,
    /// The commit.
    pub(super) commit: ObjectId,
    /// The full name of the ref it came from.
    pub(super) reference: Option<&'a str>,
    /// Refs, among them the tags.
    pub(super) refs: &'a [RemoteRef],
    /// The URL for the new repository's configuration.
    pub(super) url: Option<&'a str>,
}

/// Writes the files of a commit and, if asked for, its `.git`.
pub(super) fn write_out(
    request: &Clone,
    from: &Source<'_>,
    report: &Report,
) -> Result<CheckedOut, GitFailure> {
    let commit = repository::describe_commit(from.repository, from.commit)?;
    let tree = repository::object_id(&commit.tree)?;
    let written = checkout(
        from.repository,
        tree,
        &request.staging,
        &request.bounds,
        report,
    )?;
    let mut result = CheckedOut {
        commit: commit.oid,
        tree: commit.tree,
        reference: from.reference.map(str::to_owned),
        author: commit.author,
        subject: commit.message.lines().next().unwrap_or_default().to_owned(),
        describe: None,
        shallow: false,
        files: written.files,
        bytes: written.bytes,
        remarks: written.remarks,
    };
    finish(request, from, written.index, &mut result)?;
    Ok(result)
}

/// Adds what depends on history: tags, `.git`, and whether history is cut off.
pub(super) fn finish(
    request: &Clone,
    from: &Source<'_>,
    index: gix::index::State,
    result: &mut CheckedOut,
) -> Result<(), GitFailure> {
    let tags = if request.tags {
        tags::in_reach(from.repository, from.commit, depth(request), from.refs)?
    } else {
        Vec::new()
    };
    result.describe = tags::describe(from.repository, from.commit, &tags)?;
    result.shallow = if request.history {
        let contents = dotgit::Contents {
            source: from.repository,
            commit: from.commit,
            reference: from.reference,
            tags: &tags,
            url: from.url,
            depth: request.depth.and_then(NonZeroU32::new),
            index,
        };
        dotgit::write(&request.staging, contents)?
    } else {
        // By what was asked for, not by what the mirror happens to have.
        !dotgit::boundary(from.repository, from.commit, depth(request))?.is_empty()
    };
    Ok(())
}
