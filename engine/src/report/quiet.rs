//! Quiet: only failures and the last line.

use std::io;

use super::failure::failure_lines;
use super::output::Output;
use super::paint::{Paint, Tone};
use super::reporter::{ReportOptions, Reporter};
use super::summary::{final_lines, wall_text};
use super::view::RunView;
use crate::model::{Event, Fact};

pub(super) struct Quiet {
    view: RunView,
    output: Output,
    paint: Paint,
}

impl Quiet {
    pub(super) fn new(options: ReportOptions) -> Self {
        Self {
            view: RunView::default(),
            output: Output::new(options.err),
            paint: Paint {
                color: options.color,
            },
        }
    }
}

impl Reporter for Quiet {
    fn event(&mut self, event: &Event) {
        self.view.apply(event);
        // A wall that does not hold is never passed over in silence.
        if let Event::Fact {
            fact: Fact::RunStarted { .. },
            ..
        } = event
            && let Some(text) = wall_text(&self.view)
        {
            let word = self.paint.paint(Tone::Careful, "warning");
            self.output.line(&format!("{word}: {text}"));
            self.output.line("");
            self.output.flush();
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        let failures = failure_lines(&self.view, self.paint);
        // The first block begins the output: no empty line before it.
        self.output.lines(failures.get(1..).unwrap_or_default());
        if !failures.is_empty() {
            self.output.line("");
        }
        self.output.lines(&final_lines(&self.view, self.paint));
        self.output.finish()
    }
}
