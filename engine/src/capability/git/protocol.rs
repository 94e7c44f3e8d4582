//! Protocol: what the engine and its git child say to each other.
//!
//! ```text
//! engine ──Start, then Query*──▶ child        over the child's standard input
//!        ◀──Progress*, then Answer or Failed── over its standard output
//! ```
//!
//! How messages travel: `frame`. The child treats a request as its own engine's; the engine treats a reply as
//! coming from a process that has read hostile repositories.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::Address;
use super::failure::GitFailure;
use crate::model::limits;

pub use super::secret_text::SecretText;

/// The first message to a child: what to do, and what stops it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Start {
    /// What stops the child itself.
    pub process: ProcessLimits,
    /// What to do.
    pub request: Request,
}

/// What stops a child, enforced by the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProcessLimits {
    /// Its address space.
    pub memory_bytes: u64,
    /// Its processor time.
    pub cpu_seconds: u64,
}

impl Default for ProcessLimits {
    fn default() -> Self {
        Self {
            memory_bytes: limits::GIT_MEMORY_BYTES,
            cpu_seconds: limits::GIT_TOTAL.as_secs() * 2,
        }
    }
}

/// What a child is asked to do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// The refs of a remote; answered by [`Answer::Refs`].
    LsRefs(Box<LsRefs>),
    /// Whether one commit is in the history of another; [`Answer::Contains`].
    Contains(Box<Contains>),
    /// A commit into a folder; [`Answer::CheckedOut`].
    Clone(Box<Clone>),
    /// Opens a repository of the workspace and answers queries until the input
    /// ends; first [`Answer::Opened`].
    History(OpenHistory),
}

/// A remote, and how to reach it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Remote {
    /// Where it is.
    pub address: Address,
    /// What to present to it, and only to it.
    pub credential: Option<Credential>,
    /// Whether an address of this machine or a private network is granted.
    pub private: bool,
    /// Folder below which local repositories may be opened.
    pub local_root: Option<PathBuf>,
    /// What an ssh connection needs.
    pub ssh: Option<SshSettings>,
}

/// What an ssh connection needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SshSettings {
    /// The host keys that are trusted. Nothing is ever added to it.
    pub known_hosts: PathBuf,
    /// Program and arguments that connect to a host and port, which are added:
    /// the engine's own egress. None lets ssh connect by itself.
    pub dial: Option<Vec<String>>,
    /// Private folder for the key's file. The caller makes and removes it.
    pub scratch: PathBuf,
}

/// What is presented to a remote.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credential {
    /// A token, sent as the password of `x-access-token`.
    Token(SecretText),
    /// `user:password`.
    Basic(SecretText),
    /// A private key in OpenSSH's form.
    SshKey(SecretText),
}

/// Bounds of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Bounds {
    /// Refs listed.
    pub refs: u32,
    /// Bytes of a received pack.
    pub pack_bytes: u64,
    /// Objects of a received pack.
    pub objects: u64,
    /// One object, inflated.
    pub object_bytes: u64,
    /// Files of a checkout.
    pub files: u64,
    /// Bytes of a checkout.
    pub checkout_bytes: u64,
    /// Folders in folders of a checkout.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            refs: limits::GIT_REFS,
            pack_bytes: limits::GIT_PACK_BYTES,
            objects: limits::GIT_OBJECTS,
            object_bytes: limits::GIT_BLOB_BYTES,
            files: limits::GIT_FILES,
            checkout_bytes: limits::GIT_CHECKOUT_BYTES,
            depth: limits::GIT_DEPTH,
        }
    }
}

/// The refs of a remote.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LsRefs {
    /// The remote.
    pub remote: Remote,
    /// Prefixes of full names; empty means all.
    pub prefixes: Vec<String>,
    /// Bounds; more refs than `bounds.refs` is a failure.
    pub bounds: Bounds,
}

/// Whether one commit is in the history of another.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Contains {
    /// The remote.
    pub remote: Remote,
    /// The mirror of that remote.
    pub mirror: Option<MirrorPlace>,
    /// The earlier commit.
    pub ancestor: String,
    /// The later commit.
    pub descendant: String,
    /// Bounds.
    pub bounds: Bounds,
}

/// Where the mirror of a remote lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MirrorPlace {
    /// The folder of all mirrors.
    pub cache: PathBuf,
    /// Name of the credentials' scope: mirrors are never shared between scopes.
    pub scope: String,
}

/// A commit into a folder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Clone {
    /// The remote.
    pub remote: Remote,
    /// The mirror of that remote; none for a local repository.
    pub mirror: Option<MirrorPlace>,
    /// A fresh, empty folder that becomes the result. The caller moves it in
    /// place, and removes it after a failure.
    pub staging: PathBuf,
    /// Branch, tag, full ref name or object id; none is the remote's HEAD.
    pub revision: Option<String>,
    /// So many commits of history; none is all of it.
    pub depth: Option<u32>,
    /// Fetch the tags that point into this history.
    pub tags: bool,
    /// Leave a complete `.git`.
    pub history: bool,
    /// The working tree of a local repository as it stands.
    pub uncommitted: bool,
    /// The only commit that will do.
    pub expect: Option<String>,
    /// Bounds.
    pub bounds: Bounds,
}

/// Opens a repository of the workspace.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OpenHistory {
    /// The folder. Its parents are never looked at.
    pub path: PathBuf,
    /// The mount that the folder lies in: everything that is opened does too.
    pub root: PathBuf,
    /// Bounds.
    pub bounds: Bounds,
}

/// A question about an open repository.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Query {
    /// The commit of a revision; [`Answer::Oid`].
    Resolve {
        /// `HEAD`, a branch, a tag, a prefix of an id.
        revision: String,
    },
    /// A commit; [`Answer::Commits`] with one.
    ReadCommit {
        /// Its id.
        at: String,
    },
    /// History, newest first; [`Answer::Commits`].
    Log {
        /// Where to start.
        start: String,
        /// Without what these reach.
        exclude: Vec<String>,
        /// At most so many.
        limit: u32,
    },
    /// The best common ancestor; [`Answer::MaybeText`].
    MergeBase {
        /// One commit.
        a: String,
        /// Another.
        b: String,
    },
    /// `v1.2-3-gabc`; [`Answer::MaybeText`].
    Describe {
        /// The commit.
        at: String,
    },
    /// Changed files; [`Answer::Changes`].
    Diff {
        /// The old commit; none is the empty tree.
        old: Option<String>,
        /// The new commit.
        new: String,
    },
    /// A file's content; [`Answer::Blob`].
    ReadBlob {
        /// The commit.
        at: String,
        /// The file, relative to the repository, `/` separated.
        path: String,
        /// Larger ones are a failure.
        max_bytes: u64,
    },
}

/// A message of the child.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// How far it is.
    Progress(Progress),
    /// The result.
    Answer(Box<Answer>),
    /// There is none.
    Failed(Box<GitFailure>),
}

/// How far a part of the work is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Progress {
    /// What is being done, in words.
    pub title: String,
    /// How much is done.
    pub done: u64,
    /// How much there is, if known.
    pub total: Option<u64>,
    /// Of what: `files`, `bytes`, `objects`.
    pub unit: String,
}

/// What a child found out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// To [`Request::LsRefs`].
    Refs(Vec<RemoteRef>),
    /// To [`Request::Contains`].
    Contains(bool),
    /// To [`Request::Clone`].
    CheckedOut(Box<CheckedOut>),
    /// To [`Request::History`].
    Opened,
    /// An object id.
    Oid(String),
    /// Commits.
    Commits(Vec<Commit>),
    /// A text, if there is one.
    MaybeText(Option<String>),
    /// Changed files.
    Changes(Vec<Change>),
    /// Content, in base64.
    Blob(String),
}

/// One ref of a remote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RemoteRef {
    /// The full name.
    pub name: String,
    /// What it points at.
    pub oid: String,
    /// For an annotated tag, what is underneath.
    pub peeled: Option<String>,
    /// For a symbolic ref, the name it stands for.
    pub symref_target: Option<String>,
}

/// Who made something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signature {
    /// As written in the object.
    pub name: String,
    /// As written in the object.
    pub email: String,
    /// Seconds since 1970.
    pub seconds: i64,
    /// Minutes east of UTC.
    pub offset_minutes: i32,
}

/// What was checked out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CheckedOut {
    /// The commit.
    pub commit: String,
    /// Its tree.
    pub tree: String,
    /// The full name of the ref it came from.
    pub reference: Option<String>,
    /// Its author.
    pub author: Signature,
    /// The first line of its message.
    pub subject: String,
    /// `v1.2-3-gabc`; none without a tag in reach.
    pub describe: Option<String>,
    /// Whether history is cut off somewhere.
    pub shallow: bool,
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What a person should know, such as files that were left out.
    pub remarks: Vec<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Commit {
    /// Its id.
    pub oid: String,
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// Who wrote the change.
    pub author: Signature,
    /// Who made the commit.
    pub committer: Signature,
    /// The whole message.
    pub message: String,
}

/// What happened to a file; the contract's `change-kind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its content or mode differs.
    Modified,
    /// It is gone.
    Deleted,
    /// It has another name.
    Renamed,
    /// It is a copy of another.
    Copied,
    /// It is of another type.
    TypeChanged,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// The file, in the new tree where it exists there.
    pub path: String,
    /// Where it was, for a rename or copy.
    pub old_path: Option<String>,
    /// Its old content.
    pub old_oid: Option<String>,
    /// Its new content.
    pub new_oid: Option<String>,
}
