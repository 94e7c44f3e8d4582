//! Stage `fetch`: checks a commit out into the workspace.

mod plan;

use engine_sdk::git::{self, CheckedOut};
use engine_sdk::report::Section;
use engine_sdk::secrets::SecretName;
use engine_sdk::{Failure, Stage, info};
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Inputs {
    repository: String,
    r#ref: Option<String>,
    #[serde(default = "one")]
    depth: u32,
    #[serde(default)]
    tags: bool,
    #[serde(default)]
    history: bool,
    #[serde(default)]
    uncommitted: bool,
    #[serde(default = "src")]
    path: String,
    expect: Option<String>,
    credentials: Option<SecretName>,
}

fn one() -> u32 {
    1
}

fn src() -> String {
    "src".to_owned()
}

#[derive(Debug, Serialize)]
struct Author {
    name: String,
    email: String,
    seconds: i64,
    offset_minutes: i32,
}

#[derive(Debug, Serialize)]
struct Outputs {
    commit: String,
    tree: String,
    r#ref: String,
    author: Author,
    subject: String,
    describe: String,
    shallow: bool,
    path: String,
    files: u64,
    bytes: u64,
}

struct Fetch;

impl Stage for Fetch {
    const INFO: &'static str = include_str!("../stage-info.json");
    type Inputs = Inputs;
    type Outputs = Outputs;

    fn run(inputs: Inputs) -> Result<Outputs, Failure> {
        let path = plan::destination(&inputs.path)?;
        let options = plan::options(&inputs)?;
        let credentials = SecretName::open_optional(inputs.credentials.as_ref())?;

        let section = Section::new("check out");
        section.status(&format!("into {path}"));
        let found = git::clone(&inputs.repository, &path, &options, credentials.as_ref())?;
        drop(section);

        info!(
            "{} files ({} bytes) of {} in {path}",
            found.files,
            found.bytes,
            short(&found.commit)
        );
        Ok(outputs(found, path))
    }
}

fn outputs(found: CheckedOut, path: String) -> Outputs {
    Outputs {
        describe: found
            .describe
            .unwrap_or_else(|| short(&found.commit).to_owned()),
        // Nothing was named when an object id was asked for.
        r#ref: found.reference.unwrap_or_default(),
        commit: found.commit,
        tree: found.tree,
        author: Author {
            name: found.author.name,
            email: found.author.email,
            seconds: found.author.seconds,
            offset_minutes: found.author.offset_minutes,
        },
        subject: found.subject,
        shallow: found.shallow,
        path,
        files: found.files,
        bytes: found.bytes,
    }
}

/// The beginning of an object id.
fn short(oid: &str) -> &str {
    oid.get(..12).unwrap_or(oid)
}

engine_sdk::export!(Fetch);

#[cfg(test)]
mod tests {
    use engine_sdk::git::Signature;

    use super::*;

    fn checked_out(reference: Option<&str>, describe: Option<&str>) -> CheckedOut {
        CheckedOut {
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            tree: "89abcdef0123456789abcdef0123456701234567".to_owned(),
            reference: reference.map(str::to_owned),
            author: Signature {
                name: "Ada".to_owned(),
                email: "ada@example.org".to_owned(),
                seconds: 1_700_000_000,
                offset_minutes: 60,
            },
            subject: "a subject".to_owned(),
            describe: describe.map(str::to_owned),
            shallow: true,
            files: 3,
            bytes: 42,
        }
    }

    #[test]
    fn what_was_checked_out_becomes_the_outputs() {
        let found = checked_out(Some("refs/heads/main"), Some("v1.2-3-gabc"));
        let json = serde_json::to_value(outputs(found, "src".to_owned())).expect("plain data");
        assert_eq!(
            json,
            serde_json::json!({
                "commit": "0123456789abcdef0123456789abcdef01234567",
                "tree": "89abcdef0123456789abcdef0123456701234567",
                "ref": "refs/heads/main",
                "author": {
                    "name": "Ada", "email": "ada@example.org",
                    "seconds": 1_700_000_000, "offset_minutes": 60,
                },
                "subject": "a subject",
                "describe": "v1.2-3-gabc",
                "shallow": true, "path": "src", "files": 3, "bytes": 42,
            })
        );
    }

    #[test]
    fn without_a_tag_or_a_ref_there_is_still_a_text() {
        let found = outputs(checked_out(None, None), "src".to_owned());
        assert_eq!(found.describe, "0123456789ab");
        assert_eq!(found.r#ref, "");
    }
}
