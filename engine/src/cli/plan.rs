//! `engine plan`: what would run, and what each stage would be allowed to do.

use std::sync::Arc;

use super::arguments::{PlanArguments, PlanFormat};
use super::environment::Environment;
use super::failure::Failure;
use super::pipeline::{self, Source};
use super::{Exit, services};

pub(super) fn main(arguments: &PlanArguments, environment: &Environment) -> Result<Exit, Failure> {
    let source = Source::read(&arguments.pipeline.file, environment)?;
    let planned = services::threads()?.block_on(async {
        let components = Arc::new(services::components(&source.directory, environment)?);
        pipeline::resolve(&arguments.pipeline, source, &components, environment).await
    })?;
    let plan = &planned.plan;
    environment.print(&match arguments.format {
        PlanFormat::Json => {
            let json = serde_json::to_string_pretty(plan).unwrap_or_default();
            format!("{json}\n")
        }
        PlanFormat::Text => todo!(),
        PlanFormat::Dot => todo!(),
        PlanFormat::Mermaid => todo!(),
    });
    Ok(Exit::Success)
}
