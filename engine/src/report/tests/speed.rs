//! Speed: how many log lines a reporter takes in.

use std::time::Instant;

use super::scripts::{Paper, options};
use crate::model::{Event, Level, LogLine, LogStream, Signal, Timestamp};
use crate::report::{OutputMode, ReportOptions, reporter};

/// In batches as the sink makes them, and unoptimised. The bound is wide, since
/// machines are shared: what it must catch is a square.
#[test]
fn a_hundred_thousand_log_lines_take_seconds_at_most() {
    let lines: Vec<LogLine> = (0..100)
        .map(|n| LogLine {
            at: Timestamp(1_772_366_400_000 + n),
            stream: LogStream::ToolStdout,
            level: Level::Info,
            text: format!("   Compiling dependency-number-{n} v1.2.3 (registry)"),
        })
        .collect();
    let event = Event::Signal {
        at: Timestamp(1_772_366_400_000),
        signal: Signal::Logged {
            stage: super::scripts::id("build"),
            attempt: 1,
            lines,
        },
    };
    for mode in [OutputMode::Plain, OutputMode::Tty, OutputMode::Jsonl] {
        let paper = Paper::default();
        let options = ReportOptions {
            out: Box::new(std::io::sink()),
            err: Box::new(std::io::sink()),
            ..options(&paper, &paper, &paper)
        };
        let mut reporter = reporter(mode, options);
        let start = Instant::now();
        for _ in 0..1_000 {
            reporter.event(&event);
        }
        let taken = start.elapsed();
        println!("{mode:?}: 100,000 lines in {taken:?}");
        assert!(taken.as_secs() < 10, "{mode:?} took {taken:?}");
    }
}
