//! Line: one fact in the journal, written and read, with its place in the chain.

use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::model::{Digest, Event, Fact, Timestamp};

/// Version of the form.
const VERSION: u32 = 1;

/// A journal that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line in the middle was changed, lost, added or reordered.
    #[error("line {line} of the journal is damaged: {reason}")]
    Damaged {
        /// From 1.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
    /// A newer engine wrote it.
    #[error("line {line} of the journal has version {version}, which this engine does not know")]
    Version {
        /// From 1.
        line: usize,
        /// The version.
        version: u32,
    },
}

/// What a journal holds.
#[derive(Debug, Default)]
pub struct Record {
    /// Its facts, oldest first.
    pub events: Vec<Event>,
    /// Bytes after the last whole line, from a write that was cut short.
    pub torn_bytes: usize,
}

#[derive(Deserialize)]
struct Envelope {
    v: u32,
    seq: u64,
    at: Timestamp,
    prev: String,
}

/// What the first line has in `prev`.
pub(super) fn genesis() -> Digest {
    Digest::of(b"engine journal v1")
}

/// Adds a line; the hash that the next line names.
pub(super) fn write(
    text: &mut Vec<u8>,
    sequence: u64,
    at: Timestamp,
    previous: &Digest,
    fact: &Fact,
) -> Digest {
    let start = text.len();
    let head = format!(
        r#"{{"v":{VERSION},"seq":{sequence},"at":{},"prev":"{}","#,
        at.0,
        previous.hex()
    );
    text.extend_from_slice(head.as_bytes());
    let body = text.len();
    serde_json::to_writer(&mut *text, fact).expect("facts hold nothing that JSON cannot");
    // The fact is an object: its opening brace makes place for the envelope.
    text.remove(body);
    text.pop();
    let digest = Digest::of(&text[start..]);
    text.extend_from_slice(format!(",\"sum\":\"{}\"}}\n", &digest.hex()[..16]).as_bytes());
    digest
}

/// Reads a journal and checks its chain. A last line that is not whole was never
/// acknowledged, and is left out.
pub fn read_journal(path: &Path) -> Result<Record, ReadError> {
    let bytes = fs::read(path)?;
    let mut record = Record::default();
    let mut previous = genesis();
    let mut rest = &bytes[..];
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
            record.torn_bytes = rest.len();
            break;
        };
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        match read(line, number, &previous) {
            Ok((event, digest)) => {
                record.events.push(event);
                previous = digest;
            }
            // Pages of one write may reach the disk out of order: a last line
            // with a hole in it is a torn tail too.
            Err(ReadError::Damaged { .. }) if after.is_empty() => {
                record.torn_bytes = rest.len();
                break;
            }
            Err(error) => return Err(error),
        }
        rest = after;
    }
    Ok(record)
}

fn read(line: &[u8], number: usize, previous: &Digest) -> Result<(Event, Digest), ReadError> {
    let damaged = |reason| ReadError::Damaged {
        line: number,
        reason,
    };
    let text = std::str::from_utf8(line).map_err(|_| damaged("it is not UTF-8"))?;
    let (body, sum) = text
        .rsplit_once(",\"sum\":\"")
        .ok_or_else(|| damaged("it has no sum"))?;
    let digest = Digest::of(body.as_bytes());
    if sum.strip_suffix("\"}") != Some(&digest.hex()[..16]) {
        return Err(damaged("its sum is wrong"));
    }
    let mut value: Value = serde_json::from_str(text).map_err(|_| damaged("it is not JSON"))?;
    let envelope =
        Envelope::deserialize(&value).map_err(|_| damaged("its envelope is incomplete"))?;
    if envelope.v != VERSION {
        return Err(ReadError::Version {
            line: number,
            version: envelope.v,
        });
    }
    if envelope.prev != previous.hex() || envelope.seq != number as u64 {
        return Err(damaged("it does not follow the line before"));
    }
    if let Value::Object(fields) = &mut value {
        for key in ["v", "seq", "at", "prev", "sum"] {
            fields.remove(key);
        }
    }
    let fact = Fact::deserialize(value).map_err(|_| damaged("its event is unknown"))?;
    Ok((
        Event::Fact {
            sequence: envelope.seq,
            at: envelope.at,
            fact,
        },
        digest,
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{genesis, read_journal, write};
    use crate::model::{Event, Fact, Timestamp};

    fn journal() -> Vec<u8> {
        let mut text = Vec::new();
        let mut previous = genesis();
        for sequence in 1..=3 {
            let fact = Fact::CancelRequested {
                by: format!("test {sequence}"),
            };
            previous = write(&mut text, sequence, Timestamp(sequence), &previous, &fact);
        }
        text
    }

    fn read(bytes: &[u8]) -> Result<(Vec<u64>, usize), String> {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("journal.jsonl");
        fs::write(&path, bytes).expect("it is written");
        let record = read_journal(&path).map_err(|error| error.to_string())?;
        let sequences = record.events.iter().map(|event| match event {
            Event::Fact { sequence, .. } => *sequence,
            Event::Signal { .. } => 0,
        });
        Ok((sequences.collect(), record.torn_bytes))
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(read(&journal()), Ok((vec![1, 2, 3], 0)));
        assert_eq!(read(b""), Ok((vec![], 0)));
    }

    #[test]
    fn a_torn_tail_is_cut_at_every_length() {
        let whole = journal();
        for length in 0..whole.len() {
            let (facts, torn) = read(&whole[..length]).expect("a torn tail is no damage");
            let lines = whole[..length].split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(facts.len(), lines, "length {length}");
            assert_eq!(
                torn > 0,
                length > 0 && whole[length - 1] != b'\n',
                "length {length}"
            );
        }
    }

    #[test]
    fn a_changed_byte_is_found_wherever_it_is() {
        let whole = journal();
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            // Never all three as if nothing had happened.
            match read(&bytes) {
                Ok((facts, torn)) => assert!(facts.len() < 3 && torn > 0, "byte {index}"),
                Err(message) => assert!(message.contains("damaged"), "{message}"),
            }
        }
    }

    #[test]
    fn a_missing_line_is_found() {
        let whole = journal();
        let lines: Vec<&[u8]> = whole.split_inclusive(|byte| *byte == b'\n').collect();
        let without_second = [lines[0], lines[2]].concat();
        // The last line no longer follows; with another after it that is damage.
        assert_eq!(read(&without_second).map(|(facts, _)| facts), Ok(vec![1]));
        let swapped = [lines[1], lines[0], lines[2]].concat();
        assert!(read(&swapped).is_err());
    }
}
