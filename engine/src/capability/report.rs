//! `engine:stage/report`: log lines, annotations, progress. Needs no grant;
//! bounded and redacted by the sink. Tested by the guest `reporter`.

use std::fmt::Write as _;

use wasmtime::component::Resource;

use super::Attempt;
use super::bindings::report::{Annotation, Host, HostSection, Level, Severity};
use crate::model::{self, LogStream, Progress, SourceLocation};

const INTERFACE: &str = "engine:stage/report";

/// The sections of one attempt.
#[derive(Debug, Default)]
pub(super) struct Context {
    sections: u64,
}

/// A part of the work with its own progress.
#[derive(Debug)]
pub struct Section {
    number: u64,
    title: String,
}

impl Host for Attempt {
    async fn log(
        &mut self,
        level: Level,
        message: String,
        fields: Vec<(String, String)>,
    ) -> wasmtime::Result<()> {
        self.sink.count(INTERFACE);
        let mut text = message;
        for (key, value) in fields {
            // Writing to a string cannot fail.
            let _ = write!(text, " {key}={value}");
        }
        Ok(self
            .sink
            .log(LogStream::Report, level.into(), &text)
            .await?)
    }

    async fn annotate(&mut self, annotation: Annotation) -> wasmtime::Result<()> {
        let annotation = model::Annotation {
            severity: match annotation.severity {
                Severity::Notice => model::AnnotationSeverity::Notice,
                Severity::Warning => model::AnnotationSeverity::Warning,
                Severity::Error => model::AnnotationSeverity::Error,
            },
            message: annotation.message,
            title: annotation.title,
            code: annotation.code,
            location: annotation.location.map(|location| SourceLocation {
                path: location.path,
                line: location.line,
                column: location.column,
            }),
        };
        Ok(self.sink.annotate(annotation).await?)
    }

    async fn summary(&mut self, markdown: String) -> wasmtime::Result<()> {
        Ok(self.sink.summarise(&markdown).await?)
    }

    async fn mask(&mut self, value: String) -> wasmtime::Result<()> {
        self.sink.count(INTERFACE);
        self.sink.mask(&value);
        Ok(())
    }
}

impl HostSection for Attempt {
    async fn new(&mut self, title: String) -> wasmtime::Result<Resource<Section>> {
        self.sink.count(INTERFACE);
        self.report.sections += 1;
        let section = Section {
            number: self.report.sections,
            title,
        };
        self.sink.progress(section.progress());
        Ok(self.table.push(section)?)
    }

    async fn progress(
        &mut self,
        this: Resource<Section>,
        done: u64,
        total: Option<u64>,
        unit: String,
    ) -> wasmtime::Result<()> {
        self.sink.count(INTERFACE);
        let section = self.table.get(&this)?;
        self.sink.progress(Progress {
            done: Some(done),
            total,
            unit,
            ..section.progress()
        });
        Ok(())
    }

    async fn status(&mut self, this: Resource<Section>, text: String) -> wasmtime::Result<()> {
        self.sink.count(INTERFACE);
        let section = self.table.get(&this)?;
        self.sink.progress(Progress {
            status: Some(text),
            ..section.progress()
        });
        Ok(())
    }

    async fn drop(&mut self, this: Resource<Section>) -> wasmtime::Result<()> {
        let section = self.table.delete(this)?;
        self.sink.progress(Progress {
            closed: true,
            ..section.progress()
        });
        Ok(())
    }
}

impl Section {
    fn progress(&self) -> Progress {
        Progress {
            section: self.number,
            title: self.title.clone(),
            done: None,
            total: None,
            unit: String::new(),
            status: None,
            closed: false,
        }
    }
}

impl From<Level> for model::Level {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
        }
    }
}
