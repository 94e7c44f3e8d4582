//! Uses: which plugin is meant.

use super::Spanned;
use super::code;
use super::declare::named;
use super::fields::Fields;
use super::model::{PluginSpec, Uses};
use super::node::Node;
use super::reading::Reading;
use crate::model::{Diagnostic, is_name};

/// `plugins`.
pub(super) fn plugins(node: &Node<'_>, reading: &mut Reading<'_>) -> Vec<PluginSpec> {
    named("a plugin", node, reading)
        .into_iter()
        .filter_map(|(alias, node)| {
            let mut fields = Fields::open("a plugin", node, reading)?;
            let source = fields.require("source", alias.span, reading);
            let source = source.and_then(|node| uses(node, false, reading));
            fields.close(reading);
            Some(PluginSpec {
                alias,
                source: source?,
            })
        })
        .collect()
}

/// `uses`, or the source of an alias.
pub(super) fn uses(
    node: &Node<'_>,
    may_be_alias: bool,
    reading: &mut Reading<'_>,
) -> Option<Spanned<Uses>> {
    let text = reading.text("a plugin", node)?;
    let value = text.value.as_str();
    if value.starts_with("oci:") {
        let message = "plugins from a registry are not supported by this version yet";
        let diagnostic = Diagnostic::error(code::NOT_SUPPORTED, text.span, message);
        let hint = "name a `.wasm` file, relative to this one";
        reading.out.push(diagnostic.hint(hint));
        return None;
    }
    let builtin = |name: &str| {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !name.is_empty() && name.bytes().all(fits)
    };
    let found = match value.strip_prefix("builtin:") {
        Some(name) => builtin(name).then(|| Uses::Builtin(name.to_owned())),
        None if is_component_path(value) => Some(Uses::Path(value.to_owned())),
        None if may_be_alias && is_name(value) => Some(Uses::Alias(value.to_owned())),
        None => None,
    };
    if let Some(uses) = found {
        return Some(Spanned::new(uses, text.span));
    }
    let message = format!("`{value}` does not name a plugin");
    let diagnostic = Diagnostic::error(code::INVALID_USES, text.span, message)
        .note("a plugin is `builtin:<name>`, a path to a `.wasm` file relative to this one, or a name of `plugins:`");
    reading.out.push(match nearest_uses(value) {
        Some(meant) => diagnostic.hint(format!("did you mean `{meant}`?")),
        None => diagnostic,
    });
    None
}

/// A relative path without anything that could be read in two ways. It may
/// leave the folder of the pipeline with leading `..`.
fn is_component_path(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !matches!(c, '\\' | ':' | '$' | '*' | '?');
    let path = std::path::Path::new(text);
    let named = path
        .extension()
        .is_some_and(|extension| extension == "wasm");
    named && !text.starts_with(['/', '~', '-']) && text.chars().all(plain)
}

fn nearest_uses(text: &str) -> Option<String> {
    let bare = text
        .strip_prefix("builtin/")
        .or_else(|| text.strip_prefix("builtin."));
    let action = || text.starts_with("actions/checkout").then_some("fetch");
    bare.or_else(action).map(|name| format!("builtin:{name}"))
}
