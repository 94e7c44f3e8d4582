//! Live: the display of a run on a terminal, which collapses to a summary.

use std::io;

use super::frame::frame;
use super::screen::Screen;
use crate::model::{Event, Fact, Timestamp, limits};
use crate::report::escape::{cut, escape, width, wrap};
use crate::report::paint::{Paint, Tone};
use crate::report::quantity::count;
use crate::report::reporter::{ReportOptions, Reporter, TerminalSize};
use crate::report::summary::{summary_lines, wall_text};
use crate::report::view::RunView;

pub(in crate::report) struct Tty {
    view: RunView,
    screen: Screen,
    paint: Paint,
    terminal: Box<dyn Fn() -> TerminalSize + Send>,
    drawn_at: Option<Timestamp>,
}

impl Tty {
    pub(in crate::report) fn new(options: ReportOptions) -> Self {
        Self {
            view: RunView::default(),
            screen: Screen::new(options.err),
            paint: Paint {
                color: options.color,
            },
            terminal: options.terminal,
            drawn_at: None,
        }
    }

    /// Draws unless a frame is still fresh.
    fn draw(&mut self) {
        let now = self.view.now.0;
        if let Some(drawn_at) = self.drawn_at
            && now.saturating_sub(drawn_at.0) < limits::FRAME_MS
        {
            return;
        }
        self.drawn_at = Some(self.view.now);
        let lines = frame(&self.view, self.paint, (self.terminal)());
        self.screen.draw(&lines);
    }

    /// What stays above the live display.
    fn head(&mut self) {
        let Some(start) = &self.view.start else {
            return;
        };
        let stages = count(self.view.stages.len() as u64, "stage");
        let about = format!("run {} · {stages}", start.run.short());
        let columns = usize::from((self.terminal)().columns);
        let name = escape(&start.name);
        let mut head = self.paint.paint(Tone::Strong, &cut(&name, columns));
        // Beside a name of which nothing would be left the rest has no place.
        if let Some(left) = columns.checked_sub(width(&about) + 2 + 8) {
            let name = self.paint.paint(Tone::Strong, &cut(&name, left + 8));
            head = format!("{name}  {}", self.paint.paint(Tone::Quiet, &about));
        }
        let mut lines = vec![head];
        if let Some(text) = wall_text(&self.view) {
            let word = self.paint.paint(Tone::Careful, "warning");
            let text = wrap(&format!("warning: {text}"), columns);
            let text = text.join("\n").replacen("warning", &word, 1);
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.push(String::new());
        self.screen.print(&lines);
    }
}

impl Reporter for Tty {
    fn event(&mut self, event: &Event) {
        self.view.apply(event);
        if let Event::Fact {
            fact: Fact::RunStarted { .. },
            ..
        } = event
        {
            self.head();
        }
        self.draw();
    }

    fn tick(&mut self, now: Timestamp) {
        self.view.now = self.view.now.max(now);
        self.draw();
    }

    fn finish(&mut self) -> io::Result<()> {
        let columns = usize::from((self.terminal)().columns);
        let lines = summary_lines(&self.view, self.paint, Some(columns));
        self.screen.print(&lines);
        self.screen.finish()
    }
}
