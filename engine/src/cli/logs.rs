//! `engine logs`: the log of a run, stage by stage.

use std::collections::BTreeMap;
use std::io;

use jiff::tz::TimeZone;

use super::arguments::LogsArguments;
use super::environment::Environment;
use super::failure::Failure;
use super::find_run::{self, FoundRun};
use super::{Exit, time_zone};
use crate::model::{Event, Fact, LogLine, StageId, suggest};
use crate::report::escape;
use crate::store::{log_path, read_log};

pub(super) fn main(arguments: &LogsArguments, environment: &Environment) -> Result<Exit, Failure> {
    let found = find_run::find(&arguments.run, environment)?;
    let attempts = attempts(&found);
    let chosen: Vec<&StageId> = match &arguments.stage {
        Some(name) => vec![choose(name, &attempts)?],
        None => attempts.keys().collect(),
    };
    let with_name = arguments.stage.is_none();
    for stage in chosen {
        for attempt in 1..=attempts[stage] {
            print(&found, stage, attempt, with_name, environment)?;
        }
    }
    Ok(Exit::Success)
}

/// How many attempts of each stage were begun.
fn attempts(found: &FoundRun) -> BTreeMap<StageId, u32> {
    let mut attempts = BTreeMap::new();
    for event in &found.record.events {
        if let Event::Fact {
            fact: Fact::StageStarted { stage, attempt, .. },
            ..
        } = event
        {
            attempts.insert(stage.clone(), *attempt);
        }
    }
    attempts
}

fn choose<'a>(name: &str, attempts: &'a BTreeMap<StageId, u32>) -> Result<&'a StageId, Failure> {
    if let Some(stage) = attempts.keys().find(|stage| stage.as_str() == name) {
        return Ok(stage);
    }
    let failure = Failure::new(
        Exit::Usage,
        format!("no stage `{name}` was started in this run"),
    );
    let known = || attempts.keys().map(StageId::as_str);
    Err(match suggest(name, known()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!(
            "there are {}",
            known().collect::<Vec<_>>().join(", ")
        )),
    })
}

fn print(
    found: &FoundRun,
    stage: &StageId,
    attempt: u32,
    with_name: bool,
    environment: &Environment,
) -> Result<(), Failure> {
    let zone = time_zone::local(environment);
    let each = |line: LogLine| {
        let name = if with_name {
            format!("{stage} │ ")
        } else {
            String::new()
        };
        environment.print(&format!(
            "{} {name}{}\n",
            time(&line, &zone),
            escape(&line.text)
        ));
    };
    match read_log(&log_path(&found.path, stage, attempt), each) {
        // A stage that logged nothing has no file.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => {
            let message = format!("the log of `{stage}` cannot be read: {error}");
            Err(Failure::new(Exit::Infrastructure, message))
        }
        Ok(()) => Ok(()),
    }
}

fn time(line: &LogLine, zone: &TimeZone) -> String {
    i64::try_from(line.at.0)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(String::new, |at| {
            at.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string()
        })
}
