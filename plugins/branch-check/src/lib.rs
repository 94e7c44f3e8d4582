//! Stage `branch-check`: fails when a branch is missing, not allowed or stale.

mod near;
mod rules;
mod tip;

use engine_sdk::secrets::{Secret, SecretName};
use engine_sdk::{Failure, Stage, git, info};
use serde::{Deserialize, Serialize};

use crate::rules::{Rules, Users};
use crate::tip::{HEADS, Tip, branch_name, quoted, short};

/// The engine's own limit for one listing.
const REFS: u32 = 100_000;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Inputs {
    repository: String,
    branch: Option<String>,
    allow: Option<Vec<String>>,
    #[serde(default)]
    deny: Vec<String>,
    up_to_date_with: Option<String>,
    users: Option<Vec<String>>,
    user: Option<String>,
    credentials: Option<SecretName>,
}

#[derive(Serialize)]
struct Outputs {
    branch: String,
    r#ref: String,
    commit: String,
    is_default: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_branch: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_commit: Option<String>,
}

struct BranchCheck;

impl Stage for BranchCheck {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn run(inputs: Inputs) -> Result<Outputs, Failure> {
        // What needs no network goes first: a pattern that is wrong is wrong
        // whatever the remote says.
        let rules = Rules::parse(inputs.allow.as_deref(), &inputs.deny)?;
        Users::new(inputs.users.as_deref()).check(inputs.user.as_deref())?;
        let asked = inputs.branch.as_deref().map(branch_name).transpose()?;
        let base = inputs
            .up_to_date_with
            .as_deref()
            .map(branch_name)
            .transpose()?;

        let credentials = SecretName::open_optional(inputs.credentials.as_ref())?;
        let refs = git::ls_refs(
            &inputs.repository,
            &["HEAD", HEADS],
            REFS,
            credentials.as_ref(),
        )?;
        let tip = Tip::find(&refs, asked)?;
        rules.check(tip.branch, tip.stands_for)?;
        let base = base.map(|name| Tip::find(&refs, Some(name))).transpose()?;
        if let Some(base) = &base {
            check_contains(&inputs.repository, base, &tip, credentials.as_ref())?;
        }

        info!("branch {} is at {}", quoted(tip.branch), short(tip.commit));
        let default_branch = tip::default_branch(&refs);
        Ok(Outputs {
            branch: tip.branch.to_owned(),
            r#ref: format!("{HEADS}{}", tip.branch),
            commit: tip.commit.to_owned(),
            is_default: default_branch == Some(tip.branch),
            default_branch: default_branch.map(str::to_owned),
            base_commit: base.map(|base| base.commit.to_owned()),
        })
    }
}

fn check_contains(
    url: &str,
    base: &Tip<'_>,
    tip: &Tip<'_>,
    credentials: Option<&Secret>,
) -> Result<(), Failure> {
    if base.commit == tip.commit || git::contains(url, base.commit, tip.commit, credentials)? {
        return Ok(());
    }
    let (base_name, name) = (quoted(base.branch), quoted(tip.branch));
    Err(Failure::user_error(
        "branch.behind",
        format!(
            "branch {name} ({}) does not contain the tip of {base_name} ({})",
            short(tip.commit),
            short(base.commit)
        ),
    )
    .hint(format!("merge {base_name} into {name}, or rebase it")))
}

engine_sdk::export!(BranchCheck);
