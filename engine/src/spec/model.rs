//! Spec: its types. What the author wrote, with spans; it may be wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::Value;

use super::Spanned;
use super::expression::{Expression, Template};
use super::trigger::Triggers;
use super::word::{Effects, RetryOn, SecretKind};
use super::written::Written;
use crate::model::{Outcome, Span};

/// A pipeline as it was written.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    /// The pipeline's name.
    pub name: Option<Spanned<String>>,
    /// What a run is called; plan-time expressions only.
    pub run_name: Option<Spanned<Template>>,
    /// What starts it; none when everything does.
    pub on: Option<Triggers>,
    /// What the invoker may say.
    pub inputs: Vec<InputSpec>,
    /// The context `env` of expressions; plan-time expressions only.
    pub env: Vec<(Spanned<String>, Spanned<Template>)>,
    /// What stages do unless they say otherwise.
    pub defaults: Defaults,
    /// Secrets that stages may be given.
    pub secrets: Vec<SecretSpec>,
    /// Other names of plugins.
    pub plugins: Vec<PluginSpec>,
    /// The stages, then those of `finally`, each in the order of the file.
    pub stages: Vec<StageSpec>,
    /// The pipeline's own outputs.
    pub outputs: Vec<(Spanned<String>, Written)>,
}

/// What stages do unless they say otherwise.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// Time of an attempt.
    pub timeout: Option<Spanned<Duration>>,
    /// When a stage is tried again.
    pub retry: Option<RetrySpec>,
}

/// An input of the pipeline.
#[derive(Debug, Clone)]
pub struct InputSpec {
    /// Its name.
    pub name: Spanned<String>,
    /// What its values are.
    pub kind: InputKind,
    /// Its value unless the invoker says otherwise.
    pub default: Option<Spanned<Value>>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether the invoker must say.
    pub required: bool,
}

/// What the values of an input are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputKind {
    /// A text, that this regular expression matches somewhere.
    String(Option<String>),
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// One of these texts.
    Enum(Vec<String>),
}

/// A secret.
#[derive(Debug, Clone)]
pub struct SecretSpec {
    /// Its name.
    pub name: Spanned<String>,
    /// What it is.
    pub kind: SecretKind,
    /// The hosts it may be sent to.
    pub hosts: Vec<Spanned<String>>,
    /// Where its value comes from by default.
    pub from: Option<Spanned<String>>,
}

/// Another name of a plugin.
#[derive(Debug, Clone)]
pub struct PluginSpec {
    /// The name.
    pub alias: Spanned<String>,
    /// What it stands for.
    pub source: Spanned<Uses>,
}

/// Which plugin is meant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Uses {
    /// `builtin:<name>`: one that comes with the engine.
    Builtin(String),
    /// A component file, relative to the pipeline file.
    Path(String),
    /// A name of `plugins:`.
    Alias(String),
}

/// A plugin that stages mean.
#[derive(Debug, Clone, Copy)]
pub struct UsedPlugin<'s> {
    /// Which; never an alias.
    pub uses: &'s Uses,
    /// The first `uses:` that means it.
    pub span: Span,
    /// Where `plugins:` says so, if that is an alias.
    pub declared: Option<Span>,
}

/// A stage.
#[derive(Debug, Clone)]
pub struct StageSpec {
    /// Its id.
    pub id: Spanned<String>,
    /// Whether it stands in `finally`.
    pub finally: bool,
    /// JSON pointer of its node.
    pub pointer: String,
    /// Its name for people; plan-time expressions only.
    pub name: Option<Spanned<Template>>,
    /// What runs; none after a mistake that is reported.
    pub uses: Option<Spanned<Uses>>,
    /// Inputs of the plugin: a mapping.
    pub with: Option<Written>,
    /// What must have ended before.
    pub needs: Vec<NeedSpec>,
    /// Filters a ready stage.
    pub condition: Option<Spanned<Expression>>,
    /// Environment of its native tools.
    pub env: Vec<(Spanned<String>, Spanned<Template>)>,
    /// Time of an attempt.
    pub timeout: Option<Spanned<Duration>>,
    /// When it is tried again.
    pub retry: Option<RetrySpec>,
    /// Whether a failure leaves the run as it was.
    pub continue_on_error: Option<Spanned<Template>>,
    /// What it is given.
    pub capabilities: CapabilitiesSpec,
    /// What running it twice would do.
    pub effects: Option<Spanned<Effects>>,
    /// What it may use up.
    pub resources: ResourcesSpec,
}

/// One entry of `needs`.
#[derive(Debug, Clone)]
pub struct NeedSpec {
    /// The stage's id.
    pub stage: Spanned<String>,
    /// The outcomes that let the stage start.
    pub on: Vec<Outcome>,
}

/// What a stage may use up.
#[derive(Debug, Clone, Default)]
pub struct ResourcesSpec {
    /// Memory of its native tools, in bytes.
    pub memory_bytes: Option<u64>,
    /// Linear memory of the guest, in bytes.
    pub wasm_memory_bytes: Option<u64>,
    /// Log text kept, in bytes.
    pub log_bytes: Option<u64>,
    /// What the guest may add to files of the workspace, in bytes.
    pub disk_bytes: Option<u64>,
}

/// When a stage is tried again. What is not said comes from `defaults`.
#[derive(Debug, Clone)]
pub struct RetrySpec {
    /// Where it stands.
    pub span: Span,
    /// 1 means never.
    pub max_attempts: Option<Spanned<u32>>,
    /// The failures that are worth another try.
    pub on: Option<Vec<RetryOn>>,
    /// How long to wait.
    pub backoff: BackoffSpec,
}

/// How long to wait before another attempt.
#[derive(Debug, Clone, Default)]
pub struct BackoffSpec {
    /// Before the second attempt.
    pub initial: Option<Duration>,
    /// Growth from one wait to the next.
    pub factor: Option<f64>,
    /// Upper bound.
    pub max: Option<Duration>,
    /// Whether to wait a random part of it.
    pub jitter: Option<bool>,
}

/// What a stage is given, as texts.
#[derive(Debug, Clone, Default)]
pub struct CapabilitiesSpec {
    /// The place of the whole.
    pub span: Option<Span>,
    /// Remotes to ask.
    pub git_list: Vec<PatternSpec>,
    /// Remotes to fetch from.
    pub git_fetch: Vec<PatternSpec>,
    /// Requests to make.
    pub http: Vec<PatternSpec>,
    /// Native tools to run.
    pub exec: Vec<ToolSpec>,
    /// Folders to read.
    pub workspace_read: Vec<Spanned<String>>,
    /// Folders to write.
    pub workspace_write: Vec<Spanned<String>>,
    /// Secrets to use.
    pub secrets: Vec<Spanned<String>>,
}

/// A pattern of remotes or of requests. It may hold plan-time expressions.
#[derive(Debug, Clone)]
pub struct PatternSpec {
    /// The text.
    pub text: Spanned<String>,
    /// Whether private addresses are meant.
    pub private: bool,
}

/// A native tool.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Name of its profile.
    pub tool: Spanned<String>,
    /// What it may reach.
    pub network: Option<Spanned<NetworkSpec>>,
}

/// What a native tool may reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetworkSpec {
    /// Nothing.
    None,
    /// These hosts.
    Hosts(Vec<Spanned<String>>),
    /// Whatever the machine can reach.
    Host,
}

impl Spec {
    /// What the names of `plugins:` stand for.
    pub fn aliases(&self) -> HashMap<&str, &Uses> {
        let plugins = self.plugins.iter();
        plugins
            .map(|plugin| (plugin.alias.value.as_str(), &plugin.source.value))
            .collect()
    }

    /// All plugins that stages mean, aliases followed, each once, with the first
    /// place that names it: to load before planning.
    pub fn uses(&self) -> Vec<UsedPlugin<'_>> {
        let aliases = self.plugins.iter();
        let aliases: HashMap<&str, &Spanned<Uses>> = aliases
            .map(|plugin| (plugin.alias.value.as_str(), &plugin.source))
            .collect();
        let mut plugins: BTreeMap<&Uses, UsedPlugin<'_>> = BTreeMap::new();
        for written in self.stages.iter().filter_map(|stage| stage.uses.as_ref()) {
            let (uses, declared) = match &written.value {
                Uses::Alias(name) => match aliases.get(name.as_str()) {
                    Some(source) => (&source.value, Some(source.span)),
                    None => continue,
                },
                other => (other, None),
            };
            plugins.entry(uses).or_insert(UsedPlugin {
                uses,
                span: written.span,
                declared,
            });
        }
        plugins.into_values().collect()
    }

    /// Names of all tools that stages are granted, to look for before planning.
    pub fn tools(&self) -> BTreeSet<&str> {
        let stages = self.stages.iter();
        stages
            .flat_map(|stage| &stage.capabilities.exec)
            .map(|tool| tool.tool.value.as_str())
            .collect()
    }
}

impl std::fmt::Display for Uses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Builtin(name) => write!(f, "builtin:{name}"),
            Self::Path(text) | Self::Alias(text) => f.write_str(text),
        }
    }
}
