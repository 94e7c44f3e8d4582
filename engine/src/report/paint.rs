//! Paint: the few colours of the engine's own words.
//!
//! Only the sixteen colours that a terminal's theme defines, and dimming, so that
//! the output reads on dark and on light. No meaning stands in colour alone.

use anstyle::{AnsiColor, Style};

use crate::model::{AnnotationSeverity, Level, Outcome};

/// What a piece of text is, for the eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it is.
    Plain,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Look here.
    Careful,
    /// It goes on.
    Active,
    /// Beside the point.
    Quiet,
    /// A headline.
    Strong,
}

/// Whether to colour.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    pub(crate) color: bool,
}

impl Paint {
    /// The text in its tone. The text must be escaped.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color || tone == Tone::Plain || text.is_empty() {
            return text.to_owned();
        }
        let style = style(tone);
        format!("{style}{text}{style:#}")
    }
}

fn style(tone: Tone) -> Style {
    let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
    match tone {
        Tone::Plain => Style::new(),
        Tone::Good => color(AnsiColor::Green),
        Tone::Bad => color(AnsiColor::Red).bold(),
        Tone::Careful => color(AnsiColor::Yellow),
        Tone::Active => color(AnsiColor::Cyan),
        Tone::Quiet => Style::new().dimmed(),
        Tone::Strong => Style::new().bold(),
    }
}

/// The sign of an outcome; each is one column wide.
pub(super) fn glyph(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "✓",
        Outcome::Skipped => "-",
        Outcome::Warned => "!",
        Outcome::Cancelled => "■",
        Outcome::Denied => "⊘",
        Outcome::Failed | Outcome::TimedOut | Outcome::Errored => "✗",
    }
}

/// The tone of an outcome.
pub(super) fn outcome_tone(outcome: Outcome) -> Tone {
    match outcome {
        Outcome::Succeeded => Tone::Good,
        Outcome::Skipped => Tone::Quiet,
        Outcome::Warned | Outcome::Cancelled => Tone::Careful,
        Outcome::Failed | Outcome::TimedOut | Outcome::Denied | Outcome::Errored => Tone::Bad,
    }
}

/// The tone of a log line that a stage gave a level.
pub(super) fn level_tone(level: Level) -> Tone {
    match level {
        Level::Trace | Level::Debug => Tone::Quiet,
        Level::Info => Tone::Plain,
        Level::Warn => Tone::Careful,
        Level::Error => Tone::Bad,
    }
}

/// The word and the tone of an annotation.
pub(super) fn severity(severity: AnnotationSeverity) -> (&'static str, Tone) {
    match severity {
        AnnotationSeverity::Notice => ("notice", Tone::Active),
        AnnotationSeverity::Warning => ("warning", Tone::Careful),
        AnnotationSeverity::Error => ("error", Tone::Bad),
    }
}
