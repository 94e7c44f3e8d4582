//! Run: one step after the other, until one fails.

use std::collections::BTreeMap;
use std::time::Duration;

use engine_sdk::exec::{self, Command, Exit, Outcome, ToolInfo};
use engine_sdk::report::Section;
use engine_sdk::secrets::Secret;
use engine_sdk::{Failure, context, info};
use serde::Serialize;

use crate::step::Step;

/// What every step gets.
pub(crate) struct Environment<'i> {
    /// Variables and their texts.
    pub(crate) plain: &'i BTreeMap<String, String>,
    /// Variables that hold the path of a file with a secret.
    pub(crate) files: &'i BTreeMap<String, Secret>,
    /// Variables that hold a secret.
    pub(crate) values: &'i BTreeMap<String, Secret>,
    /// Relative to the workspace.
    pub(crate) working_directory: Option<&'i str>,
    /// Of each step.
    pub(crate) timeout: Option<Duration>,
}

/// How one step went.
#[derive(Debug, Serialize)]
pub(crate) struct StepReport {
    command: String,
    exit_code: i32,
    wall_ms: u64,
    user_ms: u64,
    system_ms: u64,
    max_rss_bytes: u64,
}

/// Runs all steps; the first that fails ends it.
pub(crate) fn all(
    steps: &[Step],
    environment: &Environment<'_>,
    allowed_codes: &[i32],
) -> Result<Vec<StepReport>, Failure> {
    if let Some(number) = unready(steps, &exec::tools()) {
        // A tool that is not granted or not there would end the stage at its
        // step, after all the work before it. Asked for now, the host refuses
        // it in its own words, and on record.
        let step = &steps[number];
        command(step, environment)
            .run()
            .map_err(|error| name_step(error.into(), number, steps))?;
        return Err(Failure::internal(
            "build.tool-listed-wrongly",
            format!("`{}` runs, but is not among the tools", step.tool),
        ));
    }
    let mut reports = Vec::with_capacity(steps.len());
    for (number, step) in steps.iter().enumerate() {
        context::check_cancelled()?;
        let section = Section::new(&step.shown);
        let outcome = command(step, environment)
            .run()
            .map_err(|error| name_step(error.into(), number, steps))?;
        drop(section);
        let code = judge(outcome.exit, allowed_codes)
            .map_err(|failure| name_step(failure, number, steps))?;
        reports.push(report(step, code, &outcome));
    }
    Ok(reports)
}

fn command<'i>(step: &Step, environment: &Environment<'i>) -> Command<'i> {
    let mut command = Command::new(&step.tool).args(step.arguments.iter().cloned());
    for (name, value) in environment.plain {
        command = command.env(name, value);
    }
    for (name, secret) in environment.files {
        command = command.env_secret_file(name, secret);
    }
    for (name, secret) in environment.values {
        command = command.env_secret(name, secret);
    }
    if let Some(path) = environment.working_directory {
        command = command.working_directory(path);
    }
    if let Some(timeout) = environment.timeout {
        command = command.timeout(timeout);
    }
    command
}

/// The first step whose tool is not granted, or granted but not there.
fn unready(steps: &[Step], tools: &[ToolInfo]) -> Option<usize> {
    steps.iter().position(|step| {
        !tools
            .iter()
            .any(|tool| tool.name == step.tool && tool.available)
    })
}

/// The code of a step that may go on.
fn judge(exit: Exit, allowed_codes: &[i32]) -> Result<i32, Failure> {
    const CODE: &str = "build.exit-nonzero";
    match exit {
        Exit::Code(code) if code == 0 || allowed_codes.contains(&code) => Ok(code),
        Exit::Code(code) => {
            let details = BTreeMap::from([("exit-code", code)]);
            Err(Failure::work_failed(CODE, format!("exited with code {code}")).details(&details))
        }
        Exit::Signal(signal) => {
            let details = BTreeMap::from([("signal", signal)]);
            Err(
                Failure::work_failed(CODE, format!("was killed by signal {signal}"))
                    .details(&details),
            )
        }
    }
}

/// Says which step it was.
fn name_step(mut failure: Failure, number: usize, steps: &[Step]) -> Failure {
    let shown = &steps[number].shown;
    let step = match steps.len() {
        1 => format!("`{shown}`"),
        count => format!("step {} of {count} `{shown}`", number + 1),
    };
    failure.message = if failure.code.starts_with("build.") {
        format!("{step} {}", failure.message)
    } else {
        format!("{step}: {}", failure.message)
    };
    failure
}

fn report(step: &Step, exit_code: i32, outcome: &Outcome) -> StepReport {
    let usage = &outcome.usage;
    info!(
        "{} exited with code {exit_code} after {}",
        step.tool,
        seconds(usage.wall)
    );
    StepReport {
        command: step.shown.clone(),
        exit_code,
        wall_ms: usage.wall,
        user_ms: usage.user,
        system_ms: usage.system,
        max_rss_bytes: usage.max_rss_bytes,
    }
}

/// `1.25 s`, without dragging float formatting into the guest.
fn seconds(milliseconds: u64) -> String {
    format!("{}.{:02} s", milliseconds / 1000, milliseconds % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use engine_sdk::FailureClass;

    use super::*;

    fn steps(tools: &[&str]) -> Vec<Step> {
        tools
            .iter()
            .map(|tool| Step {
                tool: (*tool).to_owned(),
                arguments: Vec::new(),
                shown: format!("{tool} x"),
            })
            .collect()
    }

    fn tool(name: &str, available: bool) -> ToolInfo {
        ToolInfo {
            name: name.to_owned(),
            available,
            digest: None,
            network: false,
        }
    }

    #[test]
    fn a_step_without_its_tool_is_found_before_anything_runs() {
        let steps = steps(&["go", "npm", "go"]);
        let both = [tool("go", true), tool("npm", true)];
        assert_eq!(unready(&steps, &both), None);
        let absent = [tool("go", true), tool("npm", false)];
        assert_eq!(unready(&steps, &absent), Some(1));
        assert_eq!(unready(&steps, &[tool("npm", true)]), Some(0));
    }

    #[test]
    fn only_zero_and_the_codes_allowed_go_on() {
        assert_eq!(judge(Exit::Code(0), &[]).expect("fine"), 0);
        assert_eq!(judge(Exit::Code(3), &[2, 3]).expect("allowed"), 3);
        let failure = judge(Exit::Code(101), &[3]).expect_err("not allowed");
        assert_eq!(failure.class, FailureClass::WorkFailed);
        assert_eq!(failure.code, "build.exit-nonzero");
        assert_eq!(failure.details.as_deref(), Some(r#"{"exit-code":101}"#));
    }

    #[test]
    fn a_signal_is_never_allowed() {
        let failure = judge(Exit::Signal(9), &[9, 137]).expect_err("killed");
        assert!(failure.message.contains("signal 9"), "{failure}");
        assert_eq!(failure.details.as_deref(), Some(r#"{"signal":9}"#));
    }

    #[test]
    fn a_failure_names_its_step() {
        let both = steps(&["go", "npm"]);
        let failure = judge(Exit::Code(1), &[]).expect_err("failed");
        let failure = name_step(failure, 1, &both);
        assert_eq!(failure.message, "step 2 of 2 `npm x` exited with code 1");
        let failure = name_step(Failure::denied("exec.denied", "not granted"), 0, &both[..1]);
        assert_eq!(failure.message, "`go x`: not granted");
    }

    #[test]
    fn seconds_have_two_digits_behind_the_point() {
        assert_eq!(seconds(0), "0.00 s");
        assert_eq!(seconds(61_059), "61.05 s");
    }
}
