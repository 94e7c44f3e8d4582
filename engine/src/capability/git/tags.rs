//! Tags: which of a remote's tags are in reach of a commit, and its name by them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::num::NonZeroU32;

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice};

use super::failure::GitFailure;
use super::protocol::RemoteRef;
use super::repository::object_id;

/// Digits of the abbreviated id in `v1-2-gabc1234`, as git writes it for
/// repositories of ordinary size.
const DIGITS: usize = 7;

/// The tags among `refs` whose commit is in the history of `commit`, no deeper
/// than `depth` commits.
pub(super) fn in_reach(
    repository: &gix::Repository,
    commit: ObjectId,
    depth: Option<NonZeroU32>,
    refs: &[RemoteRef],
) -> Result<Vec<RemoteRef>, GitFailure> {
    let mut tags: HashMap<ObjectId, Vec<&RemoteRef>> = HashMap::new();
    for tag in refs.iter().filter(|tag| tag.name.starts_with("refs/tags/")) {
        let target = object_id(tag.peeled.as_ref().unwrap_or(&tag.oid))?;
        if repository.has_object(target) {
            tags.entry(target).or_default().push(tag);
        }
    }
    let failed = |error: &gix::Error| GitFailure::library("cannot read the history", error);
    let cut = repository
        .shallow_commits()
        .map_err(|error| failed(&error))?;
    let mut found = Vec::new();
    let mut seen = gix::hashtable::HashSet::default();
    let mut level = vec![commit];
    let mut left = depth.map(NonZeroU32::get);
    while !level.is_empty() && !tags.is_empty() && left != Some(0) {
        let mut next = Vec::new();
        for id in level {
            found.extend(tags.remove(&id).into_iter().flatten().cloned());
            if cut.as_ref().is_some_and(|cut| cut.contains(&id)) {
                continue;
            }
            let commit = repository.find_commit(id).map_err(|error| failed(&error))?;
            let parents = commit.parent_ids().map(gix::Id::detach);
            next.extend(parents.filter(|parent| seen.insert(*parent)));
        }
        level = next;
        left = left.map(|left| left - 1);
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// `v1.2-3-gabc1234` in the way of `git describe --tags`; none without a tag in
/// reach.
pub(super) fn describe(
    repository: &gix::Repository,
    commit: ObjectId,
    tags: &[RemoteRef],
) -> Result<Option<String>, GitFailure> {
    let mut names: gix::hashtable::HashMap<ObjectId, Cow<'_, BStr>> =
        gix::hashtable::HashMap::default();
    // Annotated tags go last, so that they win over light ones on one commit,
    // as they do for git.
    let (annotated, light): (Vec<_>, Vec<_>) = tags.iter().partition(|tag| tag.peeled.is_some());
    for tag in light.into_iter().chain(annotated) {
        let Some(name) = tag.name.strip_prefix("refs/tags/") else {
            continue;
        };
        let target = object_id(tag.peeled.as_ref().unwrap_or(&tag.oid))?;
        names.insert(target, Cow::Borrowed(name.as_bytes().as_bstr()));
    }
    if names.is_empty() {
        return Ok(None);
    }
    let mut graph = repository.revision_graph(None);
    let outcome = gix::revision::plumbing::describe(
        &commit,
        &mut graph,
        gix::revision::plumbing::describe::Options {
            name_by_oid: names,
            ..Default::default()
        },
    )
    .map_err(|error| GitFailure::library("cannot describe the commit", &error))?;
    Ok(outcome.map(|outcome| outcome.into_format(DIGITS).to_string()))
}
