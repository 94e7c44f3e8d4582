//! Start: from a ready stage to a running attempt.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::dispatcher::{Dispatcher, unusable};
use super::executor::{self, Folders, WrittenFolder};
use super::{StageRunner, state::Status};
use crate::model::{Fact, Failure, Outcome};
use crate::plan::{Access, Mount, PlannedStage, SecretHandle, StageRequest, authority};
use crate::spec::expression::{Context, EvaluationError, Reference, Scope, Template};
use crate::store::{AttemptSink, layer};

/// What becomes of a ready stage.
pub(super) enum Start {
    Run(Box<Prepared>),
    /// With the reason.
    Skip(String),
    Fail(Failure),
}

/// An attempt that is about to run.
pub(super) struct Prepared {
    request: StageRequest,
    folders: Folders,
}

impl Prepared {
    /// What the journal says of it.
    pub(super) fn fact(&self) -> Fact {
        Fact::StageStarted {
            stage: self.request.stage.clone(),
            attempt: self.request.attempt,
            component: self.request.component,
            inputs: self.request.inputs.clone(),
            authority: authority(&self.request.grants)
                .into_iter()
                .map(|may| may.line)
                .collect(),
        }
    }
}

/// Decides whether a ready stage runs, and with what.
pub(super) fn prepare<R: StageRunner>(dispatcher: &mut Dispatcher<R>, index: usize) -> Start {
    let plan = Arc::clone(&dispatcher.plan);
    let stage = &plan.stages[index];
    let scope = scope(dispatcher, index, stage);
    // A retry has passed its condition already.
    if dispatcher.stages[index].attempts == 0
        && let Some(condition) = &stage.condition
    {
        match condition.decide(&scope) {
            Ok((true, _)) => {}
            Ok((false, because)) => return Start::Skip(because),
            Err(error) => return Start::Fail(wrong(&error, "if")),
        }
    }
    let inputs = match stage.with.resolve(&scope) {
        Ok(inputs) => inputs,
        Err(error) => return Start::Fail(wrong(&error, "with")),
    };
    let env = match environment(&stage.env, &scope) {
        Ok(env) => env,
        Err(failure) => return Start::Fail(*failure),
    };
    let attempt = dispatcher.stages[index].attempts + 1;
    let (mounts, folders) = match folders(dispatcher, index, attempt) {
        Ok(found) => found,
        Err(failure) => return Start::Fail(*failure),
    };
    dispatcher.stages[index].attempts = attempt;
    let secrets = stage.grants.secrets.iter().flat_map(|grant| &grant.names);
    let request = StageRequest {
        run: dispatcher.options.run.clone(),
        pipeline: plan.pipeline.clone(),
        stage: stage.id.clone(),
        attempt,
        max_attempts: stage.retry.max_attempts,
        trigger: plan.facts.trigger.clone(),
        component: stage.plugin.digest,
        inputs,
        env,
        grants: stage.grants.clone(),
        limits: stage.limits.clone(),
        effects: stage.effects,
        secrets: secrets
            .filter_map(|name| {
                let declared = plan.secrets.get(name)?;
                let (name, hosts) = (name.clone(), declared.hosts.clone());
                Some(SecretHandle {
                    name,
                    kind: declared.kind,
                    hosts,
                })
            })
            .collect(),
        tools: plan.facts.tools.clone(),
        mounts,
        local_root: plan.facts.git.as_ref().map(|git| PathBuf::from(&git.root)),
    };
    Start::Run(Box::new(Prepared { request, folders }))
}

/// Lets an attempt run.
pub(super) fn spawn<R: StageRunner>(
    dispatcher: &mut Dispatcher<R>,
    index: usize,
    prepared: Prepared,
) {
    let Prepared { request, folders } = prepared;
    let request = Arc::new(request);
    let sink = AttemptSink::new(
        request.stage.clone(),
        request.attempt,
        Arc::clone(&dispatcher.clock),
        Arc::clone(&dispatcher.options.redactor),
        dispatcher.messages.clone(),
        Some(dispatcher.directory.log(&request.stage, request.attempt)),
        request.limits.log_bytes,
    );
    let written = folders
        .written
        .iter()
        .map(|folder| (folder.path.clone(), None));
    dispatcher.stages[index].layers = written.collect();
    dispatcher.stages[index].status = Status::Running;
    let cancel = dispatcher.token(index).child_token();
    let task = dispatcher.attempts.spawn(executor::run(
        Arc::clone(&dispatcher.runner),
        request,
        folders,
        sink,
        cancel,
        executor::Surroundings {
            directory: Arc::clone(&dispatcher.directory),
            sync: dispatcher.options.sync,
            messages: dispatcher.messages.clone(),
        },
    ));
    dispatcher.tasks.insert(task.id(), index);
}

/// Whether a failure of this stage is only a warning.
pub(super) fn continues_on_error<R: StageRunner>(dispatcher: &Dispatcher<R>, index: usize) -> bool {
    let plan = Arc::clone(&dispatcher.plan);
    let stage = &plan.stages[index];
    let scope = scope(dispatcher, index, stage);
    // An expression that has no value must not hide a failure.
    matches!(
        stage.continue_on_error.resolve(&scope),
        Ok(Value::Bool(true))
    )
}

/// The pipeline's outputs; those that have no value are left out.
pub(super) fn pipeline_outputs<R: StageRunner>(
    dispatcher: &Dispatcher<R>,
    result: Outcome,
) -> Value {
    let mut outputs = Map::new();
    for (name, template) in &dispatcher.plan.outputs {
        let named = named_stages([template]);
        let named = named.iter().map(String::as_str);
        let scope = dispatcher
            .contexts
            .scope(&dispatcher.stages, named, Some((result, false)));
        match template.resolve(&scope) {
            Ok(value) => {
                outputs.insert(name.clone(), value);
            }
            Err(error) => tracing::debug!(%name, %error, "an output of the pipeline has no value"),
        }
    }
    Value::Object(outputs)
}

fn scope<R: StageRunner>(dispatcher: &Dispatcher<R>, index: usize, stage: &PlannedStage) -> Scope {
    let templates = stage
        .env
        .values()
        .chain([&stage.with, &stage.continue_on_error]);
    let mut named = named_stages(templates);
    if let Some(condition) = &stage.condition {
        named.extend(condition.references().iter().filter_map(stage_of));
    }
    let named = named.iter().map(String::as_str);
    dispatcher
        .contexts
        .scope(&dispatcher.stages, named, dispatcher.status_for(index))
}

fn environment(
    templates: &BTreeMap<String, Template>,
    scope: &Scope,
) -> Result<BTreeMap<String, String>, Box<Failure>> {
    templates
        .iter()
        .map(|(name, template)| {
            let value = template
                .resolve(scope)
                .map_err(|error| Box::new(wrong(&error, "env")))?;
            let text = match value {
                Value::String(text) => text,
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => {
                    let message = format!("`env.{name}` is no text");
                    return Err(Box::new(unusable("host.env", message)));
                }
            };
            Ok((name.clone(), text))
        })
        .collect()
}

fn wrong(error: &EvaluationError, field: &str) -> Failure {
    unusable("host.expression", format!("`{field}`: {error}"))
}

/// The folders that an attempt sees, and what becomes of those it writes.
fn folders<R: StageRunner>(
    dispatcher: &mut Dispatcher<R>,
    index: usize,
    attempt: u32,
) -> Result<(Vec<Mount>, Folders), Box<Failure>> {
    let plan = Arc::clone(&dispatcher.plan);
    let stage = &plan.stages[index];
    let Some(grant) = &stage.grants.workspace else {
        return Ok(Default::default());
    };
    let writers = dispatcher.stages.writers(&plan, index);
    let attempt = dispatcher.directory.attempt(&stage.id, attempt);
    let mut mounts = Vec::new();
    let mut written = Vec::new();
    for path in &grant.write {
        let from = source(dispatcher, &writers, path)?;
        written.push(WrittenFolder {
            path: path.clone(),
            from,
        });
        mounts.push(Mount {
            path: path.clone(),
            root: attempt.clone(),
            access: Access::Write,
        });
    }
    for path in grant.read.iter().filter(|path| !grant.write.contains(path)) {
        // A folder that nobody has written is not there to be read.
        if let Some(root) = source(dispatcher, &writers, path)? {
            mounts.push(Mount {
                path: path.clone(),
                root,
                access: Access::Read,
            });
        }
    }
    let folders = Folders {
        attempt,
        layer: dispatcher.directory.layer(&stage.id),
        written,
    };
    Ok((mounts, folders))
}

/// The newest layer that holds a folder of the workspace. What a layer holds is
/// guest-controlled: a link in the place of the folder, or on the way to it, ends
/// the stage.
fn source<R: StageRunner>(
    dispatcher: &Dispatcher<R>,
    writers: &[usize],
    path: &str,
) -> Result<Option<PathBuf>, Box<Failure>> {
    for writer in writers {
        let holds = |written: &String| {
            path.strip_prefix(written.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if !dispatcher.stages[*writer].layers.keys().any(holds) {
            continue;
        }
        let writer = &dispatcher.plan.stages[*writer].id;
        let root = dispatcher.directory.layer(writer);
        match layer::open_beneath(&root, path) {
            Ok(Some(_)) => return Ok(Some(root)),
            Ok(None) => {}
            Err(error) => {
                let message = format!("`{path}`, as `{writer}` left it, cannot be used: {error}");
                return Err(Box::new(unusable("host.workspace", message)));
            }
        }
    }
    Ok(None)
}

/// The stages that templates name.
fn named_stages<'a>(templates: impl IntoIterator<Item = &'a Template>) -> Vec<String> {
    templates
        .into_iter()
        .flat_map(Template::references)
        .filter_map(|reference| stage_of(&reference))
        .collect()
}

/// The stage that a reference names, if it names one.
fn stage_of(reference: &Reference) -> Option<String> {
    let stage = reference.path.first()?;
    (reference.context == Context::Stages).then(|| stage.clone())
}
