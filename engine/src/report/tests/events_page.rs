//! Events page: `docs/events.md` lists every event with every field.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::scripts::{id, run_id, section};
use crate::model::{
    Annotation, AnnotationSeverity, CallDecision, Digest, Event, Fact, Failure, FailureClass,
    FileUsage, HostCall, HostUsage, Level, LogLine, LogStream, Outcome, Progress, Signal,
    SourceLocation, Timestamp, WallLevel,
};
use crate::report::jsonl::line;

const PAGE: &str = include_str!("../../../../docs/events.md");

/// One fact of each kind with every field set. A new kind does not compile here
/// until [`covers`] names it.
#[expect(clippy::too_many_lines, reason = "a list of every kind of fact")]
fn facts() -> Vec<Fact> {
    let (stage, attempt) = (id("build"), 1);
    vec![
        Fact::RunStarted {
            run: run_id(),
            pipeline: String::new(),
            name: String::new(),
            plan: Digest::of(b""),
            source: Digest::of(b""),
            engine: String::new(),
            trigger: String::new(),
            wall: Some(WallLevel::Strong),
            lost: Vec::new(),
            stages: Vec::new(),
        },
        Fact::StageSkipped {
            stage: stage.clone(),
            because: String::new(),
        },
        Fact::StageStarted {
            stage: stage.clone(),
            attempt,
            component: Digest::of(b""),
            inputs: Value::Null,
            authority: Vec::new(),
        },
        Fact::EffectBegun {
            stage: stage.clone(),
            attempt,
            call: 1,
            interface: String::new(),
            function: String::new(),
            arguments: String::new(),
        },
        Fact::HostCalled(HostCall {
            stage: stage.clone(),
            attempt,
            call: 1,
            interface: String::new(),
            function: String::new(),
            arguments: String::new(),
            decision: CallDecision::Denied,
            error: Some(String::new()),
            result: Some(String::new()),
            duration_us: 1,
        }),
        Fact::HostUsed {
            stage: stage.clone(),
            attempt,
            usage: HostUsage::default(),
        },
        Fact::Annotated {
            stage: stage.clone(),
            attempt,
            annotation: annotation(),
        },
        Fact::Summarised {
            stage: stage.clone(),
            attempt,
            markdown: String::new(),
        },
        Fact::AttemptFailed {
            stage: stage.clone(),
            attempt,
            outcome: Outcome::Failed,
            failure: failure(),
            duration_ms: 1,
        },
        Fact::RetryScheduled {
            stage: stage.clone(),
            attempt,
            delay_ms: 1,
            because: String::new(),
        },
        Fact::StageCommitted {
            stage: stage.clone(),
            attempt,
            outputs: Value::Null,
            layers: BTreeMap::new(),
            duration_ms: 1,
        },
        Fact::StageFinished {
            stage,
            outcome: Outcome::Succeeded,
            attempts: 1,
        },
        Fact::CancelRequested { by: String::new() },
        Fact::RunFinished {
            result: Outcome::Succeeded,
            outputs: Value::Null,
            duration_ms: 1,
        },
    ]
}

fn signals() -> Vec<Signal> {
    let (stage, attempt) = (id("build"), 1);
    vec![
        Signal::Logged {
            stage: stage.clone(),
            attempt,
            lines: Vec::new(),
        },
        Signal::Progressed {
            stage: stage.clone(),
            attempt,
            progress: progress(),
        },
        Signal::Waiting {
            stage,
            reason: String::new(),
        },
    ]
}

/// The number of kinds. Exhaustive, so that a new kind must be added above.
fn covers(fact: &Fact) -> usize {
    match fact {
        Fact::RunStarted { .. }
        | Fact::StageSkipped { .. }
        | Fact::StageStarted { .. }
        | Fact::EffectBegun { .. }
        | Fact::HostCalled(_)
        | Fact::HostUsed { .. }
        | Fact::Annotated { .. }
        | Fact::Summarised { .. }
        | Fact::AttemptFailed { .. }
        | Fact::RetryScheduled { .. }
        | Fact::StageCommitted { .. }
        | Fact::StageFinished { .. }
        | Fact::CancelRequested { .. }
        | Fact::RunFinished { .. } => 14,
    }
}

fn covers_signal(signal: &Signal) -> usize {
    match signal {
        Signal::Logged { .. } | Signal::Progressed { .. } | Signal::Waiting { .. } => 3,
    }
}

fn annotation() -> Annotation {
    Annotation {
        severity: AnnotationSeverity::Notice,
        message: String::new(),
        title: Some(String::new()),
        code: Some(String::new()),
        location: failure().location,
    }
}

fn failure() -> Failure {
    Failure {
        causes: vec![String::new()],
        location: Some(SourceLocation {
            path: String::new(),
            line: Some(1),
            column: Some(1),
        }),
        retry_after_ms: Some(1),
        stderr_tail: Some(String::new()),
        ..Failure::new(FailureClass::Transient, "", "").with_hint("")
    }
}

fn progress() -> Progress {
    Progress {
        status: Some(String::new()),
        closed: true,
        ..section(1, "t", 1, Some(2))
    }
}

/// Sections of the page: what stands behind `###`, and the names in the first
/// column of the table below it.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let mut sections = BTreeMap::new();
    let mut current = None;
    for text in PAGE.lines() {
        if let Some(heading) = text.strip_prefix("### ") {
            let name = heading.trim_matches('`').to_owned();
            sections.insert(name.clone(), BTreeSet::new());
            current = Some(name);
        } else if let (Some(section), Some(row)) = (&current, text.strip_prefix("| `")) {
            let field = row.split('`').next().unwrap_or_default().to_owned();
            let fields: &mut BTreeSet<String> = sections.entry(section.clone()).or_default();
            assert!(
                fields.insert(field.clone()),
                "{section} lists {field} twice"
            );
        }
    }
    sections
}

fn fields(value: &Value) -> BTreeSet<String> {
    let object = value.as_object().expect("an object");
    object.keys().cloned().collect()
}

#[test]
fn the_page_lists_every_event_and_field() {
    let at = Timestamp(1);
    assert_eq!(facts().len(), covers(&facts()[0]));
    assert_eq!(signals().len(), covers_signal(&signals()[0]));
    let events = facts()
        .into_iter()
        .zip(1..)
        .map(|(fact, sequence)| Event::Fact { sequence, at, fact })
        .chain(
            signals()
                .into_iter()
                .map(|signal| Event::Signal { at, signal }),
        );
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events {
        let value: Value = serde_json::from_str(&line(&event)).expect("JSON");
        let name = value["event"].as_str().expect("a name").to_owned();
        let is_fact = matches!(event, Event::Fact { .. });
        assert_eq!(value.get("seq").is_some(), is_fact, "{name}");
        let mut fields = fields(&value);
        for envelope in ["v", "seq", "at", "event"] {
            fields.remove(envelope);
        }
        expected.insert(name, fields);
    }
    let parts = [
        (
            "envelope",
            serde_json::json!({"v": 1, "seq": 1, "at": 1, "event": ""}),
        ),
        ("usage", to_value(&usage())),
        ("files", to_value(&FileUsage::default())),
        ("annotation", to_value(&annotation())),
        ("failure", to_value(&failure())),
        ("location", to_value(&failure().location)),
        ("progress", to_value(&progress())),
        (
            "line",
            to_value(&LogLine {
                at,
                stream: LogStream::Engine,
                level: Level::Info,
                text: String::new(),
            }),
        ),
    ];
    for (name, value) in parts {
        expected.insert(name.to_owned(), fields(&value));
    }
    assert_eq!(documented(), expected);
}

fn usage() -> HostUsage {
    HostUsage {
        files: Some(FileUsage::default()),
        ..HostUsage::default()
    }
}

fn to_value(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).expect("it serialises")
}

#[test]
fn the_page_lists_every_word() {
    let words = |values: Vec<Value>| -> Vec<String> {
        let words = values.into_iter();
        words
            .map(|word| format!("`{}`", word.as_str().expect("a word")))
            .collect()
    };
    let lists = [
        Outcome::ALL.iter().map(to_value).collect(),
        [
            WallLevel::None,
            WallLevel::Weak,
            WallLevel::Medium,
            WallLevel::Strong,
        ]
        .iter()
        .map(to_value)
        .collect(),
        [
            FailureClass::UserError,
            FailureClass::WorkFailed,
            FailureClass::Transient,
            FailureClass::Denied,
            FailureClass::Cancelled,
            FailureClass::Limit,
            FailureClass::Internal,
            FailureClass::Host,
        ]
        .iter()
        .map(to_value)
        .collect(),
        [
            LogStream::Report,
            LogStream::Stdout,
            LogStream::Stderr,
            LogStream::ToolStdout,
            LogStream::ToolStderr,
            LogStream::Engine,
        ]
        .iter()
        .map(to_value)
        .collect(),
        [
            Level::Trace,
            Level::Debug,
            Level::Info,
            Level::Warn,
            Level::Error,
        ]
        .iter()
        .map(to_value)
        .collect(),
    ];
    for list in lists {
        let text = words(list).join(" ");
        assert!(PAGE.contains(&text), "the page lacks {text}");
    }
}
