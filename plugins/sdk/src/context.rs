//! Context: facts about this run. Data only, no authority.

use std::time::Duration;

use crate::Failure;
use crate::bindings::engine::stage::context as host;
pub use crate::bindings::engine::stage::context::{RunInfo, info, is_cancelled};

/// Time left before the engine cancels the attempt; none is unlimited.
pub fn remaining() -> Option<Duration> {
    host::remaining().map(Duration::from_millis)
}

/// Ends long loops of the guest's own when the run is cancelled. Host calls in
/// flight end by themselves.
///
/// ```no_run
/// # use engine_sdk::{Failure, context};
/// # fn work(items: &[String]) -> Result<(), Failure> {
/// for item in items {
///     context::check_cancelled()?;
///     // ...
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`Failure::cancelled`] when the run wants this stage to stop.
pub fn check_cancelled() -> Result<(), Failure> {
    if is_cancelled() {
        return Err(Failure::cancelled());
    }
    Ok(())
}
