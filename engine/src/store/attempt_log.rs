//! Attempt log: the text that an attempt logs, on its way to file and reporters.

use std::io;
use std::path::PathBuf;

use super::LogFile;
use crate::model::{Level, LogLine, LogStream, Timestamp, limits};

/// What is kept of an attempt's text.
pub(super) struct AttemptLog {
    /// Where the log file will be; most stages that do nothing never need one.
    path: Option<PathBuf>,
    file: Option<LogFile>,
    was_begun: bool,
    /// What writing the file met first.
    failed: Option<io::Error>,
    kept_bytes: u64,
    limit_bytes: u64,
    dropped_lines: u64,
    stderr_tail: String,
    masks: Vec<String>,
}

impl AttemptLog {
    pub(super) fn new(path: Option<PathBuf>, limit_bytes: u64) -> Self {
        Self {
            path,
            file: None,
            was_begun: false,
            failed: None,
            kept_bytes: 0,
            limit_bytes,
            dropped_lines: 0,
            stderr_tail: String::new(),
            masks: Vec::new(),
        }
    }

    /// Takes as many lines as one message holds, and keeps them; the lines to
    /// show, and the text that is left. What is beyond the limit is counted.
    pub(super) fn keep<'t>(
        &mut self,
        at: Timestamp,
        stream: LogStream,
        level: Level,
        mut rest: &'t str,
    ) -> (Vec<LogLine>, &'t str) {
        let mut lines = Vec::new();
        let mut bytes = 0;
        while lines.len() < limits::MESSAGE_LINES
            && bytes < limits::MESSAGE_BYTES
            && !rest.is_empty()
        {
            let text;
            (text, rest) = first_line(rest);
            bytes += text.len() + 1;
            let text = self.masked(text);
            let cost = text.len() as u64 + limits::LOG_LINE_COST;
            let line = if self.kept_bytes + cost > self.limit_bytes {
                self.dropped_lines += 1;
                if self.dropped_lines > 1 {
                    continue;
                }
                let limit = self.limit_bytes;
                let text = format!("log limit of {limit} bytes reached; the rest is not kept");
                LogLine {
                    at,
                    stream: LogStream::Engine,
                    level: Level::Warn,
                    text,
                }
            } else {
                self.kept_bytes += cost;
                if stream == LogStream::Stderr {
                    self.remember_stderr(&text);
                }
                LogLine {
                    at,
                    stream,
                    level,
                    text,
                }
            };
            self.write(&line);
            lines.push(line);
        }
        self.flush_if_due();
        (lines, rest)
    }

    /// Lets whoever reads the file see what was logged, once it is time. Whether
    /// there is a file.
    pub(super) fn flush_if_due(&mut self) -> bool {
        if let Some(file) = &mut self.file {
            let flushed = file.flush_if_due();
            self.note(flushed);
        }
        self.file.is_some()
    }

    /// Whether a file was begun since this was asked last.
    pub(super) fn has_begun(&mut self) -> bool {
        self.file.is_some() && !std::mem::replace(&mut self.was_begun, true)
    }

    /// Hides a value from now on. Values of an unfit length, and those beyond the
    /// limit, are ignored.
    pub(super) fn mask(&mut self, value: &str) {
        if self.masks.len() < limits::MASKS && limits::MASK_BYTES.contains(&value.len()) {
            self.masks.push(value.to_owned());
        }
    }

    /// The end of what the guest wrote to standard error, once.
    pub(super) fn take_stderr_tail(&mut self) -> String {
        std::mem::take(&mut self.stderr_tail)
    }

    /// No more text. The file, which must be finished; the bytes kept, the lines
    /// dropped.
    pub(super) fn end(&mut self) -> (io::Result<Option<LogFile>>, u64, u64) {
        self.path = None;
        let file = match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(self.file.take()),
        };
        (file, self.kept_bytes, self.dropped_lines)
    }

    fn masked(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for mask in &self.masks {
            if text.contains(mask.as_str()) {
                text = text.replace(mask.as_str(), "***");
            }
        }
        text
    }

    fn write(&mut self, line: &LogLine) {
        let written = self.try_write(line);
        self.note(written);
    }

    /// After the first error there is no file any more.
    fn note(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            self.file = None;
            self.failed.get_or_insert(error);
        }
    }

    fn try_write(&mut self, line: &LogLine) -> io::Result<()> {
        if let Some(path) = self.path.take() {
            self.file = Some(LogFile::create(&path)?);
        }
        match &mut self.file {
            Some(file) => file.write(line),
            None => Ok(()),
        }
    }

    fn remember_stderr(&mut self, text: &str) {
        self.stderr_tail
            .push_str(cut(text, limits::STDERR_TAIL_BYTES));
        self.stderr_tail.push('\n');
        if self.stderr_tail.len() > limits::STDERR_TAIL_BYTES {
            let mut start = self.stderr_tail.len() - limits::STDERR_TAIL_BYTES;
            while !self.stderr_tail.is_char_boundary(start) {
                start += 1;
            }
            self.stderr_tail.drain(..start);
        }
    }
}

/// The longest beginning of at most `bytes` bytes.
pub(super) fn cut(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let mut end = bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The first line of a text without its end, or the first piece of one that is
/// too long; and what follows. The text is not empty.
fn first_line(text: &str) -> (&str, &str) {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let piece = cut(line, limits::LOG_LINE_BYTES);
    if piece.len() < line.len() {
        return (piece, &text[piece.len()..]);
    }
    (line.strip_suffix('\r').unwrap_or(line), after)
}

#[cfg(test)]
mod tests {
    use super::AttemptLog;
    use crate::model::{Level, LogStream, Timestamp, limits};

    fn kept(text: &str, limit_bytes: u64) -> (Vec<String>, usize, u64) {
        let mut log = AttemptLog::new(None, limit_bytes);
        let (mut lines, mut messages, mut rest) = (Vec::new(), 0, text);
        while !rest.is_empty() {
            let (some, left) = log.keep(Timestamp(0), LogStream::Report, Level::Info, rest);
            lines.extend(some.into_iter().map(|line| line.text));
            (messages, rest) = (messages + 1, left);
        }
        (lines, messages, log.end().2)
    }

    #[test]
    fn a_text_is_cut_into_lines_and_long_lines_into_pieces() {
        for (text, lines) in [
            ("a\nb", &["a", "b"][..]),
            ("a\r\n\nb\n", &["a", "", "b"]),
            ("\n", &[""]),
            ("", &[]),
        ] {
            assert_eq!(kept(text, 1 << 20).0, lines, "{text:?}");
        }
        let long = "é".repeat(limits::LOG_LINE_BYTES);
        let (lines, ..) = kept(&long, 1 << 20);
        assert_eq!((lines.len(), lines.concat()), (2, long));
    }

    /// Row A12: millions of empty lines.
    #[test]
    fn millions_of_empty_lines_are_neither_one_message_nor_free() {
        let (lines, messages, dropped) = kept(&"\n".repeat(100_000), 1 << 20);
        assert!(messages >= 32, "{messages}");
        assert_eq!(lines.len() as u64, (1 << 20) / limits::LOG_LINE_COST + 1);
        assert_eq!(dropped, 100_000 - (1 << 20) / limits::LOG_LINE_COST);
    }
}
