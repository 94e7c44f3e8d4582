//! Stage request: all that a runner needs to know to run one attempt.
//!
//! Plain and serialisable, without live handles: a runner may be this process, a
//! confined child, or another machine. Its digest is part of the record.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Effects, SecretKind, StageLimits, ToolFacts};
use crate::model::{Digest, Failure, Outcome, RunId, StageId};
use crate::policy::Grants;

/// One attempt of one stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageRequest {
    /// The run.
    pub run: RunId,
    /// The pipeline's name.
    pub pipeline: String,
    /// The stage.
    pub stage: StageId,
    /// 1 on the first try.
    pub attempt: u32,
    /// How often it may be tried.
    pub max_attempts: u32,
    /// What started the run.
    pub trigger: String,
    /// The component to run.
    pub component: Digest,
    /// Its inputs, complete.
    pub inputs: Value,
    /// Environment of its native tools.
    pub env: BTreeMap<String, String>,
    /// What it is given.
    pub grants: Grants,
    /// What stops it.
    pub limits: StageLimits,
    /// What running it twice would do.
    pub effects: Effects,
    /// The secrets it may use. Handles: the values are the runner's to find.
    pub secrets: Vec<SecretHandle>,
    /// The granted tools on this machine.
    pub tools: BTreeMap<String, ToolFacts>,
    /// The folders it sees.
    pub mounts: Vec<Mount>,
    /// Folder that local repositories may be fetched from: the repository that
    /// holds the pipeline.
    pub local_root: Option<PathBuf>,
}

/// A secret that a stage may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecretHandle {
    /// Its name in the pipeline.
    pub name: String,
    /// What it is.
    pub kind: SecretKind,
    /// The hosts it may be sent to.
    pub hosts: Vec<String>,
}

/// A folder that a stage sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Mount {
    /// Path relative to the workspace, `/` separated; the guest sees it at
    /// `/workspace/<path>`.
    pub path: String,
    /// The tree on this machine that it lies in, at `path`. What is below the root
    /// of a tree is guest-controlled, symbolic links included.
    pub root: PathBuf,
    /// What may be done with it.
    pub access: Access,
}

impl Mount {
    /// Where it lies on this machine. A name, not a proof: whoever follows it opens
    /// `path` below `root` first, without following links.
    pub fn host(&self) -> PathBuf {
        self.root.join(&self.path)
    }
}

/// What may be done with a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AttemptEnd {
    /// How.
    pub outcome: Outcome,
    /// What the stage returned; `null` unless it succeeded.
    pub outputs: Value,
    /// Why it did not succeed.
    pub failure: Option<Failure>,
}
