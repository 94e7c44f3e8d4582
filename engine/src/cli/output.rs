//! Output: shows a run while it goes on.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::arguments::Output;
use super::environment::Environment;
use super::{random, time_zone};
use crate::model::{Clock as _, Event, Level, SystemClock, limits};
use crate::report::{OutputMode, ReportOptions, Reporter, TerminalSize, reporter};

/// Time between two looks at a live display.
const TICK: Duration = Duration::from_millis(100);

/// A thread that shows events. It writes to terminals and pipes, which may be
/// slow: a full queue makes the run wait, never grow.
pub(super) struct Shown {
    pub(super) events: mpsc::Sender<Event>,
    thread: thread::JoinHandle<io::Result<()>>,
}

impl Shown {
    pub(super) fn start(output: Output, environment: &Environment) -> io::Result<Self> {
        let mode = mode(output, environment);
        let reporter = reporter(mode, options(mode, environment));
        let (events, queue) = mpsc::channel(limits::QUEUE);
        let thread = thread::Builder::new()
            .name("output".to_owned())
            .spawn(move || show(queue, reporter))?;
        Ok(Self { events, thread })
    }

    /// Waits until everything is shown. Call it when the run is over.
    pub(super) fn finish(self) -> io::Result<()> {
        drop(self.events);
        self.thread
            .join()
            .map_err(|_| io::Error::other("the reporter panicked"))?
    }
}

fn show(
    mut queue: mpsc::Receiver<Event>,
    mut reporter: Box<dyn Reporter + Send>,
) -> io::Result<()> {
    let clock = SystemClock::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                event = queue.recv() => match event {
                    Some(event) => reporter.event(&event),
                    None => break,
                },
                _ = ticks.tick() => reporter.tick(clock.now()),
            }
        }
        reporter.finish()
    })
}

fn mode(output: Output, environment: &Environment) -> OutputMode {
    let set = |name| environment.variable(name).is_some();
    match output {
        Output::Tty => OutputMode::Tty,
        Output::Plain => OutputMode::Plain,
        Output::Quiet => OutputMode::Quiet,
        Output::Jsonl => OutputMode::Jsonl,
        Output::Github => OutputMode::Github,
        Output::Auto if set("GITHUB_ACTIONS") => OutputMode::Github,
        Output::Auto => {
            let dumb = environment
                .variable("TERM")
                .is_none_or(|term| term == "dumb");
            if io::stderr().is_terminal() && !set("CI") && !dumb {
                OutputMode::Tty
            } else {
                OutputMode::Plain
            }
        }
    }
}

fn options(mode: OutputMode, environment: &Environment) -> ReportOptions {
    let color = match mode {
        OutputMode::Jsonl | OutputMode::Github => false,
        OutputMode::Tty | OutputMode::Plain | OutputMode::Quiet => environment.color_on_stderr(),
    };
    let step_summary = environment
        .variable("GITHUB_STEP_SUMMARY")
        .filter(|_| mode == OutputMode::Github)
        .and_then(|path| File::options().append(true).create(true).open(path).ok())
        .map(|file| Box::new(file) as Box<dyn Write + Send>);
    ReportOptions {
        color,
        terminal: Box::new(terminal_size),
        ongoing: false,
        time_zone: time_zone::local(environment),
        log_level: Level::Info,
        out: Box::new(io::stdout()),
        err: Box::new(io::stderr()),
        step_summary,
        // Without random numbers nothing on this machine works; the run will say so.
        stop_token: random::word().unwrap_or_default(),
    }
}

/// The terminal of standard error, or the usual size where it does not say.
fn terminal_size() -> TerminalSize {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => TerminalSize {
            columns: size.ws_col,
            rows: size.ws_row,
        },
        _ => TerminalSize {
            columns: 80,
            rows: 24,
        },
    }
}

/// Shows the record of a run, as `plain` would have shown it; `ongoing` when the run
/// is not over.
pub(super) fn replay(events: &[Event], ongoing: bool, environment: &Environment) -> io::Result<()> {
    let mut reporter = reporter(
        OutputMode::Plain,
        ReportOptions {
            ongoing,
            err: Box::new(io::stdout()),
            ..options(OutputMode::Plain, environment)
        },
    );
    for event in events {
        reporter.event(event);
    }
    reporter.finish()
}
