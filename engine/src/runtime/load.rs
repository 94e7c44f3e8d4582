//! Load: components made ready to run, once for each digest.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use super::compile::CompileLimits;
use super::{ComponentError, Import, compile, config, describe, inspect};
use crate::capability::{self, Attempt, Plugin as Instance, PluginPre};
use crate::model::{ChildProgram, Clock, Digest};
use crate::plan::{self, StageInfo, StageInfoError};
use crate::store::{CompiledCache, CompiledEntry};

/// Where the runtime keeps what it makes, and what it makes it with.
#[derive(Debug)]
pub struct RuntimeOptions {
    /// Directory of compiled code; shared by all runs of the user.
    pub compiled: PathBuf,
    /// File of the key that authenticates compiled code.
    pub key_file: PathBuf,
    /// This engine with `internal compile`.
    pub child: ChildProgram,
    /// What that child may take.
    pub compile: CompileLimits,
}

/// The runtime cannot start.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// wasmtime does not work on this machine.
    #[error("wasmtime cannot start: {0}")]
    Wasmtime(String),
    /// The directory of compiled code cannot be used.
    #[error("the cache of compiled plugins cannot be used: {0}")]
    Cache(#[from] std::io::Error),
}

/// Everything that running components shares.
pub struct Runtime {
    engine: Engine,
    linker: Linker<Attempt>,
    compiled: CompiledCache,
    child: ChildProgram,
    compile: CompileLimits,
    clock: Arc<dyn Clock>,
    plugins: Mutex<HashMap<Digest, Arc<Plugin>>>,
}

/// A component that is ready to run.
pub struct Plugin {
    digest: Digest,
    size: usize,
    known: Known,
    instance: PluginPre<Attempt>,
    /// Its words about itself, read when somebody asks.
    info: OnceLock<Result<Arc<StageInfo>, StageInfoError>>,
}

/// What is known about a component, kept beside its compiled code.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Known {
    imports: Vec<Import>,
    info: String,
}

impl Runtime {
    /// Starts wasmtime.
    pub fn new(options: RuntimeOptions, clock: Arc<dyn Clock>) -> Result<Self, RuntimeError> {
        let wrong = |error: wasmtime::Error| RuntimeError::Wasmtime(format!("{error:#}"));
        let engine = config::engine().map_err(wrong)?;
        let mut linker = Linker::new(&engine);
        capability::link(&mut linker).map_err(wrong)?;
        config::start_ticking(&engine)?;
        let compiled =
            CompiledCache::open(&options.compiled, &options.key_file, fingerprint(&engine))?;
        Ok(Self {
            engine,
            linker,
            compiled,
            child: options.child,
            compile: options.compile,
            clock,
            plugins: Mutex::default(),
        })
    }

    /// Makes a component ready: from the cache, or by looking into it, compiling
    /// it and asking it to describe itself.
    pub async fn load(&self, bytes: &[u8]) -> Result<Arc<Plugin>, ComponentError> {
        let digest = Digest::of(bytes);
        if let Some(plugin) = self.plugin(&digest) {
            return Ok(plugin);
        }
        let plugin = match self.load_compiled(&digest, bytes.len()) {
            Some(plugin) => plugin,
            None => self.compile(digest, bytes).await?,
        };
        let plugin = Arc::new(plugin);
        self.lock().insert(digest, Arc::clone(&plugin));
        Ok(plugin)
    }

    /// Whether a component must be compiled first, which takes a while.
    pub fn must_compile(&self, bytes: &[u8]) -> bool {
        !self.compiled.has(&Digest::of(bytes))
    }

    /// A component that was loaded before.
    pub fn plugin(&self, digest: &Digest) -> Option<Arc<Plugin>> {
        self.lock().get(digest).cloned()
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    fn load_compiled(&self, digest: &Digest, size: usize) -> Option<Plugin> {
        let CompiledEntry { facts, code } = self.compiled.get(digest)?;
        let known = serde_json::from_slice(&facts).ok()?;
        let instance = self.instance(&code).ok()?;
        Some(Plugin::new(*digest, size, known, instance))
    }

    async fn compile(&self, digest: Digest, bytes: &[u8]) -> Result<Plugin, ComponentError> {
        let imports = inspect::imports(bytes)?;
        // Before anything is compiled: nobody can serve it.
        if let Some(unknown) = imports
            .iter()
            .find_map(|import| plan::unknown_import(&import.interface))
        {
            return Err(ComponentError::UnknownImport(unknown));
        }
        let code = compile::compile(&self.child, self.compile, bytes).await?;
        let instance = self.instance(&code)?;
        let clock = Arc::clone(&self.clock);
        let info = describe::describe(&self.engine, &instance, clock, digest).await?;
        let known = Known { imports, info };
        let facts = serde_json::to_vec(&known).expect("imports and text serialise");
        if let Err(error) = self.compiled.put(&digest, &facts, &code) {
            tracing::warn!(%error, "compiled code cannot be kept; it is made anew each time");
        }
        Ok(Plugin::new(digest, bytes.len(), known, instance))
    }

    #[expect(
        unsafe_code,
        reason = "loading compiled code is unsafe in wasmtime's own terms"
    )]
    fn instance(&self, code: &[u8]) -> Result<PluginPre<Attempt>, ComponentError> {
        // SAFETY: the bytes come from our own compiling child, or from an entry
        // of the cache that was authenticated with our key.
        let component = unsafe { Component::deserialize(&self.engine, code) }
            .map_err(|error| ComponentError::Compile(format!("{error:#}")))?;
        self.linker
            .instantiate_pre(&component)
            .and_then(PluginPre::new)
            .map_err(|error| ComponentError::Mismatch(format!("{error:#}")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Digest, Arc<Plugin>>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plugin {
    fn new(digest: Digest, size: usize, known: Known, instance: PluginPre<Attempt>) -> Self {
        Self {
            digest,
            size,
            known,
            instance,
            info: OnceLock::new(),
        }
    }

    /// Digest of the component's bytes.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes of the component.
    pub fn size(&self) -> usize {
        self.size
    }

    /// What it imports, sorted.
    pub fn imports(&self) -> &[Import] {
        &self.known.imports
    }

    /// What it says about itself: read strictly, and within bounds.
    pub fn info(&self) -> Result<Arc<StageInfo>, StageInfoError> {
        let read = || StageInfo::parse(&self.known.info).map(Arc::new);
        self.info.get_or_init(read).clone()
    }

    /// Whether inputs match the plugin's schema; what does not.
    pub fn check_inputs(&self, inputs: &Value) -> Result<(), String> {
        let info = self.info().map_err(|error| error.to_string())?;
        info.inputs.check(inputs).map_err(|error| error.to_string())
    }

    /// Whether outputs match the plugin's schema; what does not.
    pub fn check_outputs(&self, outputs: &Value) -> Result<(), String> {
        let info = self.info().map_err(|error| error.to_string())?;
        info.outputs
            .check(outputs)
            .map_err(|error| error.to_string())
    }

    pub(super) async fn instantiate(
        &self,
        store: &mut Store<Attempt>,
    ) -> wasmtime::Result<Instance> {
        self.instance.instantiate_async(store).await
    }
}

/// What compiled code depends on besides the component.
fn fingerprint(engine: &Engine) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    // Not a digest: two builds that collide here refuse each other's code when
    // it is loaded, since wasmtime checks its own version and settings again.
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}-{:016x}", env!("CARGO_PKG_VERSION"), hasher.finish())
}
