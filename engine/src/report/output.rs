//! Output: a stream that remembers its first failure.

use std::io::{self, BufWriter, Write};

/// A stream that remembers its first failure and is silent from then on: output
/// that nobody reads must not stop a run.
pub(super) struct Output {
    writer: BufWriter<Box<dyn Write + Send>>,
    failure: Option<io::Error>,
}

impl Output {
    pub(super) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            writer: BufWriter::with_capacity(64 * 1024, writer),
            failure: None,
        }
    }

    pub(super) fn write(&mut self, text: &str) {
        self.attempt(|writer| writer.write_all(text.as_bytes()));
    }

    pub(super) fn line(&mut self, text: &str) {
        self.attempt(|writer| {
            writer.write_all(text.as_bytes())?;
            writer.write_all(b"\n")
        });
    }

    pub(super) fn lines(&mut self, lines: &[String]) {
        for line in lines {
            self.line(line);
        }
    }

    pub(super) fn flush(&mut self) {
        self.attempt(Write::flush);
    }

    /// Flushes. The first failure, unless it is that the reader went away.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.flush();
        match self.failure.take() {
            Some(failure) if failure.kind() != io::ErrorKind::BrokenPipe => Err(failure),
            _ => Ok(()),
        }
    }

    fn attempt(
        &mut self,
        write: impl FnOnce(&mut BufWriter<Box<dyn Write + Send>>) -> io::Result<()>,
    ) {
        if self.failure.is_none()
            && let Err(failure) = write(&mut self.writer)
        {
            self.failure = Some(failure);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::Output;

    struct Broken(io::ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_is_told_at_the_end_and_a_closed_pipe_is_not() {
        for (kind, fails) in [
            (io::ErrorKind::StorageFull, true),
            (io::ErrorKind::BrokenPipe, false),
        ] {
            let mut output = Output::new(Box::new(Broken(kind)));
            output.line("x");
            output.flush();
            output.line("y");
            assert_eq!(output.finish().is_err(), fails, "{kind:?}");
        }
    }
}
