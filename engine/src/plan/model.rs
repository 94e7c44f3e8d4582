//! Plan: its types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Digest, Outcome, StageId, limits};
use crate::policy::Grants;
use crate::spec::expression::{Expression, Template};
use crate::spec::{Effects, Occurrence, RetryOn, SecretKind};

/// What will happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Version of this form.
    pub version: u32,
    /// The pipeline's name.
    pub pipeline: String,
    /// What a run of this plan is called.
    pub run_name: String,
    /// Digest of the pipeline's text.
    pub source: Digest,
    /// What was known when the plan was made.
    pub facts: Facts,
    /// The file's `env:`, evaluated; the context `env` of expressions.
    pub env: BTreeMap<String, String>,
    /// Secrets that the pipeline declares.
    pub secrets: BTreeMap<String, SecretDeclaration>,
    /// The stages, then the stages of `finally`, each in the order of the file.
    pub stages: Vec<PlannedStage>,
    /// The pipeline's own outputs.
    pub outputs: BTreeMap<String, Template>,
}

/// What was known when the plan was made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Facts {
    /// The pipeline's inputs with their values.
    pub inputs: BTreeMap<String, Value>,
    /// HEAD of the repository that holds the pipeline file.
    pub git: Option<GitFacts>,
    /// What started the run.
    pub trigger: String,
    /// What is said to have happened, without the files; `git` of expressions is
    /// what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<Occurrence>,
    /// `linux` or `macos`.
    pub os: String,
    /// `x86_64` or `aarch64`.
    pub arch: String,
    /// The tools that stages were granted.
    pub tools: BTreeMap<String, ToolFacts>,
}

/// HEAD of the repository that holds the pipeline file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct GitFacts {
    /// The branch; none with a detached HEAD.
    pub branch: Option<String>,
    /// The commit.
    pub sha: String,
    /// Its first eight digits.
    pub short_sha: String,
    /// Where the repository lies, as an absolute path.
    pub root: String,
}

/// What a tool's name stands for on this machine. Its path is not part of the
/// plan's digest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ToolFacts {
    /// The program; none when it is not on this machine.
    pub path: Option<String>,
    /// Its digest.
    pub digest: Option<Digest>,
}

/// One stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedStage {
    /// Its id.
    pub id: StageId,
    /// Its name for people.
    pub name: Option<String>,
    /// JSON pointer of its node in the pipeline file.
    pub pointer: String,
    /// What runs.
    pub plugin: PlannedPlugin,
    /// Inputs: values, and expressions to evaluate when the stage is ready.
    pub with: Template,
    /// What must have ended, and how.
    pub needs: Vec<Need>,
    /// Filters a ready stage; none is true.
    pub condition: Option<Expression>,
    /// Environment of its native tools.
    pub env: BTreeMap<String, Template>,
    /// What it is given.
    pub grants: Grants,
    /// What stops it.
    pub limits: StageLimits,
    /// When it is tried again.
    pub retry: RetryPolicy,
    /// Whether a failure leaves the run as it was.
    pub continue_on_error: Template,
    /// What running it twice would do.
    pub effects: Effects,
    /// Whether it stands in `finally`.
    pub finally: bool,
}

/// The plugin of a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedPlugin {
    /// What `uses:` said.
    pub uses: String,
    /// Digest of the component.
    pub digest: Digest,
    /// Name and version, in the plugin's own words.
    pub name: String,
    /// See `name`.
    pub version: String,
}

/// One entry of `needs`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Need {
    /// Index of the stage in [`Plan::stages`].
    pub stage: usize,
    /// The outcomes that let this stage start.
    pub on: Vec<Outcome>,
}

/// What stops a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StageLimits {
    /// Time of one attempt.
    pub timeout_ms: u64,
    /// Linear memory of the guest.
    pub wasm_memory_bytes: u64,
    /// Memory of its native tools; none is the machine's.
    pub memory_bytes: Option<u64>,
    /// Log text kept.
    pub log_bytes: u64,
    /// Bytes that the guest may add to files of the workspace.
    pub disk_bytes: u64,
}

impl Default for StageLimits {
    fn default() -> Self {
        Self {
            timeout_ms: u64::try_from(limits::DEFAULT_STAGE_TIMEOUT.as_millis())
                .unwrap_or(u64::MAX),
            wasm_memory_bytes: limits::DEFAULT_WASM_MEMORY_BYTES as u64,
            memory_bytes: None,
            log_bytes: limits::DEFAULT_LOG_BYTES,
            disk_bytes: limits::DEFAULT_DISK_BYTES,
        }
    }
}

/// When a stage is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RetryPolicy {
    /// 1 means never.
    pub max_attempts: u32,
    /// The failures that are worth another try.
    pub on: Vec<RetryOn>,
    /// How long to wait.
    pub backoff: Backoff,
}

/// How long to wait before another attempt: `initial * factor^(n-1)`, at most
/// `max`, and with full jitter a random part of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Backoff {
    /// Before the second attempt.
    pub initial_ms: u64,
    /// Growth from one wait to the next.
    pub factor: f64,
    /// Upper bound.
    pub max_ms: u64,
    /// Whether to wait a random part of it (full jitter) or all of it.
    pub jitter: bool,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 1,
            on: vec![RetryOn::Transient],
            backoff: Backoff {
                initial_ms: 1_000,
                factor: 2.0,
                max_ms: 30_000,
                jitter: true,
            },
        }
    }
}

/// A secret that the pipeline declares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecretDeclaration {
    /// What it is.
    pub kind: SecretKind,
    /// The hosts it may be sent to.
    pub hosts: Vec<String>,
    /// Where the value comes from unless the invoker says otherwise: `env:NAME`
    /// or `file:/run/secrets/…`.
    pub from: Option<String>,
}
