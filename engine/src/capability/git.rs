//! `engine:git`: asking remotes, bringing commits into the workspace, reading
//! history there.
//!
//! Granted by `git: { list: […], fetch: […] }`; history follows the grant of the
//! workspace. The work is done by a child process (`git/child.rs`): an abort, a
//! hang or a bomb ends that, and never the engine. Tested by the guest `git` and
//! by `tests/git.rs`.

mod address;
mod checkout;
mod child;
mod clone;
mod contains;
mod destination;
mod dotgit;
mod enclosed;
mod failure;
mod fetch;
mod frame;
mod head;
mod history;
mod interface;
mod ledger;
mod listing;
mod local;
mod measure;
mod mirror;
mod parent;
pub mod protocol;
mod remote;
mod repository;
mod revision;
mod secret_text;
mod sender;
mod tags;
mod transport;
mod watch;
mod worktree;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::secrets::Secret;
use super::{Attempt, Services};
use crate::model::{CallDecision, ChildProgram, Level, LogStream, Progress, limits};
use crate::plan::{SecretHandle, SecretKind, StageRequest};
use crate::policy::{GitPattern, GitUrl, HostPattern};
use crate::store::{CallEnd, SinkClosed};
use protocol::{
    Answer, Credential, MirrorPlace, ProcessLimits, Remote, Request, SecretText, SshSettings,
};

pub use address::Address;
pub use child::serve;
pub use failure::{FailureKind, GitFailure};
pub use head::{Head, head};
pub use parent::{Session, call};

/// What git needs of the process that the engine runs in.
pub struct GitServices {
    /// The program that serves as the child: the engine with `internal git`.
    pub child: ChildProgram,
    /// Folder of the mirrors, private to the user.
    pub mirrors: PathBuf,
    /// Folder for the files of ssh keys while they are in use, private to the
    /// user and best in memory.
    pub scratch: PathBuf,
    /// The host keys that ssh trusts; none where ssh is not offered.
    pub known_hosts: Option<PathBuf>,
    /// Program and arguments that connect ssh to a host: the engine with
    /// `internal dial`. `--private`, where the grant gives that, the host and the
    /// port are added.
    pub dial: Option<Vec<String>>,
    /// The value of a secret, by its name in the pipeline; none if nobody
    /// supplied one.
    pub secret: Box<SecretSource>,
}

/// Finds the value of a secret by its name.
pub type SecretSource = dyn Fn(&str) -> Option<Zeroizing<Vec<u8>>> + Send + Sync;

impl fmt::Debug for GitServices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitServices")
            .field("child", &self.child)
            .field("mirrors", &self.mirrors)
            .finish_non_exhaustive()
    }
}

/// Git for one attempt.
pub(super) struct Context {
    services: Arc<Services>,
    sessions: Arc<Semaphore>,
    sections: AtomicU64,
}

/// A repository that a guest has open.
pub struct Repository {
    session: Session,
    _permit: OwnedSemaphorePermit,
}

impl Context {
    pub(super) fn new(services: &Arc<Services>) -> Self {
        Self {
            services: Arc::clone(services),
            sessions: Arc::new(Semaphore::new(limits::GIT_SESSIONS)),
            sections: AtomicU64::new(0),
        }
    }

    fn services(&self) -> Result<&GitServices, GitFailure> {
        self.services.git.as_ref().ok_or_else(|| {
            GitFailure::new(
                FailureKind::Unsupported,
                "git.not-offered",
                "git is not offered where this stage runs",
            )
        })
    }

    /// A number for a part of the progress, apart from the guest's own.
    fn section(&self) -> u64 {
        const OWN: u64 = 1 << 32;
        OWN + self.sections.fetch_add(1, Ordering::Relaxed)
    }
}

/// What a call needs of the grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Asking; `fetch` implies it.
    List,
    /// Fetching.
    Fetch,
}

/// A URL that the grant covers.
#[derive(Debug)]
struct Granted {
    url: GitUrl,
    private: bool,
}

/// Looks a URL up in the grant. The text is guest-controlled.
fn granted(request: &StageRequest, text: &str, need: Need) -> Result<Granted, GitFailure> {
    let denied = |why: String| {
        let (word, hint) = match need {
            Need::List => (
                "list",
                format!("add  git: {{ list: [\"{text}\"] }}  to its capabilities"),
            ),
            Need::Fetch => (
                "fetch",
                format!("add  git: {{ fetch: [\"{text}\"] }}  to its capabilities"),
            ),
        };
        GitFailure::new(
            FailureKind::Denied,
            if need == Need::List {
                "denied.git-list"
            } else {
                "denied.git-fetch"
            },
            format_args!("this stage may not {word} `{text}`{why}"),
        )
        .hint(hint)
    };
    let url: GitUrl = text.parse().map_err(|error| {
        let mut failure = denied(format!(": {error}"));
        failure.hint = None;
        failure
    })?;
    let grant = request.grants.git.as_ref();
    let covering = grant.into_iter().flat_map(|grant| {
        let list: &[GitPattern] = if need == Need::List { &grant.list } else { &[] };
        list.iter().chain(&grant.fetch)
    });
    let mut found: Option<bool> = None;
    for pattern in covering.filter(|pattern| pattern.matches(&url)) {
        found = Some(found.unwrap_or(false) || pattern.private);
    }
    match found {
        Some(private) => Ok(Granted { url, private }),
        None => Err(denied(String::new())),
    }
}

/// Checks that a secret is bound to the host that it would be sent to.
fn bound(handle: &SecretHandle, url: &GitUrl) -> Result<(), GitFailure> {
    let Some(host) = url.host() else {
        return Err(GitFailure::new(
            FailureKind::Unsupported,
            "git.credential-kind",
            "a local repository takes no credentials",
        )
        .hint("leave the credentials out"));
    };
    let is_bound = handle.hosts.iter().any(|bound| {
        bound
            .parse::<HostPattern>()
            .is_ok_and(|pattern| pattern.matches(host))
    });
    if is_bound {
        return Ok(());
    }
    Err(GitFailure::new(
        FailureKind::Denied,
        "denied.git-credentials",
        format_args!("the secret `{}` is not bound to {host}", handle.name),
    )
    .hint(format_args!(
        "add  {host}  to the hosts of the secret, if it is meant for it"
    )))
}

fn credential(services: &GitServices, handle: &SecretHandle) -> Result<Credential, GitFailure> {
    let name = &handle.name;
    let value = (services.secret)(name).ok_or_else(|| {
        GitFailure::new(
            FailureKind::AuthFailed,
            "git.secret-missing",
            format_args!("nobody supplied a value for the secret `{name}`"),
        )
        .hint(format_args!("pass  --secret {name}=SOURCE"))
    })?;
    let text = std::str::from_utf8(&value).map_err(|_| {
        GitFailure::new(
            FailureKind::AuthFailed,
            "git.credential",
            format_args!("the secret `{name}` is not text"),
        )
    })?;
    // The line end that editors and `echo` leave behind.
    let trimmed = SecretText::new(text.trim_end_matches(['\r', '\n']).to_owned());
    match handle.kind {
        SecretKind::Token => Ok(Credential::Token(trimmed)),
        SecretKind::Basic => Ok(Credential::Basic(trimmed)),
        SecretKind::SshKey => Ok(Credential::SshKey(SecretText::new(text.to_owned()))),
        SecretKind::Url => Err(GitFailure::new(
            FailureKind::Unsupported,
            "git.credential-kind",
            format_args!("the secret `{name}` is a URL, which git does not take"),
        )
        .hint("declare it as a token, `user:password` or a key")),
    }
}

/// What is known of a call before it is made.
struct Call {
    interface: &'static str,
    function: &'static str,
    arguments: String,
    since: Instant,
}

impl Call {
    fn new(interface: &'static str, function: &'static str, arguments: String) -> Self {
        Self {
            interface,
            function,
            arguments,
            since: Instant::now(),
        }
    }
}

impl Attempt {
    /// Has a request done by a child, under the deadline of the attempt.
    async fn git(&mut self, title: &str, request: Request) -> Result<Answer, GitFailure> {
        let program = self.git.services()?.child.clone();
        let section = self.git.section();
        let (sink, cancel) = (self.sink.clone(), self.cancel.clone());
        let deadline = self.git_deadline();
        let show = |step: Option<protocol::Progress>| {
            let closed = step.is_none();
            let (status, done, total, unit) = match step {
                Some(step) => (Some(step.title), Some(step.done), step.total, step.unit),
                None => (None, None, None, String::new()),
            };
            sink.progress(Progress {
                section,
                title: title.to_owned(),
                done,
                total,
                unit,
                status,
                closed,
            });
        };
        let told = |step| show(Some(step));
        let work = call(&program, request, ProcessLimits::default(), deadline, &told);
        let outcome = tokio::select! {
            outcome = work => outcome,
            () = cancel.cancelled() => Err(cancelled()),
        };
        show(None);
        outcome.map_err(|failure| self.out_of_time(failure))
    }

    /// The earlier of the attempt's deadline and the most that git may take.
    fn git_deadline(&self) -> tokio::time::Instant {
        self.deadline.min(Instant::now() + limits::GIT_TOTAL).into()
    }

    /// A deadline that was the attempt's own is the attempt's end.
    fn out_of_time(&self, failure: GitFailure) -> GitFailure {
        if failure.code == "git.deadline" && Instant::now() >= self.deadline {
            return cancelled();
        }
        failure
    }

    /// A remote as the child needs it, with the value of the secret.
    fn remote(
        &self,
        granted: &Granted,
        handle: Option<&SecretHandle>,
        scratch: Option<&tempfile::TempDir>,
    ) -> Result<Remote, GitFailure> {
        let services = self.git.services()?;
        if let Some(handle) = handle {
            bound(handle, &granted.url)?;
        }
        let ssh = match (&services.known_hosts, scratch) {
            (Some(known_hosts), Some(scratch)) => Some(SshSettings {
                known_hosts: known_hosts.clone(),
                dial: services.dial.clone().map(|mut dial| {
                    if granted.private {
                        dial.push("--private".to_owned());
                    }
                    dial
                }),
                scratch: scratch.path().to_owned(),
            }),
            _ => None,
        };
        Ok(Remote {
            address: Address::parse(&granted.url.to_string())?,
            credential: handle
                .map(|handle| credential(services, handle))
                .transpose()?,
            private: granted.private,
            local_root: self.request.local_root.clone(),
            ssh,
        })
    }

    /// A private folder for the key's file, where one may be needed. Removed by
    /// us, since a child that is killed removes nothing.
    fn key_folder(&self, granted: &Granted) -> Result<Option<tempfile::TempDir>, GitFailure> {
        if granted.url.transport() != crate::policy::GitTransport::Ssh {
            return Ok(None);
        }
        tempfile::Builder::new()
            .prefix("git-")
            .tempdir_in(&self.git.services()?.scratch)
            .map(Some)
            .map_err(|error| GitFailure::io("cannot make a private folder", &error))
    }

    /// Where the mirror of a remote lies for these credentials.
    fn mirror(
        &self,
        granted: &Granted,
        handle: Option<&SecretHandle>,
    ) -> Result<Option<MirrorPlace>, GitFailure> {
        if granted.url.host().is_none() {
            return Ok(None);
        }
        let scope = match handle {
            Some(handle) => format!("secret {} of {}", handle.name, self.request.pipeline),
            None => "anonymous".to_owned(),
        };
        Ok(Some(MirrorPlace {
            cache: self.git.services()?.mirrors.clone(),
            scope,
        }))
    }

    fn handle(
        &self,
        secret: Option<&wasmtime::component::Resource<Secret>>,
    ) -> wasmtime::Result<Option<SecretHandle>> {
        secret
            .map(|secret| Ok(self.table.get(secret)?.handle.clone()))
            .transpose()
    }

    /// Records a call that carries authority, made or refused.
    async fn record(
        &mut self,
        call: Call,
        outcome: Result<String, &GitFailure>,
    ) -> Result<(), SinkClosed> {
        let (error, result) = match outcome {
            Ok(result) => (None, Some(result)),
            Err(failure) => (Some(failure.code.clone()), None),
        };
        let refused = matches!(outcome_kind(error.as_deref()), CallDecision::Denied);
        self.sink
            .called(CallEnd {
                interface: call.interface,
                function: call.function,
                arguments: call.arguments,
                decision: if refused {
                    CallDecision::Denied
                } else {
                    CallDecision::Allowed
                },
                error,
                result,
                duration: call.since.elapsed(),
                effect: None,
            })
            .await
    }

    /// Tells a person what they should know of a checkout.
    async fn remark(&mut self, remarks: &[String]) -> Result<(), SinkClosed> {
        for remark in remarks {
            self.sink
                .log(LogStream::Engine, Level::Warn, remark)
                .await?;
        }
        Ok(())
    }
}

/// Refusals are told by their code, which only the host gives.
fn outcome_kind(code: Option<&str>) -> CallDecision {
    match code {
        Some(code) if code.starts_with("denied.") => CallDecision::Denied,
        _ => CallDecision::Allowed,
    }
}

fn cancelled() -> GitFailure {
    GitFailure::new(
        FailureKind::Cancelled,
        "git.cancelled",
        "the run was cancelled, or the attempt's time is over",
    )
}

#[cfg(test)]
mod tests;
