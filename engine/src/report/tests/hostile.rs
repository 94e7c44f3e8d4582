//! Hostile: text that wants to be obeyed, in every field that others control.

use serde_json::json;

use super::scripts::{Call, Script, id, render, render_in_color, section};
use crate::model::{
    Annotation, AnnotationSeverity, CallDecision, Event, Fact, Failure, FailureClass, Outcome,
    Progress, Signal, SourceLocation, WallLevel,
};
use crate::report::OutputMode;
use crate::report::escape::is_deceptive;

/// Clears the screen, sets the title, forges a line, reverses, obeys GitHub.
const EVIL: &str = "\x1b[2J\x1b]0;evil\x07\r\n::add-mask::x\n##[error]x\n12:00:00 a ✓ succeeded\n\
                    \u{202e}\u{9b}31m\u{200b}|<b>";

fn evil() -> String {
    EVIL.to_owned()
}

/// A run in which every text is evil.
fn script() -> Vec<Event> {
    let failure = Failure {
        causes: vec![evil()],
        location: Some(SourceLocation {
            path: evil(),
            line: Some(1),
            column: None,
        }),
        stderr_tail: Some(evil()),
        ..Failure::new(FailureClass::WorkFailed, evil(), evil()).with_hint(evil())
    };
    let annotation = Annotation {
        severity: AnnotationSeverity::Error,
        message: evil(),
        title: Some(evil()),
        code: Some(evil()),
        location: failure.location.clone(),
    };
    let call = Call {
        interface: EVIL,
        function: EVIL,
        arguments: EVIL,
        decision: CallDecision::Denied,
        error: Some(EVIL),
        result: Some(EVIL),
        duration_us: 0,
    };
    let progress = Progress {
        section: 1,
        title: evil(),
        done: Some(1),
        total: Some(2),
        unit: evil(),
        status: Some(evil()),
        closed: false,
    };
    told(failure, annotation, &call, progress)
}

fn told(failure: Failure, annotation: Annotation, call: &Call, progress: Progress) -> Vec<Event> {
    let mut script = Script::new();
    script
        .run_behind(EVIL, WallLevel::Weak, &[EVIL], &["a", "b", "c"])
        .start("a", 1)
        .log("a", EVIL)
        .progress("a", progress)
        .wait(100)
        .call("a", call)
        .annotate("a", annotation)
        .fact(Fact::Summarised {
            stage: id("a"),
            attempt: 1,
            markdown: evil(),
        })
        .fail("a", 1, Outcome::Failed, failure, 1)
        .fact(Fact::RetryScheduled {
            stage: id("a"),
            attempt: 2,
            delay_ms: 1,
            because: evil(),
        })
        .wait(100)
        .end("a", Outcome::Failed, 1)
        .skip("b", EVIL)
        .signal(Signal::Waiting {
            stage: id("c"),
            reason: evil(),
        })
        .wait(100)
        .fact(Fact::CancelRequested { by: evil() })
        .finish(Outcome::Failed, json!({ EVIL: EVIL }), 1);
    script.events
}

/// E19
#[test]
fn no_form_lets_through_what_a_terminal_would_obey() {
    for mode in OutputMode::ALL {
        let written = render(mode, &script());
        for (stream, text) in [
            ("out", &written.out),
            ("err", &written.err),
            ("step summary", &written.step_summary),
        ] {
            let text = without_our_own(mode, text);
            let left = text.chars().find(|c| *c != '\n' && is_deceptive(*c));
            assert_eq!(left, None, "{mode:?} {stream}: {text}");
        }
    }
}

/// The text without the sequences with which the live display moves the cursor.
fn without_our_own(mode: OutputMode, text: &str) -> String {
    if mode != OutputMode::Tty {
        return text.to_owned();
    }
    let ours =
        regex::Regex::new("\x1b\\[(\\?2026[hl]|\\?7[hl]|[0-9]+A|K|J)|\r").expect("a pattern");
    ours.replace_all(text, "").into_owned()
}

#[test]
fn the_only_colours_are_ours() {
    let colors = regex::Regex::new("\x1b\\[[0-9;]*m").expect("a pattern");
    for mode in [OutputMode::Plain, OutputMode::Quiet, OutputMode::Github] {
        let written = render_in_color(mode, &script());
        let text = written.out + &written.err;
        let plain = render(mode, &script());
        assert!(colors.is_match(&text), "{mode:?}");
        assert_eq!(
            colors.replace_all(&text, ""),
            plain.out + &plain.err,
            "{mode:?}"
        );
    }
}

#[test]
fn no_line_is_forged() {
    let written = render(OutputMode::Plain, &script());
    let told = written.err.lines().take_while(|line| !line.is_empty());
    assert!(told.clone().count() > 8);
    for line in told {
        assert!(line.starts_with("12:00:00 "), "{line}");
        assert!(
            line.matches("✓").count() == line.matches("\\n12:00:00 a ✓").count(),
            "{line}"
        );
    }
}

#[test]
fn github_obeys_none_of_it() {
    let written = render(OutputMode::Github, &script());
    let mut stopped = false;
    for line in written.out.lines() {
        assert!(!line.contains("##["), "{line}");
        if line == "::stop-commands::3d9e7b" || line == "::3d9e7b::" {
            stopped = !stopped;
            continue;
        }
        let ours = ["::group::", "::endgroup::", "::error ", "::warning::"];
        let command = line.trim_start().starts_with("::");
        assert!(
            !command || (!stopped && ours.iter().any(|name| line.starts_with(name))),
            "{line}"
        );
    }
    assert!(!stopped, "commands are taken again at the end");
}

#[test]
fn jsonl_loses_nothing_of_it() {
    let written = render(OutputMode::Jsonl, &script());
    let mut found = 0;
    for line in written.out.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        found += usize::from(value["lines"][0]["text"] == EVIL);
    }
    assert_eq!(found, 1);
}

#[test]
fn a_stage_that_ends_others_buffers_is_shown_early_and_whole() {
    let mut script = Script::new();
    script.run("noisy", &["a", "b"]).start("a", 1).start("b", 1);
    let line = "x".repeat(60_000);
    for _ in 0..300 {
        script.log("a", &line);
    }
    script
        .log("b", "small")
        .succeed("b", 1, 1)
        .succeed("a", 1, 1);
    let written = render(OutputMode::Github, &script.events);
    assert_eq!(written.out.matches(&line).count(), 300);
    assert_eq!(written.out.matches("::group::… a").count(), 2);
    assert!(written.out.contains("::group::✓ a (1ms), the rest"));
}

#[test]
fn a_stage_that_opens_and_closes_parts_for_ever_does_not_flood() {
    let closed = |number| Progress {
        closed: true,
        ..section(number, "part", 1, None)
    };
    let mut script = Script::new();
    script.run("flood", &["a"]).start("a", 1);
    for number in 0..10_000 {
        script.progress("a", section(number, "part", 0, None));
        script.progress("a", closed(number));
    }
    script.succeed("a", 1, 1);
    for mode in [OutputMode::Plain, OutputMode::Github] {
        let written = render(mode, &script.events);
        assert_eq!((written.out + &written.err).matches("part: 1").count(), 100);
    }
}

#[test]
fn a_stage_cannot_put_lines_among_ours() {
    let written = render(OutputMode::Plain, &script());
    let summary = written.err.lines().skip_while(|line| !line.is_empty());
    for line in summary.filter(|line| line.contains("12:00:00 a ✓")) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        // A row, a line of a log, or the rest of a remark, far to the right.
        let quoted = text.starts_with('│') || !text.starts_with("12:00:00") || indent >= 10;
        assert!(quoted, "{line}");
    }
}
