//! Ssh's words: what went wrong, as ssh and the remote put it.

use crate::capability::git::failure::{FailureKind, GitFailure};

/// What one group of ssh's words means.
struct Meaning {
    words: &'static [&'static str],
    kind: FailureKind,
    code: &'static str,
    what: &'static str,
    hint: &'static str,
}

/// The first that matches holds: what comes later is what the earlier lead to.
const MEANINGS: &[Meaning] = &[
    Meaning {
        words: &[
            "host key verification failed",
            "no matching host key",
            "host key is known",
        ],
        kind: FailureKind::AuthFailed,
        code: "git.host-key",
        what: "the host's key is not the known one",
        hint: "compare what `ssh-keyscan` shows with the key that the host's operator publishes, \
               and add that to the known hosts file",
    },
    Meaning {
        words: &[
            "error in libcrypto",
            "invalid format",
            "load key",
            "bad permissions",
        ],
        kind: FailureKind::AuthFailed,
        code: "git.ssh-key",
        what: "the key cannot be used",
        hint: "the secret must be a private key in OpenSSH's form, without a passphrase",
    },
    Meaning {
        words: &["permission denied", "too many authentication failures"],
        kind: FailureKind::AuthFailed,
        code: "git.auth-failed",
        what: "the key is not accepted",
        hint: "add the public half of the key to the account or the repository",
    },
    Meaning {
        words: &["could not resolve hostname", "name or service not known"],
        kind: FailureKind::NotFound,
        code: "git.unknown-host",
        what: "there is no such host",
        hint: "check the spelling of the host",
    },
    Meaning {
        words: &[
            "not appear to be a git repository",
            "repository not found",
            "does not exist",
        ],
        kind: FailureKind::NotFound,
        code: "git.repository-not-found",
        what: "there is no such repository",
        hint: "check the path, and that the key may read it",
    },
    Meaning {
        words: &[
            "connection refused",
            "connection timed out",
            "connection reset",
            "connection closed",
            "network is unreachable",
            "no route to host",
            "timeout, server",
            "broken pipe",
            "kex_exchange",
        ],
        kind: FailureKind::Unavailable,
        code: "git.unavailable",
        what: "the host cannot be reached",
        hint: "try again later; if it stays, check host, port and network",
    },
];

/// What the end of ssh means. `words` are ssh's and the remote's.
pub(super) fn explain(place: &str, words: &str) -> GitFailure {
    let lower = words.to_lowercase();
    let words = words.trim();
    let meaning = MEANINGS
        .iter()
        .find(|meaning| meaning.words.iter().any(|part| lower.contains(part)));
    match meaning {
        Some(meaning) => GitFailure::new(
            meaning.kind,
            meaning.code,
            format_args!("{place}: {}: {words}", meaning.what),
        )
        .hint(meaning.hint),
        None => GitFailure::new(
            FailureKind::Other,
            "git.ssh",
            format_args!("{place}: ssh ended: {words}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{FailureKind, explain};

    #[test]
    fn what_ssh_says_becomes_what_the_caller_can_do() {
        for (words, kind, code) in [
            (
                "Host key verification failed.",
                FailureKind::AuthFailed,
                "git.host-key",
            ),
            (
                "No ED25519 host key is known for [h]:1 and you have requested strict checking.",
                FailureKind::AuthFailed,
                "git.host-key",
            ),
            (
                "git@h: Permission denied (publickey).",
                FailureKind::AuthFailed,
                "git.auth-failed",
            ),
            (
                "Load key \"k\": error in libcrypto",
                FailureKind::AuthFailed,
                "git.ssh-key",
            ),
            (
                "ssh: Could not resolve hostname x: Name or service not known",
                FailureKind::NotFound,
                "git.unknown-host",
            ),
            (
                "ssh: connect to host h port 1: Connection refused",
                FailureKind::Unavailable,
                "git.unavailable",
            ),
            (
                "Timeout, server h not responding.",
                FailureKind::Unavailable,
                "git.unavailable",
            ),
            (
                "fatal: '/x' does not appear to be a git repository",
                FailureKind::NotFound,
                "git.repository-not-found",
            ),
            (
                "ERROR: Repository not found.",
                FailureKind::NotFound,
                "git.repository-not-found",
            ),
            ("something new", FailureKind::Other, "git.ssh"),
        ] {
            let failure = explain("h", words);
            assert_eq!(
                (failure.kind, failure.code.as_str()),
                (kind, code),
                "{words}"
            );
        }
    }
}
