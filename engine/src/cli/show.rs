//! `engine show`: what happened in a run, from its journal.

use serde_json::{Value, json};

use super::Exit;
use super::arguments::{Format, ShowArguments};
use super::environment::Environment;
use super::failure::Failure;
use super::find_run::{self, FoundRun};
use super::show_files;
use crate::model::{Event, Fact};

pub(super) fn main(arguments: &ShowArguments, environment: &Environment) -> Result<Exit, Failure> {
    let found = find_run::find(&arguments.run, environment)?;
    match arguments.format {
        Format::Json => environment.print(&as_json(&found)),
        Format::Text if arguments.files => environment.print(&show_files::as_text(&found)),
        Format::Text => {
            let (events, ongoing) = (&found.record.events, found.running);
            super::output::replay(events, ongoing, environment).map_err(|error| {
                Failure::new(
                    Exit::Infrastructure,
                    format!("the run cannot be shown: {error}"),
                )
            })?;
            if let Some(remark) = remark(&found) {
                environment.tell(&remark);
            }
        }
    }
    Ok(Exit::Success)
}

/// How a run stands that has no end in its record.
fn state(found: &FoundRun) -> &'static str {
    let events = &found.record.events;
    let finished = |event: &Event| {
        matches!(
            event,
            Event::Fact {
                fact: Fact::RunFinished { .. },
                ..
            }
        )
    };
    if events.iter().any(finished) {
        "ended"
    } else if found.running {
        "running"
    } else {
        "interrupted"
    }
}

/// What to know of a run that did not come to its end, and what to do next.
fn remark(found: &FoundRun) -> Option<String> {
    let run = found.run.short();
    match state(found) {
        "running" => Some(format!(
            "run {run} goes on; this is its record so far: `engine logs {run}` shows what its stages write\n"
        )),
        "interrupted" => {
            let torn = if found.record.torn_bytes > 0 {
                " in the middle of a line"
            } else {
                ""
            };
            Some(format!(
                "nobody works on run {run} any more: the engine was killed, or the machine went down, and its record ends{torn}. \
                 What stages committed stands above; `engine run` starts anew\n"
            ))
        }
        _ => None,
    }
}

fn as_json(found: &FoundRun) -> String {
    let events: Vec<Value> = found
        .record
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Fact { sequence, at, fact } => {
                let mut value = serde_json::to_value(fact).ok()?;
                let fields = value.as_object_mut()?;
                fields.insert("seq".to_owned(), json!(sequence));
                fields.insert("at".to_owned(), json!(at));
                Some(value)
            }
            Event::Signal { .. } => None,
        })
        .collect();
    let whole = json!({
        "version": 1,
        "run": found.run,
        "running": found.running,
        "state": state(found),
        "torn-bytes": found.record.torn_bytes,
        "events": events,
    });
    format!("{whole:#}\n")
}
