//! Pool: connections that have served a request and wait for the next.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::client::conn::http1::SendRequest;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::body::{Outgoing, Sending};
use super::{Leave, Target};
use crate::model::limits;

/// What two requests must have in common to share a connection. The leave is a
/// part of it: a connection inside, made with leave, is of no use without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) target: Target,
    pub(super) leave: Leave,
}

/// A connection and the task that drives it. Dropping it closes the socket.
pub(super) struct Connection {
    sender: SendRequest<Outgoing>,
    task: JoinHandle<()>,
}

impl Connection {
    pub(super) fn new(sender: SendRequest<Outgoing>, task: JoinHandle<()>) -> Self {
        Self { sender, task }
    }

    pub(super) fn sender(&mut self) -> &mut SendRequest<Outgoing> {
        &mut self.sender
    }

    /// Whether it can take a request, now or very soon: the driver may not yet
    /// have seen the end of the exchange before.
    pub(super) async fn is_ready(&mut self) -> bool {
        if self.sender.is_ready() {
            return true;
        }
        let ready = poll_fn(|context| self.sender.poll_ready(context));
        matches!(timeout(limits::HTTP_READY, ready).await, Ok(Ok(())))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}

/// The idle connections, oldest first.
#[derive(Debug, Default)]
pub(super) struct Pool(Mutex<Vec<Idle>>);

#[derive(Debug)]
struct Idle {
    key: Key,
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// The connection that has waited the shortest.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut idle = self.lock();
        drop_old(&mut idle);
        let place = idle.iter().rposition(|entry| entry.key == *key)?;
        Some(idle.remove(place).connection)
    }

    fn put(&self, key: Key, connection: Connection) {
        let mut idle = self.lock();
        drop_old(&mut idle);
        let same = idle.iter().filter(|entry| entry.key == key).count();
        if same >= limits::HTTP_IDLE_PER_HOST {
            return;
        }
        if idle.len() >= limits::HTTP_IDLE {
            idle.remove(0);
        }
        let since = Instant::now();
        idle.push(Idle {
            key,
            connection,
            since,
        });
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn drop_old(idle: &mut Vec<Idle>) {
    idle.retain(|entry| {
        entry.since.elapsed() < limits::HTTP_IDLE_TIME && !entry.connection.sender.is_closed()
    });
}

/// A connection whose exchange is not over yet, and where it goes afterwards.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) pool: Arc<Pool>,
    pub(super) key: Key,
    pub(super) connection: Connection,
    pub(super) sending: Arc<Sending>,
}

impl Kept {
    /// The response is complete. If the request is too, the connection is kept.
    pub(super) fn release(self) {
        if self.sending.is_done() && !self.connection.sender.is_closed() {
            self.pool.put(self.key, self.connection);
        }
    }
}
