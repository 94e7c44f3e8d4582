//! Screen: draws frames over one another at the end of what a terminal shows.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::report::output::Output;

/// Begins and ends an update that a terminal shows at once, and turns off its
/// wrapping meanwhile: where it counts columns differently than we do, a line is
/// cut and the lines below stay in their places.
const BEGIN: &str = "\x1b[?2026h\x1b[?7l";
const END: &str = "\x1b[?7h\x1b[?2026l";

pub(super) struct Screen {
    output: Output,
    frame: Vec<String>,
}

impl Screen {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            output: Output::new(writer),
            frame: Vec::new(),
        }
    }

    /// Replaces the last frame. The lines must fit the terminal.
    pub(super) fn draw(&mut self, frame: &[String]) {
        if self.frame == frame {
            return;
        }
        let mut text = self.back_to_the_top();
        text.insert_str(0, BEGIN);
        for line in frame {
            // Clearing after the text, not before, keeps it from flickering.
            let _ = write!(text, "{line}\x1b[K\r\n");
        }
        text.push_str("\x1b[J");
        text.push_str(END);
        self.output.write(&text);
        self.output.flush();
        self.frame = frame.to_vec();
    }

    /// Takes the last frame away and writes lines that stay.
    pub(super) fn print(&mut self, lines: &[String]) {
        let mut text = self.back_to_the_top();
        text.push_str("\x1b[J");
        for line in lines {
            let _ = write!(text, "{line}\r\n");
        }
        self.output.write(&text);
        self.output.flush();
        self.frame.clear();
    }

    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.output.finish()
    }

    fn back_to_the_top(&self) -> String {
        match self.frame.len() {
            0 => "\r".to_owned(),
            lines => format!("\r\x1b[{lines}A"),
        }
    }
}
