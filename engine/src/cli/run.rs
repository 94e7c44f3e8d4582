//! `engine run`: the main job.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::arguments::{OnFailure, RunArguments};
use super::environment::Environment;
use super::failure::Failure;
use super::output::Shown;
use super::pipeline::{self, Planned, Source};
use super::receiver::Receiver;
use super::{Exit, cancels, random, secrets, services};
use crate::model::{Clock, RunId, SystemClock, limits};
use crate::plan::Plan;
use crate::run::{InProcess, RunError, RunOptions, execute};
use crate::runtime::Runtime;
use crate::sandbox::{self, Wall};
use crate::store::{Home, HomeError, Redactor, Retention, RunDirectory};

pub(super) fn main(arguments: &RunArguments, environment: &Environment) -> Result<Exit, Failure> {
    let threads = services::threads()?;
    let ended = threads.block_on(run(arguments, environment));
    // A guest or a slow name server must not hold up the end of the process.
    threads.shutdown_timeout(std::time::Duration::from_secs(1));
    ended
}

async fn run(arguments: &RunArguments, environment: &Environment) -> Result<Exit, Failure> {
    // First of all: a signal while plugins compile must not be lost.
    let cancels = cancels::listen()
        .map_err(|error| infrastructure(&format!("signals cannot be received: {error}")))?;
    let source = Source::read(&arguments.pipeline.file, environment)?;
    let places = environment.places(&source.directory)?;
    let components = Arc::new(services::components(&source.directory, environment)?);
    let (file, event) = (&arguments.pipeline, &arguments.event);
    let planned = pipeline::resolve(file, event, source, &components, environment).await?;
    let Some(planned) = planned else {
        return Ok(Exit::Success);
    };
    pipeline::warn(&planned, environment);
    let vault = Arc::new(secrets::load(
        &planned.plan,
        &arguments.secrets,
        environment,
    )?);

    // Before the run has a directory: a port that is taken must leave nothing behind.
    let receiver = match arguments.receiver {
        Some(port) => Some(Receiver::start(port).await?),
        None => None,
    };
    let home = Home::open(&places.state).map_err(|error| no_store(&error))?;
    let run = RunId::new();
    let directory = Arc::new(home.create_run(&run).map_err(|error| no_store(&error))?);
    let sweeping = sweep(&home, arguments);
    let redactor = Arc::new(vault.redactor());
    keep(&home, &directory, &planned, &redactor, environment)?;
    let wall = wall(&planned.plan, &places.state, environment)?;
    let options = options(arguments, &run, &planned.plan, &redactor, wall.as_ref());
    let tools = wall.map(|wall| (wall, arguments.allow_weaker_sandbox));
    let services = services::of_run(&places, &directory, &vault, environment, tools)?;
    let shown = Shown::start(arguments.output, environment)
        .map_err(|error| infrastructure(&format!("the run cannot be shown: {error}")))?;
    let clock = Arc::new(SystemClock::default());
    let runtime = Arc::<Runtime>::clone(&components);
    let runner = Arc::new(InProcess::new(runtime, Arc::new(services)));
    let plan = Arc::new(planned.plan);
    // On a thread of the pool: between it and the attempts there too, nobody has to
    // wake another thread.
    let executing = tokio::spawn(execute(
        Arc::clone(&plan),
        Arc::clone(&directory),
        runner,
        Arc::clone(&clock) as Arc<dyn Clock>,
        shown.events.clone(),
        cancels,
        options,
    ));
    let ended = executing
        .await
        .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked).into()));
    let was_shown = shown.finish();
    if let Some(receiver) = receiver {
        environment.tell(&receiver.finish(&redactor));
    }
    // A run that broke off may be gone on with: the next run sorts out the rest.
    if ended.is_ok() {
        clean_up(arguments, &directory, environment);
    }
    let _ = tokio::time::timeout(limits::SWEEP, sweeping).await;
    let report = ended.map_err(|error| broken_off(&error, &run))?;
    was_shown.map_err(|error| infrastructure(&format!("the output cannot be written: {error}")))?;
    Ok(Exit::of_run(&report, arguments.fail_on_warnings))
}

/// The wall around the native tools of a plan; none if it has no tools: what
/// nothing leans on need not be tried.
fn wall(plan: &Plan, state: &Path, environment: &Environment) -> Result<Option<Wall>, Failure> {
    if plan.stages.iter().all(|stage| stage.grants.exec.is_none()) {
        return Ok(None);
    }
    Ok(Some(sandbox::probe(&environment.child("launch")?, state)))
}

/// How to carry the plan out, where it does not say it.
fn options(
    arguments: &RunArguments,
    run: &RunId,
    plan: &Plan,
    redactor: &Arc<Redactor>,
    wall: Option<&Wall>,
) -> RunOptions {
    RunOptions {
        run: run.clone(),
        plan_digest: plan.digest(),
        concurrency: arguments.concurrency.unwrap_or_else(default_concurrency),
        on_failure: match arguments.on_failure {
            OnFailure::Continue => crate::run::OnFailure::Continue,
            OnFailure::Bail => crate::run::OnFailure::Bail,
        },
        wall: wall.map(|wall| wall.level),
        lost: wall.map_or_else(Vec::new, |wall| wall.lost.clone()),
        redactor: Arc::clone(redactor),
        sync: RunDirectory::sync,
        jitter: random::fraction,
    }
}

/// Removes what need not be kept of earlier runs, while this one goes on.
fn sweep(home: &Home, arguments: &RunArguments) -> tokio::task::JoinHandle<()> {
    let home = home.clone();
    let retention = Retention::new(
        arguments.keep_runs,
        arguments.keep_days,
        arguments.keep_folders,
    );
    let now = SystemClock::default().now();
    tokio::task::spawn_blocking(move || home.sweep(&retention, now))
}

/// Keeps the plan and the pipeline's text with the run.
///
/// The text is what the repository holds anyway. The plan has what the invoker said,
/// which may be a secret's value in the wrong place: it is redacted like everything
/// else that is kept, and no longer has the digest that the journal names.
fn keep(
    home: &Home,
    directory: &RunDirectory,
    planned: &Planned,
    redactor: &Redactor,
    environment: &Environment,
) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| infrastructure(&format!("the plan cannot be kept: {error}"));
    home.put_blob(planned.source.text.as_bytes())
        .map_err(failed)?;
    let mut plan = serde_json::to_vec(&planned.plan).map_err(|error| failed(error.into()))?;
    if !redactor.is_empty() {
        let whole: Value = serde_json::from_slice(&plan).map_err(|error| failed(error.into()))?;
        let kept = redactor.redact_value(whole.clone());
        if kept != whole {
            environment.tell(
                "warning: an input or `env` holds the value of a secret; it is kept as `***`, \
                 and stages get it as plain text: pass it as `${{ secrets.NAME }}` instead\n",
            );
            plan = kept.to_string().into_bytes();
        }
    }
    directory.put_plan(&plan).map_err(failed)
}

fn clean_up(arguments: &RunArguments, directory: &RunDirectory, environment: &Environment) {
    if arguments.keep_workspace {
        environment.tell(&format!(
            "the folders of the stages are in {}\n",
            directory.layers().display()
        ));
    } else if let Err(error) = directory.remove_layers() {
        tracing::warn!(%error, "the folders of the stages could not be removed");
    }
}

fn default_concurrency() -> usize {
    // Stages wait for servers and tools more than they compute.
    2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn infrastructure(message: &str) -> Failure {
    Failure::new(Exit::Infrastructure, message)
}

fn no_store(error: &HomeError) -> Failure {
    infrastructure(&format!("the store cannot be used: {error}"))
        .hint("free space or permissions there, or give another --state-dir")
}

fn broken_off(error: &RunError, run: &RunId) -> Failure {
    infrastructure(&format!("the run broke off: {error}")).hint(format!(
        "what was recorded until then: `engine show {}`",
        run.short()
    ))
}
