//! Load: reading the values of secrets, once, and refusing what cannot be one.

use std::ffi::OsString;
use std::io;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::SecretSource;
use crate::model::limits;
use crate::plan::SecretKind;
use crate::policy::request_url;

/// How to read the surroundings, which this room does not do itself.
pub struct Ambient<'a> {
    /// A variable of the environment.
    pub env: &'a dyn Fn(&str) -> Option<OsString>,
    /// A whole file, at most [`limits::SECRET_BYTES`] and one byte of it.
    pub file: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// Standard input to its end, with the same bound.
    pub stdin: &'a dyn Fn() -> io::Result<Vec<u8>>,
}

/// Why a secret has no value. Never holds a value, or what may be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Text that names no source.
    #[error("a source of a secret is `env:NAME`, `file:PATH` or `stdin`")]
    Source,
    /// A source for a secret that the pipeline does not declare.
    #[error("the pipeline declares no secret `{name}`")]
    Undeclared {
        /// The secret.
        name: String,
    },
    /// A `from:` of the pipeline that only the invoker may say.
    #[error("`from` of the secret `{name}` is neither `env:` nor a file below `/run/secrets`")]
    From {
        /// The secret.
        name: String,
    },
    /// Standard input is named for a second secret.
    #[error("standard input holds one secret, and is named for `{name}` as well")]
    StdinTwice {
        /// The second secret.
        name: String,
    },
    /// The source cannot be read.
    #[error("the secret `{name}` cannot be read from `{source_name}`: {reason}")]
    Unreadable {
        /// The secret.
        name: String,
        /// Its source.
        source_name: String,
        /// What the system said.
        reason: String,
    },
    /// The value cannot be such a secret.
    #[error("the secret `{name}` {reason}")]
    Unfit {
        /// The secret.
        name: String,
        /// What is wrong with its value.
        reason: &'static str,
    },
}

/// Reads one value from its source.
pub(super) fn read(
    name: &str,
    kind: SecretKind,
    source: &SecretSource,
    ambient: &Ambient<'_>,
) -> Result<SecretString, SecretError> {
    let unreadable = |reason: String| SecretError::Unreadable {
        name: name.to_owned(),
        source_name: source.to_string(),
        reason,
    };
    let bytes = match source {
        SecretSource::Env(variable) => (ambient.env)(variable)
            .map(OsString::into_encoded_bytes)
            .ok_or_else(|| unreadable("the variable is not set".to_owned()))?,
        SecretSource::File(path) => {
            (ambient.file)(path).map_err(|error| unreadable(error.to_string()))?
        }
        SecretSource::Stdin => (ambient.stdin)().map_err(|error| unreadable(error.to_string()))?,
    };
    check(kind, &Zeroizing::new(bytes)).map_err(|reason| SecretError::Unfit {
        name: name.to_owned(),
        reason,
    })
}

/// The value that these bytes are for a secret of this kind.
fn check(kind: SecretKind, bytes: &[u8]) -> Result<SecretString, &'static str> {
    if bytes.len() > limits::SECRET_BYTES {
        return Err("is longer than 64 KiB");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is no UTF-8 text")?;
    if text.contains('\0') {
        return Err("holds a NUL byte");
    }
    let value = match kind {
        // OpenSSH reads no key without its last line break.
        SecretKind::SshKey => text,
        // Editors and `echo` put a line break behind everything.
        SecretKind::Token | SecretKind::Basic | SecretKind::Url => {
            text.trim_end_matches(['\r', '\n'])
        }
    };
    if value.trim().len() < limits::SECRET_MIN_BYTES {
        return Err("is shorter than six bytes, too short to be hidden");
    }
    check_kind(kind, value)?;
    Ok(SecretString::from(value))
}

fn check_kind(kind: SecretKind, value: &str) -> Result<(), &'static str> {
    match kind {
        SecretKind::Token => Ok(()),
        SecretKind::Basic => match value.split_once(':') {
            None => Err("is not of the form `user:password`"),
            Some((_, password)) if password.len() < limits::SECRET_MIN_BYTES => {
                Err("has a password shorter than six bytes, too short to be hidden")
            }
            Some(_) => Ok(()),
        },
        SecretKind::SshKey if value.contains("PRIVATE KEY-----") => Ok(()),
        SecretKind::SshKey => Err("is no private key in PEM"),
        SecretKind::Url => request_url(value)
            .map(drop)
            .map_err(|_| "is no plain `https:` or `http:` URL"),
    }
}
