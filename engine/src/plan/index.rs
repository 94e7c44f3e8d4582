//! Plugin index: what is known of the plugins that a pipeline uses.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::stage_info::StageInfo;
use crate::model::Digest;

/// What is known of the plugins that a pipeline uses, by what `uses:` says with
/// aliases followed: `builtin:fetch`, `./check.wasm`.
#[derive(Debug, Clone, Default)]
pub struct PluginIndex {
    /// The plugins.
    pub plugins: BTreeMap<String, PluginFacts>,
    /// What was named and cannot be used, which is reported already: its stages are
    /// passed over, and there is no plan.
    pub broken: BTreeSet<String>,
}

/// What is known of a plugin: proven by its bytes, except for `info`.
#[derive(Debug, Clone)]
pub struct PluginFacts {
    /// Digest of the component.
    pub digest: Digest,
    /// All functions that it imports, those of resources included.
    pub imports: Vec<ImportedFunction>,
    /// What it says about itself.
    pub info: Arc<StageInfo>,
}

/// A function that a component imports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImportedFunction {
    /// Package, interface and version: `engine:git/remote@0.1.0`.
    pub interface: String,
    /// The function: `ls-refs`, `[method]pollable.block`; empty for an interface
    /// of which only types are used.
    pub function: String,
}

impl PluginIndex {
    /// The plugin that `uses:` names, aliases followed.
    pub fn get(&self, uses: &str) -> Option<&PluginFacts> {
        self.plugins.get(uses)
    }
}

impl PluginFacts {
    /// Whether it calls a function of this interface, of any version.
    pub fn imports(&self, interface: &str) -> bool {
        self.imports.iter().any(|import| {
            let name = import.interface.split('@').next().unwrap_or("");
            name == interface && !import.function.is_empty()
        })
    }
}
