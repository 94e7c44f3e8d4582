//! Services: what a run needs of this process, made from the user's places.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::ExposeSecret as _;
use zeroize::Zeroizing;

use super::Exit;
use super::environment::Environment;
use super::facts;
use super::failure::Failure;
use super::places::Places;
use crate::capability::{
    Services, ToolServices,
    git::{GitServices, SecretSource},
};
use crate::egress::Client;
use crate::model::{Clock, SystemClock};
use crate::runtime::{CompileLimits, Runtime, RuntimeOptions};
use crate::sandbox::Wall;
use crate::store::RunDirectory;
use crate::store::SecretVault;

/// The threads of a command that runs components.
pub(super) fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::new(
                Exit::Infrastructure,
                format!("threads cannot be started: {error}"),
            )
        })
}

/// What loads components, for the repository that holds `directory`.
pub(super) fn components(directory: &Path, environment: &Environment) -> Result<Runtime, Failure> {
    let places = environment.places(directory)?;
    let options = RuntimeOptions {
        compiled: places.cache.join("compiled"),
        key_file: places.key_file,
        child: environment.child("compile")?,
        compile: CompileLimits::default(),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    Runtime::new(options, clock).map_err(|error| {
        Failure::new(
            Exit::Infrastructure,
            format!("{}: {error}", places.cache.display()),
        )
        .hint("make it writable, or choose another with XDG_CACHE_HOME")
    })
}

/// What capabilities need in one run. `tools` is the wall around native tools, and
/// whether it may be weaker than usual; none where the run has no tools.
pub(super) fn of_run(
    places: &Places,
    directory: &RunDirectory,
    vault: &Arc<SecretVault>,
    environment: &Environment,
    tools: Option<(Wall, bool)>,
) -> Result<Services, Failure> {
    let dial = environment.child("dial")?;
    let program = dial.path.display().to_string();
    let git = GitServices {
        child: environment.child("git")?,
        mirrors: places.cache.join("git"),
        scratch: directory.scratch(),
        known_hosts: known_hosts(environment),
        dial: Some([program].into_iter().chain(dial.arguments).collect()),
        secret: values(vault),
    };
    let launcher = environment.child("launch")?;
    let exec = tools.map(|(wall, allow_weaker)| ToolServices {
        launcher,
        scratch: directory.scratch(),
        surroundings: facts::surroundings(environment),
        wall,
        allow_weaker,
        secret: values(vault),
    });
    Ok(Services {
        git: Some(git),
        exec,
        egress: Client::default(),
        vault: Arc::clone(vault),
    })
}

/// The host keys that the user has accepted by hand.
fn known_hosts(environment: &Environment) -> Option<PathBuf> {
    let home = environment.variable("HOME")?;
    Some(Path::new(&home).join(".ssh/known_hosts")).filter(|path| path.is_file())
}

fn values(vault: &Arc<SecretVault>) -> Box<SecretSource> {
    let vault = Arc::clone(vault);
    Box::new(move |name| {
        vault
            .get(name)
            .map(|value| Zeroizing::new(value.expose_secret().as_bytes().to_vec()))
    })
}
