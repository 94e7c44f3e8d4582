//! Explain: what would run, in which order and with what authority, as data.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::{Effects, Need, Plan, PlannedStage, StageLimits};
use crate::model::{Digest, Outcome};
use crate::policy::{Grants, ToolNetwork};
use crate::spec::expression::Template;
use crate::spec::graph::Graph;

/// What would run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// The pipeline's name.
    pub pipeline: String,
    /// What the run would be called.
    pub run_name: String,
    /// Digest of the plan.
    pub digest: Digest,
    /// The stages in an order in which they could run one after another.
    pub stages: Vec<ExplainedStage>,
}

/// What is to know of a stage before it runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExplainedStage {
    /// Its id.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// How many stages stand before it in the longest way to it; stages of one
    /// level may run at the same time.
    pub level: usize,
    /// Whether it stands in `finally`.
    pub finally: bool,
    /// What `uses:` said, aliases followed.
    pub uses: String,
    /// Digest of the component.
    pub digest: Digest,
    /// What must have ended, and how.
    pub needs: Vec<ExplainedNeed>,
    /// What is asked before it starts.
    pub condition: Option<String>,
    /// What it may do, the most dangerous first.
    pub authority: Vec<Authority>,
    /// What running it twice would do.
    pub effects: Effects,
    /// How often it may be tried.
    pub max_attempts: u32,
    /// Whether a failure leaves the run as it was; `null` when only the run knows.
    pub continue_on_error: Option<bool>,
    /// What stops it.
    pub limits: StageLimits,
}

/// A stage that must have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExplainedNeed {
    /// Its id.
    pub stage: String,
    /// The outcomes that let the other start.
    pub on: Vec<Outcome>,
}

/// One thing that a stage may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Authority {
    /// How bad its misuse would be.
    pub class: RiskClass,
    /// What it is: `http POST https://hooks.example.org/**`.
    pub line: String,
}

/// How bad the misuse of a capability would be, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskClass {
    /// Changes the world outside.
    Outward,
    /// Runs code outside of the sandbox of wasm.
    Native,
    /// Uses a secret without seeing it.
    Credential,
    /// Asks the world outside.
    Network,
    /// Changes the workspace.
    Write,
    /// Sees the workspace.
    Read,
}

impl RiskClass {
    /// The word in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outward => "outward",
            Self::Native => "native",
            Self::Credential => "credential",
            Self::Network => "network",
            Self::Write => "write",
            Self::Read => "read",
        }
    }
}

/// What a plan would run.
pub fn explain(plan: &Plan) -> Explanation {
    let graph = graph(plan);
    let order = graph.order().expect("a plan has no cycle");
    let levels = graph.levels(&order);
    let stages = order.iter().map(|at| {
        let stage = &plan.stages[*at];
        explain_stage(plan, stage, levels[*at])
    });
    Explanation {
        pipeline: plan.pipeline.clone(),
        run_name: plan.run_name.clone(),
        digest: plan.digest(),
        stages: stages.collect(),
    }
}

fn graph(plan: &Plan) -> Graph {
    let stages = plan.stages.iter();
    let before = stages.map(|stage| stage.needs.iter().map(|need| need.stage).collect());
    Graph::new(before.collect(), finally_from(plan))
}

fn finally_from(plan: &Plan) -> usize {
    let first = plan.stages.iter().position(|stage| stage.finally);
    first.unwrap_or(plan.stages.len())
}

fn explain_stage(plan: &Plan, stage: &PlannedStage, level: usize) -> ExplainedStage {
    let needs = stage.needs.iter().map(|need| ExplainedNeed {
        stage: plan.stages[need.stage].id.to_string(),
        on: need.on.clone(),
    });
    ExplainedStage {
        id: stage.id.to_string(),
        name: stage.name.clone(),
        level,
        finally: stage.finally,
        uses: stage.plugin.uses.clone(),
        digest: stage.plugin.digest,
        needs: needs.collect(),
        condition: stage.condition.as_ref().map(|it| it.source().to_owned()),
        authority: authority(&stage.grants),
        effects: stage.effects,
        max_attempts: stage.retry.max_attempts,
        continue_on_error: match &stage.continue_on_error {
            Template::Literal(Value::Bool(value)) => Some(*value),
            _ => None,
        },
        limits: stage.limits.clone(),
    }
}

/// What grants let a stage do, a line each, the most dangerous first.
pub fn authority(grants: &Grants) -> Vec<Authority> {
    let Grants {
        git,
        http,
        exec,
        workspace,
        secrets,
    } = grants;
    let mut lines = Vec::new();
    let mut add = |class: RiskClass, line: String| lines.push(Authority { class, line });
    let private = |private: bool| if private { " (private address)" } else { "" };
    for pattern in http.iter().flat_map(|http| &http.allow) {
        let class = if pattern.is_outward() {
            RiskClass::Outward
        } else {
            RiskClass::Network
        };
        add(class, format!("http {pattern}{}", private(pattern.private)));
    }
    for tool in exec.iter().flat_map(|exec| &exec.tools) {
        let (class, network) = match &tool.network {
            ToolNetwork::None => (RiskClass::Native, "none".to_owned()),
            ToolNetwork::Hosts(hosts) => (RiskClass::Outward, hosts.join(", ")),
            ToolNetwork::Host => (
                RiskClass::Outward,
                "all that the machine reaches".to_owned(),
            ),
        };
        add(class, format!("exec {} (network: {network})", tool.tool));
    }
    for name in secrets.iter().flat_map(|secrets| &secrets.names) {
        add(RiskClass::Credential, format!("secret {name}"));
    }
    for pattern in git.iter().flat_map(|git| &git.fetch) {
        let line = format!("git fetch {pattern}{}", private(pattern.private));
        add(RiskClass::Network, line);
    }
    for pattern in git.iter().flat_map(|git| &git.list) {
        let line = format!("git list {pattern}{}", private(pattern.private));
        add(RiskClass::Network, line);
    }
    for path in workspace.iter().flat_map(|workspace| &workspace.write) {
        add(RiskClass::Write, format!("workspace write {path}"));
    }
    for path in workspace.iter().flat_map(|workspace| &workspace.read) {
        add(RiskClass::Read, format!("workspace read {path}"));
    }
    lines.sort_by_key(|line| line.class);
    lines
}

/// Why drawing cannot fail.
const NEVER: &str = "writing to a string cannot fail";

/// The graph of a plan in the language of Graphviz.
pub fn dot(plan: &Plan) -> String {
    let mut text = String::from("digraph pipeline {\n  rankdir=LR;\n  node [shape=box];\n");
    for stage in &plan.stages {
        let style = if stage.finally { ", style=dashed" } else { "" };
        // The quoting of JSON is that of Graphviz, for what ids and names hold.
        let label = Value::from(label(stage, "\n"));
        writeln!(text, "  {} [label={label}{style}];", quoted(stage)).expect(NEVER);
    }
    for (stage, need) in edges(plan) {
        let from = quoted(&plan.stages[need.stage]);
        let label = outcomes(need).map(|it| format!(" [label=\"{it}\"]"));
        let label = label.unwrap_or_default();
        writeln!(text, "  {from} -> {}{label};", quoted(stage)).expect(NEVER);
    }
    text.push_str("}\n");
    text
}

/// The graph of a plan in the language of Mermaid.
pub fn mermaid(plan: &Plan) -> String {
    let mut text = String::from("flowchart LR\n");
    for (at, stage) in plan.stages.iter().enumerate() {
        // Mermaid reads markup in labels; entities keep a name a name.
        let mut shown = String::new();
        for c in label(stage, "\u{0}").chars() {
            match c {
                '\u{0}' => shown.push_str("<br/>"),
                c if c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | ':' | '/') => {
                    shown.push(c);
                }
                c => write!(shown, "#{};", u32::from(c)).expect(NEVER),
            }
        }
        writeln!(text, "  s{at}[\"{shown}\"]").expect(NEVER);
    }
    for (at, stage) in plan.stages.iter().enumerate() {
        for need in &stage.needs {
            let label = outcomes(need).map(|it| format!("|\"{it}\"|"));
            let label = label.unwrap_or_default();
            writeln!(text, "  s{} -->{label} s{at}", need.stage).expect(NEVER);
        }
    }
    if finally_from(plan) < plan.stages.len() {
        text.push_str("  subgraph finally\n");
        for at in finally_from(plan)..plan.stages.len() {
            writeln!(text, "    s{at}").expect(NEVER);
        }
        text.push_str("  end\n");
    }
    text
}

fn edges(plan: &Plan) -> impl Iterator<Item = (&PlannedStage, &Need)> {
    let stages = plan.stages.iter();
    stages.flat_map(|stage| stage.needs.iter().map(move |need| (stage, need)))
}

fn label(stage: &PlannedStage, line_end: &str) -> String {
    let title = match &stage.name {
        Some(name) => format!("{}{line_end}{name}", stage.id),
        None => stage.id.to_string(),
    };
    format!("{title}{line_end}{}", stage.plugin.uses)
}

fn quoted(stage: &PlannedStage) -> String {
    format!("\"{}\"", stage.id)
}

/// The outcomes of a need, unless they are the usual ones.
fn outcomes(need: &Need) -> Option<String> {
    let usual = need.on.iter().all(|it| it.lets_dependents_start()) && need.on.len() == 2;
    let words: Vec<&str> = need.on.iter().map(|it| it.as_str()).collect();
    (!usual).then(|| words.join(", "))
}
