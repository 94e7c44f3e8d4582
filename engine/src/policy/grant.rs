//! Grant: leave to use one capability within bounds.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{GitPattern, HttpPattern};

/// What a stage is given. One field a capability; none means not granted.
///
/// Take it apart with an exhaustive pattern, so that a new capability makes the
/// compiler list every place to touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grants {
    /// Asking remotes and fetching from them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git: Option<GitGrant>,
    /// Requests over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpGrant>,
    /// Native tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<ExecGrant>,
    /// Folders of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceGrant>,
    /// Secrets, as handles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<SecretsGrant>,
}

/// Leave to ask remotes and to fetch from them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GitGrant {
    /// Remotes whose refs and history may be asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub list: Vec<GitPattern>,
    /// Remotes that may be fetched from; implies `list`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fetch: Vec<GitPattern>,
}

/// Leave to make requests over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HttpGrant {
    /// One of them must match method and URL.
    pub allow: Vec<HttpPattern>,
}

/// Leave to run native tools.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecGrant {
    /// The tools.
    pub tools: Vec<ToolGrant>,
}

/// Leave to run one native tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ToolGrant {
    /// Name of a tool profile.
    pub tool: String,
    /// What it may reach.
    pub network: ToolNetwork,
}

/// What a native tool may reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolNetwork {
    /// Nothing.
    #[default]
    None,
    /// These hosts, through the engine's egress.
    Hosts(Vec<String>),
    /// Whatever the machine can reach.
    Host,
}

/// Leave to see folders of the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WorkspaceGrant {
    /// Folders that may be read. Normal relative paths, `/` separated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Folders that may be written; implies reading.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
}

/// Leave to use secrets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretsGrant {
    /// Their names in the pipeline.
    pub names: BTreeSet<String>,
}

impl Grants {
    /// Whether the stage may change something outside this machine, so that it
    /// must not start before everything it rests on is durable.
    ///
    /// A native tool counts when it may reach any network.
    pub fn is_outward(&self) -> bool {
        let Self {
            git: _,
            http,
            exec,
            workspace: _,
            secrets: _,
        } = self;
        let http = http
            .as_ref()
            .is_some_and(|http| http.allow.iter().any(HttpPattern::is_outward));
        let exec = exec.as_ref().is_some_and(|exec| {
            exec.tools
                .iter()
                .any(|tool| tool.network != ToolNetwork::None)
        });
        http || exec
    }
}
