//! Outcome: how a stage or a run ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a stage or a run ended. One list for `needs.on`, `.result` and every output.
///
/// Ordered from best to worst, so that the result of several is their maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did its work.
    Succeeded,
    /// It did not start: its condition was false, or what it needs did not succeed.
    Skipped,
    /// It failed, and the pipeline goes on all the same (`continue-on-error`).
    Warned,
    /// The run was cancelled before it ended.
    Cancelled,
    /// Its work failed.
    Failed,
    /// Its time was over.
    TimedOut,
    /// The host refused it something that it could not do without.
    Denied,
    /// The engine or the machine failed, not the stage.
    Errored,
}

impl Outcome {
    /// All outcomes, from best to worst.
    pub const ALL: [Self; 8] = [
        Self::Succeeded,
        Self::Skipped,
        Self::Warned,
        Self::Cancelled,
        Self::Failed,
        Self::TimedOut,
        Self::Denied,
        Self::Errored,
    ];

    /// The word in pipelines, records and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Warned => "warned",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Denied => "denied",
            Self::Errored => "errored",
        }
    }

    /// The outcome with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// Whether a stage that simply `needs` this one may start.
    pub fn lets_dependents_start(self) -> bool {
        matches!(self, Self::Succeeded | Self::Warned)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Outcome;

    #[test]
    fn the_word_in_records_is_the_word_in_pipelines() {
        for outcome in Outcome::ALL {
            let json = serde_json::to_string(&outcome).expect("an outcome serialises");
            assert_eq!(json, format!("\"{outcome}\""));
            assert_eq!(Outcome::parse(outcome.as_str()), Some(outcome));
        }
    }
}
