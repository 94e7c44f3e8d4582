//! Failure: why a git call did not do what was asked, in the contract's few cases.
//!
//! Made where the reason is known (the transport, the limits), never by printing
//! an error of the git library alone. No message holds the user information of a
//! URL.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// The cases of `engine:git/types.error`, one for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Outside the grant.
    Denied,
    /// The remote did not accept the credentials, or wants some.
    AuthFailed,
    /// No such remote, ref, object or path.
    NotFound,
    /// The remote cannot be reached just now; the only case worth another try.
    Unavailable,
    /// The repository is not what the call needs.
    Unsupported,
    /// The run was cancelled, or the attempt's time is over.
    Cancelled,
    /// A limit was reached.
    LimitExceeded,
    /// Everything else.
    Other,
}

/// Why a git call did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(rename_all = "kebab-case")]
pub struct GitFailure {
    /// What the caller can do about it.
    pub kind: FailureKind,
    /// A stable dotted code: `git.…`, `denied.git…`, `limit.git-…`.
    pub code: String,
    /// What did not work, where, and why. One line, no secrets.
    pub message: String,
    /// What to do next.
    pub hint: Option<String>,
}

impl GitFailure {
    /// A failure without a hint. The message is redacted and made one line.
    pub fn new(kind: FailureKind, code: &str, message: impl Display) -> Self {
        Self {
            kind,
            code: code.to_owned(),
            message: one_line(&message.to_string()),
            hint: None,
        }
    }

    /// The same with a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(one_line(&hint.to_string()));
        self
    }

    /// A failure of this machine's file system.
    pub(super) fn io(what: impl Display, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let failure = Self::new(
            FailureKind::Other,
            match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "git.disk-full",
                _ => "git.io",
            },
            format_args!("{what}: {error}"),
        );
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                failure.hint("make room in the state directory or in the workspace, then run again")
            }
            _ => failure,
        }
    }

    /// A limit was reached: which, what it allows, and what was seen.
    pub(super) fn limit(code: &str, message: impl Display) -> Self {
        Self::new(FailureKind::LimitExceeded, code, message)
    }

    /// A failure that the git library reported: `what` says which step of ours
    /// it was, and the causes follow.
    pub(super) fn library(what: impl Display, error: &gix::Error) -> Self {
        let causes = causes(error);
        let text = format!("{what}: {causes}");
        let lower = causes.to_lowercase();
        let find = |needles: &[&str]| needles.iter().any(|needle| lower.contains(needle));
        if find(&["not our ref", "couldn't find remote ref", "unknown ref"]) {
            return Self::new(FailureKind::NotFound, "git.object-not-found", text)
                .hint("check the commit or the branch: the remote does not have it");
        }
        if find(&["repository not found", "not appear to be a git repository"]) {
            return Self::repository_not_found(text);
        }
        if find(&["no space left on device"]) {
            return Self::new(FailureKind::Other, "git.disk-full", text)
                .hint("make room in the state directory or in the workspace, then run again");
        }
        if find(&["allocation limit", "exceeds the limit"]) || error.is_resource_exhausted() {
            return Self::limit("limit.git-object-bytes", text)
                .hint("an object of this repository is larger than the engine takes in");
        }
        if error.is_unsupported() {
            return Self::new(FailureKind::Unsupported, "git.unsupported", text);
        }
        if find(&["unexpected eof", "unexpected end of file", "did not finish"]) {
            return Self::new(FailureKind::Unavailable, "git.truncated", text)
                .hint("the connection ended before the answer did; try again");
        }
        if error.is_corrupted() {
            return Self::new(FailureKind::Other, "git.corrupt", text);
        }
        Self::new(FailureKind::Other, "git.failed", text)
    }

    /// The remote does not exist, or hides that it does.
    pub(super) fn repository_not_found(message: impl Display) -> Self {
        Self::new(FailureKind::NotFound, "git.repository-not-found", message)
            .hint("check the URL; many servers answer like this when credentials are missing")
    }

    /// A revision that the repository does not have.
    pub(super) fn revision_not_found(revision: &str, place: impl Display) -> Self {
        Self::new(
            FailureKind::NotFound,
            "git.revision-not-found",
            format_args!("{place} has no branch, tag or commit `{revision}`"),
        )
        .hint("list the refs of the remote, and check the spelling")
    }
}

/// The causes of an error of the git library, outermost first, each once.
pub(super) fn causes(error: &gix::Error) -> String {
    let mut seen: Vec<String> = Vec::new();
    for cause in error.iter_errors() {
        let text = one_line(&cause.to_string());
        if !text.is_empty() && !seen.iter().any(|earlier| earlier.contains(&text)) {
            seen.push(text);
        }
    }
    seen.join(": ")
}

/// Text on one line, without control characters and without the user
/// information of URLs. The text may be the remote's.
pub(super) fn one_line(text: &str) -> String {
    const MOST: usize = 1000;
    let mut line = String::with_capacity(text.len().min(MOST));
    for character in text.chars() {
        if line.len() >= MOST {
            line.push('…');
            break;
        }
        if character.is_control() {
            if !line.ends_with(' ') {
                line.push(' ');
            }
        } else {
            line.push(character);
        }
    }
    without_user_information(line.trim())
}

/// The text with `//user:password@` cut to `//` wherever it stands.
fn without_user_information(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("//") {
        let (before, after) = rest.split_at(start + 2);
        clean.push_str(before);
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '"' | '\'' | '`'))
            .unwrap_or(after.len());
        let authority = &after[..end];
        // `user@` alone is how ssh URLs are spelled, and no secret.
        rest = match authority.rfind('@') {
            Some(at) if authority[..at].contains(':') || !before.ends_with("ssh://") => {
                &after[at + 1..]
            }
            _ => after,
        };
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Row D07: user information in the words of a failure.
    #[test]
    fn no_message_holds_the_user_information_of_a_url() {
        for (text, clean) in [
            ("https://me:secret@host/x", "https://host/x"),
            (
                "cannot reach https://token@host:1/x.git!",
                "cannot reach https://host:1/x.git!",
            ),
            (
                "a https://u:p@h/ b http://u:p@i/",
                "a https://h/ b http://i/",
            ),
            ("'https://u:p@h'", "'https://h'"),
            ("https://u:p@q@h/x", "https://h/x"),
            ("ssh://git@host/x", "ssh://git@host/x"),
            ("ssh://git:pw@host/x", "ssh://host/x"),
            ("two\nlines\u{1b}[31m", "two lines [31m"),
        ] {
            assert_eq!(
                GitFailure::new(FailureKind::Other, "git.x", text).message,
                clean
            );
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        let failure = GitFailure::new(FailureKind::Other, "git.x", "x".repeat(100_000));
        assert!(failure.message.len() < 1100);
    }
}
