//! Services: what a run needs of this process, made from the user's places.

use std::path::Path;
use std::sync::Arc;

use super::Exit;
use super::environment::Environment;
use super::failure::Failure;
use crate::model::{Clock, SystemClock};
use crate::runtime::{Runtime, RuntimeOptions};

/// The threads of a command that runs components.
pub(super) fn threads() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        Failure::new(Exit::Infrastructure, format!("threads cannot be started: {error}"))
    })
}

/// What loads components, for the repository that holds `directory`.
pub(super) fn components(directory: &Path, environment: &Environment) -> Result<Runtime, Failure> {
    let places = environment.places(directory)?;
    let options = RuntimeOptions {
        compiled: places.cache.join("compiled"),
        key_file: places.key_file,
        child: environment.child()?,
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    Runtime::new(options, clock)
        .map_err(|error| Failure::new(Exit::Infrastructure, error.to_string()))
}
