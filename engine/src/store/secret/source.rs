//! Source: where the value of a secret comes from.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use super::SecretError;
use crate::plan::SecretDeclaration;

/// The one folder whose files a pipeline itself may name.
const RUN_SECRETS: &str = "/run/secrets";

/// Where the value of a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// `env:NAME`: a variable of the engine's environment.
    Env(String),
    /// `file:PATH`: a whole file.
    File(PathBuf),
    /// `stdin`: all of the engine's standard input; for one secret at most.
    Stdin,
}

impl FromStr for SecretSource {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        // The text is not repeated: somebody may have put the value in its place.
        let wrong = || SecretError::Source;
        match text.split_once(':') {
            None if text == "stdin" => Ok(Self::Stdin),
            Some(("env", name)) if is_variable(name) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Stdin => f.write_str("stdin"),
        }
    }
}

/// The source of every declared secret that has one.
///
/// `given` is what the invoker says (`--secret`, then the user's configuration).
/// It comes first, then the variable `ENGINE_SECRET_<NAME>`, then the `from:` of
/// the pipeline, which may only be `env:` or a file below `/run/secrets`.
pub fn sources(
    declared: &BTreeMap<String, SecretDeclaration>,
    given: &BTreeMap<String, SecretSource>,
    env: &dyn Fn(&str) -> Option<OsString>,
) -> Result<BTreeMap<String, SecretSource>, Vec<SecretError>> {
    let mut errors: Vec<SecretError> = given
        .keys()
        .filter(|name| !declared.contains_key(*name))
        .map(|name| SecretError::Undeclared { name: name.clone() })
        .collect();
    let mut sources = BTreeMap::new();
    for (name, declaration) in declared {
        let variable = format!("ENGINE_SECRET_{}", name.to_ascii_uppercase());
        let source = match (given.get(name), env(&variable), &declaration.from) {
            (Some(source), _, _) => source.clone(),
            (None, Some(_), _) => SecretSource::Env(variable),
            (None, None, Some(from)) => match pipeline_source(name, from) {
                Ok(source) => source,
                Err(error) => {
                    errors.push(error);
                    continue;
                }
            },
            (None, None, None) => continue,
        };
        sources.insert(name.clone(), source);
    }
    if errors.is_empty() {
        Ok(sources)
    } else {
        Err(errors)
    }
}

/// A source that the pipeline names. Its author is not trusted to read any file
/// of the invoker's and to send it to a host that the same pipeline binds it to.
fn pipeline_source(name: &str, from: &str) -> Result<SecretSource, SecretError> {
    let source: SecretSource = from.parse()?;
    let is_fit = match &source {
        SecretSource::Env(_) => true,
        SecretSource::File(path) => is_below_run_secrets(path),
        SecretSource::Stdin => false,
    };
    if is_fit {
        Ok(source)
    } else {
        Err(SecretError::From {
            name: name.to_owned(),
        })
    }
}

fn is_below_run_secrets(path: &Path) -> bool {
    let plain = path
        .components()
        .all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    plain && path.starts_with(RUN_SECRETS) && path != Path::new(RUN_SECRETS)
}

fn is_variable(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
