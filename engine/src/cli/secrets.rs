//! Secrets: their values, from where the invoker says.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::Exit;
use super::environment::Environment;
use super::failure::Failure;
use crate::model::limits;
use crate::plan::Plan;
use crate::store::{Ambient, SecretError, SecretSource, SecretVault, secret_sources};

/// The values of all secrets that a plan declares and somebody supplied.
pub(super) fn load(
    plan: &Plan,
    typed: &[String],
    environment: &Environment,
) -> Result<SecretVault, Failure> {
    let env = |name: &str| environment.variable_os(name);
    let given = given(typed)?;
    let sources = secret_sources(&plan.secrets, &given, &env).map_err(|errors| wrong(&errors))?;
    let ambient = Ambient {
        env: &env,
        file: &read_file,
        stdin: &read_stdin,
    };
    SecretVault::load(&plan.secrets, &sources, &ambient).map_err(|errors| wrong(&errors))
}

/// `--secret NAME=SOURCE`, as typed.
fn given(typed: &[String]) -> Result<BTreeMap<String, SecretSource>, Failure> {
    let mut given = BTreeMap::new();
    for text in typed {
        // The text is not repeated: somebody may have typed the secret itself.
        let Some((name, source)) = text.split_once('=') else {
            return Err(
                Failure::new(Exit::Usage, "a `--secret` is not of the form NAME=SOURCE").hint(
                    "name a source: `--secret token=env:TOKEN` or `--secret token=file:PATH`",
                ),
            );
        };
        let source = source.parse().map_err(|error| {
            Failure::new(Exit::Usage, format!("`--secret {name}=…`: {error}"))
                .hint("a source is `env:VARIABLE`, `file:PATH` or `stdin`; never the secret itself")
        })?;
        if given.insert(name.to_owned(), source).is_some() {
            return Err(Failure::new(
                Exit::Usage,
                format!("the secret `{name}` is given twice"),
            ));
        }
    }
    Ok(given)
}

fn wrong(errors: &[SecretError]) -> Failure {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Failure::new(Exit::Usage, lines.join("\n"))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    bounded(File::open(path)?)
}

fn read_stdin() -> io::Result<Vec<u8>> {
    bounded(io::stdin())
}

fn bounded(source: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source
        .take(limits::SECRET_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
