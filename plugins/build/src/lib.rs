//! Stage `build`: runs native tools step by step.

mod artifact;
mod duration;
mod glob;
mod run;
mod step;

use std::collections::BTreeMap;
use std::path::Path;

use engine_sdk::secrets::{Secret, SecretName};
use engine_sdk::{Failure, Stage};
use serde::{Deserialize, Serialize};

use crate::artifact::Artifact;
use crate::run::StepReport;

/// Where the engine mounts the granted folders.
const WORKSPACE: &str = "/workspace";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Inputs {
    commands: Option<Vec<Vec<String>>>,
    script: Option<String>,
    working_directory: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    secret_files: BTreeMap<String, SecretName>,
    #[serde(default)]
    secret_env: BTreeMap<String, SecretName>,
    #[serde(default)]
    artifacts: Vec<String>,
    timeout_per_command: Option<String>,
    #[serde(default)]
    allow_exit_codes: Vec<i32>,
}

#[derive(Debug, Serialize)]
struct Outputs {
    steps: Vec<StepReport>,
    artifacts: Vec<Artifact>,
}

struct Build;

impl Stage for Build {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn run(inputs: Inputs) -> Result<Outputs, Failure> {
        // Everything that can be wrong with the inputs is found before the
        // first tool runs, an artifact pattern at the end of the list included.
        let steps = step::parse(&inputs)?;
        let timeout = inputs
            .timeout_per_command
            .as_deref()
            .map(duration::parse)
            .transpose()?;
        let patterns = artifact::parse(&inputs.artifacts)?;
        let environment = run::Environment {
            plain: &inputs.env,
            files: &open(&inputs.secret_files)?,
            values: &open(&inputs.secret_env)?,
            working_directory: inputs.working_directory.as_deref(),
            timeout,
        };

        let steps = run::all(&steps, &environment, &inputs.allow_exit_codes)?;
        let artifacts = artifact::collect(Path::new(WORKSPACE), &patterns)?;
        Ok(Outputs { steps, artifacts })
    }
}

fn open(names: &BTreeMap<String, SecretName>) -> Result<BTreeMap<String, Secret>, Failure> {
    let mut secrets = BTreeMap::new();
    for (variable, name) in names {
        secrets.insert(variable.clone(), name.open()?);
    }
    Ok(secrets)
}

engine_sdk::export!(Build);
