//! Words: the closed lists that a pipeline chooses from.

use serde::{Deserialize, Serialize};

/// What running a stage twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effects {
    /// Something that must not happen twice.
    Once,
    /// The same as running it once.
    Idempotent,
    /// Nothing outside the workspace.
    Repeatable,
}

/// A failure that is worth another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryOn {
    /// The plugin said so.
    Transient,
    /// The attempt's time was over.
    TimedOut,
    /// What ran the stage went away.
    LostWorker,
    /// A native tool ended with this code.
    Exit(i32),
}

/// What a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// An opaque text, used as it is.
    Token,
    /// `user:password`.
    Basic,
    /// A private key in OpenSSH's form.
    SshKey,
    /// A whole URL, bound to its own origin.
    Url,
}

impl Effects {
    /// The words, with what they stand for.
    pub const WORDS: [(&str, Self); 3] = [
        ("once", Self::Once),
        ("idempotent", Self::Idempotent),
        ("repeatable", Self::Repeatable),
    ];
}

impl RetryOn {
    /// The words that stand for themselves, with what they stand for.
    pub const WORDS: [(&str, Self); 3] = [
        ("transient", Self::Transient),
        ("timed-out", Self::TimedOut),
        ("lost-worker", Self::LostWorker),
    ];

    /// The failure that a word names; `exit:N` is a tool's exit code.
    pub fn parse(word: &str) -> Option<Self> {
        if let Some(code) = word.strip_prefix("exit:") {
            return match code.parse() {
                Ok(code @ 1..=255) => Some(Self::Exit(code)),
                _ => None,
            };
        }
        Self::WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, value)| *value)
    }
}

impl SecretKind {
    /// The words, with what they stand for.
    pub const WORDS: [(&str, Self); 4] = [
        ("token", Self::Token),
        ("basic", Self::Basic),
        ("ssh-key", Self::SshKey),
        ("url", Self::Url),
    ];
}
