//! Stage info: what a plugin says about itself (`stage-info/v1`).
//!
//! The document is the plugin's word, read strictly and within bounds before
//! anything relies on it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema::{Schema, SchemaError};
use crate::model::limits;

/// What a plugin says about itself.
#[derive(Debug)]
pub struct StageInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// One line.
    pub summary: String,
    /// What it takes.
    pub inputs: Schema,
    /// What it returns.
    pub outputs: Schema,
    /// What it asks for.
    pub requests: Vec<CapabilityRequest>,
    /// Stages that teach its use.
    pub examples: Vec<Example>,
}

/// One thing that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CapabilityRequest {
    /// What.
    pub capability: Capability,
    /// Whether it cannot work without.
    #[serde(default)]
    pub required: bool,
    /// Why, in the plugin's words.
    pub reason: String,
    /// The input whose value is the scope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// What a plugin may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Capability {
    /// Asking remotes.
    #[serde(rename = "git.list")]
    GitList,
    /// Fetching from remotes.
    #[serde(rename = "git.fetch")]
    GitFetch,
    /// Requests over HTTP.
    #[serde(rename = "http")]
    Http,
    /// Native tools.
    #[serde(rename = "exec")]
    Exec,
    /// Reading folders of the workspace.
    #[serde(rename = "workspace.read")]
    WorkspaceRead,
    /// Writing folders of the workspace.
    #[serde(rename = "workspace.write")]
    WorkspaceWrite,
    /// Secrets, as handles.
    #[serde(rename = "secrets")]
    Secrets,
}

/// A stage that teaches the use of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Example {
    /// What it shows.
    pub title: String,
    /// Its inputs.
    #[serde(default)]
    pub with: Map<String, Value>,
    /// Its grants, as in a pipeline.
    #[serde(default)]
    pub capabilities: Map<String, Value>,
}

/// Why a document is no stage info.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageInfoError {
    /// It is longer than [`limits::STAGE_INFO_BYTES`].
    #[error("the document has {0} bytes, more than {max}", max = limits::STAGE_INFO_BYTES)]
    TooLarge(usize),
    /// It is not JSON, or has other fields.
    #[error("the document is not `stage-info/v1`: {0}")]
    Form(String),
    /// It is of a version that this engine does not know.
    #[error("the document is of version `{0}`; this engine knows `v1`")]
    Version(String),
    /// A schema cannot be used.
    #[error("the schema of `{side}`: {error}")]
    Schema {
        /// `inputs` or `outputs`.
        side: &'static str,
        /// What is wrong with it.
        error: SchemaError,
    },
    /// A field holds what it may not.
    #[error("the field `{field}` {reason}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// The document as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Document {
    stage_info: String,
    name: String,
    version: String,
    summary: String,
    inputs: Value,
    outputs: Value,
    #[serde(default)]
    requests: Vec<CapabilityRequest>,
    #[serde(default)]
    examples: Vec<Example>,
}

impl StageInfo {
    /// Reads the document that `describe` returned.
    pub fn parse(text: &str) -> Result<Self, StageInfoError> {
        // Guest-controlled from here on.
        if text.len() > limits::STAGE_INFO_BYTES {
            return Err(StageInfoError::TooLarge(text.len()));
        }
        let document: Document =
            serde_json::from_str(text).map_err(|error| StageInfoError::Form(error.to_string()))?;
        if document.stage_info != "v1" {
            return Err(StageInfoError::Version(cut(&document.stage_info)));
        }
        let name_fits =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_/.".contains(&b);
        text_field("name", &document.name, 128, |text| {
            text.bytes().all(name_fits)
        })?;
        let version_fits = |b: u8| b.is_ascii_alphanumeric() || b"-+.".contains(&b);
        text_field("version", &document.version, 64, |text| {
            text.bytes().all(version_fits)
        })?;
        text_field("summary", &document.summary, 256, is_line)?;
        let schema = |side, document| {
            Schema::new(document).map_err(|error| StageInfoError::Schema { side, error })
        };
        let inputs = schema("inputs", document.inputs)?;
        let outputs = schema("outputs", document.outputs)?;
        if document.requests.len() > limits::STAGE_INFO_REQUESTS {
            return Err(field("requests", "has too many entries"));
        }
        for request in &document.requests {
            text_field("reason", &request.reason, 256, is_line)?;
            if let Some(from) = &request.from
                && !inputs.root().properties().any(|name| name == from)
            {
                let reason = format!("names `{}`, which is no input", cut(from));
                return Err(field("from", reason));
            }
        }
        for example in &document.examples {
            text_field("title", &example.title, 256, is_line)?;
        }
        Ok(Self {
            name: document.name,
            version: document.version,
            summary: document.summary,
            inputs,
            outputs,
            requests: document.requests,
            examples: document.examples,
        })
    }
}

fn text_field(
    name: &'static str,
    text: &str,
    most: usize,
    fits: impl Fn(&str) -> bool,
) -> Result<(), StageInfoError> {
    if text.is_empty() {
        Err(field(name, "is empty"))
    } else if text.len() > most {
        Err(field(name, format!("is longer than {most} bytes")))
    } else if fits(text) {
        Ok(())
    } else {
        Err(field(name, "holds characters that it may not"))
    }
}

fn field(field: &'static str, reason: impl Into<String>) -> StageInfoError {
    StageInfoError::Field {
        field,
        reason: reason.into(),
    }
}

/// One line that every terminal shows as it is.
fn is_line(text: &str) -> bool {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
            || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    !text.chars().any(hidden)
}

fn cut(text: &str) -> String {
    text.chars().take(64).flat_map(char::escape_debug).collect()
}

impl Capability {
    /// The word in a stage-info document.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GitList => "git.list",
            Self::GitFetch => "git.fetch",
            Self::Http => "http",
            Self::Exec => "exec",
            Self::WorkspaceRead => "workspace.read",
            Self::WorkspaceWrite => "workspace.write",
            Self::Secrets => "secrets",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Capability, StageInfo};

    fn document() -> Value {
        json!({
            "stage-info": "v1",
            "name": "branch-check",
            "version": "0.1.0",
            "summary": "fails when a branch is missing or stale",
            "inputs": {
                "type": "object",
                "properties": { "repository": { "type": "string" } },
                "required": ["repository"],
                "additionalProperties": false,
            },
            "outputs": { "type": "object", "properties": { "commit": { "type": "string" } } },
            "requests": [{
                "capability": "git.list", "required": true,
                "reason": "lists the refs of the repository given", "from": "repository",
            }],
            "examples": [{ "title": "a branch", "with": { "repository": "." }, "capabilities": {} }],
        })
    }

    #[test]
    fn a_whole_document_is_read() {
        let info = StageInfo::parse(&document().to_string()).expect("it is whole");
        assert_eq!(info.requests[0].capability, Capability::GitList);
        assert_eq!(info.examples.len(), 1);
        assert!(info.inputs.check(&json!({ "repository": "x" })).is_ok());
        let error = info
            .inputs
            .check(&json!({ "repository": 1 }))
            .expect_err("a number");
        assert_eq!(error.pointer, "/repository");
    }

    #[test]
    fn a_document_with_anything_else_is_refused() {
        for (pointer, value, reason) in [
            ("/stage-info", json!("v2"), "version `v2`"),
            ("/name", json!("Branch Check"), "`name` holds"),
            ("/name", json!(""), "`name` is empty"),
            ("/summary", json!("two\nlines"), "`summary` holds"),
            ("/summary", json!("\u{202e}evil"), "`summary` holds"),
            ("/summary", json!("x".repeat(300)), "longer than 256"),
            ("/inputs/type", json!("string"), "`inputs`"),
            ("/outputs", json!(true), "`outputs`"),
            ("/requests/0/capability", json!("root"), "unknown variant"),
            ("/requests/0/from", json!("url"), "no input"),
            ("/extra", json!(1), "unknown field"),
            ("/requests/0/extra", json!(1), "unknown field"),
        ] {
            let mut document = document();
            let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
            let parent = document.pointer_mut(parent).expect("it exists");
            parent[key] = value;
            let error = StageInfo::parse(&document.to_string()).expect_err(pointer);
            assert!(error.to_string().contains(reason), "{pointer}: {error}");
        }
        assert!(StageInfo::parse(&" ".repeat(2 << 20)).is_err());
        assert!(StageInfo::parse(&"[".repeat(1 << 19)).is_err());
    }
}
