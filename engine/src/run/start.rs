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
use crate::store::AttemptSink;

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
    dispatcher.stages[index].attempts += 1;
    let (mounts, folders) = folders(dispatcher, index, stage);
    let secrets = stage.grants.secrets.iter().flat_map(|grant| &grant.names);
    let request = StageRequest {
        run: dispatcher.options.run.clone(),
        pipeline: plan.pipeline.clone(),
        stage: stage.id.clone(),
        attempt: dispatcher.stages[index].attempts,
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
        dispatcher.messages.clone(),
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

/// The folders that a stage sees, and what becomes of those it writes.
fn folders<R: StageRunner>(
    dispatcher: &Dispatcher<R>,
    index: usize,
    stage: &PlannedStage,
) -> (Vec<Mount>, Folders) {
    let Some(grant) = &stage.grants.workspace else {
        return Default::default();
    };
    let writers = writers(dispatcher, index);
    let attempt = dispatcher
        .directory
        .attempt(&stage.id, dispatcher.stages[index].attempts);
    let mut mounts = Vec::new();
    let mut written = Vec::new();
    for path in &grant.write {
        let from = source(dispatcher, &writers, path);
        written.push(WrittenFolder {
            path: path.clone(),
            from,
        });
        let host = attempt.join(path);
        mounts.push(Mount {
            path: path.clone(),
            host,
            access: Access::Write,
        });
    }
    for path in grant.read.iter().filter(|path| !grant.write.contains(path)) {
        // A folder that nobody has written is not there to be read.
        if let Some(host) = source(dispatcher, &writers, path) {
            mounts.push(Mount {
                path: path.clone(),
                host,
                access: Access::Read,
            });
        }
    }
    let layer = dispatcher.directory.layer(&stage.id);
    (
        mounts,
        Folders {
            attempt,
            layer,
            written,
        },
    )
}

/// The ancestors of a stage that have a layer, the newest first.
fn writers<R: StageRunner>(dispatcher: &Dispatcher<R>, index: usize) -> Vec<usize> {
    let plan = &dispatcher.plan;
    let mut seen = vec![false; plan.stages.len()];
    let mut open = vec![index];
    let mut writers = Vec::new();
    while let Some(next) = open.pop() {
        for need in &plan.stages[next].needs {
            if !std::mem::replace(&mut seen[need.stage], true) {
                open.push(need.stage);
                if !dispatcher.stages[need.stage].layers.is_empty() {
                    writers.push(need.stage);
                }
            }
        }
    }
    writers.sort_by_key(|writer| std::cmp::Reverse(dispatcher.stages[*writer].committed));
    writers
}

/// Where a path of the workspace lies in the newest layer that holds it.
fn source<R: StageRunner>(
    dispatcher: &Dispatcher<R>,
    writers: &[usize],
    path: &str,
) -> Option<PathBuf> {
    writers.iter().find_map(|writer| {
        let state = &dispatcher.stages[*writer];
        state.committed?;
        let holds = |written: &String| {
            path.strip_prefix(written.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        state.layers.keys().find(|written| holds(written))?;
        let host = dispatcher
            .directory
            .layer(&dispatcher.plan.stages[*writer].id)
            .join(path);
        host.exists().then_some(host)
    })
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
