//! `engine runs`: the runs of this repository, the newest first.

use jiff::tz::TimeZone;
use serde_json::json;

use super::arguments::{Format, RunsArguments};
use super::environment::Environment;
use super::failure::Failure;
use super::{Exit, find_run, time_zone};
use crate::model::Timestamp;
use crate::report::escape;
use crate::store::{Home, IndexedRun, is_running};

pub(super) fn main(arguments: &RunsArguments, environment: &Environment) -> Result<Exit, Failure> {
    let home = find_run::home(environment)?;
    let runs = find_run::index(&home)?
        .newest(arguments.limit)
        .map_err(|error| Failure::new(Exit::Infrastructure, error.to_string()))?;
    match arguments.format {
        Format::Json => environment.print(&as_json(&runs, &home)),
        Format::Text if runs.is_empty() => {
            environment.tell("no runs yet; start one with `engine run`\n");
        }
        Format::Text => environment.print(&as_text(&runs, &home, &time_zone::local(environment))),
    }
    Ok(Exit::Success)
}

/// A run without an end is running, or was killed.
fn state(run: &IndexedRun, home: &Home) -> &'static str {
    match run.result {
        None if run.damage.is_some() => "damaged",
        Some(result) => result.as_str(),
        None if is_running(&home.run_path(&run.run)) => "running",
        None => "interrupted",
    }
}

fn as_text(runs: &[IndexedRun], home: &Home, zone: &TimeZone) -> String {
    let mut text = String::new();
    for run in runs {
        let took = match run.finished {
            Some(finished) => seconds(finished.0.saturating_sub(run.started.0)),
            None => "-".to_owned(),
        };
        text.push_str(
            &format_args!(
                "{}  {}  {:<11}  {took:>8}  {}\n",
                run.run,
                when(run.started, zone),
                state(run, home),
                escape(&run.name),
            )
            .to_string(),
        );
    }
    text
}

fn as_json(runs: &[IndexedRun], home: &Home) -> String {
    let runs: Vec<_> = runs
        .iter()
        .map(|run| {
            json!({
                "run": run.run,
                "pipeline": run.pipeline,
                "name": run.name,
                "started-ms": run.started,
                "finished-ms": run.finished,
                "result": run.result,
                "state": state(run, home),
                "damage": run.damage,
            })
        })
        .collect();
    format!("{:#}\n", json!({ "version": 1, "runs": runs }))
}

/// Local date and time.
pub(super) fn when(at: Timestamp, zone: &TimeZone) -> String {
    i64::try_from(at.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(String::new, |at| {
            at.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M:%S")
                .to_string()
        })
}

fn seconds(ms: u64) -> String {
    format!("{}.{}s", ms / 1000, ms % 1000 / 100)
}
