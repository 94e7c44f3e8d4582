//! Log: the compressed text of one attempt.
//!
//! One line a log line: milliseconds since 1970, stream, level, text, separated
//! by tabs; the whole compressed with zstd.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::time::Instant;

use crate::model::{Level, LogLine, LogStream, Timestamp, limits};

/// Text that is compressed at once: a call of the compressor costs more than a line.
const BLOCK_BYTES: usize = 64 * 1024;

/// The log of an attempt that is running.
pub struct LogFile {
    encoder: zstd::Encoder<'static, File>,
    /// Lines on their way to the compressor.
    pending: Vec<u8>,
    /// What the last line began with, and what that was made from: many lines are
    /// logged at once.
    prefix: (Timestamp, LogStream, Level, Vec<u8>),
    flushed: Instant,
    /// Whether anything was written since.
    has_more: bool,
}

impl LogFile {
    /// Creates the file; it must not exist.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(path)?;
        // Level 1: the point is to write less, not to write little.
        let encoder = zstd::Encoder::new(file, 1)?;
        let (at, stream, level) = (Timestamp(0), LogStream::Report, Level::Info);
        Ok(Self {
            encoder,
            pending: Vec::new(),
            prefix: (at, stream, level, prefix(at, stream, level)),
            flushed: Instant::now(),
            has_more: false,
        })
    }

    /// Adds a line.
    pub fn write(&mut self, line: &LogLine) -> io::Result<()> {
        let (at, stream, level, _) = self.prefix;
        if (at, stream, level) != (line.at, line.stream, line.level) {
            let (at, stream, level) = (line.at, line.stream, line.level);
            self.prefix = (at, stream, level, prefix(at, stream, level));
        }
        self.pending.extend_from_slice(&self.prefix.3);
        self.pending.extend_from_slice(line.text.as_bytes());
        self.pending.push(b'\n');
        self.has_more = true;
        if self.pending.len() >= BLOCK_BYTES {
            self.compress()?;
        }
        Ok(())
    }

    /// Call it now and then. Whoever looks while the attempt runs, or after it was
    /// killed, shall see what was shown; seldom enough that it costs nothing.
    pub fn flush_if_due(&mut self) -> io::Result<()> {
        if self.has_more && self.flushed.elapsed() >= limits::LOG_FLUSH {
            self.compress()?;
            self.encoder.flush()?;
            self.flushed = Instant::now();
            self.has_more = false;
        }
        Ok(())
    }

    /// Ends the file and waits until it is on disk.
    pub fn finish(mut self) -> io::Result<()> {
        self.compress()?;
        self.encoder.finish()?.sync_all()
    }

    fn compress(&mut self) -> io::Result<()> {
        self.encoder.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

fn prefix(at: Timestamp, stream: LogStream, level: Level) -> Vec<u8> {
    let (stream, level) = (stream_letter(stream), level_letter(level));
    format!("{}\t{stream}\t{level}\t", at.0).into_bytes()
}

/// Reads the log of an attempt, whole or as far as it was written.
///
/// The log of an attempt that is running, or was killed, ends where its last
/// block ends; that is no error.
pub fn read_log(path: &Path, mut each: impl FnMut(LogLine)) -> io::Result<()> {
    let mut reader = BufReader::new(zstd::Decoder::new(File::open(path)?)?);
    let mut text = Vec::new();
    loop {
        text.clear();
        match reader.read_until(b'\n', &mut text) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        if let Some(line) = parse(&String::from_utf8_lossy(&text)) {
            each(line);
        }
    }
}

fn parse(text: &str) -> Option<LogLine> {
    let mut fields = text.trim_end_matches('\n').splitn(4, '\t');
    let at = Timestamp(fields.next()?.parse().ok()?);
    let stream = fields.next()?;
    let stream = STREAMS.iter().find(|(_, letter)| *letter == stream)?.0;
    let level = fields.next()?;
    let level = LEVELS.iter().find(|(_, letter)| *letter == level)?.0;
    Some(LogLine {
        at,
        stream,
        level,
        text: fields.next()?.to_owned(),
    })
}

const STREAMS: [(LogStream, &str); 6] = [
    (LogStream::Report, "r"),
    (LogStream::Stdout, "o"),
    (LogStream::Stderr, "e"),
    (LogStream::ToolStdout, "O"),
    (LogStream::ToolStderr, "E"),
    (LogStream::Engine, "!"),
];

const LEVELS: [(Level, &str); 5] = [
    (Level::Trace, "t"),
    (Level::Debug, "d"),
    (Level::Info, "i"),
    (Level::Warn, "w"),
    (Level::Error, "e"),
];

fn stream_letter(stream: LogStream) -> &'static str {
    STREAMS
        .iter()
        .find(|(known, _)| *known == stream)
        .map_or("!", |(_, letter)| letter)
}

fn level_letter(level: Level) -> &'static str {
    LEVELS
        .iter()
        .find(|(known, _)| *known == level)
        .map_or("i", |(_, letter)| letter)
}
