//! Contains: whether one commit is in the history of another, answered from the
//! mirror.

use gix::ObjectId;
use gix::protocol::fetch::Shallow;
use gix::traverse::commit::simple::CommitTimeOrder;

use super::address::Address;
use super::failure::{FailureKind, GitFailure};
use super::listing::Connection;
use super::mirror::{Mirror, Use};
use super::protocol::{Bounds, Contains};
use super::repository::{HistoryState, history_state, object_id, peel_to_commit};
use super::watch::Report;
use super::{fetch, local, remote};

/// Answers the question, after a look at the remote with the caller's own
/// credentials.
pub(super) fn contains(request: &Contains, report: &Report) -> Result<bool, GitFailure> {
    let bounds = &request.bounds;
    if let Address::Local { .. } = request.remote.address {
        return local::contains(
            &request.remote,
            &request.ancestor,
            &request.descendant,
            bounds,
        );
    }
    let ancestor = object_id(&request.ancestor)?;
    let descendant = object_id(&request.descendant)?;
    let mut connection = remote::connect(&request.remote, bounds)?;
    connection.refs(&["HEAD".to_owned()], bounds.refs)?;
    let hash = connection.object_hash()?;
    let place = request.mirror.as_ref().ok_or_else(|| {
        GitFailure::new(
            FailureKind::Other,
            "git.no-mirror",
            "no place for a mirror was given",
        )
    })?;
    let mirror = Mirror::locate(place, &request.remote.address)?;
    mirror.with_repair(report, || {
        {
            let _lock = mirror.lock(Use::Read, report)?;
            if let Some(repository) = mirror.open(hash, bounds)
                && history_state(&repository, descendant, None)? == HistoryState::Enough
            {
                return in_history(&repository, ancestor, descendant);
            }
        }
        let _lock = mirror.lock(Use::Write, report)?;
        let repository = mirror.open_or_make(hash, bounds)?;
        bring(
            &mut connection,
            &mirror,
            &repository,
            descendant,
            bounds,
            report,
        )?;
        in_history(&repository, ancestor, descendant)
    })
}

/// Sees to it that the mirror has a commit with all of its history.
fn bring(
    connection: &mut Connection,
    mirror: &Mirror,
    repository: &gix::Repository,
    commit: ObjectId,
    bounds: &Bounds,
    report: &Report,
) -> Result<(), GitFailure> {
    if history_state(repository, commit, None)? == HistoryState::Enough {
        return Ok(());
    }
    let cut = repository.is_shallow().unwrap_or(true);
    let shallow = if cut {
        Shallow::undo()
    } else {
        Shallow::NoChange
    };
    mirror.begin_writing()?;
    let fetched = fetch::fetch(connection, repository, &[commit], &shallow, bounds, report)
        .and_then(|()| fetch::remember(repository, &[commit]));
    mirror.finish_unless_broken(fetched)
}

/// Whether `ancestor` is `descendant` or in its history, in a repository that
/// has `descendant`.
pub(super) fn in_history(
    repository: &gix::Repository,
    ancestor: ObjectId,
    descendant: ObjectId,
) -> Result<bool, GitFailure> {
    let failed = |error: &gix::Error| GitFailure::library("cannot read the history", error);
    let descendant = peel_to_commit(repository, descendant)?;
    if ancestor == descendant {
        return Ok(true);
    }
    if !repository.has_object(ancestor) {
        // Everything before the descendant is here, unless history is cut off.
        return match history_state(repository, descendant, None)? {
            HistoryState::Enough => Ok(false),
            HistoryState::Cut | HistoryState::Missing => Err(GitFailure::new(
                FailureKind::Unsupported,
                "git.shallow",
                "history is cut off before an answer is found",
            )
            .hint("fetch all of the history first")),
        };
    }
    let walk = repository
        .rev_walk([descendant])
        .sorting(gix::revision::walk::Sorting::ByCommitTime(
            CommitTimeOrder::NewestFirst,
        ))
        .all()
        .map_err(|error| failed(&error))?;
    for info in walk {
        if info.map_err(|error| failed(&error))?.id == ancestor {
            return Ok(true);
        }
    }
    Ok(false)
}
