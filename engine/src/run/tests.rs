//! Tests of scheduling: whole runs with a scripted runner and a clock that stands still.

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::{OnFailure, RunError, RunOptions, RunReport, StageRunner, execute};
use crate::model::{
    Digest, Event, Fact, Failure, FailureClass, FixedClock, Level, LogStream, Outcome, RunId,
    StageId, Timestamp,
};
use crate::plan::{
    AttemptEnd, Effects, Facts, Mount, Need, Plan, PlannedPlugin, PlannedStage, RetryPolicy,
    StageLimits, StageRequest,
};
use crate::policy::{Grants, WorkspaceGrant};
use crate::spec::expression::Template;
use crate::store::{AttemptSink, Home, Redactor, RunDirectory, read_journal};

/// What an attempt of a stage does; the last entry repeats.
#[derive(Clone)]
enum Act {
    Succeed,
    Fail(FailureClass),
    /// Until it is cancelled.
    Hang,
    /// Logs until it is cancelled.
    Chatter,
    Panic,
    /// Writes a file to the first folder it may write.
    Write(&'static str),
    /// Reads that file, and returns what it holds.
    Read(&'static str),
    /// Makes a link `link` to this in the first folder it may write.
    Link(PathBuf),
}

#[derive(Default)]
struct Scripted {
    acts: BTreeMap<&'static str, Vec<Act>>,
    /// Most attempts that ran at the same time.
    running: Mutex<(usize, usize)>,
    /// Lines that were taken from [`Act::Chatter`].
    logged: AtomicU64,
    cancelled: Notify,
}

impl StageRunner for Scripted {
    async fn run(
        &self,
        request: Arc<StageRequest>,
        sink: AttemptSink,
        cancel: CancellationToken,
    ) -> AttemptEnd {
        {
            let mut running = self.running.lock().expect("no panic holds it");
            running.0 += 1;
            running.1 = running.1.max(running.0);
        }
        tokio::task::yield_now().await;
        let acts = self
            .acts
            .get(request.stage.as_str())
            .cloned()
            .unwrap_or(vec![Act::Succeed]);
        let number = usize::try_from(request.attempt).expect("few attempts") - 1;
        let act = acts[number.min(acts.len() - 1)].clone();
        let host = request.mounts.first().map(Mount::host).unwrap_or_default();
        let end = match act {
            Act::Succeed => succeeded(json!({ "from": request.stage.as_str() })),
            Act::Fail(class) => failed(Outcome::Failed, class),
            Act::Hang => {
                cancel.cancelled().await;
                failed(Outcome::Cancelled, FailureClass::Cancelled)
            }
            Act::Chatter => {
                let talk = async {
                    while sink.log(LogStream::Stdout, Level::Info, "x").await.is_ok() {
                        self.logged.fetch_add(1, Ordering::Relaxed);
                    }
                };
                tokio::select! {
                    () = talk => {}
                    () = cancel.cancelled() => self.cancelled.notify_one(),
                }
                failed(Outcome::Cancelled, FailureClass::Cancelled)
            }
            Act::Panic => panic!("a bug of the host"),
            Act::Write(name) => {
                std::fs::write(host.join(name), name).expect("it may write");
                succeeded(Value::Null)
            }
            Act::Link(to) => {
                symlink(to, host.join("link")).expect("it may write");
                succeeded(Value::Null)
            }
            Act::Read(name) => succeeded(json!(
                std::fs::read_to_string(host.join(name)).unwrap_or_default()
            )),
        };
        self.running.lock().expect("no panic holds it").0 -= 1;
        end
    }
}

fn succeeded(outputs: Value) -> AttemptEnd {
    AttemptEnd {
        outcome: Outcome::Succeeded,
        outputs,
        failure: None,
    }
}

fn failed(outcome: Outcome, class: FailureClass) -> AttemptEnd {
    let failure = Some(Failure::new(class, "plugin.test", "as the script says"));
    AttemptEnd {
        outcome,
        outputs: Value::Null,
        failure,
    }
}

fn literal(value: Value) -> Template {
    Template::Literal(value)
}

fn stage(id: &str, needs: &[usize]) -> PlannedStage {
    let on = vec![Outcome::Succeeded, Outcome::Warned];
    let mut retry = RetryPolicy::default();
    retry.backoff.initial_ms = 1;
    PlannedStage {
        id: StageId::new(id).expect("a name"),
        name: None,
        pointer: format!("/stages/{id}"),
        plugin: PlannedPlugin {
            uses: "builtin:test".to_owned(),
            digest: Digest::of(b"test"),
            name: "test".to_owned(),
            version: "0.1.0".to_owned(),
        },
        with: literal(json!({})),
        needs: needs
            .iter()
            .map(|stage| Need {
                stage: *stage,
                on: on.clone(),
            })
            .collect(),
        condition: None,
        env: BTreeMap::new(),
        grants: Grants::default(),
        limits: StageLimits::default(),
        retry,
        continue_on_error: literal(json!(false)),
        effects: Effects::Repeatable,
        finally: false,
    }
}

fn plan(stages: Vec<PlannedStage>) -> Plan {
    Plan {
        version: 1,
        pipeline: "test".to_owned(),
        run_name: "test".to_owned(),
        source: Digest::of(b""),
        facts: Facts::default(),
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        stages,
        outputs: BTreeMap::new(),
    }
}

fn options(run: &RunId, concurrency: usize, on_failure: OnFailure) -> RunOptions {
    RunOptions {
        run: run.clone(),
        plan_digest: Digest::of(b"plan"),
        concurrency,
        on_failure,
        wall: None,
        lost: Vec::new(),
        redactor: Arc::<Redactor>::default(),
        sync: RunDirectory::sync,
        jitter: || 0.0,
    }
}

struct Run {
    stages: Vec<PlannedStage>,
    runner: Scripted,
    concurrency: usize,
    on_failure: OnFailure,
    /// Cancels so often, once each of these stages has started.
    cancel_when_started: Vec<&'static str>,
    sync: fn(&RunDirectory) -> std::io::Result<()>,
}

impl Run {
    fn of(stages: Vec<PlannedStage>) -> Self {
        Self {
            stages,
            runner: Scripted::default(),
            concurrency: 8,
            on_failure: OnFailure::Continue,
            cancel_when_started: Vec::new(),
            sync: RunDirectory::sync,
        }
    }

    fn acts(mut self, id: &'static str, acts: &[Act]) -> Self {
        self.runner.acts.insert(id, acts.to_vec());
        self
    }

    async fn go(self) -> (RunReport, Vec<Fact>, Arc<Scripted>) {
        let (report, facts, runner) = self.carry_out().await;
        (report.expect("the engine does not fail"), facts, runner)
    }

    async fn carry_out(self) -> (Result<RunReport, RunError>, Vec<Fact>, Arc<Scripted>) {
        let directory = tempfile::tempdir().expect("a directory");
        let home = Home::open(directory.path()).expect("a home");
        let run = RunId::new();
        let run_directory = Arc::new(home.create_run(&run).expect("a run"));
        let plan = plan(self.stages);
        let mut options = options(&run, self.concurrency, self.on_failure);
        options.sync = self.sync;
        let (events, mut shown) = mpsc::channel(16);
        let (cancel, cancels) = mpsc::channel(4);
        let mut triggers = self.cancel_when_started;
        let reporter = tokio::spawn(async move {
            let mut facts = Vec::new();
            while let Some(event) = shown.recv().await {
                let Event::Fact { fact, .. } = event else {
                    continue;
                };
                if let Fact::StageStarted { stage, .. } = &fact
                    && let Some(at) = triggers.iter().position(|id| *id == stage.as_str())
                {
                    triggers.remove(at);
                    cancel
                        .send("test".to_owned())
                        .await
                        .expect("the run goes on");
                }
                facts.push(fact);
            }
            facts
        });
        let runner = Arc::new(self.runner);
        let clock = Arc::new(FixedClock(Timestamp(0)));
        let executed = execute(
            Arc::new(plan),
            Arc::clone(&run_directory),
            Arc::clone(&runner),
            clock,
            events,
            cancels,
            options,
        );
        let report = tokio::time::timeout(Duration::from_mins(1), Box::pin(executed))
            .await
            .expect("a run comes to its end");
        let facts = reporter.await.expect("the reporter ends");
        let record = read_journal(&run_directory.journal()).expect("the journal is whole");
        let journalled = record.events.into_iter().map(|event| match event {
            Event::Fact { fact, .. } => fact,
            Event::Signal { .. } => unreachable!("signals are not journalled"),
        });
        assert_eq!(
            journalled.collect::<Vec<_>>(),
            facts,
            "what was shown is what was journalled"
        );
        (report, facts, runner)
    }

    async fn outcomes(self) -> BTreeMap<String, &'static str> {
        let (report, ..) = self.go().await;
        outcomes(&report)
    }
}

fn outcomes(report: &RunReport) -> BTreeMap<String, &'static str> {
    let stages = report.stages.iter();
    stages
        .map(|stage| (stage.stage.to_string(), stage.outcome.as_str()))
        .collect()
}

/// The facts of scheduling in short: `started a 1`, `finished a succeeded`.
fn short(facts: &[Fact]) -> Vec<String> {
    facts.iter().filter_map(in_short).collect()
}

fn in_short(fact: &Fact) -> Option<String> {
    match fact {
        Fact::StageStarted { stage, attempt, .. } => Some(format!("started {stage} {attempt}")),
        Fact::StageFinished { stage, outcome, .. } => Some(format!("finished {stage} {outcome}")),
        Fact::StageSkipped { stage, because } => Some(format!("skipped {stage}: {because}")),
        Fact::RetryScheduled {
            stage,
            attempt,
            because,
            ..
        } => Some(format!("retry {stage} {attempt}: {because}")),
        _ => None,
    }
}

#[tokio::test]
async fn a_stage_starts_when_all_that_it_needs_has_succeeded() {
    let diamond = vec![
        stage("a", &[]),
        stage("b", &[0]),
        stage("c", &[0]),
        stage("d", &[1, 2]),
    ];
    let (report, facts, _) = Run::of(diamond).go().await;
    let facts = short(&facts);
    assert_eq!(report.result, Outcome::Succeeded);
    let at = |text: &str| facts.iter().position(|fact| fact == text).expect(text);
    assert!(at("finished a succeeded") < at("started b 1"));
    assert!(at("finished b succeeded") < at("started d 1"));
    assert!(at("finished c succeeded") < at("started d 1"));
}

#[tokio::test]
async fn a_failure_stops_what_needs_it_and_nothing_else() {
    let stages = vec![
        stage("a", &[]),
        stage("b", &[0]),
        stage("c", &[1]),
        stage("other", &[]),
    ];
    let run = Run::of(stages).acts("a", &[Act::Fail(FailureClass::WorkFailed)]);
    let (report, facts, _) = run.go().await;
    let facts = short(&facts);
    assert_eq!(report.result, Outcome::Failed);
    let outcomes = outcomes(&report);
    assert_eq!(
        (outcomes["a"], outcomes["b"], outcomes["c"]),
        ("failed", "skipped", "skipped")
    );
    assert_eq!(outcomes["other"], "succeeded");
    assert!(
        facts.contains(&"skipped b: it needs `a`, which failed".to_owned()),
        "{facts:?}"
    );
    assert!(facts.contains(&"skipped c: it needs `b`, which was skipped".to_owned()));
}

#[tokio::test]
async fn a_failure_ends_everything_when_the_run_shall_bail() {
    let stages = vec![stage("a", &[]), stage("long", &[]), stage("later", &[1])];
    let mut run = Run::of(stages)
        .acts("a", &[Act::Fail(FailureClass::WorkFailed)])
        .acts("long", &[Act::Hang]);
    run.on_failure = OnFailure::Bail;
    let outcomes = run.outcomes().await;
    assert_eq!(
        (outcomes["long"], outcomes["later"]),
        ("cancelled", "cancelled")
    );
}

#[tokio::test]
async fn a_transient_failure_is_tried_again_and_another_is_not() {
    let mut flaky = stage("flaky", &[]);
    flaky.retry.max_attempts = 3;
    let mut broken = stage("broken", &[]);
    broken.retry.max_attempts = 3;
    let transient = Act::Fail(FailureClass::Transient);
    let run = Run::of(vec![flaky, broken])
        .acts("flaky", &[transient.clone(), transient, Act::Succeed])
        .acts("broken", &[Act::Fail(FailureClass::UserError)]);
    let (report, facts, _) = run.go().await;
    let facts = short(&facts);
    assert!(
        facts.contains(&"retry flaky 3: transient".to_owned()),
        "{facts:?}"
    );
    assert!(facts.contains(&"finished flaky succeeded".to_owned()));
    assert!(!facts.iter().any(|fact| fact.starts_with("retry broken")));
    assert_eq!(report.result, Outcome::Failed);
}

#[tokio::test]
async fn a_failure_that_may_be_is_a_warning_and_lets_dependents_start() {
    let mut lenient = stage("lenient", &[]);
    lenient.continue_on_error = literal(json!(true));
    let run = Run::of(vec![lenient, stage("next", &[0])])
        .acts("lenient", &[Act::Fail(FailureClass::WorkFailed)]);
    let (report, ..) = run.go().await;
    assert_eq!(report.result, Outcome::Warned);
    assert_eq!(outcomes(&report)["next"], "succeeded");
}

#[tokio::test]
async fn finally_runs_last_whatever_happened_and_leaves_the_result_alone() {
    let mut tell = stage("tell", &[]);
    tell.finally = true;
    let run = Run::of(vec![stage("a", &[]), tell])
        .acts("a", &[Act::Fail(FailureClass::WorkFailed)])
        .acts("tell", &[Act::Fail(FailureClass::WorkFailed)]);
    let (report, facts, _) = run.go().await;
    let facts = short(&facts);
    assert_eq!(
        facts.last().map(String::as_str),
        Some("finished tell failed")
    );
    assert_eq!(
        (report.result, report.finally_failed),
        (Outcome::Failed, true)
    );
}

#[tokio::test]
async fn a_cancel_ends_the_stages_and_lets_finally_run() {
    let mut tell = stage("tell", &[]);
    tell.finally = true;
    let mut run =
        Run::of(vec![stage("long", &[]), stage("later", &[0]), tell]).acts("long", &[Act::Hang]);
    run.cancel_when_started = vec!["long"];
    let (report, ..) = run.go().await;
    assert_eq!(report.cancelled_by.as_deref(), Some("test"));
    assert_eq!(report.result, Outcome::Cancelled);
    let outcomes = outcomes(&report);
    assert_eq!(
        (outcomes["later"], outcomes["tell"]),
        ("cancelled", "succeeded")
    );
}

#[tokio::test]
async fn a_stage_of_finally_sees_what_the_others_wrote() {
    let mut writer = stage("writer", &[]);
    let write = vec!["src".to_owned()];
    writer.grants.workspace = Some(WorkspaceGrant {
        read: Vec::new(),
        write,
    });
    let mut last = stage("last", &[]);
    let read = vec!["src".to_owned()];
    last.grants.workspace = Some(WorkspaceGrant {
        read,
        write: Vec::new(),
    });
    last.finally = true;
    let run = Run::of(vec![writer, last])
        .acts("writer", &[Act::Write("one")])
        .acts("last", &[Act::Read("one")]);
    let (_, facts, _) = run.go().await;
    let seen = facts.iter().find_map(|fact| match fact {
        Fact::StageCommitted { stage, outputs, .. } if stage.as_str() == "last" => Some(outputs),
        _ => None,
    });
    assert_eq!(seen, Some(&json!("one")));
}

#[tokio::test]
async fn a_cancel_reaches_attempts_while_nobody_reads_what_is_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let home = Home::open(directory.path()).expect("a home");
    let run = RunId::new();
    let run_directory = Arc::new(home.create_run(&run).expect("a run"));
    let mut runner = Scripted::default();
    runner.acts.insert("long", vec![Act::Chatter]);
    let runner = Arc::new(runner);
    let (events, mut shown) = mpsc::channel(1);
    let (cancel, cancels) = mpsc::channel(4);
    let clock = Arc::new(FixedClock(Timestamp(0)));
    let options = options(&run, 1, OnFailure::Continue);
    let executed = tokio::spawn(execute(
        Arc::new(plan(vec![stage("long", &[])])),
        run_directory,
        Arc::clone(&runner),
        clock,
        events,
        cancels,
        options,
    ));
    // Every queue is full when nothing moves any more, which only time can tell.
    let mut before = 0;
    while before == 0 || runner.logged.load(Ordering::Relaxed) != before {
        before = runner.logged.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cancel.send("test".to_owned()).await.expect("it is taken");
    tokio::time::timeout(Duration::from_mins(1), runner.cancelled.notified())
        .await
        .expect("the attempt is asked to end");
    let reader = tokio::spawn(async move { while shown.recv().await.is_some() {} });
    let report = executed.await.expect("it ends").expect("it does not fail");
    assert_eq!(report.cancelled_by.as_deref(), Some("test"));
    reader.await.expect("it ends");
    // A signal that comes now must end the process, and not wait here for nobody.
    tokio::time::timeout(Duration::from_mins(1), cancel.closed())
        .await
        .expect("nobody listens when the run is over");
}

#[tokio::test]
async fn a_second_cancel_ends_finally_too() {
    let mut tell = stage("tell", &[]);
    tell.finally = true;
    let mut run = Run::of(vec![stage("long", &[]), tell])
        .acts("long", &[Act::Hang])
        .acts("tell", &[Act::Hang]);
    run.cancel_when_started = vec!["long", "tell"];
    assert_eq!(run.outcomes().await["tell"], "cancelled");
}

/// Row A29: a panic of the host in an attempt.
#[tokio::test]
async fn a_panic_of_the_host_ends_one_stage_and_nothing_else() {
    let stages = vec![stage("bad", &[]), stage("after", &[0]), stage("good", &[])];
    let outcomes = Run::of(stages).acts("bad", &[Act::Panic]).outcomes().await;
    assert_eq!((outcomes["bad"], outcomes["after"]), ("errored", "skipped"));
    assert_eq!(outcomes["good"], "succeeded");
}

#[tokio::test]
async fn no_more_attempts_run_at_the_same_time_than_allowed() {
    let stages = (0..40)
        .map(|number| stage(&format!("s{number}"), &[]))
        .collect();
    let mut run = Run::of(stages);
    run.concurrency = 3;
    let (_, _, runner) = run.go().await;
    assert_eq!(runner.running.lock().expect("it is over").1, 3);
}

#[tokio::test]
async fn a_long_chain_comes_to_its_end() {
    let stages = (0..3_000_usize)
        .map(|number| match number.checked_sub(1) {
            Some(before) => stage(&format!("s{number}"), &[before]),
            None => stage("s0", &[]),
        })
        .collect();
    let run = Run::of(stages).acts("s0", &[Act::Fail(FailureClass::WorkFailed)]);
    let outcomes = run.outcomes().await;
    assert_eq!(outcomes["s2999"], "skipped");
}

fn folder(id: &str, needs: &[usize], read: &[&str], write: &[&str]) -> PlannedStage {
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    let mut stage = stage(id, needs);
    stage.grants.workspace = Some(WorkspaceGrant {
        read: owned(read),
        write: owned(write),
    });
    stage
}

#[tokio::test]
async fn a_stage_sees_what_its_ancestors_wrote_and_not_what_others_wrote() {
    let stages = vec![
        folder("source", &[], &[], &["src"]),
        folder("changed", &[0], &[], &["src"]),
        folder("reader", &[1], &["src"], &[]),
        folder("older", &[0], &["src"], &[]),
        folder("stranger", &[], &["src"], &[]),
    ];
    let run = Run::of(stages)
        .acts("source", &[Act::Write("one")])
        .acts("changed", &[Act::Write("two")])
        .acts("reader", &[Act::Read("one")])
        .acts("older", &[Act::Read("two")])
        .acts("stranger", &[Act::Read("one")]);
    let (_, facts, _) = run.go().await;
    let outputs = |id: &str| {
        facts.iter().find_map(|fact| match fact {
            Fact::StageCommitted { stage, outputs, .. } if stage.as_str() == id => Some(outputs),
            _ => None,
        })
    };
    assert_eq!(
        outputs("reader"),
        Some(&json!("one")),
        "a rewritten folder keeps its files"
    );
    assert_eq!(
        outputs("older"),
        Some(&json!("")),
        "a layer does not change after its commit"
    );
    assert_eq!(
        outputs("stranger"),
        Some(&json!("")),
        "only ancestors are seen"
    );
}

#[tokio::test]
async fn a_link_that_a_stage_left_is_followed_neither_for_reading_nor_for_writing() {
    let outside = tempfile::tempdir().expect("a directory");
    std::fs::create_dir(outside.path().join("inner")).expect("made");
    for path in ["file", "inner/file"] {
        std::fs::write(outside.path().join(path), "secret").expect("written");
    }
    let targets = [outside.path().to_owned(), "nowhere".into(), "inner".into()];
    for target in targets {
        let stages = vec![
            folder("hostile", &[], &[], &["src"]),
            folder("reader", &[0], &["src/link"], &[]),
            folder("deeper", &[0], &["src/link/inner"], &[]),
            folder("writer", &[0], &[], &["src/link"]),
            folder("digger", &[0], &[], &["src/link/inner"]),
            folder("creator", &[0], &[], &["src/link/new"]),
            // The links inside of a folder are its content, and no fault.
            folder("outer", &[0], &["src"], &[]),
            folder("rewriter", &[0], &[], &["src"]),
        ];
        let run = Run::of(stages)
            .acts("hostile", &[Act::Link(target.clone())])
            .acts("reader", &[Act::Read("file")])
            .acts("deeper", &[Act::Read("file")])
            .acts("writer", &[Act::Write("file")])
            .acts("digger", &[Act::Write("file")])
            .acts("creator", &[Act::Write("file")])
            .acts("rewriter", &[Act::Write("file")]);
        let (report, facts, _) = run.go().await;
        let target = target.display();
        for stage in &report.stages {
            let id = stage.stage.as_str();
            if ["hostile", "outer", "rewriter"].contains(&id) {
                assert_eq!(stage.outcome, Outcome::Succeeded, "{id}, {target}");
                continue;
            }
            assert_eq!(stage.outcome, Outcome::Failed, "{id}, {target}");
            let failure = stage.failure.as_ref().expect("it says why");
            assert_eq!(failure.code, "host.workspace");
            assert!(failure.message.contains("`src/link"), "{}", failure.message);
            let started = format!("started {id} 1");
            assert!(!short(&facts).contains(&started), "{id} never ran");
        }
    }
    for path in ["file", "inner/file"] {
        let text = std::fs::read_to_string(outside.path().join(path)).expect("still there");
        assert_eq!(text, "secret", "nobody wrote {path}");
    }
    assert!(!outside.path().join("new").exists());
}

#[tokio::test]
async fn the_newest_layer_of_many_ancestors_is_seen() {
    // A lattice: every stage needs the two before it, only some have layers.
    let stages = (0..40_usize)
        .map(|number| {
            let needs: Vec<usize> = (number.saturating_sub(2)..number).collect();
            match number {
                3 | 20 => folder(&format!("s{number}"), &needs, &[], &["src"]),
                10 => folder("s10", &needs, &[], &["other"]),
                1 | 15 | 39 => folder(&format!("s{number}"), &needs, &["src"], &[]),
                _ => stage(&format!("s{number}"), &needs),
            }
        })
        .collect();
    let run = Run::of(stages)
        .acts("s3", &[Act::Write("old")])
        .acts("s20", &[Act::Write("new")])
        .acts("s1", &[Act::Read("old")])
        .acts("s15", &[Act::Read("old")])
        .acts("s39", &[Act::Read("new")]);
    let (_, facts, _) = run.go().await;
    let outputs = facts.iter().filter_map(|fact| match fact {
        Fact::StageCommitted { stage, outputs, .. } => Some((stage.as_str(), outputs)),
        _ => None,
    });
    let outputs: BTreeMap<&str, &Value> = outputs.collect();
    assert_eq!(outputs["s1"], "", "nobody has written it yet");
    assert_eq!(outputs["s15"], "old");
    assert_eq!(outputs["s39"], "new");
}

#[tokio::test]
async fn nothing_is_committed_after_a_sync_that_failed() {
    let mut run = Run::of(vec![
        folder("source", &[], &[], &["src"]),
        folder("other", &[0], &[], &["out"]),
        stage("last", &[1]),
    ]);
    run.sync = |_| Err(std::io::Error::other("the disk is gone"));
    let (report, facts, _) = run.acts("source", &[Act::Write("one")]).carry_out().await;
    let error = report.expect_err("the store is poisoned");
    assert!(matches!(error, RunError::Unsynced(_)), "{error}");
    assert!(error.to_string().contains("the disk is gone"), "{error}");
    assert_eq!(short(&facts), ["started source 1"], "and nothing after it");
}

#[tokio::test]
async fn a_layer_is_in_its_place_before_it_is_synced() {
    let mut run = Run::of(vec![folder("source", &[], &[], &["src"])]);
    run.sync = |directory| {
        let layer = directory.layers().join("source/src/one");
        std::fs::read(layer).map(drop)?;
        directory.sync()
    };
    let run = run.acts("source", &[Act::Write("one")]);
    assert_eq!(run.outcomes().await["source"], "succeeded");
}

#[tokio::test]
async fn copying_a_folder_that_is_written_again_counts_as_time_of_the_stage() {
    let mut again = folder("again", &[0], &[], &["src"]);
    again.limits.timeout_ms = 0;
    let run = Run::of(vec![folder("source", &[], &[], &["src"]), again])
        .acts("source", &[Act::Write("one")]);
    let (report, ..) = run.go().await;
    let stage = &report.stages[1];
    let failure = stage.failure.as_ref().expect("it says why");
    assert_eq!(stage.outcome, Outcome::TimedOut);
    assert_eq!(failure.code, "limit.time");
    assert!(failure.message.contains("copying"), "{}", failure.message);
}
