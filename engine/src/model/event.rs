//! Event: a fact or a signal about a run, in the past tense.
//!
//! *Facts* are state changes and calls that carry authority: journalled, synced,
//! then shown. *Signals* (log text, progress) are shown at once and go to the
//! attempt's log file. The serialised form of both is public, and described in
//! `docs/events.md`; its version stands in the envelope that the journal and the
//! `jsonl` reporter put around it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, Failure, Outcome, RunId, SourceLocation, StageId, Timestamp};

/// A fact or a signal, and when it happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A fact. Its sequence number in the journal starts at 1.
    Fact {
        /// Position in the journal of the run.
        sequence: u64,
        /// When it happened.
        at: Timestamp,
        /// What happened.
        fact: Fact,
    },
    /// A signal.
    Signal {
        /// When it happened.
        at: Timestamp,
        /// What happened.
        signal: Signal,
    },
}

/// A state change of the run, or a call that carries authority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Fact {
    /// The run began.
    RunStarted {
        /// The run.
        run: RunId,
        /// The pipeline's name.
        pipeline: String,
        /// What this run is called.
        name: String,
        /// Digest of the plan, which lies beside the journal as `plan.json`.
        plan: Digest,
        /// Digest of the pipeline's text, a blob of the store.
        source: Digest,
        /// Version of the engine.
        engine: String,
        /// What started the run.
        trigger: String,
        /// The wall around the native tools of the run; none if it has no tools.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wall: Option<WallLevel>,
        /// What that wall does not hold, in words.
        lost: Vec<String>,
        /// The stages, in the order of the file.
        stages: Vec<StageId>,
    },
    /// A stage will not run.
    StageSkipped {
        /// The stage.
        stage: StageId,
        /// The expression or the need that decided it, with the values it saw.
        because: String,
    },
    /// An attempt began.
    StageStarted {
        /// The stage.
        stage: StageId,
        /// 1 on the first try.
        attempt: u32,
        /// Digest of the component.
        component: Digest,
        /// Its inputs, complete. Secrets stand in them as handles.
        inputs: Value,
        /// What it may do, a line each, the most dangerous first; empty for a
        /// stage that can only compute and log.
        authority: Vec<String>,
    },
    /// A call that changes the outside world is about to be made.
    ///
    /// Durable before the call, so that a crash cannot hide it.
    EffectBegun {
        /// The stage.
        stage: StageId,
        /// The attempt.
        attempt: u32,
        /// Number of the call in this attempt; the same in its `HostCalled`.
        call: u64,
        /// The interface, such as `wasi:http/outgoing-handler`.
        interface: String,
        /// The function.
        function: String,
        /// The arguments, in words and without secrets.
        arguments: String,
    },
    /// A call that carries authority was made, or refused.
    HostCalled(HostCall),
    /// Cheap calls of an attempt, counted.
    HostUsed {
        /// The stage.
        stage: StageId,
        /// The attempt.
        attempt: u32,
        /// What was used.
        usage: HostUsage,
    },
    /// A stage remarked on something.
    Annotated {
        /// The stage.
        stage: StageId,
        /// The attempt.
        attempt: u32,
        /// The remark.
        annotation: Annotation,
    },
    /// A stage added to the summary of the run.
    Summarised {
        /// The stage.
        stage: StageId,
        /// The attempt.
        attempt: u32,
        /// Markdown.
        markdown: String,
    },
    /// An attempt did not succeed.
    AttemptFailed {
        /// The stage.
        stage: StageId,
        /// The attempt; 0 when the stage could not be started.
        attempt: u32,
        /// How it ended.
        outcome: Outcome,
        /// Why.
        failure: Failure,
        /// How long it took.
        duration_ms: u64,
    },
    /// Another attempt will be made.
    RetryScheduled {
        /// The stage.
        stage: StageId,
        /// The attempt to come.
        attempt: u32,
        /// When, counted from this fact.
        delay_ms: u64,
        /// Which entry of `retry.on` matched.
        because: String,
    },
    /// What an attempt made is in its place; the stage never runs again.
    StageCommitted {
        /// The stage.
        stage: StageId,
        /// The attempt.
        attempt: u32,
        /// Its outputs, after redaction.
        outputs: Value,
        /// Its layers: workspace path and digest of the tree, if it was hashed.
        layers: BTreeMap<String, Option<Digest>>,
        /// How long the attempt took.
        duration_ms: u64,
    },
    /// A stage came to its end, whatever it was.
    StageFinished {
        /// The stage.
        stage: StageId,
        /// How.
        outcome: Outcome,
        /// How many attempts were made.
        attempts: u32,
    },
    /// Somebody asked the run to stop.
    CancelRequested {
        /// `interrupt`, `terminate`, or who asked.
        by: String,
    },
    /// The run came to its end.
    RunFinished {
        /// How.
        result: Outcome,
        /// The pipeline's outputs, after redaction.
        outputs: Value,
        /// How long it took.
        duration_ms: u64,
    },
}

/// A call that carries authority.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostCall {
    /// The stage.
    pub stage: StageId,
    /// The attempt.
    pub attempt: u32,
    /// Number of the call in this attempt, from 1.
    pub call: u64,
    /// The interface, such as `engine:git/remote`.
    pub interface: String,
    /// The function, such as `ls-refs`.
    pub function: String,
    /// The arguments, in words and without secrets.
    pub arguments: String,
    /// Whether the grants let it through.
    pub decision: CallDecision,
    /// The dotted code of the error that the guest got; none if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The result, in words and without secrets (`200`, `exit 0`, a commit).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// How long it took.
    pub duration_us: u64,
}

/// Whether the grants let a call through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallDecision {
    /// They did.
    Allowed,
    /// They did not; nothing happened.
    Denied,
}

/// What an attempt used, counted instead of listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct HostUsage {
    /// Calls by interface.
    pub calls: BTreeMap<String, u64>,
    /// Bytes of log text kept.
    pub log_bytes: u64,
    /// Lines of log text that were beyond the limit and are not kept.
    pub log_lines_dropped: u64,
    /// Most linear memory that the guest had, in bytes.
    pub memory_bytes: u64,
    /// What was done with files; none where no folder was granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<FileUsage>,
}

/// What an attempt did with the files of its workspace, counted.
///
/// With the `HostCalled` facts of `wasi:filesystem/types` this is complete: every
/// call that reached a file is either one of those facts or part of a number here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileUsage {
    /// Reads of files.
    pub reads: u64,
    /// Bytes that they gave.
    pub read_bytes: u64,
    /// Writes to files.
    pub writes: u64,
    /// Bytes that they took.
    pub written_bytes: u64,
    /// Bytes that files grew by: what `resources.disk` limits.
    pub disk_bytes: u64,
    /// Files, folders and links that were made.
    pub entries: u64,
    /// Calls with a path that failed although they were allowed, such as opening
    /// a file that is not there.
    pub failed: u64,
    /// Opens of what a fact of this attempt says already that it was opened.
    pub repeated_opens: u64,
    /// Opens for reading that are no facts, since there were too many.
    pub unlisted_opens: u64,
    /// The same by folder of the workspace. A folder that ends in `/**` stands for
    /// all below it.
    pub unlisted_folders: BTreeMap<String, u64>,
}

/// A remark of a stage about the work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Annotation {
    /// How much it matters.
    pub severity: AnnotationSeverity,
    /// What is remarked.
    pub message: String,
    /// A headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Identifier of the rule or test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<SourceLocation>,
}

/// How much an annotation matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnnotationSeverity {
    /// Worth knowing.
    Notice,
    /// Worth mending.
    Warning,
    /// Must be mended.
    Error,
}

/// The wall around native tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WallLevel {
    /// No wall: the tool can do what the user can do.
    None,
    /// seccomp and `no_new_privs`.
    Weak,
    /// Landlock and seccomp.
    Medium,
    /// Namespaces, Landlock and seccomp.
    Strong,
}

impl WallLevel {
    /// The word in records and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Weak => "weak",
            Self::Medium => "medium",
            Self::Strong => "strong",
        }
    }
}

/// Something worth showing at once that the journal does not keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Signal {
    /// Lines of a stage's log, redacted.
    Logged {
        /// The stage.
        stage: StageId,
        /// The attempt.
        attempt: u32,
        /// The lines, oldest first.
        lines: Vec<LogLine>,
    },
    /// How far a part of a stage's work is.
    Progressed {
        /// The stage.
        stage: StageId,
        /// The attempt.
        attempt: u32,
        /// How far.
        progress: Progress,
    },
    /// A stage waits for something other than its needs.
    Waiting {
        /// The stage.
        stage: StageId,
        /// For what.
        reason: String,
    },
}

/// One line of a stage's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// When it was written.
    pub at: Timestamp,
    /// Where it comes from.
    pub stream: LogStream,
    /// How much it matters.
    pub level: Level,
    /// The text, without the end of line. Guest-controlled: may hold control
    /// characters, which every reporter must escape.
    pub text: String,
}

/// Where a log line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogStream {
    /// `report.log`.
    Report,
    /// The guest's standard output.
    Stdout,
    /// The guest's standard error.
    Stderr,
    /// A native tool's standard output.
    ToolStdout,
    /// A native tool's standard error.
    ToolStderr,
    /// The engine itself.
    Engine,
}

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Every step, for the plugin's author.
    Trace,
    /// Detail for whoever looks into a failure.
    Debug,
    /// What a reader of the run wants to know.
    Info,
    /// Something looks wrong.
    Warn,
    /// Something is wrong.
    Error,
}

/// How far a part of a stage's work is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Progress {
    /// Which part; parts of one attempt have different numbers.
    pub section: u64,
    /// What the part is called.
    pub title: String,
    /// How much is done; none where only the status changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<u64>,
    /// Out of how much; none where no end is in sight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The unit of both (`objects`, `bytes`).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    /// What it does just now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether the part has ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}
