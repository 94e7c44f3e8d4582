//! Secrets: their values, from where the invoker says.

use std::collections::{BTreeMap, BTreeSet};
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
    missing(plan, &sources)?;
    let ambient = Ambient {
        env: &env,
        file: &read_file,
        stdin: &read_stdin,
    };
    SecretVault::load(&plan.secrets, &sources, &ambient).map_err(|errors| wrong(&errors))
}

/// A secret that a stage was granted and nobody supplies is told before anything
/// runs, not when the stage asks for it.
fn missing(plan: &Plan, sources: &BTreeMap<String, SecretSource>) -> Result<(), Failure> {
    let granted = plan.stages.iter().flat_map(|stage| &stage.grants.secrets);
    let names = granted.flat_map(|grant| &grant.names);
    let missing: BTreeSet<&String> = names.filter(|name| !sources.contains_key(*name)).collect();
    let Some(name) = missing.first() else {
        return Ok(());
    };
    let variable = format!("ENGINE_SECRET_{}", name.to_ascii_uppercase());
    let lines = missing
        .iter()
        .map(|name| format!("nobody supplies the secret `{name}`"));
    let lines: Vec<String> = lines.collect();
    Err(Failure::new(Exit::Usage, lines.join("\n")).hint(format!(
        "say where it comes from: `--secret {name}=env:VARIABLE`, `--secret {name}=file:PATH`, or the variable {variable}"
    )))
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
