//! Plugins: from what `uses:` says to what is known of each, with all that is wrong
//! on the way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use tokio::task::JoinSet;

use super::Exit;
use super::builtin;
use super::environment::Environment;
use super::failure::Failure;
use super::pipeline::read_file;
use crate::model::{Diagnostic, limits, suggest};
use crate::plan::{ImportedFunction, PluginFacts, PluginIndex};
use crate::report::escape;
use crate::runtime::{ComponentError, Plugin, Runtime};
use crate::spec::{Spec, UsedPlugin, Uses, code};

/// Loads every plugin that the pipeline names, a few at the same time: a repository
/// may name any number of files, and each is held in memory while it is compiled.
///
/// What cannot be used is in the diagnostics, each at its `uses:`, and is broken in the
/// index, so that the other stages are looked at all the same.
pub(super) async fn load(
    parsed: &Spec,
    directory: &Path,
    runtime: &Arc<Runtime>,
    environment: &Environment,
) -> Result<(PluginIndex, Vec<Diagnostic>), Failure> {
    let most = std::thread::available_parallelism().map_or(1, NonZero::get);
    let used = parsed.uses();
    let mut results: BTreeMap<usize, Result<PluginFacts, Unusable>> = BTreeMap::new();
    let mut loads = JoinSet::new();
    for (at, plugin) in used.iter().enumerate() {
        if loads.len() >= most
            && let Some(ended) = loads.join_next().await
        {
            let (at, result) = ended.map_err(|error| broken_off(&error))?;
            results.insert(at, result);
        }
        let bytes = match bytes(plugin.uses, directory) {
            Ok(bytes) => bytes,
            Err(unusable) => {
                results.insert(at, Err(unusable));
                continue;
            }
        };
        let name = plugin.uses.to_string();
        if bytes.starts_with(b"\0asm") && runtime.must_compile(&bytes) {
            environment.tell(&format!("compiling {} for the first time\n", escape(&name)));
        }
        let runtime = Arc::clone(runtime);
        loads.spawn(async move {
            let loaded = runtime.load(&bytes).await;
            let known = loaded.map_err(|error| unusable(&name, &error));
            (at, known.and_then(|plugin| facts(&name, &plugin)))
        });
    }
    while let Some(ended) = loads.join_next().await {
        let (at, result) = ended.map_err(|error| broken_off(&error))?;
        results.insert(at, result);
    }
    let mut index = PluginIndex::default();
    let mut found = Vec::new();
    for (at, result) in results {
        let plugin = &used[at];
        match result {
            Ok(facts) => {
                index.plugins.insert(plugin.uses.to_string(), facts);
            }
            Err(unusable) => {
                index.broken.insert(plugin.uses.to_string());
                found.push(unusable.at(plugin));
            }
        }
    }
    Ok((index, found))
}

/// Why a plugin cannot be used.
struct Unusable {
    code: &'static str,
    message: String,
    hint: Option<String>,
}

impl Unusable {
    fn at(self, plugin: &UsedPlugin<'_>) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(self.code, plugin.span, self.message);
        diagnostic.hint = self.hint;
        match plugin.declared {
            Some(declared) => diagnostic.other(declared, "what it stands for"),
            None => diagnostic,
        }
    }
}

/// The component that `uses:` names.
fn bytes(uses: &Uses, directory: &Path) -> Result<Cow<'static, [u8]>, Unusable> {
    match uses {
        Uses::Builtin(name) => builtin::bytes(name)
            .map(Cow::Borrowed)
            .ok_or_else(|| unknown_builtin(name)),
        Uses::Path(path) => read_component(&directory.join(path), path).map(Cow::Owned),
        Uses::Alias(_) => unreachable!("aliases were followed"),
    }
}

fn unknown_builtin(name: &str) -> Unusable {
    let known: Vec<&str> = builtin::names().collect();
    let hint = match suggest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `builtin:{near}`?"),
        None => format!("the built-in plugins are {}", known.join(", ")),
    };
    Unusable {
        code: code::UNKNOWN_PLUGIN,
        message: format!("there is no built-in plugin `{name}`"),
        hint: Some(hint),
    }
}

fn read_component(file: &Path, name: &str) -> Result<Vec<u8>, Unusable> {
    let bytes = read_file(file, limits::COMPONENT_BYTES).map_err(|error| {
        let is_missing = error.kind() == std::io::ErrorKind::NotFound;
        let (code, message, hint) = if is_missing {
            let hint =
                "a path is seen from the folder of the pipeline file; build the plugin first";
            (
                code::UNKNOWN_PLUGIN,
                format!("there is no file `{name}`"),
                Some(hint),
            )
        } else {
            let message = format!("the plugin `{name}` cannot be read: {error}");
            (code::UNUSABLE_PLUGIN, message, None)
        };
        Unusable {
            code,
            message,
            hint: hint.map(str::to_owned),
        }
    })?;
    match bytes.len() as u64 {
        size if size > limits::COMPONENT_BYTES => {
            Err(unusable(name, &ComponentError::TooLarge(size)))
        }
        _ => Ok(bytes),
    }
}

fn unusable(name: &str, error: &ComponentError) -> Unusable {
    let code = match error {
        ComponentError::UnknownImport(_) => code::UNKNOWN_IMPORT,
        _ => code::UNUSABLE_PLUGIN,
    };
    let hint = match error {
        ComponentError::CoreModule => {
            Some("build it for wasm32-wasip2, or wrap the module with `wasm-tools component new`")
        }
        ComponentError::NotWasm => {
            Some("`uses` names a component, the `.wasm` file that a build makes")
        }
        ComponentError::NoStage => {
            Some("a plugin exports the interface in wit/stage; wit/README.md shows how")
        }
        ComponentError::UnknownImport(_) | ComponentError::Mismatch(_) => {
            Some("build it against the `wit/` of this engine, or use a newer engine")
        }
        _ => None,
    };
    Unusable {
        code,
        message: format!("`{name}` cannot be used as a plugin: {error}"),
        hint: hint.map(str::to_owned),
    }
}

fn facts(name: &str, plugin: &Plugin) -> Result<PluginFacts, Unusable> {
    let info = plugin.info().map_err(|error| Unusable {
        code: code::UNUSABLE_PLUGIN,
        message: format!("`{name}` describes itself wrongly: {error}"),
        hint: Some("its author must correct `stage-info.json`".to_owned()),
    })?;
    let imports = plugin.imports().iter().map(|import| ImportedFunction {
        interface: import.interface.clone(),
        function: import.function.clone().unwrap_or_default(),
    });
    Ok(PluginFacts {
        digest: plugin.digest(),
        imports: imports.collect(),
        info,
    })
}

fn broken_off(error: &tokio::task::JoinError) -> Failure {
    Failure::new(
        Exit::Infrastructure,
        format!("a plugin could not be loaded: {error}"),
    )
}
