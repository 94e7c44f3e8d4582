//! Rendered: whole runs in every form, compared with what they looked like.

use insta::assert_snapshot;

use super::scripts::{
    Script, Written, broken_off, cancelled, denied, failing, good, render, render_in_color,
    render_with, thousand,
};
use crate::model::{Event, Level, LogStream, Outcome};
use crate::report::paint::glyph;
use crate::report::{OutputMode, ReportOptions};

fn err(mode: OutputMode, events: &[Event]) -> String {
    let Written { out, err, .. } = render(mode, events);
    assert_eq!(out, "", "talk is for standard error");
    err
}

#[test]
fn plain_tells_a_run_line_by_line() {
    assert_snapshot!("plain_good", err(OutputMode::Plain, &good()));
    assert_snapshot!("plain_failing", err(OutputMode::Plain, &failing()));
    assert_snapshot!("plain_denied", err(OutputMode::Plain, &denied()));
    assert_snapshot!("plain_cancelled", err(OutputMode::Plain, &cancelled()));
    assert_snapshot!("plain_broken_off", err(OutputMode::Plain, &broken_off()));
}

#[test]
fn quiet_tells_only_what_went_wrong() {
    assert_snapshot!("quiet_good", err(OutputMode::Quiet, &good()));
    assert_snapshot!("quiet_failing", err(OutputMode::Quiet, &failing()));
    assert_snapshot!("quiet_denied", err(OutputMode::Quiet, &denied()));
    assert_snapshot!("quiet_thousand", err(OutputMode::Quiet, &thousand()));
}

#[test]
fn jsonl_tells_every_event() {
    let written = render(OutputMode::Jsonl, &failing());
    assert_eq!(written.err, "");
    assert_eq!(written.out.lines().count(), failing().len());
    assert_snapshot!("jsonl_failing", written.out);
}

#[test]
fn github_groups_by_stage_and_annotates() {
    for (name, events) in [
        ("good", good()),
        ("failing", failing()),
        ("denied", denied()),
    ] {
        let written = render(OutputMode::Github, &events);
        assert_eq!(written.err, "");
        assert_snapshot!(format!("github_{name}"), written.out);
        assert_snapshot!(format!("github_{name}_step_summary"), written.step_summary);
    }
}

#[test]
fn the_summary_of_a_large_run_lists_what_did_not_succeed() {
    let written = render(OutputMode::Plain, &thousand()).err;
    let summary = written.lines().skip_while(|line| !line.is_empty());
    let summary: Vec<&str> = summary.collect();
    assert_snapshot!("plain_thousand_summary", summary.join("\n"));
}

#[test]
fn a_run_of_no_events_at_all_says_so() {
    for mode in [OutputMode::Plain, OutputMode::Quiet, OutputMode::Tty] {
        let written = err(mode, &[]);
        assert!(written.contains("the run did not start"), "{mode:?}");
    }
}

#[test]
fn log_lines_below_the_level_are_left_out() {
    let mut script = Script::new();
    script.run("levels", &["a"]).start("a", 1);
    for level in [Level::Debug, Level::Info, Level::Warn] {
        let text = format!("{level:?}");
        script.log_at("a", LogStream::Report, level, &text);
    }
    let written = render_with(OutputMode::Plain, &script.events, |options| ReportOptions {
        log_level: Level::Warn,
        ..options
    });
    assert_eq!(written.err.matches('│').count(), 1);
    assert!(written.err.contains("│ Warn"));
}

#[test]
fn in_colour_no_meaning_stands_in_colour_alone() {
    let color = render_in_color(OutputMode::Plain, &failing()).err;
    assert_snapshot!("plain_failing_in_color", color.replace('\x1b', "ESC"));
}

#[test]
fn the_page_lists_every_form_and_the_sign_of_every_outcome() {
    let page = include_str!("../../../../docs/output.md");
    for mode in OutputMode::ALL {
        assert!(
            page.contains(&format!("\n| `{}` |", mode.as_str())),
            "{mode:?}"
        );
    }
    for outcome in Outcome::ALL {
        let row = page
            .lines()
            .find(|line| line.starts_with(&format!("| `{}` |", glyph(outcome))));
        let row = row.unwrap_or_else(|| panic!("{outcome} has no sign in the page"));
        assert!(row.contains(outcome.as_str()), "{row}");
    }
}
