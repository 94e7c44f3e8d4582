//! `engine show`: what happened in a run, from its journal.

use serde_json::{Value, json};

use super::Exit;
use super::arguments::{Format, ShowArguments};
use super::environment::Environment;
use super::failure::Failure;
use super::find_run::{self, FoundRun};
use super::show_files;
use crate::model::Event;

pub(super) fn main(arguments: &ShowArguments, environment: &Environment) -> Result<Exit, Failure> {
    let found = find_run::find(&arguments.run, environment)?;
    match arguments.format {
        Format::Json => environment.print(&as_json(&found)),
        Format::Text if arguments.files => environment.print(&show_files::as_text(&found)),
        Format::Text => {
            super::output::replay(&found.record.events, environment).map_err(|error| {
                Failure::new(
                    Exit::Infrastructure,
                    format!("the run cannot be shown: {error}"),
                )
            })?;
            if found.record.torn_bytes > 0 {
                environment
                    .tell("the record ends in the middle of a line: the engine was killed\n");
            }
            if found.running {
                environment.tell("the run goes on\n");
            }
        }
    }
    Ok(Exit::Success)
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
        "torn-bytes": found.record.torn_bytes,
        "events": events,
    });
    format!("{whole:#}\n")
}
