//! Jsonl: one event a line, for programs. The form is described in `docs/events.md`.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

use super::escape::is_deceptive;
use super::output::Output;
use super::reporter::{ReportOptions, Reporter};
use crate::model::{Event, Fact, Signal};

/// Version of the form. A new event or field leaves it as it is; a removed or
/// changed one raises it.
pub(super) const VERSION: u32 = 1;

pub(super) struct Jsonl {
    output: Output,
}

impl Jsonl {
    pub(super) fn new(options: ReportOptions) -> Self {
        Self {
            output: Output::new(options.out),
        }
    }
}

impl Reporter for Jsonl {
    fn event(&mut self, event: &Event) {
        self.output.line(&line(event));
        self.output.flush();
    }

    fn finish(&mut self) -> io::Result<()> {
        self.output.finish()
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    v: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    at: u64,
    #[serde(flatten)]
    body: Body<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Fact(&'a Fact),
    Signal(&'a Signal),
}

/// An event as one line of JSON.
pub(super) fn line(event: &Event) -> String {
    let envelope = match event {
        Event::Fact { sequence, at, fact } => Envelope {
            v: VERSION,
            seq: Some(*sequence),
            at: at.0,
            body: Body::Fact(fact),
        },
        Event::Signal { at, signal } => Envelope {
            v: VERSION,
            seq: None,
            at: at.0,
            body: Body::Signal(signal),
        },
    };
    let mut bytes = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Visible);
    envelope
        .serialize(&mut serializer)
        .expect("every key of an event is a string, and writing to memory does not fail");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

/// Compact JSON whose strings hold no character that a terminal would obey or
/// hide: `\u` escapes lose nothing, and the lines may be looked at.
struct Visible;

impl Formatter for Visible {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        let mut plain = 0;
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return CompactFormatter.write_string_fragment(writer, fragment);
        }
        for (at, c) in fragment.char_indices().filter(|(_, c)| is_deceptive(*c)) {
            CompactFormatter.write_string_fragment(writer, &fragment[plain..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        CompactFormatter.write_string_fragment(writer, &fragment[plain..])
    }
}
