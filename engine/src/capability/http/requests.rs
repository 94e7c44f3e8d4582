//! Requests: those of one attempt that are under way.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::model::limits;

/// The requests that are under way. Each is a task of its own, so that a request
/// which its guest no longer waits for is still recorded.
#[derive(Debug, Clone)]
pub struct Requests(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tasks: Mutex<JoinSet<()>>,
    permits: Arc<Semaphore>,
    over: CancellationToken,
}

impl Default for Requests {
    fn default() -> Self {
        Self(Arc::new(Inner {
            tasks: Mutex::default(),
            permits: Arc::new(Semaphore::new(limits::HTTP_CONCURRENT)),
            over: CancellationToken::new(),
        }))
    }
}

impl Requests {
    /// Stops what is under way and waits until all of it is recorded.
    pub async fn finish(&self) {
        self.0.over.cancel();
        let mut tasks = std::mem::take(&mut *self.lock());
        while tasks.join_next().await.is_some() {}
    }

    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// How many may be under way.
    pub(super) fn permits(&self) -> Arc<Semaphore> {
        Arc::clone(&self.0.permits)
    }

    /// A token that is cancelled when one request, or all of them, shall stop.
    pub(super) fn stop(&self) -> CancellationToken {
        self.0.over.child_token()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, JoinSet<()>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
