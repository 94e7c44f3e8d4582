//! Lines: a stream of bytes on its way to a log.

use std::sync::Arc;

use super::{RedactingStream, Redactor};
use crate::model::limits;

/// Cuts a stream of bytes into whole lines, with every secret taken out before
/// the cut. Holds at most one line that has no end yet.
pub struct Lines {
    redacting: RedactingStream,
    partial: Vec<u8>,
}

impl Lines {
    /// The lines of a stream, from its beginning.
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            redacting: RedactingStream::new(redactor),
            partial: Vec::new(),
        }
    }

    /// The lines that are whole now, each with its end. Empty while there is none.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let safe = self.redacting.push(bytes);
        self.cut(&safe)
    }

    /// The last line, if it had no end.
    pub fn finish(&mut self) -> Vec<u8> {
        let rest = self.redacting.finish();
        let mut whole = self.cut(&rest);
        whole.append(&mut without_overwritten(std::mem::take(&mut self.partial)));
        whole
    }

    fn cut(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut whole = std::mem::take(&mut self.partial);
        if let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') {
            whole.extend_from_slice(&bytes[..=end]);
            self.partial.extend_from_slice(&bytes[end + 1..]);
        } else {
            whole.extend_from_slice(bytes);
            self.partial = std::mem::take(&mut whole);
        }
        if self.partial.len() > limits::LOG_LINE_BYTES {
            // A progress bar writes over itself for ever; only its last state
            // is of interest.
            let last = self.partial.trim_ascii_end().iter();
            if let Some(at) = last.clone().rposition(|byte| *byte == b'\r') {
                self.partial.drain(..=at);
            }
        }
        if self.partial.len() > limits::LOG_LINE_BYTES {
            whole.append(&mut self.partial);
            whole.push(b'\n');
        }
        without_overwritten(whole)
    }
}

/// Of a line with carriage returns only what a terminal would leave: the text
/// after the last one.
fn without_overwritten(lines: Vec<u8>) -> Vec<u8> {
    if !lines.contains(&b'\r') {
        return lines;
    }
    let mut kept = Vec::with_capacity(lines.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        let mut text = text;
        while let Some(shorter) = text.strip_suffix(b"\r") {
            text = shorter;
        }
        let from = text
            .iter()
            .rposition(|byte| *byte == b'\r')
            .map_or(0, |at| at + 1);
        kept.extend_from_slice(&text[from..]);
        kept.extend_from_slice(end);
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::Lines;
    use crate::model::limits;
    use crate::store::Redactor;

    fn through(chunks: &[&[u8]]) -> (Vec<String>, String) {
        let mut lines = Lines::new(Arc::default());
        let whole = chunks.iter().map(|chunk| lines.push(chunk));
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the tests write text");
        (whole.map(text).collect(), text(lines.finish()))
    }

    #[test]
    fn only_whole_lines_are_handed_on() {
        for (chunks, whole, last) in [
            (&[&b"a\nb"[..], b"c\n"][..], &["a\n", "bc\n"][..], ""),
            (&[b"a", b"b", b"c"], &["", "", ""], "abc"),
            (&[b"\n\n", b"x"], &["\n\n", ""], "x"),
        ] {
            assert_eq!(
                through(chunks),
                (
                    whole.iter().map(ToString::to_string).collect(),
                    last.to_owned()
                )
            );
        }
    }

    #[test]
    fn of_a_progress_bar_the_last_state_stays() {
        for (written, left) in [
            ("10%\r20%\r30%\n", "30%\n"),
            ("one\r\ntwo\r\n", "one\ntwo\n"),
            ("10%\r100%\r\n", "100%\n"),
            ("\r\n", "\n"),
        ] {
            assert_eq!(through(&[written.as_bytes()]).0, [left], "{written:?}");
        }
    }

    /// Row A13: a line without end in the host's memory.
    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let mut lines = Lines::new(Arc::default());
        for _ in 0..1000 {
            lines.push(&[b'x'; 4096]);
            assert!(lines.partial.len() <= limits::LOG_LINE_BYTES);
            lines.push(&b"99%\r".repeat(1024));
            assert!(lines.partial.len() <= limits::LOG_LINE_BYTES);
        }
    }

    /// Row D04: a secret across the cut of a long line.
    #[test]
    fn a_secret_across_the_cut_of_a_long_line_is_not_shown() {
        let secret = "correct-horse-battery-staple";
        for before in limits::LOG_LINE_BYTES - secret.len() - 2..limits::LOG_LINE_BYTES + 2 {
            let mut lines = Lines::new(Arc::new(Redactor::new([secret.as_bytes()])));
            let text = format!("{}{secret}{}", "x".repeat(before), "y".repeat(100));
            let mut shown = Vec::new();
            for piece in text.as_bytes().chunks(4099) {
                shown.extend(lines.push(piece));
            }
            shown.extend(lines.finish());
            let shown = String::from_utf8(shown).expect("text").replace('\n', "");
            assert!(
                !shown.contains("horse") && !shown.contains("staple"),
                "{before}"
            );
        }
    }
}
