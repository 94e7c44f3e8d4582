//! Event: what `--event` says has happened.

use std::io::Read as _;
use std::path::Path;

use super::Exit;
use super::environment::Environment;
use super::failure::Failure;
use crate::model::{limits, suggest};
use crate::spec::{Occurrence, Trigger};

/// Reads the event that a command was given: a file, or `github` for the variables
/// of GitHub's runner.
pub(super) fn read(
    typed: Option<&Path>,
    environment: &Environment,
) -> Result<Option<Occurrence>, Failure> {
    let Some(typed) = typed else { return Ok(None) };
    let (event, from) = if typed == Path::new("github") {
        let event = of_github(|name| environment.variable(name))
            .map_err(|problem| Failure::new(Exit::Usage, problem))?;
        (event, "GitHub's variables".to_owned())
    } else {
        let name = typed.display().to_string();
        (of_file(&environment.path(typed), &name)?, name)
    };
    match event.problem() {
        None => Ok(Some(event)),
        Some(problem) => Err(
            Failure::new(Exit::Usage, format!("the event in {from}: {problem}"))
                .hint("docs/cli.md has the form of an event"),
        ),
    }
}

fn of_file(path: &Path, name: &str) -> Result<Occurrence, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format!("the event {name} cannot be read: {error}"),
        )
    };
    let mut text = String::new();
    let most = limits::EVENT_BYTES;
    let file = std::fs::File::open(path).map_err(|error| failed(&error))?;
    file.take(most + 1)
        .read_to_string(&mut text)
        .map_err(|error| failed(&error))?;
    if text.len() as u64 > most {
        return Err(failed(&format!("it has more than {most} bytes")));
    }
    serde_json::from_str(&text).map_err(|error| {
        failed(&error).hint(
            "an event is `{ \"trigger\": \"push\", \"ref\": \"refs/heads/main\", \"sha\": \"…\" }`, \
             with `base`, `actor` and `files` where they are known",
        )
    })
}

/// The event that GitHub's runner tells its jobs of.
fn of_github(variable: impl Fn(&str) -> Option<String>) -> Result<Occurrence, String> {
    let name = variable("GITHUB_EVENT_NAME").ok_or(
        "`--event github` reads the variables of GitHub's runner, and GITHUB_EVENT_NAME is not set",
    )?;
    let trigger = match name.as_str() {
        "push" => Trigger::Push,
        "pull_request" | "pull_request_target" => Trigger::PullRequest,
        "schedule" => Trigger::Schedule,
        "workflow_dispatch" | "repository_dispatch" => Trigger::Manual,
        other => {
            let known = ["push", "pull_request", "schedule", "workflow_dispatch"];
            let near = suggest(other, known);
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(format!(
                "the event `{other}` of GitHub starts no pipeline here{near}"
            ));
        }
    };
    // Of a pull request `GITHUB_REF` is a merge that GitHub made up.
    let reference = match (trigger, variable("GITHUB_HEAD_REF")) {
        (Trigger::PullRequest, Some(head)) => Some(format!("refs/heads/{head}")),
        _ => variable("GITHUB_REF"),
    };
    Ok(Occurrence {
        trigger,
        reference,
        sha: variable("GITHUB_SHA"),
        base: variable("GITHUB_BASE_REF"),
        actor: variable("GITHUB_ACTOR"),
        files: None,
    })
}

#[cfg(test)]
mod tests {
    use super::of_github;
    use crate::spec::Trigger;

    #[test]
    fn the_variables_of_githubs_runner_are_an_event() {
        let read = |pairs: &[(&str, &str)]| {
            let find = |name: &str| pairs.iter().find(|(known, _)| *known == name);
            of_github(|name| find(name).map(|(_, value)| (*value).to_owned()))
        };
        let push = [
            ("GITHUB_EVENT_NAME", "push"),
            ("GITHUB_REF", "refs/heads/main"),
            ("GITHUB_SHA", "0123456789012345678901234567890123456789"),
            ("GITHUB_ACTOR", "somebody"),
        ];
        let event = read(&push).expect("it is one");
        assert_eq!(
            (event.trigger, event.branch()),
            (Trigger::Push, Some("main"))
        );
        assert_eq!(event.problem(), None);
        let pull = [
            ("GITHUB_EVENT_NAME", "pull_request"),
            ("GITHUB_REF", "refs/pull/7/merge"),
            ("GITHUB_HEAD_REF", "feature/x"),
            ("GITHUB_BASE_REF", "main"),
        ];
        let event = read(&pull).expect("it is one");
        assert_eq!(
            (event.branch(), event.base.as_deref()),
            (Some("feature/x"), Some("main"))
        );
        assert_eq!(event.problem(), None);
        let unknown = read(&[("GITHUB_EVENT_NAME", "pull_requst")]).expect_err("unknown");
        assert!(
            unknown.contains("did you mean `pull_request`?"),
            "{unknown}"
        );
        assert!(
            read(&[])
                .expect_err("not set")
                .contains("GITHUB_EVENT_NAME is not set")
        );
    }
}
