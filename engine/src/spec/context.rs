//! Contexts: what expressions may name in this version, and when it is known.

use super::expression::{Context, Reference};

/// When a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Time {
    /// Before anything runs.
    Plan,
    /// While the pipeline runs.
    Run,
}

/// What is known of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextFacts {
    /// The context.
    pub context: Context,
    /// When its values are known.
    pub time: Time,
    /// Its fields; empty when they are names of the pipeline.
    pub fields: &'static [&'static str],
    /// What it holds.
    pub about: &'static str,
}

/// The contexts of this version, as the table in `docs/pipeline.md`.
pub const CONTEXTS: [ContextFacts; 7] = [
    ContextFacts {
        context: Context::Inputs,
        time: Time::Plan,
        fields: &[],
        about: "the pipeline's inputs",
    },
    ContextFacts {
        context: Context::Env,
        time: Time::Plan,
        fields: &[],
        about: "the file's `env`, never the environment of the process",
    },
    ContextFacts {
        context: Context::Git,
        time: Time::Plan,
        fields: &["branch", "branch_slug", "sha", "short_sha"],
        about: "HEAD of the repository that holds the pipeline",
    },
    ContextFacts {
        context: Context::Runner,
        time: Time::Plan,
        fields: &["os", "arch"],
        about: "the machine",
    },
    ContextFacts {
        context: Context::Stages,
        time: Time::Run,
        fields: &[],
        about: "`stages.<id>.result` and `stages.<id>.outputs.<name>` of stages that came before",
    },
    ContextFacts {
        context: Context::Run,
        time: Time::Run,
        fields: &["id", "name", "trigger", "result"],
        about: "the run; `run.result` in `finally` and in the pipeline's `outputs` alone",
    },
    ContextFacts {
        context: Context::Secrets,
        time: Time::Run,
        fields: &[],
        about: "handles of secrets, each only as a whole value of `with`",
    },
];

/// What is known of a context; none when this version does not have it.
pub fn context(context: Context) -> Option<&'static ContextFacts> {
    CONTEXTS.iter().find(|facts| facts.context == context)
}

/// Whether the value of a reference is known before anything runs.
pub fn is_plan_time(reference: &Reference) -> bool {
    context(reference.context).is_some_and(|facts| facts.time == Time::Plan)
}

#[cfg(test)]
mod tests {
    use super::{CONTEXTS, Time};

    #[test]
    fn the_table_in_the_documentation_is_this_one() {
        let document = include_str!("../../../docs/pipeline.md");
        for facts in CONTEXTS {
            let time = match facts.time {
                Time::Plan => "plan",
                Time::Run => "run",
            };
            let fields: Vec<String> = facts.fields.iter().map(|it| format!("`{it}`")).collect();
            let fields = match fields.join(", ") {
                none if none.is_empty() => " ".to_owned(),
                fields => format!(" {fields} "),
            };
            let row = format!(
                "| `{}` | {time} |{fields}| {} |",
                facts.context, facts.about
            );
            assert!(document.contains(&row), "{row}");
        }
    }
}
