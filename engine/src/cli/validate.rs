//! `engine validate`: everything that is wrong with a pipeline.

use std::sync::Arc;

use serde_json::json;

use super::arguments::{Format, ValidateArguments};
use super::environment::Environment;
use super::failure::Failure;
use super::pipeline::{self, Source};
use super::{Exit, diagnostics, services};

pub(super) fn main(
    arguments: &ValidateArguments,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let source = Source::read(&arguments.pipeline.file, environment)?;
    let runtime = services::threads()?;
    let found = runtime.block_on(async {
        let components = services::components(&source.directory, environment)?;
        pipeline::diagnose(
            &arguments.pipeline,
            &source,
            &Arc::new(components),
            environment,
        )
        .await
    })?;
    let wrong = pipeline::has_errors(&found);
    let exit = if wrong {
        pipeline::exit_of(&found)
    } else {
        Exit::Success
    };
    match arguments.format {
        Format::Json => {
            let found = diagnostics::to_json(&source.text, &found);
            let answer =
                json!({ "version": 1, "file": source.name, "valid": !wrong, "diagnostics": found });
            environment.print(&format!("{answer:#}\n"));
        }
        Format::Text => {
            let color = environment.color_on_stderr();
            environment.tell(&diagnostics::render(
                &source.name,
                &source.text,
                &found,
                color,
            ));
            if !wrong {
                environment.tell(&format!("{} is valid\n", source.name));
            }
        }
    }
    Ok(exit)
}
