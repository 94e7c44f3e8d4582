//! Context: what expressions may name, and when it is known.

/// When a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Time {
    /// Before anything runs.
    Plan,
    /// While the pipeline runs.
    Run,
}

/// A name that expressions may begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The name.
    pub name: &'static str,
    /// When its values are known.
    pub time: Time,
    /// Its fields; empty when they are names of the pipeline.
    pub fields: &'static [&'static str],
    /// What it holds.
    pub about: &'static str,
}

/// All contexts, as the table in `docs/pipeline.md`.
pub const CONTEXTS: [Context; 7] = [
    Context {
        name: "inputs",
        time: Time::Plan,
        fields: &[],
        about: "the pipeline's inputs",
    },
    Context {
        name: "env",
        time: Time::Plan,
        fields: &[],
        about: "the file's `env`, never the environment of the process",
    },
    Context {
        name: "git",
        time: Time::Plan,
        fields: &["branch", "branch_slug", "sha", "short_sha"],
        about: "HEAD of the repository that holds the pipeline",
    },
    Context {
        name: "runner",
        time: Time::Plan,
        fields: &["os", "arch"],
        about: "the machine",
    },
    Context {
        name: "stages",
        time: Time::Run,
        fields: &[],
        about: "`stages.<id>.result` and `stages.<id>.outputs.<name>` of stages that came before",
    },
    Context {
        name: "run",
        time: Time::Run,
        fields: &["id", "name", "result"],
        about: "the run; `run.result` in `finally` alone",
    },
    Context {
        name: "secrets",
        time: Time::Run,
        fields: &[],
        about: "handles of secrets, only as a whole value of `with`",
    },
];

/// The context of a name.
pub fn context(name: &str) -> Option<&'static Context> {
    CONTEXTS.iter().find(|context| context.name == name)
}
