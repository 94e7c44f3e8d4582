//! Capabilities: what a stage is given, as it is written.

use super::Spanned;
use super::code;
use super::fields::Fields;
use super::model::{CapabilitiesSpec, NetworkSpec, PatternSpec, ToolSpec};
use super::node::{Kind, Node};
use super::reading::Reading;
use super::secret::is_host;
use crate::model::Diagnostic;

/// `capabilities` of a stage.
pub(super) fn capabilities(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<CapabilitiesSpec> {
    let mut fields = Fields::open("`capabilities`", node, reading)?;
    let mut capabilities = CapabilitiesSpec {
        span: Some(node.span),
        ..CapabilitiesSpec::default()
    };
    if let Some(node) = fields.get("git")
        && let Some(mut fields) = Fields::open("`git`", node, reading)
    {
        if let Some(node) = fields.get("list") {
            capabilities.git_list = patterns("remote", node, reading);
        }
        if let Some(node) = fields.get("fetch") {
            capabilities.git_fetch = patterns("remote", node, reading);
        }
        fields.refuse(&["push"], reading);
        fields.close(reading);
    }
    if let Some(node) = fields.get("http") {
        capabilities.http = patterns("request", node, reading);
    }
    if let Some(node) = fields.get("exec") {
        let items = reading.items("a list of tools", node).unwrap_or_default();
        capabilities.exec = items.iter().filter_map(|it| tool(it, reading)).collect();
    }
    if let Some(node) = fields.get("workspace")
        && let Some(mut fields) = Fields::open("`workspace`", node, reading)
    {
        if let Some(node) = fields.get("read") {
            capabilities.workspace_read = reading.texts("folder", node);
        }
        if let Some(node) = fields.get("write") {
            capabilities.workspace_write = reading.texts("folder", node);
        }
        fields.close(reading);
    }
    if let Some(node) = fields.get("secrets") {
        capabilities.secrets = reading.texts("secret", node);
    }
    fields.refuse(&["artifacts", "cache", "env", "reveal", "state"], reading);
    fields.close(reading);
    Some(capabilities)
}

/// Patterns: texts, or mappings with `allow` and `private`.
fn patterns(what: &str, node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<PatternSpec> {
    let items = reading.items(&format!("a list of {what}s"), node);
    let items = items.unwrap_or_default().iter();
    items
        .filter_map(|item| pattern(what, item, reading))
        .collect()
}

fn pattern(what: &str, node: &Node<'_>, reading: &mut Reading<'_>) -> Option<PatternSpec> {
    let what = format!("a pattern of {what}s");
    if let Kind::Scalar(_) = node.kind() {
        let text = reading.text(&what, node)?;
        return Some(PatternSpec {
            text,
            private: false,
        });
    }
    let mut fields = Fields::open("a pattern", node, reading)?;
    let span = fields.span;
    let text = fields.require("allow", span, reading);
    let text = text.and_then(|node| reading.text(&what, node));
    let private = fields.get("private");
    let private = private.and_then(|node| reading.boolean(node));
    fields.close(reading);
    Some(PatternSpec {
        text: text?,
        private: private.unwrap_or(false),
    })
}

fn tool(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<ToolSpec> {
    let mut fields = Fields::open("a tool", node, reading)?;
    let span = fields.span;
    let tool = fields.require("tool", span, reading);
    let tool = tool.and_then(|node| tool_name(node, reading));
    let network = fields.get("network");
    let network = network.and_then(|node| network_of(node, reading));
    fields.close(reading);
    Some(ToolSpec {
        tool: tool?,
        network,
    })
}

/// The name of a tool's profile: a word, never a path.
fn tool_name(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<Spanned<String>> {
    let text = reading.text("the name of a tool", node)?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'+');
    let starts = text.value.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && text.value.len() <= 64 && text.value.bytes().all(fits) {
        return Some(text);
    }
    let message = format!("`{}` is not the name of a tool", text.value);
    let diagnostic = Diagnostic::error(code::INVALID_NAME, text.span, message);
    let hint = "name the tool, such as `cargo`; where it lies is not the pipeline's to say";
    reading.out.push(diagnostic.hint(hint));
    None
}

fn network_of(node: &Node<'_>, reading: &mut Reading<'_>) -> Option<Spanned<NetworkSpec>> {
    if let Kind::List(_) = node.kind() {
        let hosts = reading.texts("host", node);
        for host in &hosts {
            if !is_host(&host.value) {
                let message = format!("`{}` is not a host", host.value);
                reading.error(code::INVALID_GRANT, host.span, message);
            }
        }
        return Some(Spanned::new(NetworkSpec::Hosts(hosts), node.span));
    }
    let words = [("none", false), ("host", true)];
    let what = "`none`, a list of hosts, or `host`";
    let word = reading.word(what, &words, node)?;
    Some(word.map(|host| {
        if host {
            NetworkSpec::Host
        } else {
            NetworkSpec::None
        }
    }))
}
