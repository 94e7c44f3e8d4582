//! Stage runner: where an attempt runs. The seam that decides how far this grows.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::plan::{AttemptEnd, StageRequest};
use crate::store::AttemptSink;

/// Runs attempts: in this process, by a script in tests, later in a confined
/// child or on another machine. The scheduler never knows which.
pub trait StageRunner: Send + Sync + 'static {
    /// Runs an attempt to its end.
    ///
    /// Ends by itself at the request's deadline, and within a grace period after
    /// `cancel`. Everything it reports has reached `sink` when it ends.
    fn run(
        &self,
        request: Arc<StageRequest>,
        sink: AttemptSink,
        cancel: CancellationToken,
    ) -> impl Future<Output = AttemptEnd> + Send;
}
