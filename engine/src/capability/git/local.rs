//! Local: a repository of this machine, opened directly and only below the
//! granted folder.

use std::path::PathBuf;

use gix::bstr::ByteSlice;

use super::address::Address;
use super::clone::{Source, expect, write_out};
use super::failure::{FailureKind, GitFailure};
use super::listing::matches_any;
use super::protocol::{Bounds, CheckedOut, Clone, Remote, RemoteRef};
use super::repository::{object_id, open_granted, peel_to_commit};
use super::revision::Revision;
use super::watch::Report;
use super::worktree;

/// Opens the repository that a local address names.
pub(super) fn open(
    remote: &Remote,
    bounds: &Bounds,
) -> Result<(gix::Repository, PathBuf), GitFailure> {
    let Address::Local { path } = &remote.address else {
        return Err(GitFailure::new(
            FailureKind::Other,
            "git.address",
            format_args!("{} is not a local path", remote.address),
        ));
    };
    let root = remote.local_root.as_ref().ok_or_else(|| {
        GitFailure::new(
            FailureKind::Denied,
            "denied.git-local",
            format_args!(
                "`{path}` cannot be opened: the pipeline lies in no git repository with a commit"
            ),
        )
        .hint("make a first commit there, or name a remote")
    })?;
    let path = root.join(path);
    let repository = open_granted(&path, root, bounds)?;
    Ok((repository, path))
}

/// The refs of a local repository, as a remote would list them.
pub(super) fn refs(
    repository: &gix::Repository,
    prefixes: &[String],
    most: u32,
) -> Result<Vec<RemoteRef>, GitFailure> {
    let failed = |error: &gix::Error| GitFailure::library("cannot list the refs", error);
    let mut found = Vec::new();
    let head = repository.head().map_err(|error| failed(&error))?;
    if let Some(id) = head.id()
        && matches_any("HEAD", prefixes)
    {
        found.push(RemoteRef {
            name: "HEAD".to_owned(),
            oid: id.to_string(),
            peeled: None,
            symref_target: head.referent_name().map(|name| name.as_bstr().to_string()),
        });
    }
    let platform = repository.references().map_err(|error| failed(&error))?;
    for reference in platform.all().map_err(|error| failed(&error))? {
        // A ref that cannot be read is the repository's own trouble, and git
        // leaves it out as well.
        let Ok(mut reference) = reference else {
            continue;
        };
        let Ok(name) = reference.name().as_bstr().to_str().map(str::to_owned) else {
            continue;
        };
        if !matches_any(&name, prefixes) {
            continue;
        }
        let symref_target = match reference.target() {
            gix::refs::TargetRef::Symbolic(target) => Some(target.as_bstr().to_string()),
            gix::refs::TargetRef::Object(_) => None,
        };
        let Ok(direct) = reference.follow_to_object() else {
            continue;
        };
        let direct = direct.detach();
        let Ok(peeled) = reference.peel_to_id() else {
            continue;
        };
        found.push(RemoteRef {
            name,
            oid: direct.to_string(),
            peeled: (peeled.detach() != direct).then(|| peeled.to_string()),
            symref_target,
        });
        if found.len() > most as usize {
            return Err(GitFailure::limit(
                "limit.git-refs",
                format_args!("the repository has more than {most} such refs"),
            )
            .hint("ask for fewer, with prefixes such as `refs/heads/`"));
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// Checks a commit of a local repository out, or its working tree as it stands.
pub(super) fn clone(request: &Clone, report: &Report) -> Result<CheckedOut, GitFailure> {
    let (repository, _) = open(&request.remote, &request.bounds)?;
    let place = request.remote.address.to_string();
    let revision = Revision::parse(request.revision.as_deref())?;
    let mut prefixes = revision.prefixes();
    if request.tags {
        prefixes.push("refs/tags/".to_owned());
    }
    let refs = refs(&repository, &prefixes, request.bounds.refs)?;
    let target = revision.find(&refs, &place)?;
    if !repository.has_object(target.object) {
        return Err(GitFailure::revision_not_found(
            &target.object.to_string(),
            &place,
        ));
    }
    let commit = peel_to_commit(&repository, target.object)?;
    let from = Source {
        repository: &repository,
        commit,
        reference: target.reference.as_deref(),
        refs: &refs,
        url: None,
    };
    if request.uncommitted {
        if revision != Revision::Head || request.expect.is_some() {
            return Err(GitFailure::new(
                FailureKind::Unsupported,
                "git.uncommitted-revision",
                "a working tree with changes is no commit, so none can be named or expected",
            )
            .hint("leave `revision` and `expect` out, or `uncommitted`"));
        }
        return worktree::take(request, &from, report);
    }
    expect(request, &commit.to_string())?;
    write_out(request, &from, report)
}

/// Whether one commit of a local repository is in the history of another.
pub(super) fn contains(
    remote: &Remote,
    ancestor: &str,
    descendant: &str,
    bounds: &Bounds,
) -> Result<bool, GitFailure> {
    let (repository, _) = open(remote, bounds)?;
    let descendant = object_id(descendant)?;
    if !repository.has_object(descendant) {
        return Err(GitFailure::revision_not_found(
            &descendant.to_string(),
            &remote.address,
        ));
    }
    super::contains::in_history(&repository, object_id(ancestor)?, descendant)
}
