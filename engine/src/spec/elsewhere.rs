//! Elsewhere: what people write who come from other systems, and how it is said here.
//!
//! Only hints come from here: a word of another system is never accepted.

/// Keys of other systems: what has them, the key, and what to write.
///
/// `docs/pipeline.md` has a table of the same keys; a test keeps the two equal.
pub(super) const KEYS: &[(&str, &[&str], &str)] = &[
    (
        "a pipeline",
        &["jobs"],
        "GitHub's jobs are `stages:` here, and each stage runs one plugin, such as `uses: builtin:build`",
    ),
    (
        "a pipeline",
        &["steps", "script", "run", "before_script", "after_script"],
        "commands belong into a stage: `uses: builtin:build` with `commands:`",
    ),
    ("a pipeline", &["variables"], "variables stand below `env:`"),
    (
        "a pipeline",
        &["default"],
        "what stages share stands below `defaults:`",
    ),
    (
        "a pipeline",
        &["workflow", "trigger", "triggers"],
        "what starts a pipeline stands below `on:`",
    ),
    (
        "a pipeline",
        &["include"],
        "what stages share stands below a key that begins with `x-`, with a YAML anchor",
    ),
    (
        "a stage",
        &[
            "run",
            "script",
            "command",
            "commands",
            "before_script",
            "after_script",
            "args",
        ],
        "`uses: builtin:build` runs tools: `with: { commands: [[cargo, test]] }` and `capabilities: { exec: [{ tool: cargo }] }`",
    ),
    (
        "a stage",
        &["steps"],
        "a stage runs one plugin: make each step a stage, or several commands one `with: { commands: [[cargo, build], [cargo, test]] }` of `builtin:build`",
    ),
    (
        "a stage",
        &["stage", "dependencies", "depends_on"],
        "what must have ended before stands in `needs: [a, b]`",
    ),
    (
        "a stage",
        &["only", "except", "rules", "when"],
        "a condition stands in `if:`, such as `git.branch == 'main'`; what runs whatever happened stands below `finally:`",
    ),
    (
        "a stage",
        &["allow_failure", "ignore_errors"],
        "write `continue-on-error: true`",
    ),
    (
        "a stage",
        &["timeout-minutes"],
        "write the unit: `timeout: 10m`",
    ),
    (
        "a stage",
        &["variables", "environment_variables"],
        "variables of tools stand below `env:`",
    ),
    (
        "a stage",
        &["working-directory", "working_directory"],
        "it is an input of the plugin: `with: { working-directory: src }`",
    ),
    (
        "a stage",
        &["secrets"],
        "declare secrets at the top of the file, and pass one as `${{ secrets.name }}` below `with:`",
    ),
    (
        "a stage",
        &["outputs"],
        "a stage returns what its plugin does, `stages.ID.outputs.NAME`; the outputs of the pipeline stand at the top of the file",
    ),
    (
        "a stage",
        &["tags", "runs-on", "pool", "agent"],
        "leave it out: stages run on the machine on which `engine run` is typed",
    ),
    (
        "a pipeline",
        &["runs-on", "tags", "pool", "agent"],
        "leave it out: stages run on the machine on which `engine run` is typed",
    ),
    (
        "a stage",
        &["strategy", "parallel"],
        "write a stage for each case until then; a YAML anchor holds what they share",
    ),
    (
        "",
        &["image", "container", "services"],
        "there are no containers here: a stage names the tools of this machine that it runs, `exec: [{ tool: cargo }]`",
    ),
    (
        "",
        &["permissions"],
        "a stage has what its `capabilities:` give it, and nothing else",
    ),
    (
        "",
        &["extends"],
        "what stages share stands below a key that begins with `x-`, with a YAML anchor",
    ),
    (
        "`on`",
        &[
            "workflow_dispatch",
            "repository_dispatch",
            "workflow_call",
            "web",
        ],
        "a pipeline that a person starts has `manual: {}`",
    ),
    (
        "`on`",
        &[
            "merge_request",
            "merge_requests",
            "merge_request_event",
            "pull_request_target",
        ],
        "write `pull-request: { branches: [main] }`",
    ),
    (
        "`on`",
        &["tag", "tags", "release", "create"],
        "write `push: { tags: [\"v*\"] }`",
    ),
    (
        "`on`",
        &["branches", "branch"],
        "write `push: { branches: [main] }`",
    ),
    (
        "`on`",
        &["cron"],
        "write `schedule: [{ cron: \"0 3 * * *\" }]`",
    ),
    (
        "a trigger",
        &["types"],
        "a pull request starts the pipeline when it is opened and when it changes",
    ),
    (
        "`retry`",
        &["max", "attempts", "limit", "count"],
        "write `max-attempts: 3`, which counts the first one",
    ),
    (
        "`retry`",
        &["when", "exit_codes"],
        "which failures are tried again stands in `on: [transient, timed-out, \"exit:75\"]`",
    ),
    (
        "`capabilities`",
        &["network", "net", "internet"],
        "requests of the plugin stand in `http: [\"GET https://example.org/**\"]`, what a tool may reach in `network:` of its entry of `exec`",
    ),
    (
        "an entry of `needs`",
        &["job", "name", "id", "pipeline"],
        "write `{ stage: a, on: [succeeded] }`",
    ),
];

/// What to write instead of a key of another system.
pub(super) fn key(of: &str, key: &str) -> Option<&'static str> {
    let rows = KEYS.iter();
    let mut found =
        rows.filter(|(what, keys, _)| (what.is_empty() || *what == of) && keys.contains(&key));
    found.next().map(|(_, _, hint)| *hint)
}

/// How a mapping is written, for who wrote something else in its place.
pub(super) fn shape(of: &str) -> Option<&'static str> {
    const SHAPES: [(&str, &str); 15] = [
        ("`on`", "{ push: { branches: [main] } }"),
        ("a trigger", "{ branches: [main] }"),
        ("a schedule", "{ cron: \"0 3 * * 1-5\" }"),
        ("an input", "{ type: string }"),
        ("a secret", "{ kind: token, hosts: [git.example.org] }"),
        ("a plugin", "{ source: plugins/check.wasm }"),
        ("`defaults`", "{ timeout: 10m }"),
        ("a stage", "{ uses: builtin:build }"),
        ("`retry`", "{ max-attempts: 3 }"),
        ("`backoff`", "{ initial: 1s, max: 30s }"),
        ("`resources`", "{ memory: 2GiB }"),
        ("`capabilities`", "{ exec: [{ tool: cargo }] }"),
        ("`git`", "{ list: [.], fetch: [.] }"),
        ("`workspace`", "{ read: [src], write: [dist] }"),
        ("a tool", "{ tool: cargo }"),
    ];
    let found = SHAPES.iter().find(|(what, _)| *what == of);
    found.map(|(_, shape)| *shape)
}

/// Our word for one of another system, where one of a closed list is wanted.
pub(crate) fn word(typed: &str, known: &[&str]) -> Option<&'static str> {
    const WORDS: [(&str, &str); 30] = [
        ("success", "succeeded"),
        ("passed", "succeeded"),
        ("ok", "succeeded"),
        ("completed", "succeeded"),
        ("failure", "failed"),
        ("error", "errored"),
        ("canceled", "cancelled"),
        ("timeout", "timed-out"),
        ("timed_out", "timed-out"),
        ("stuck_or_timeout_failure", "timed-out"),
        ("runner_system_failure", "lost-worker"),
        ("choice", "enum"),
        ("options", "enum"),
        ("text", "string"),
        ("str", "string"),
        ("int", "number"),
        ("integer", "number"),
        ("float", "number"),
        ("bool", "boolean"),
        ("password", "basic"),
        ("user-password", "basic"),
        ("api-key", "token"),
        ("ssh", "ssh-key"),
        ("key", "ssh-key"),
        ("webhook", "url"),
        ("pull_request", "pull-request"),
        ("workflow_dispatch", "manual"),
        ("bash", "sh"),
        ("python3", "python"),
        ("gcc", "cc"),
    ];
    let found = WORDS.iter().filter(|(theirs, _)| *theirs == typed);
    let mut ours = found.map(|(_, ours)| *ours);
    ours.find(|ours| known.contains(ours))
}

/// What to write instead of a context of another system; `field` is what stands
/// behind its first dot.
pub(super) fn context(name: &str, field: &str) -> Option<&'static str> {
    Some(match (name, field) {
        ("github", "sha") => "write `git.sha`",
        ("github", "ref" | "ref_name" | "head_ref" | "base_ref") => {
            "write `git.branch`, which is the name without `refs/heads/`"
        }
        ("github", "event_name") => "write `run.trigger`",
        ("github", "run_id" | "run_number") => "write `run.id`",
        ("github" | "gitlab", _) => {
            "the commit is `git.sha`, the branch `git.branch`, the run `run.id`"
        }
        ("needs" | "steps" | "jobs" | "job", _) => {
            "other stages are `stages.ID.outputs.NAME` and `stages.ID.result`"
        }
        ("vars" | "variables" | "params" | "parameters", _) => {
            "what the invoker says is `inputs.NAME`, what the file says `env.NAME`"
        }
        ("strategy", _) => "there is no matrix in this version",
        ("branch", _) => "did you mean `git.branch`?",
        ("sha" | "commit", _) => "did you mean `git.sha`?",
        ("os" | "arch", _) => "did you mean `runner.os` or `runner.arch`?",
        ("result", _) => "did you mean `run.result` or `stages.ID.result`?",
        (name, _) if name.starts_with("CI_") || name.starts_with("GITHUB_") => {
            "variables of the process are not known here: the commit is `git.sha`, the branch `git.branch`"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{KEYS, key, shape, word};
    use crate::spec::parse;

    #[test]
    fn the_table_in_the_documentation_has_every_key() {
        let page = include_str!("../../../docs/pipeline.md");
        let section = page
            .split("## Coming from elsewhere")
            .nth(1)
            .expect("it exists");
        let section = section
            .split("| expression there")
            .next()
            .expect("it is there");
        let rows = section.lines().filter(|line| line.starts_with("| `"));
        let first = rows.map(|row| row.split(" | ").next().expect("a cell"));
        let told: BTreeSet<&str> = first
            .flat_map(|cell| cell.split('`').skip(1).step_by(2))
            .collect();
        let known: BTreeSet<&str> = KEYS
            .iter()
            .flat_map(|(_, keys, _)| keys.iter().copied())
            .collect();
        assert_eq!(told, known);
    }

    #[test]
    fn a_shape_is_one_that_the_language_reads() {
        for (of, place) in [
            ("`on`", "on: HERE\nstages: { a: { uses: builtin:x } }"),
            (
                "a trigger",
                "on: { push: HERE }\nstages: { a: { uses: builtin:x } }",
            ),
            (
                "a schedule",
                "on: { schedule: [HERE] }\nstages: { a: { uses: builtin:x } }",
            ),
            (
                "an input",
                "inputs: { i: HERE }\nstages: { a: { uses: builtin:x } }",
            ),
            (
                "a secret",
                "secrets: { s: HERE }\nstages: { a: { uses: builtin:x } }",
            ),
            (
                "a plugin",
                "plugins: { p: HERE }\nstages: { a: { uses: builtin:x } }",
            ),
            (
                "`defaults`",
                "defaults: HERE\nstages: { a: { uses: builtin:x } }",
            ),
            ("a stage", "stages: { a: HERE }"),
            ("`retry`", "stages: { a: { uses: builtin:x, retry: HERE } }"),
            (
                "`backoff`",
                "stages: { a: { uses: builtin:x, retry: { backoff: HERE } } }",
            ),
            (
                "`resources`",
                "stages: { a: { uses: builtin:x, resources: HERE } }",
            ),
            (
                "`capabilities`",
                "stages: { a: { uses: builtin:x, capabilities: HERE } }",
            ),
            (
                "`git`",
                "stages: { a: { uses: builtin:x, capabilities: { git: HERE } } }",
            ),
            (
                "`workspace`",
                "stages: { a: { uses: builtin:x, capabilities: { workspace: HERE } } }",
            ),
            (
                "a tool",
                "stages: { a: { uses: builtin:x, capabilities: { exec: [HERE] } } }",
            ),
        ] {
            let shape = shape(of).unwrap_or_else(|| panic!("{of}"));
            let text = format!("version: 1\n{}\n", place.replace("HERE", shape));
            assert!(parse(&text).1.is_empty(), "{text}{:?}", parse(&text).1);
        }
    }

    #[test]
    fn a_word_is_translated_where_ours_is_known() {
        assert_eq!(word("success", &["succeeded", "failed"]), Some("succeeded"));
        assert_eq!(word("success", &["once"]), None);
        assert!(key("a stage", "run").is_some());
        assert_eq!(key("`retry`", "run"), None);
    }
}
