//! Pipeline: from a file to a plan, with all that is wrong on the way.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use serde_json::Value;

use super::arguments::{EventArguments, PipelineArguments};
use super::environment::Environment;
use super::failure::Failure;
use super::{Exit, diagnostics, event, facts, plugins};
use crate::model::{Diagnostic, Severity, limits, suggest};
use crate::plan::{self, Plan};
use crate::report::escape;
use crate::runtime::Runtime;
use crate::sandbox;
use crate::spec::{self, Occurrence, Spec};

/// A pipeline file that was read.
pub(super) struct Source {
    /// The file, as it was typed.
    pub(super) name: String,
    /// The directory that it lies in, from which plugin paths are seen.
    pub(super) directory: PathBuf,
    pub(super) text: String,
}

/// A pipeline that can run.
pub(super) struct Planned {
    pub(super) source: Source,
    pub(super) plan: Plan,
    /// What is not wrong, and worth saying.
    pub(super) warnings: Vec<Diagnostic>,
}

impl Source {
    pub(super) fn read(file: &Path, environment: &Environment) -> Result<Self, Failure> {
        let path = environment.path(file);
        let name = file.display().to_string();
        let cannot = |error: std::io::Error| {
            if !environment.directory.is_dir() {
                let directory = environment.directory.display();
                return Failure::new(Exit::Usage, format!("there is no directory {directory}"));
            }
            let failure = Failure::new(
                Exit::Usage,
                format!("the pipeline {name} cannot be read: {error}"),
            );
            if error.kind() == std::io::ErrorKind::NotFound {
                failure.hint("name another file, or let `engine init` write a first one")
            } else {
                failure
            }
        };
        let bytes = read_file(&path, limits::PIPELINE_BYTES as u64).map_err(cannot)?;
        let directory = path.parent().unwrap_or(Path::new(".")).to_owned();
        let text = match spec::decode(&bytes) {
            Ok(text) => text.to_owned(),
            Err(diagnostic) => {
                let text = String::from_utf8_lossy(&bytes);
                let rendered = diagnostics::render(
                    &name,
                    &text,
                    &[*diagnostic],
                    environment.color_on_stderr(),
                );
                return Err(Failure::rendered(Exit::Usage, rendered));
            }
        };
        Ok(Self {
            name,
            directory,
            text,
        })
    }

    /// The spec, and all that is wrong with it.
    pub(super) fn check(&self) -> (Option<Spec>, Vec<Diagnostic>) {
        let (parsed, mut found) = spec::parse(&self.text);
        if let Some(parsed) = &parsed {
            found.extend(spec::check(parsed, &self.text));
        }
        (parsed, found)
    }
}

/// Makes the plan of a pipeline, or says all that is wrong with it. None when the
/// event does not start it, which was said.
pub(super) async fn resolve(
    arguments: &PipelineArguments,
    event: &EventArguments,
    source: Source,
    runtime: &Arc<Runtime>,
    environment: &Environment,
) -> Result<Option<Planned>, Failure> {
    let event = event::read(event.event.as_deref(), environment)?;
    match find(arguments, event, &source, runtime, environment).await? {
        Found::Plan(plan, warnings) => Ok(Some(Planned {
            source,
            plan: *plan,
            warnings,
        })),
        Found::NotStarted(reason) => {
            let name = escape(&source.name);
            environment.tell(&format!(
                "{name} is not started by this event: {}\n",
                escape(&reason)
            ));
            Ok(None)
        }
        Found::Wrong(found) => {
            let color = environment.color_on_stderr();
            let rendered = diagnostics::render(&source.name, &source.text, &found, color);
            Err(Failure::rendered(exit_of(&found), rendered))
        }
    }
}

/// Everything that is wrong with a pipeline, or worth saying about it.
pub(super) async fn diagnose(
    arguments: &PipelineArguments,
    source: &Source,
    runtime: &Arc<Runtime>,
    environment: &Environment,
) -> Result<Vec<Diagnostic>, Failure> {
    match find(arguments, None, source, runtime, environment).await? {
        Found::Plan(_, found) | Found::Wrong(found) => Ok(found),
        Found::NotStarted(_) => Ok(Vec::new()),
    }
}

/// What a pipeline's text comes to.
enum Found {
    /// What will happen, and what is worth saying about it.
    Plan(Box<Plan>, Vec<Diagnostic>),
    /// Nothing, for this reason.
    NotStarted(String),
    /// All that is wrong.
    Wrong(Vec<Diagnostic>),
}

async fn find(
    arguments: &PipelineArguments,
    event: Option<Occurrence>,
    source: &Source,
    runtime: &Arc<Runtime>,
    environment: &Environment,
) -> Result<Found, Failure> {
    let inputs = inputs(&arguments.inputs)?;
    let (parsed, mut found) = source.check();
    found.extend(parsed.iter().flat_map(unknown_tools));
    // Types are looked at again when the plugins are known, so that what they say of
    // the stages' outputs is shown at once with the rest.
    let is_of_types = |it: &Diagnostic| it.code == spec::code::TYPES;
    let stops = found
        .iter()
        .any(|it| it.severity == Severity::Error && !is_of_types(it));
    let Some(parsed) = parsed.filter(|_| !stops) else {
        return Ok(Found::Wrong(found));
    };
    if let (Some(on), Some(event)) = (&parsed.on, &event)
        && let Err(reason) = on.decide(event)
    {
        return Ok(Found::NotStarted(reason));
    }
    let (index, unusable) = plugins::load(&parsed, &source.directory, runtime, environment).await?;
    found.extend(unusable);
    let inputs = with_variables(inputs, &parsed, environment);
    let facts = facts::gather(&parsed, &source.directory, inputs, event, environment);
    let (plan, more) = plan::resolve(&parsed, &source.text, facts, &index);
    found.retain(|it| !is_of_types(it) || more.iter().all(|again| again.span != it.span));
    found.extend(more);
    Ok(match plan {
        Some(plan) => Found::Plan(Box::new(plan), found),
        None => Found::Wrong(found),
    })
}

/// What is refused by authority, not by form.
const DENIALS: [&str; 3] = [
    spec::code::NOT_GRANTED,
    spec::code::REFUSED,
    spec::code::UNKNOWN_IMPORT,
];

/// A refusal that policy or a missing grant made has an exit code of its own;
/// mistakes of the text come first.
pub(super) fn exit_of(found: &[Diagnostic]) -> Exit {
    let mut errors = found
        .iter()
        .filter(|diagnostic| diagnostic.severity == Severity::Error);
    if errors.all(|diagnostic| DENIALS.contains(&diagnostic.code)) {
        Exit::Denied
    } else {
        Exit::Usage
    }
}

/// Says what is not wrong and worth knowing.
pub(super) fn warn(planned: &Planned, environment: &Environment) {
    if !planned.warnings.is_empty() {
        let Planned {
            source, warnings, ..
        } = planned;
        let color = environment.color_on_stderr();
        environment.tell(&diagnostics::render(
            &source.name,
            &source.text,
            warnings,
            color,
        ));
    }
}

pub(super) fn has_errors(found: &[Diagnostic]) -> bool {
    found
        .iter()
        .any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// A file, and at most one byte more than it may have. A repository may hold a
/// link to a device or a pipe, which would never end.
pub(super) fn read_file(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let open = File::options()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !open.metadata()?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is not a regular file",
        ));
    }
    let mut bytes = Vec::new();
    open.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Tools that no profile describes: which program is meant is the engine's to say.
fn unknown_tools(parsed: &Spec) -> Vec<Diagnostic> {
    let known = || sandbox::PROFILES.iter().map(|profile| profile.name);
    let granted = parsed
        .stages
        .iter()
        .flat_map(|stage| &stage.capabilities.exec);
    let unknown = granted.filter(|grant| !known().any(|name| name == grant.tool.value));
    unknown
        .map(|grant| {
            let tool = &grant.tool;
            let message = format!("the engine has no tool `{}`", escape(&tool.value));
            let error = Diagnostic::error(spec::code::UNKNOWN_WORD, tool.span, message);
            let names: Vec<&str> = known().collect();
            let ours = spec::word_of_ours(&tool.value, &names);
            match ours.or_else(|| suggest(&tool.value, known())) {
                Some(near) => error.hint(format!("did you mean `{near}`?")),
                None => error.hint(format!("it has {}", names.join(", "))),
            }
        })
        .collect()
}

/// Inputs that were not typed and that a variable of the process has.
fn with_variables(
    mut inputs: BTreeMap<String, Value>,
    parsed: &Spec,
    environment: &Environment,
) -> BTreeMap<String, Value> {
    for input in &parsed.inputs {
        let name = &input.name.value;
        let variable = format!("ENGINE_INPUT_{}", name.to_ascii_uppercase());
        if !inputs.contains_key(name)
            && let Some(text) = environment.variable(&variable)
        {
            inputs.insert(name.clone(), Value::String(text));
        }
    }
    inputs
}

/// `NAME=VALUE`, as typed; the plan gives each value the type that its input has.
fn inputs(typed: &[String]) -> Result<BTreeMap<String, Value>, Failure> {
    let mut inputs = BTreeMap::new();
    for text in typed {
        let Some((name, value)) = text.split_once('=') else {
            let message = format!("`--input {text}` is not of the form NAME=VALUE");
            return Err(Failure::new(Exit::Usage, message));
        };
        if inputs
            .insert(name.to_owned(), Value::String(value.to_owned()))
            .is_some()
        {
            let message = format!("the input `{name}` is given twice");
            return Err(Failure::new(Exit::Usage, message));
        }
    }
    Ok(inputs)
}
