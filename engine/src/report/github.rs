//! Github: groups, annotations and a step summary for GitHub's runner.
//!
//! The runner obeys commands (`::name::`, `##[name]`) in whatever a step prints.
//! Those that a stage prints are made harmless twice: they are broken up, and
//! they stand in a stretch where commands are stopped under a token that no
//! stage can guess.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;

use super::escape::escape;
use super::failure::is_explained;
use super::narrate::{Line, narrate};
use super::output::Output;
use super::paint::glyph;
use super::plain::{Lines, section_end};
use super::quantity::{TimeOfDay, duration};
use super::reporter::{ReportOptions, Reporter};
use super::step_summary::step_summary;
use super::summary::{summary_lines, wall_text};
use super::view::RunView;
use crate::model::{
    Annotation, AnnotationSeverity, Event, Fact, Level, Outcome, Signal, SourceLocation, StageId,
    Timestamp, limits,
};

pub(super) struct Github {
    view: RunView,
    output: Output,
    step_summary: Option<Output>,
    lines: Lines,
    log_level: Level,
    stop_token: String,
    groups: BTreeMap<StageId, Group>,
    kept_bytes: usize,
}

/// The lines of a stage that has not ended.
#[derive(Default)]
struct Group {
    text: String,
    parts_shown: u32,
}

impl Github {
    pub(super) fn new(options: ReportOptions) -> Self {
        Self {
            view: RunView::default(),
            output: Output::new(options.out),
            step_summary: options.step_summary.map(Output::new),
            lines: Lines::new(TimeOfDay::new(options.time_zone), options.color),
            log_level: options.log_level,
            stop_token: options.stop_token,
            groups: BTreeMap::new(),
            kept_bytes: 0,
        }
    }

    fn fact(&mut self, at: Timestamp, fact: &Fact) {
        if let Some(mut line) = narrate(fact, &self.view) {
            // A skip is the only line of its stage: no group for it.
            if let Fact::StageSkipped { stage, .. } = fact {
                line = Line::new(None, line.sign, line.tone, format!("{stage} {}", line.text));
            }
            self.narrated(at, &line);
        }
        match fact {
            Fact::RunStarted { .. } => {
                if let Some(text) = wall_text(&self.view) {
                    self.output.line(&command("warning", &[], &text));
                }
            }
            Fact::Annotated { annotation, .. } => self.annotation(annotation),
            Fact::StageFinished { stage, outcome, .. } => self.end(stage, *outcome),
            _ => {}
        }
    }

    /// A line about a stage goes to its group, one about the run is shown at once.
    fn narrated(&mut self, at: Timestamp, line: &Line<'_>) {
        let text = neutral(self.lines.fact(at, line)).into_owned();
        match line.stage {
            Some(stage) => self.keep(stage, &text),
            None => self.output.line(&text),
        }
    }

    fn signal(&mut self, at: Timestamp, signal: &Signal) {
        match signal {
            Signal::Logged { stage, lines, .. } => {
                let level = self.log_level;
                for line in lines.iter().filter(|line| line.level >= level) {
                    let text = neutral(self.lines.log(stage, line)).into_owned();
                    self.keep(stage, &text);
                }
            }
            Signal::Progressed {
                stage, progress, ..
            } => {
                if let Some(line) = section_end(&self.view, stage, progress) {
                    self.narrated(at, &line);
                }
            }
            Signal::Waiting { .. } => {}
        }
    }

    fn keep(&mut self, stage: &StageId, line: &str) {
        let group = self.groups.entry(stage.clone()).or_default();
        group.text.push_str(line);
        group.text.push('\n');
        self.kept_bytes += line.len() + 1;
        while self.kept_bytes > limits::GROUP_BYTES {
            let largest = self.groups.iter().max_by_key(|(_, group)| group.text.len());
            let Some(stage) = largest.map(|(stage, _)| stage.clone()) else {
                return;
            };
            self.show(&stage, &format!("… {stage}"));
        }
    }

    /// Shows what is kept of a stage.
    fn show(&mut self, stage: &StageId, title: &str) {
        let Some(group) = self.groups.get_mut(stage) else {
            return;
        };
        group.parts_shown += 1;
        let text = std::mem::take(&mut group.text);
        self.kept_bytes -= text.len();
        self.output.line(&command("group", &[], title));
        self.guarded(&text);
        self.output.line("::endgroup::");
    }

    /// Text in which the runner obeys nothing.
    fn guarded(&mut self, text: &str) {
        let token = &self.stop_token;
        self.output.line(&format!("::stop-commands::{token}"));
        self.output.write(text);
        self.output.line(&format!("::{token}::"));
    }

    fn end(&mut self, stage: &StageId, outcome: Outcome) {
        if let Some(group) = self.groups.get(stage) {
            let spent = self.view.stage(stage).map_or(0, |stage| stage.spent_ms);
            let mut title = format!("{} {stage} ({})", glyph(outcome), duration(spent));
            if group.parts_shown > 0 {
                title.push_str(", the rest");
            }
            self.show(stage, &title);
            self.groups.remove(stage);
        }
        if is_explained(outcome) {
            self.failure(stage, outcome);
        }
    }

    fn failure(&mut self, stage: &StageId, outcome: Outcome) {
        let name = match outcome {
            Outcome::Warned => "warning",
            _ => "error",
        };
        let failure = self.view.stage(stage).and_then(|s| s.failure.as_ref());
        let Some(failure) = failure else {
            let text = format!("stage {stage} ended as {outcome}");
            return self.output.line(&command(name, &[], &text));
        };
        let mut text = failure.message.clone();
        if let Some(hint) = &failure.hint {
            text = format!("{text}\nhint: {hint}");
        }
        let title = format!("stage {stage}: {outcome} ({})", failure.code);
        let properties = properties(failure.location.as_ref(), Some(title));
        self.output.line(&command(name, &properties, &text));
    }

    fn annotation(&mut self, annotation: &Annotation) {
        let name = match annotation.severity {
            AnnotationSeverity::Notice => "notice",
            AnnotationSeverity::Warning => "warning",
            AnnotationSeverity::Error => "error",
        };
        let title = match (&annotation.title, &annotation.code) {
            (Some(title), Some(code)) => Some(format!("{title} [{code}]")),
            (title, code) => title.clone().or_else(|| code.clone()),
        };
        let properties = properties(annotation.location.as_ref(), title);
        let line = command(name, &properties, &annotation.message);
        self.output.line(&line);
    }
}

impl Reporter for Github {
    fn event(&mut self, event: &Event) {
        self.view.apply(event);
        match event {
            Event::Fact { at, fact, .. } => self.fact(*at, fact),
            Event::Signal { at, signal } => self.signal(*at, signal),
        }
        self.output.flush();
    }

    fn finish(&mut self) -> io::Result<()> {
        // Only stages that did not end, as when the run broke off, are left.
        let open: Vec<StageId> = self.groups.keys().cloned().collect();
        for stage in open {
            self.show(&stage, &format!("{stage}, which did not end"));
        }
        let mut text = String::new();
        for line in summary_lines(&self.view, self.lines.paint, None) {
            text.push_str(&neutral(&line));
            text.push('\n');
        }
        self.guarded(&text);
        let written = match &mut self.step_summary {
            Some(output) => {
                output.write(&step_summary(&self.view));
                output.finish()
            }
            None => Ok(()),
        };
        self.output.finish().and(written)
    }
}

/// A line that the runner takes for no command: `::` is one at the beginning of
/// a line, `##[` anywhere.
fn neutral(line: &str) -> Cow<'_, str> {
    let text = line.trim_start();
    let starts = text.starts_with("::");
    if !starts && !text.contains("##[") {
        return Cow::Borrowed(line);
    }
    let broken = line.replace("##[", "##\\[");
    if starts {
        Cow::Owned(broken.replacen("::", ":\\:", 1))
    } else {
        Cow::Owned(broken)
    }
}

/// `::name key=value,…::message`, with everything in it taken literally.
fn command(name: &str, properties: &[(&str, String)], message: &str) -> String {
    let mut line = format!("::{name}");
    for (at, (key, value)) in properties.iter().enumerate() {
        let lead = if at == 0 { ' ' } else { ',' };
        let value = encode(&escape(value))
            .replace(':', "%3A")
            .replace(',', "%2C");
        let _ = write!(line, "{lead}{key}={value}");
    }
    // The message alone may have several lines.
    let message: Vec<_> = super::escape_lines(message).collect();
    let _ = write!(line, "::{}", encode(&message.join("\n")));
    line.replace("##[", "##\\[")
}

fn encode(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn properties(
    location: Option<&SourceLocation>,
    title: Option<String>,
) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    if let Some(location) = location {
        properties.push(("file", location.path.clone()));
        properties.extend(location.line.map(|line| ("line", line.to_string())));
        properties.extend(location.column.map(|column| ("col", column.to_string())));
    }
    properties.extend(title.map(|title| ("title", title)));
    properties
}

#[cfg(test)]
mod tests {
    use super::{command, neutral};

    #[test]
    fn commands_in_the_text_of_others_are_broken_up() {
        let table = [
            (
                "12:00:00 │ ::set-output name=x::y",
                "12:00:00 │ ::set-output name=x::y",
            ),
            ("::add-mask::secret", ":\\:add-mask::secret"),
            ("   ::error::x", "   :\\:error::x"),
            ("12:00:00 │ ##[error]x", "12:00:00 │ ##\\[error]x"),
            ("###[group]##[endgroup]", "###\\[group]##\\[endgroup]"),
            ("std::fmt::Display", "std::fmt::Display"),
        ];
        for (line, shown) in table {
            assert_eq!(neutral(line), shown);
        }
    }

    #[test]
    fn a_message_cannot_leave_its_command() {
        let properties = [
            ("file", "a,b:c%\nd".to_owned()),
            ("title", "x::y".to_owned()),
        ];
        assert_eq!(
            command("error", &properties, "100%\n::stop-commands::x\r\n\x1b[0m"),
            "::error file=a%2Cb%3Ac%25\\nd,title=x%3A%3Ay\
             ::100%25%0A::stop-commands::x%0A\\x1b[0m"
        );
    }
}
