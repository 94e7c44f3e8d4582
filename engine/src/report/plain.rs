//! Plain: a line for each fact and each log line, for pipes and files.
//!
//! `HH:MM:SS stage │ text`. The sign after the stage is `│` for what a stage
//! wrote, and another one for what the engine says.

use std::io;

use super::escape::{cut, escape, pad};
use super::narrate::{Line, narrate};
use super::output::Output;
use super::paint::{Paint, Tone, level_tone};
use super::quantity::{TimeOfDay, amount};
use super::reporter::{ReportOptions, Reporter};
use super::stage_view::StageState;
use super::summary::{name_columns, summary_lines, wall_text};
use super::view::RunView;
use crate::model::{
    Event, Fact, Level, LogLine, LogStream, Progress, Signal, StageId, Timestamp, limits,
};

pub(super) struct Plain {
    view: RunView,
    output: Output,
    lines: Lines,
    log_level: Level,
}

impl Plain {
    pub(super) fn new(options: ReportOptions) -> Self {
        let mut view = RunView::default();
        view.ongoing = options.ongoing;
        Self {
            view,
            output: Output::new(options.err),
            lines: Lines::new(TimeOfDay::new(options.time_zone), options.color),
            log_level: options.log_level,
        }
    }

    fn fact(&mut self, at: Timestamp, fact: &Fact) {
        if matches!(fact, Fact::RunStarted { .. }) {
            self.lines.name_columns = name_columns(self.view.stages.iter(), usize::MAX);
        }
        if let Some(line) = narrate(fact, &self.view) {
            self.output.line(self.lines.fact(at, &line));
        }
        if matches!(fact, Fact::RunStarted { .. })
            && let Some(text) = wall_text(&self.view)
        {
            let text = format!("warning: {text}");
            let line = Line::new(None, "!", Tone::Careful, text);
            self.output.line(self.lines.fact(at, &line));
        }
    }

    fn signal(&mut self, at: Timestamp, signal: &Signal) {
        match signal {
            Signal::Logged { stage, lines, .. } => {
                for line in lines.iter().filter(|line| line.level >= self.log_level) {
                    self.output.line(self.lines.log(stage, line));
                }
            }
            Signal::Progressed {
                stage, progress, ..
            } => {
                if let Some(line) = section_end(&self.view, stage, progress) {
                    self.output.line(self.lines.fact(at, &line));
                }
            }
            Signal::Waiting { stage, reason } => {
                let text = format!("waits for {}", escape(reason));
                let line = Line::new(Some(stage), "·", Tone::Quiet, text);
                self.output.line(self.lines.fact(at, &line));
            }
        }
    }

    /// Whether a stage is already known to wait for this.
    fn is_known(&self, signal: &Signal) -> bool {
        let Signal::Waiting { stage, reason } = signal else {
            return false;
        };
        self.view.stage(stage).is_some_and(
            |stage| matches!(&stage.state, StageState::Waiting { reason: known } if known == reason),
        )
    }
}

impl Reporter for Plain {
    fn event(&mut self, event: &Event) {
        let known = matches!(event, Event::Signal { signal, .. } if self.is_known(signal));
        self.view.apply(event);
        match event {
            Event::Fact { at, fact, .. } => self.fact(*at, fact),
            Event::Signal { .. } if known => {}
            Event::Signal { at, signal } => self.signal(*at, signal),
        }
        self.output.flush();
    }

    fn finish(&mut self) -> io::Result<()> {
        self.output.line("");
        let lines = summary_lines(&self.view, self.lines.paint, None);
        self.output.lines(&lines);
        self.output.finish()
    }
}

/// The line for a part of a stage's work that has just been closed, such as
/// `clone: 7 of 40 objects`: where it says more than that it ended, and not for
/// ever.
pub(super) fn section_end<'a>(
    view: &RunView,
    stage: &'a StageId,
    progress: &Progress,
) -> Option<Line<'a>> {
    let known = view.stage(stage).filter(|_| progress.closed)?;
    let closed = known.last_closed.as_ref()?;
    let amount = amount(closed).filter(|_| known.sections_closed <= limits::SECTION_ENDS_SHOWN)?;
    let text = format!("{}: {}", escape(&closed.title), escape(&amount));
    Some(Line::new(Some(stage), "…", Tone::Quiet, text))
}

/// Writes lines in columns; its buffer is used again for each.
pub(super) struct Lines {
    pub(super) paint: Paint,
    pub(super) name_columns: usize,
    time: TimeOfDay,
    buffer: String,
}

impl Lines {
    pub(super) fn new(time: TimeOfDay, color: bool) -> Self {
        Self {
            paint: Paint { color },
            name_columns: 0,
            time,
            buffer: String::new(),
        }
    }

    /// A line about a fact.
    pub(super) fn fact(&mut self, at: Timestamp, line: &Line<'_>) -> &str {
        self.lead(at, line.stage);
        let sign = self.paint.paint(line.tone, line.sign);
        self.buffer.push_str(&sign);
        self.buffer.push(' ');
        // Only what is beside the point is dimmed; the sign says the rest.
        let tone = match line.tone {
            Tone::Quiet | Tone::Strong => line.tone,
            _ => Tone::Plain,
        };
        let text = self.paint.paint(tone, &line.text);
        self.buffer.push_str(&text);
        &self.buffer
    }

    /// A line of a stage's log.
    pub(super) fn log(&mut self, stage: &StageId, line: &LogLine) -> &str {
        self.lead(line.at, Some(stage));
        let text = escape(&line.text);
        // What a program writes to standard error is no warning.
        let tone = match line.stream {
            LogStream::Report | LogStream::Engine => level_tone(line.level),
            LogStream::Stdout
            | LogStream::Stderr
            | LogStream::ToolStdout
            | LogStream::ToolStderr => Tone::Plain,
        };
        if self.paint.color {
            self.buffer.push_str(&self.paint.paint(Tone::Quiet, "│"));
        } else {
            self.buffer.push('│');
        }
        if !text.is_empty() {
            self.buffer.push(' ');
            self.buffer.push_str(&self.paint.paint(tone, &text));
        }
        &self.buffer
    }

    /// The time and the stage.
    fn lead(&mut self, at: Timestamp, stage: Option<&StageId>) {
        self.buffer.clear();
        let time = self.time.at(at);
        if self.paint.color {
            self.buffer.push_str(&self.paint.paint(Tone::Quiet, time));
        } else {
            self.buffer.push_str(time);
        }
        self.buffer.push(' ');
        if self.name_columns == 0 {
            return;
        }
        let name = stage.map_or("", StageId::as_str);
        if name.len() <= self.name_columns {
            self.buffer.push_str(name);
            for _ in name.len()..self.name_columns {
                self.buffer.push(' ');
            }
        } else {
            self.buffer
                .push_str(&pad(&cut(name, self.name_columns), self.name_columns));
        }
        self.buffer.push(' ');
    }
}
