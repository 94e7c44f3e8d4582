//! `engine plan`: what would run, and what each stage would be allowed to do.

use std::fmt::Write as _;
use std::sync::Arc;

use super::arguments::{PlanArguments, PlanFormat};
use super::environment::Environment;
use super::failure::Failure;
use super::pipeline::{self, Source};
use super::{Exit, services};
use crate::plan::{self, ExplainedStage, Explanation, Plan};
use crate::report::{Paint, Tone, escape};

pub(super) fn main(arguments: &PlanArguments, environment: &Environment) -> Result<Exit, Failure> {
    let source = Source::read(&arguments.pipeline.file, environment)?;
    let planned = services::threads()?.block_on(async {
        let components = Arc::new(services::components(&source.directory, environment)?);
        let (file, event) = (&arguments.pipeline, &arguments.event);
        pipeline::resolve(file, event, source, &components, environment).await
    })?;
    let Some(planned) = planned else {
        return Ok(Exit::Success);
    };
    pipeline::warn(&planned, environment);
    let plan = &planned.plan;
    environment.print(&match arguments.format {
        PlanFormat::Json => as_json(plan),
        PlanFormat::Text => {
            let paint = Paint {
                color: environment.color_on_stdout(),
            };
            as_text(&plan::explain(plan), paint)
        }
        PlanFormat::Dot => plan::dot(plan),
        PlanFormat::Mermaid => plan::mermaid(plan),
    });
    Ok(Exit::Success)
}

fn as_json(plan: &Plan) -> String {
    let json = serde_json::to_string_pretty(&plan::explain(plan));
    format!(
        "{}\n",
        json.expect("an explanation holds nothing that JSON cannot")
    )
}

/// One block a stage: what runs, when, and what it may do, the most dangerous
/// first.
fn as_text(explanation: &Explanation, paint: Paint) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}   {} stage{}   {}\n",
        paint.paint(Tone::Strong, &escape(&explanation.run_name)),
        explanation.stages.len(),
        if explanation.stages.len() == 1 {
            ""
        } else {
            "s"
        },
        explanation.digest,
    );
    for stage in &explanation.stages {
        write_stage(&mut text, stage, paint);
    }
    text
}

fn write_stage(text: &mut String, stage: &ExplainedStage, paint: Paint) {
    let finally = if stage.finally { "   (finally)" } else { "" };
    let _ = writeln!(
        text,
        "{}   {}   sha256:{}{finally}",
        paint.paint(Tone::Strong, &stage.id),
        escape(&stage.uses),
        stage.digest.short(),
    );
    let mut line = |word: &str, what: &str| {
        let _ = writeln!(text, "  {word:<11} {what}");
    };
    if !stage.needs.is_empty() {
        let needs: Vec<&str> = stage.needs.iter().map(|need| need.stage.as_str()).collect();
        line("needs", &needs.join(", "));
    }
    if let Some(condition) = &stage.condition {
        line("if", &escape(condition));
    }
    if stage.max_attempts > 1 {
        line("attempts", &format!("at most {}", stage.max_attempts));
    }
    if stage.authority.is_empty() {
        line("may", "compute and log, nothing else");
    }
    for authority in &stage.authority {
        line(authority.class.as_str(), &escape(&authority.line));
    }
    text.push('\n');
}
