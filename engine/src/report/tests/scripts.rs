//! Scripts: the events of runs that the tests render.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::model::{
    Annotation, AnnotationSeverity, CallDecision, Digest, Event, Fact, Failure, FailureClass,
    HostCall, HostUsage, Level, LogLine, LogStream, Outcome, Progress, RunId, Signal,
    SourceLocation, StageId, Timestamp, WallLevel,
};
use crate::report::{OutputMode, ReportOptions, TerminalSize, reporter};

/// Events in the making. Time starts at 12:00:00 UTC and goes on by hand.
pub(in crate::report) struct Script {
    pub(in crate::report) events: Vec<Event>,
    at: u64,
    sequence: u64,
}

impl Script {
    pub(in crate::report) fn new() -> Self {
        Self {
            events: Vec::new(),
            at: 1_772_366_400_000,
            sequence: 0,
        }
    }

    pub(in crate::report) fn wait(&mut self, ms: u64) -> &mut Self {
        self.at += ms;
        self
    }

    pub(in crate::report) fn fact(&mut self, fact: Fact) -> &mut Self {
        self.sequence += 1;
        self.events.push(Event::Fact {
            sequence: self.sequence,
            at: Timestamp(self.at),
            fact,
        });
        self
    }

    pub(in crate::report) fn signal(&mut self, signal: Signal) -> &mut Self {
        self.events.push(Event::Signal {
            at: Timestamp(self.at),
            signal,
        });
        self
    }

    pub(in crate::report) fn run(&mut self, name: &str, stages: &[&str]) -> &mut Self {
        self.run_started(name, None, &[], stages)
    }

    pub(in crate::report) fn run_behind(
        &mut self,
        name: &str,
        wall: WallLevel,
        lost: &[&str],
        stages: &[&str],
    ) -> &mut Self {
        self.run_started(name, Some(wall), lost, stages)
    }

    fn run_started(
        &mut self,
        name: &str,
        wall: Option<WallLevel>,
        lost: &[&str],
        stages: &[&str],
    ) -> &mut Self {
        self.fact(Fact::RunStarted {
            run: run_id(),
            pipeline: "shop-api".to_owned(),
            name: name.to_owned(),
            plan: Digest::of(b"plan"),
            source: Digest::of(b"source"),
            engine: "0.1.0".to_owned(),
            trigger: "manual".to_owned(),
            wall,
            lost: lost.iter().map(|&text| text.to_owned()).collect(),
            stages: stages.iter().map(|stage| id(stage)).collect(),
        })
    }

    pub(in crate::report) fn start(&mut self, stage: &str, attempt: u32) -> &mut Self {
        self.fact(Fact::StageStarted {
            stage: id(stage),
            attempt,
            component: Digest::of(b"component"),
            inputs: json!({ "path": "src" }),
            authority: Vec::new(),
        })
    }

    pub(in crate::report) fn log(&mut self, stage: &str, text: &str) -> &mut Self {
        self.log_at(stage, LogStream::ToolStderr, Level::Warn, text)
    }

    pub(in crate::report) fn log_at(
        &mut self,
        stage: &str,
        stream: LogStream,
        level: Level,
        text: &str,
    ) -> &mut Self {
        let line = LogLine {
            at: Timestamp(self.at),
            stream,
            level,
            text: text.to_owned(),
        };
        self.signal(Signal::Logged {
            stage: id(stage),
            attempt: 1,
            lines: vec![line],
        })
    }

    pub(in crate::report) fn progress(&mut self, stage: &str, progress: Progress) -> &mut Self {
        self.signal(Signal::Progressed {
            stage: id(stage),
            attempt: 1,
            progress,
        })
    }

    pub(in crate::report) fn call(&mut self, stage: &str, call: &Call) -> &mut Self {
        self.fact(Fact::HostCalled(HostCall {
            stage: id(stage),
            attempt: 1,
            call: 1,
            interface: call.interface.to_owned(),
            function: call.function.to_owned(),
            arguments: call.arguments.to_owned(),
            decision: call.decision,
            error: call.error.map(str::to_owned),
            result: call.result.map(str::to_owned),
            duration_us: call.duration_us,
        }))
    }

    pub(in crate::report) fn annotate(&mut self, stage: &str, annotation: Annotation) -> &mut Self {
        self.fact(Fact::Annotated {
            stage: id(stage),
            attempt: 1,
            annotation,
        })
    }

    /// Usage, commit and end of a stage that succeeded.
    pub(in crate::report) fn succeed(
        &mut self,
        stage: &str,
        attempts: u32,
        duration_ms: u64,
    ) -> &mut Self {
        self.fact(Fact::HostUsed {
            stage: id(stage),
            attempt: attempts,
            usage: HostUsage::default(),
        })
        .fact(Fact::StageCommitted {
            stage: id(stage),
            attempt: attempts,
            outputs: json!({}),
            layers: BTreeMap::new(),
            duration_ms,
        })
        .end(stage, Outcome::Succeeded, attempts)
    }

    pub(in crate::report) fn fail(
        &mut self,
        stage: &str,
        attempt: u32,
        outcome: Outcome,
        failure: Failure,
        duration_ms: u64,
    ) -> &mut Self {
        self.fact(Fact::AttemptFailed {
            stage: id(stage),
            attempt,
            outcome,
            failure,
            duration_ms,
        })
    }

    pub(in crate::report) fn skip(&mut self, stage: &str, because: &str) -> &mut Self {
        self.fact(Fact::StageSkipped {
            stage: id(stage),
            because: because.to_owned(),
        })
        .end(stage, Outcome::Skipped, 0)
    }

    pub(in crate::report) fn end(
        &mut self,
        stage: &str,
        outcome: Outcome,
        attempts: u32,
    ) -> &mut Self {
        self.fact(Fact::StageFinished {
            stage: id(stage),
            outcome,
            attempts,
        })
    }

    pub(in crate::report) fn finish(
        &mut self,
        result: Outcome,
        outputs: Value,
        duration_ms: u64,
    ) -> &mut Self {
        self.fact(Fact::RunFinished {
            result,
            outputs,
            duration_ms,
        })
    }
}

pub(in crate::report) struct Call {
    pub(super) interface: &'static str,
    pub(super) function: &'static str,
    pub(super) arguments: &'static str,
    pub(super) decision: CallDecision,
    pub(super) error: Option<&'static str>,
    pub(super) result: Option<&'static str>,
    pub(super) duration_us: u64,
}

pub(in crate::report) fn id(stage: &str) -> StageId {
    StageId::new(stage).expect("the tests use names")
}

pub(super) fn run_id() -> RunId {
    RunId::parse("019a9f00-0000-7000-8000-00007f3a9c12").expect("a UUID")
}

/// A part of the work, open, counted in objects.
pub(in crate::report) fn section(
    number: u64,
    title: &str,
    done: u64,
    total: Option<u64>,
) -> Progress {
    Progress {
        section: number,
        title: title.to_owned(),
        done: Some(done),
        total,
        unit: "objects".to_owned(),
        status: None,
        closed: false,
    }
}

const LIST: Call = Call {
    interface: "engine:git/remote",
    function: "ls-refs",
    arguments: "https://git.example.org/shop/api.git",
    decision: CallDecision::Allowed,
    error: None,
    result: Some("34 refs"),
    duration_us: 120_400,
};

/// Everything goes well.
pub(super) fn good() -> Vec<Event> {
    let mut script = Script::new();
    script
        .run(
            "shop-api main @ 5d1f0c2e",
            &["branch_check", "fetch", "build", "docs"],
        )
        .wait(5)
        .start("branch_check", 1)
        .wait(120)
        .call("branch_check", &LIST)
        .log_at(
            "branch_check",
            LogStream::Report,
            Level::Info,
            "main is at 5d1f0c2e",
        )
        .wait(20)
        .succeed("branch_check", 1, 140)
        .skip("docs", "inputs.docs was false")
        .start("fetch", 1)
        .progress("fetch", section(1, "receive", 10, Some(40)))
        .wait(1_200)
        .progress("fetch", section(1, "receive", 40, Some(40)))
        // As the end of a section is told: nothing but that it ended.
        .progress(
            "fetch",
            Progress {
                done: None,
                total: None,
                unit: String::new(),
                closed: true,
                ..section(1, "receive", 0, None)
            },
        )
        .succeed("fetch", 1, 1_200)
        .signal(Signal::Waiting {
            stage: id("build"),
            reason: "a free place (limit 2)".to_owned(),
        })
        .wait(300)
        .start("build", 1)
        .log("build", "   Compiling shop-api v0.4.0")
        .wait(9_000)
        .log_at(
            "build",
            LogStream::ToolStdout,
            Level::Info,
            "test result: ok. 12 passed",
        )
        .annotate(
            "build",
            Annotation {
                severity: AnnotationSeverity::Warning,
                message: "unused variable: `total`".to_owned(),
                title: None,
                code: Some("unused_variables".to_owned()),
                location: Some(place("src/main.rs", 41, 5)),
            },
        )
        .fact(Fact::Summarised {
            stage: id("build"),
            attempt: 1,
            markdown: "| crate | tests |\n| --- | --- |\n| shop-api | 12 |\n".to_owned(),
        })
        .succeed("build", 1, 9_000)
        .finish(
            Outcome::Succeeded,
            json!({ "commit": "5d1f0c2e", "tests": 12 }),
            10_645,
        );
    script.events
}

/// A stage is tried again and fails, another only warns, a third is skipped.
pub(in crate::report) fn failing() -> Vec<Event> {
    let lost = [
        "a tool can see other processes of the user",
        "a tool can reach every port of a host that it is granted",
        "memory of a tool is sampled, not bounded",
    ];
    let mut script = Script::new();
    script
        .run_behind(
            "shop-api feature/cart",
            WallLevel::Medium,
            &lost,
            &["fetch", "lint", "build", "ship"],
        )
        .start("fetch", 1)
        .wait(3_000)
        .fail("fetch", 1, Outcome::Failed, timed_out_connection(), 3_000)
        .fact(Fact::RetryScheduled {
            stage: id("fetch"),
            attempt: 2,
            delay_ms: 1_500,
            because: "transient".to_owned(),
        })
        .wait(1_500)
        .start("fetch", 2)
        .wait(800)
        .succeed("fetch", 2, 800)
        .start("lint", 1)
        .start("build", 1)
        .log("lint", "warning: 3 warnings emitted")
        .log("build", "   Compiling shop-api v0.4.0")
        .log(
            "build",
            "error[E0425]: cannot find value `totl` in this scope",
        )
        .wait(7_250)
        .fail(
            "lint",
            1,
            Outcome::Failed,
            Failure::new(FailureClass::WorkFailed, "plugin.findings", "3 findings"),
            7_250,
        )
        .end("lint", Outcome::Warned, 1)
        .fail("build", 1, Outcome::Failed, broken_build(), 7_250)
        .end("build", Outcome::Failed, 1)
        .skip("ship", "it needs `build`, which failed")
        .finish(Outcome::Failed, json!({}), 12_550);
    script.events
}

fn timed_out_connection() -> Failure {
    Failure::new(
        FailureClass::Transient,
        "git.connect",
        "git.example.org did not answer within 10s",
    )
}

fn broken_build() -> Failure {
    Failure {
        causes: vec!["`cargo build --locked` ended with exit code 101".to_owned()],
        location: Some(place("src/main.rs", 41, 9)),
        ..Failure::new(FailureClass::WorkFailed, "exec.exit", "the build failed")
    }
    .with_hint("a value with a similar name exists: `total`")
}

fn place(path: &str, line: u32, column: u32) -> SourceLocation {
    SourceLocation {
        path: path.to_owned(),
        line: Some(line),
        column: Some(column),
    }
}

/// The host refuses a call, and the stage cannot do without it.
pub(super) fn denied() -> Vec<Event> {
    let mut script = Script::new();
    script
        .run("notify", &["tell"])
        .start("tell", 1)
        .wait(4)
        .call(
            "tell",
            &Call {
                interface: "wasi:http/outgoing-handler",
                function: "handle",
                arguments: "POST https://hooks.slack.com/…",
                decision: CallDecision::Denied,
                error: Some("denied.http"),
                result: None,
                duration_us: 12,
            },
        )
        .fail(
            "tell",
            1,
            Outcome::Denied,
            Failure::new(
                FailureClass::Denied,
                "denied.http",
                "stage `tell` is not allowed to POST to https://hooks.slack.com/…",
            )
            .with_hint("add  http: [\"POST https://hooks.slack.com/services/**\"]"),
            6,
        )
        .end("tell", Outcome::Denied, 1)
        .finish(Outcome::Denied, json!({}), 10);
    script.events
}

/// Somebody presses Ctrl-C.
pub(super) fn cancelled() -> Vec<Event> {
    let mut script = Script::new();
    script
        .run("shop-api main", &["build", "ship"])
        .start("build", 1)
        .log("build", "   Compiling shop-api v0.4.0")
        .wait(2_500)
        .fact(Fact::CancelRequested {
            by: "interrupt".to_owned(),
        })
        .wait(400)
        .fail(
            "build",
            1,
            Outcome::Cancelled,
            Failure::new(
                FailureClass::Cancelled,
                "host.cancelled",
                "the run was cancelled",
            ),
            2_900,
        )
        .end("build", Outcome::Cancelled, 1)
        .end("ship", Outcome::Cancelled, 0)
        .finish(Outcome::Cancelled, json!({}), 2_905);
    script.events
}

/// The engine is gone in the middle.
pub(super) fn broken_off() -> Vec<Event> {
    let mut events = good();
    events.truncate(events.len() - 5);
    events
}

/// A thousand stages, sixteen at a time; every 250th fails.
pub(super) fn thousand() -> Vec<Event> {
    let names: Vec<String> = (0..1_000).map(|n| format!("shard_{n:04}")).collect();
    let stages: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut script = Script::new();
    script.run("thousand shards", &stages);
    for wave in stages.chunks(16) {
        for stage in wave {
            script
                .start(stage, 1)
                .log(stage, &format!("working on {stage}"));
        }
        script.wait(80);
        for stage in wave {
            if stage.ends_with("249") || stage.ends_with("499") {
                let failure = Failure::new(FailureClass::WorkFailed, "plugin.shard", "lost");
                script
                    .fail(stage, 1, Outcome::Failed, failure, 80)
                    .end(stage, Outcome::Failed, 1);
            } else {
                script.succeed(stage, 1, 80);
            }
        }
    }
    script.finish(Outcome::Failed, json!({}), 5_040);
    script.events
}

/// A place to write to that a test can read.
#[derive(Clone, Default)]
pub(super) struct Paper(pub(super) Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(super) fn text(&self) -> String {
        let bytes = self.0.lock().expect("no writer panicked").clone();
        String::from_utf8(bytes).expect("reporters write UTF-8")
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("no writer panicked")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a reporter wrote.
pub(super) struct Written {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) step_summary: String,
}

pub(super) fn options(out: &Paper, err: &Paper, step_summary: &Paper) -> ReportOptions {
    ReportOptions {
        color: false,
        terminal: Box::new(|| TerminalSize {
            columns: 80,
            rows: 24,
        }),
        ongoing: false,
        time_zone: TimeZone::UTC,
        log_level: Level::Info,
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        step_summary: Some(Box::new(step_summary.clone())),
        stop_token: "3d9e7b".to_owned(),
    }
}

/// Renders events to the end.
pub(super) fn render(mode: OutputMode, events: &[Event]) -> Written {
    render_with(mode, events, |options| options)
}

/// Renders events to the end in colour.
pub(super) fn render_in_color(mode: OutputMode, events: &[Event]) -> Written {
    render_with(mode, events, |options| ReportOptions {
        color: true,
        ..options
    })
}

pub(super) fn render_with(
    mode: OutputMode,
    events: &[Event],
    change: impl FnOnce(ReportOptions) -> ReportOptions,
) -> Written {
    let papers = [Paper::default(), Paper::default(), Paper::default()];
    let options = options(&papers[0], &papers[1], &papers[2]);
    let mut reporter = reporter(mode, change(options));
    for event in events {
        reporter.event(event);
    }
    reporter.finish().expect("memory does not fail to write");
    let [out, err, step_summary] = papers.map(|paper| paper.text());
    Written {
        out,
        err,
        step_summary,
    }
}
