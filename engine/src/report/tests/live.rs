//! Live: what the display leaves on a terminal, seen through one in memory.

use std::num::NonZero;

use insta::assert_snapshot;

use super::scripts::{Paper, Script, cancelled, failing, good, id, options, section, thousand};
use crate::model::{Event, Fact, Failure, FailureClass, Outcome, Progress, Signal, Timestamp};
use crate::report::{OutputMode, ReportOptions, Reporter, TerminalSize, reporter};

/// A display and the terminal that it draws on.
struct Display {
    reporter: Box<dyn Reporter + Send>,
    paper: Paper,
    read: usize,
    terminal: vt100::Parser,
}

impl Display {
    fn new(columns: u16, rows: u16) -> Self {
        let (out, paper, summary) = (Paper::default(), Paper::default(), Paper::default());
        let options = ReportOptions {
            terminal: Box::new(move || TerminalSize { columns, rows }),
            ..options(&out, &paper, &summary)
        };
        Self {
            reporter: reporter(OutputMode::Tty, options),
            paper,
            read: 0,
            terminal: vt100::Parser::new(size(rows), size(columns), 10_000),
        }
    }

    fn show(&mut self, events: &[Event]) -> &mut Self {
        for event in events {
            self.reporter.event(event);
        }
        self
    }

    /// The screen, trailing spaces and lines left out.
    fn screen(&mut self) -> String {
        let bytes = self.paper.0.lock().expect("no writer panicked").clone();
        self.terminal.process(&bytes[self.read..]);
        self.read = bytes.len();
        let (_, columns) = self.terminal.screen().size();
        let rows = self.terminal.screen().rows(0, columns.get());
        let rows: Vec<String> = rows.map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }
}

fn size(number: u16) -> NonZero<u16> {
    NonZero::new(number).expect("a terminal has a size")
}

fn frame_after(events: &[Event], columns: u16, rows: u16) -> String {
    Display::new(columns, rows).show(events).screen()
}

/// Two stages at work, one waits to be tried again, one for a place.
fn busy() -> Vec<Event> {
    let mut script = Script::new();
    script
        .run(
            "shop-api main @ 5d1f0c2e",
            &["check", "fetch", "build", "test", "ship"],
        )
        .start("check", 1)
        .wait(140)
        .succeed("check", 1, 140)
        .start("fetch", 1)
        .start("build", 1)
        .progress("fetch", section(1, "receive", 1_204, Some(4_816)))
        .progress(
            "fetch",
            Progress {
                done: Some(12_900_000),
                unit: "bytes".to_owned(),
                status: Some("deltas".to_owned()),
                ..section(2, "a title that is far too long", 0, None)
            },
        )
        .progress(
            "build",
            Progress {
                done: None,
                ..section(1, "cargo build --locked --workspace", 0, None)
            },
        )
        .wait(65_000)
        .log("build", "   Compiling wasmtime v48.0.8")
        .start("test", 1)
        .wait(100)
        .fail(
            "test",
            1,
            Outcome::Failed,
            Failure::new(FailureClass::Transient, "x.y", "no"),
            100,
        )
        .fact(Fact::RetryScheduled {
            stage: id("test"),
            attempt: 2,
            delay_ms: 2_400,
            because: "transient".to_owned(),
        })
        .signal(Signal::Waiting {
            stage: id("ship"),
            reason: "an approval of team:release, which has until tomorrow to give it".to_owned(),
        })
        .wait(60)
        .log("build", "   Compiling engine v0.1.0");
    script.events
}

#[test]
fn a_frame_shows_every_stage_of_a_small_run() {
    assert_snapshot!("tty_busy", frame_after(&busy(), 80, 24));
}

#[test]
fn a_frame_fits_a_small_terminal() {
    for (columns, rows) in [(80, 7), (40, 6), (20, 3), (1, 1)] {
        let mut display = Display::new(columns.max(2), rows.max(2));
        let screen = display.show(&busy()).screen();
        let lines = screen.lines().count();
        assert!(
            lines <= usize::from(rows.max(2)),
            "{columns}×{rows}: {screen}"
        );
    }
    assert_snapshot!("tty_busy_small", frame_after(&busy(), 50, 7));
}

#[test]
fn frames_replace_one_another_and_leave_only_the_summary() {
    for (name, events) in [
        ("tty_good", good()),
        ("tty_failing", failing()),
        ("tty_cancelled", cancelled()),
    ] {
        let mut display = Display::new(80, 40);
        display.show(&events);
        display.reporter.finish().expect("memory does not fail");
        assert_snapshot!(name, display.screen());
    }
}

#[test]
fn a_large_run_shows_what_runs_and_what_just_ended() {
    let events = thousand();
    let mut display = Display::new(80, 16);
    let (first, rest) = events.split_at(events.len() / 2);
    display.show(first);
    assert_snapshot!("tty_thousand", display.screen());
    display.show(rest);
    display.reporter.finish().expect("memory does not fail");
    assert_snapshot!("tty_thousand_end", display.screen());
}

#[test]
fn the_clock_alone_moves_the_display() {
    let mut display = Display::new(80, 24);
    display.show(&busy());
    let before = display.screen();
    let Some(Event::Signal { at, .. }) = busy().pop() else {
        panic!("the script ends with a signal")
    };
    display.reporter.tick(Timestamp(at.0 + 3_000));
    let after = display.screen();
    assert_ne!(before, after);
    assert!(after.contains("build   1m08s"), "{after}");
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    let mut display = Display::new(80, 24);
    display.show(&busy());
    let before = display.screen();
    display.reporter.tick(Timestamp(0));
    assert_eq!(display.screen(), before);
}

#[test]
fn a_storm_of_log_lines_draws_few_frames() {
    let mut script = Script::new();
    script.run("storm", &["build"]).start("build", 1);
    for line in 0..10_000 {
        script.log("build", &format!("line {line}"));
    }
    let mut display = Display::new(80, 24);
    display.show(&script.events);
    let bytes = display.paper.text().len();
    assert!(
        bytes < 1_000,
        "{bytes} bytes for lines that nobody can read"
    );
}

#[test]
fn no_frame_is_wider_than_the_terminal_whatever_a_stage_is_called_or_says() {
    let long = "x".repeat(64);
    let mut script = Script::new();
    script
        .run(&"宽".repeat(100), &[&long, "b"])
        .start(&long, 1)
        .progress(&long, section(1, &"名".repeat(60), u64::MAX, Some(0)))
        .start("b", 1)
        .wait(100)
        .log("b", &"全角".repeat(200))
        .wait(100)
        .skip("b", &"全角".repeat(200));
    for columns in [24, 40, 80] {
        let mut display = Display::new(columns, 24);
        let screen = display.show(&script.events).screen();
        let wrapped = (0..24).any(|row| display.terminal.screen().row_wrapped(row));
        assert!(!wrapped, "{columns} columns:\n{screen}");
    }
}
