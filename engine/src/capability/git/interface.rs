//! Interface: the methods of `engine:git`, from the guest's words to the child's
//! and back.

use std::sync::Arc;

use base64::Engine as _;
use wasmtime::component::Resource;

use super::destination::{self, Place};
use super::parent::Session;
use super::protocol::{
    self, Answer, Bounds, Clone, Contains, LsRefs, OpenHistory, ProcessLimits, Query, Request,
};
use super::{Call, FailureKind, GitFailure, Need, Repository, granted};
use crate::capability::Attempt;
use crate::capability::bindings::git::types::{self, Error, Signature};
use crate::capability::bindings::git::{checkout, history, remote};
use crate::capability::bindings::types::Problem;
use crate::capability::secrets::Secret;
use crate::model::limits;
use crate::plan::Access;

const REMOTE: &str = "engine:git/remote";
const CHECKOUT: &str = "engine:git/checkout";
const HISTORY: &str = "engine:git/history";

impl types::Host for Attempt {}

impl remote::Host for Attempt {
    async fn ls_refs(
        &mut self,
        url: String,
        options: remote::LsOptions,
        credentials: Option<Resource<Secret>>,
    ) -> wasmtime::Result<Result<Vec<remote::RemoteRef>, Error>> {
        let grant = granted(&self.request, &url, Need::List);
        let handle = self.handle(credentials.as_ref())?;
        let call = Call::new(REMOTE, "ls-refs", url);
        let outcome = async {
            let grant = grant?;
            let scratch = self.key_folder(&grant)?;
            let request = Request::LsRefs(Box::new(LsRefs {
                remote: self.remote(&grant, handle.as_ref(), scratch.as_ref())?,
                prefixes: options.prefixes,
                bounds: Bounds {
                    // Guest-controlled.
                    refs: options.limit.min(limits::GIT_REFS),
                    ..Bounds::default()
                },
            }));
            match self.git("listing refs", request).await? {
                Answer::Refs(refs) => Ok(refs),
                other => Err(unexpected(&other)),
            }
        }
        .await;
        let words = outcome.as_ref().map(|refs| format!("{} refs", refs.len()));
        self.record(call, words).await?;
        Ok(outcome
            .map(|refs| refs.into_iter().map(remote_ref).collect())
            .map_err(error))
    }

    async fn contains(
        &mut self,
        url: String,
        ancestor: String,
        descendant: String,
        credentials: Option<Resource<Secret>>,
    ) -> wasmtime::Result<Result<bool, Error>> {
        let grant = granted(&self.request, &url, Need::List);
        let handle = self.handle(credentials.as_ref())?;
        let call = Call::new(REMOTE, "contains", format!("{url} {ancestor} {descendant}"));
        let outcome = async {
            let grant = grant?;
            let scratch = self.key_folder(&grant)?;
            let request = Request::Contains(Box::new(Contains {
                remote: self.remote(&grant, handle.as_ref(), scratch.as_ref())?,
                mirror: self.mirror(&grant, handle.as_ref())?,
                ancestor,
                descendant,
                bounds: Bounds::default(),
            }));
            match self.git("reading history", request).await? {
                Answer::Contains(contains) => Ok(contains),
                other => Err(unexpected(&other)),
            }
        }
        .await;
        let words = outcome.as_ref().map(ToString::to_string);
        self.record(call, words).await?;
        Ok(outcome.map_err(error))
    }
}

impl checkout::Host for Attempt {
    async fn clone(
        &mut self,
        url: String,
        destination: String,
        options: checkout::CloneOptions,
        credentials: Option<Resource<Secret>>,
    ) -> wasmtime::Result<Result<checkout::CheckedOut, Error>> {
        let request = Arc::clone(&self.request);
        let grant = granted(&request, &url, Need::Fetch);
        let handle = self.handle(credentials.as_ref())?;
        let revision = options.revision.as_deref().unwrap_or("HEAD");
        let words = format!("{url} {revision} to {destination}");
        let call = Call::new(CHECKOUT, "clone", words);
        let outcome = async {
            let grant = grant?;
            let place = destination::find(&request.mounts, &destination, Access::Write)?;
            let scratch = self.key_folder(&grant)?;
            let remote = self.remote(&grant, handle.as_ref(), scratch.as_ref())?;
            // Dropped after the child, whatever ends this call.
            let staging = place.stage()?;
            let request = Request::Clone(Box::new(Clone {
                remote,
                mirror: self.mirror(&grant, handle.as_ref())?,
                staging: staging.folder().to_owned(),
                revision: options.revision,
                depth: options.depth,
                tags: options.tags,
                history: options.history,
                uncommitted: options.uncommitted,
                expect: options.expect,
                bounds: Bounds::default(),
            }));
            match self.git("fetching", request).await? {
                Answer::CheckedOut(result) => {
                    place.settle(&staging)?;
                    Ok(*result)
                }
                other => Err(unexpected(&other)),
            }
        }
        .await;
        let words = outcome
            .as_ref()
            .map(|result| format!("{}, {} files", result.commit, result.files));
        self.record(call, words).await?;
        if let Ok(result) = &outcome {
            self.remark(&result.remarks).await?;
        }
        Ok(outcome.map(checked_out).map_err(error))
    }
}

impl history::Host for Attempt {}

impl history::HostRepository for Attempt {
    async fn open(
        &mut self,
        path: String,
    ) -> wasmtime::Result<Result<Resource<Repository>, Error>> {
        let request = Arc::clone(&self.request);
        let place = destination::find(&request.mounts, &path, Access::Read);
        let call = Call::new(HISTORY, "open", path.clone());
        let outcome = match place {
            Ok(place) => self.open_repository(&place).await,
            Err(failure) => Err(failure),
        };
        let words = outcome.as_ref().map(|_| "opened".to_owned());
        self.record(call, words).await?;
        match outcome {
            Ok(repository) => Ok(Ok(self.table.push(repository)?)),
            Err(failure) => Ok(Err(error(failure))),
        }
    }

    async fn resolve(
        &mut self,
        this: Resource<Repository>,
        revision: String,
    ) -> wasmtime::Result<Result<String, Error>> {
        let answer = self.ask(&this, Query::Resolve { revision }).await?;
        Ok(answer.and_then(|answer| match answer {
            Answer::Oid(oid) => Ok(oid),
            other => Err(error(unexpected(&other))),
        }))
    }

    async fn read_commit(
        &mut self,
        this: Resource<Repository>,
        at: String,
    ) -> wasmtime::Result<Result<history::Commit, Error>> {
        let answer = self.ask(&this, Query::ReadCommit { at }).await?;
        Ok(answer.and_then(|answer| match answer {
            Answer::Commits(mut commits) if commits.len() == 1 => Ok(commit(commits.remove(0))),
            other => Err(error(unexpected(&other))),
        }))
    }

    async fn log(
        &mut self,
        this: Resource<Repository>,
        start: String,
        exclude: Vec<String>,
        limit: u32,
    ) -> wasmtime::Result<Result<Vec<history::Commit>, Error>> {
        let query = Query::Log {
            start,
            exclude,
            limit,
        };
        let answer = self.ask(&this, query).await?;
        Ok(answer.and_then(|answer| match answer {
            Answer::Commits(commits) => Ok(commits.into_iter().map(commit).collect()),
            other => Err(error(unexpected(&other))),
        }))
    }

    async fn merge_base(
        &mut self,
        this: Resource<Repository>,
        a: String,
        b: String,
    ) -> wasmtime::Result<Result<Option<String>, Error>> {
        let answer = self.ask(&this, Query::MergeBase { a, b }).await?;
        Ok(answer.and_then(maybe_text))
    }

    async fn describe(
        &mut self,
        this: Resource<Repository>,
        at: String,
    ) -> wasmtime::Result<Result<Option<String>, Error>> {
        let answer = self.ask(&this, Query::Describe { at }).await?;
        Ok(answer.and_then(maybe_text))
    }

    async fn diff(
        &mut self,
        this: Resource<Repository>,
        old: Option<String>,
        new: String,
    ) -> wasmtime::Result<Result<Vec<history::Change>, Error>> {
        let answer = self.ask(&this, Query::Diff { old, new }).await?;
        Ok(answer.and_then(|answer| match answer {
            Answer::Changes(changes) => Ok(changes.into_iter().map(change).collect()),
            other => Err(error(unexpected(&other))),
        }))
    }

    async fn read_blob(
        &mut self,
        this: Resource<Repository>,
        at: String,
        path: String,
        max_bytes: u64,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let query = Query::ReadBlob {
            at,
            path,
            max_bytes,
        };
        let answer = self.ask(&this, query).await?;
        Ok(answer.and_then(|answer| match answer {
            Answer::Blob(text) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|_| error(unexpected(&Answer::Opened))),
            other => Err(error(unexpected(&other))),
        }))
    }

    async fn drop(&mut self, this: Resource<Repository>) -> wasmtime::Result<()> {
        self.table.delete(this)?;
        Ok(())
    }
}

impl Attempt {
    /// Opens the repository at a place of the workspace, in a child of its own.
    async fn open_repository(&mut self, place: &Place<'_>) -> Result<Repository, GitFailure> {
        place.check()?;
        let permit = Arc::clone(&self.git.sessions)
            .try_acquire_owned()
            .map_err(|_| {
                GitFailure::limit(
                    "limit.git-sessions",
                    format_args!("{} repositories are open already", limits::GIT_SESSIONS),
                )
                .hint("drop a repository before opening another")
            })?;
        let request = OpenHistory {
            path: place.host_path(),
            root: place.mount.host(),
            bounds: Bounds::default(),
        };
        let program = self.git.services()?.child.clone();
        let (deadline, cancel) = (self.git_deadline(), self.cancel.clone());
        let session = Session::open(&program, request, ProcessLimits::default(), deadline);
        let session = tokio::select! {
            session = session => session,
            () = cancel.cancelled() => Err(super::cancelled()),
        };
        Ok(Repository {
            session: session.map_err(|failure| self.out_of_time(failure))?,
            _permit: permit,
        })
    }

    /// Asks an open repository. Counted, since the authority was in opening it.
    async fn ask(
        &mut self,
        this: &Resource<Repository>,
        query: Query,
    ) -> wasmtime::Result<Result<Answer, Error>> {
        self.sink.count(HISTORY);
        let deadline = self.git_deadline();
        let cancel = self.cancel.clone();
        let session = &mut self.table.get_mut(this)?.session;
        let answer = tokio::select! {
            answer = session.ask(query, deadline) => answer,
            () = cancel.cancelled() => Err(super::cancelled()),
        };
        Ok(answer.map_err(|failure| error(self.out_of_time(failure))))
    }
}

fn error(failure: GitFailure) -> Error {
    let kind = failure.kind;
    let problem = Problem {
        code: failure.code,
        message: failure.message,
        hint: failure.hint,
    };
    match kind {
        FailureKind::Denied => Error::Denied(problem),
        FailureKind::AuthFailed => Error::AuthFailed(problem),
        FailureKind::NotFound => Error::NotFound(problem),
        FailureKind::Unavailable => Error::Unavailable(problem),
        FailureKind::Unsupported => Error::Unsupported(problem),
        FailureKind::Cancelled => Error::Cancelled,
        FailureKind::LimitExceeded => Error::LimitExceeded(problem),
        FailureKind::Other => Error::Other(problem),
    }
}

/// A child that answers another question has been taken over.
fn unexpected(_answer: &Answer) -> GitFailure {
    GitFailure::new(
        FailureKind::Other,
        "git.child-answer",
        "the child that does git's work gave another answer than was asked for",
    )
}

fn maybe_text(answer: Answer) -> Result<Option<String>, Error> {
    match answer {
        Answer::MaybeText(text) => Ok(text),
        other => Err(error(unexpected(&other))),
    }
}

fn remote_ref(found: protocol::RemoteRef) -> remote::RemoteRef {
    remote::RemoteRef {
        name: found.name,
        oid: found.oid,
        peeled: found.peeled,
        symref_target: found.symref_target,
    }
}

fn signature(signature: protocol::Signature) -> Signature {
    Signature {
        name: signature.name,
        email: signature.email,
        seconds: signature.seconds,
        offset_minutes: signature.offset_minutes,
    }
}

fn checked_out(result: protocol::CheckedOut) -> checkout::CheckedOut {
    checkout::CheckedOut {
        commit: result.commit,
        tree: result.tree,
        reference: result.reference,
        author: signature(result.author),
        subject: result.subject,
        describe: result.describe,
        shallow: result.shallow,
        files: result.files,
        bytes: result.bytes,
    }
}

fn commit(commit: protocol::Commit) -> history::Commit {
    history::Commit {
        oid: commit.oid,
        tree: commit.tree,
        parents: commit.parents,
        author: signature(commit.author),
        committer: signature(commit.committer),
        message: commit.message,
    }
}

fn change(change: protocol::Change) -> history::Change {
    use history::ChangeKind;
    history::Change {
        kind: match change.kind {
            protocol::ChangeKind::Added => ChangeKind::Added,
            protocol::ChangeKind::Modified => ChangeKind::Modified,
            protocol::ChangeKind::Deleted => ChangeKind::Deleted,
            protocol::ChangeKind::Renamed => ChangeKind::Renamed,
            protocol::ChangeKind::Copied => ChangeKind::Copied,
            protocol::ChangeKind::TypeChanged => ChangeKind::TypeChanged,
        },
        path: change.path,
        old_path: change.old_path,
        old_oid: change.old_oid,
        new_oid: change.new_oid,
    }
}
