//! Streams: reading and writing a file bit by bit, counted and bounded.
//!
//! Both stand before the stream of wasmtime-wasi, which does the work.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use wasmtime_wasi::p2::{
    DynInputStream, DynOutputStream, InputStream, OutputStream, Pollable, StreamError, StreamResult,
};

use super::disk::Disk;
use super::place::Place;

/// What an attempt has read and written.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) reads: AtomicU64,
    pub(super) read_bytes: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) written_bytes: AtomicU64,
}

impl Traffic {
    pub(super) fn read(&self, bytes: u64) {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn wrote(&self, bytes: u64) {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.written_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A stream out of a file.
pub(super) struct Reading {
    pub(super) inner: DynInputStream,
    pub(super) traffic: Arc<Traffic>,
    /// Keeps the file counted as open.
    pub(super) _place: Arc<Place>,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Reading {
    async fn ready(&mut self) {
        self.inner.ready().await;
    }
}

#[wasmtime_wasi::async_trait]
impl InputStream for Reading {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.inner.read(size)?;
        // Empty while it is on its way.
        if !bytes.is_empty() {
            self.traffic.read(bytes.len() as u64);
        }
        Ok(bytes)
    }

    async fn blocking_read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.inner.blocking_read(size).await?;
        self.traffic.read(bytes.len() as u64);
        Ok(bytes)
    }

    async fn cancel(&mut self) {
        self.inner.cancel().await;
    }
}

/// A stream into a file.
///
/// What is handed over is written when the guest waits for it, and not by a task
/// of its own: such a task may outlive the attempt, and a layer that is committed
/// must not change any more.
pub(super) struct Writing {
    pub(super) inner: DynOutputStream,
    pub(super) traffic: Arc<Traffic>,
    pub(super) disk: Arc<Disk>,
    pub(super) place: Arc<Place>,
    pub(super) position: Position,
    /// What was handed over and is not written yet.
    pub(super) pending: Bytes,
    /// Why the last write failed.
    pub(super) failed: Option<StreamError>,
}

/// Where a stream writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    /// From this byte on.
    At(u64),
    /// Behind the last byte.
    End,
}

/// Bytes that may be handed over at a time; as many as wasmtime-wasi takes.
const PERMIT: usize = 64 * 1024;

impl Writing {
    /// Takes room for more bytes, all of them or none.
    fn pay(&mut self, bytes: usize) -> StreamResult<()> {
        let bytes = bytes as u64;
        let failed = |error: std::io::Error| StreamError::LastOperationFailed(error.into());
        match &mut self.position {
            Position::End => {
                let taken = self.disk.take_bytes(bytes).map_err(std::io::Error::other);
                taken.map_err(failed)
            }
            Position::At(position) => {
                let end = position.saturating_add(bytes);
                self.place.grow(end, &self.disk).map_err(failed)?;
                *position = end;
                Ok(())
            }
        }
    }

    /// Writes what is pending.
    async fn write_out(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.pending);
        let length = bytes.len() as u64;
        match self.inner.blocking_write_and_flush(bytes).await {
            Ok(()) => self.traffic.wrote(length),
            Err(error) => self.failed = Some(error),
        }
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Writing {
    async fn ready(&mut self) {
        self.write_out().await;
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Writing {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > self.check_write()? {
            return Err(StreamError::trap(
                "more was written than `check-write` allows",
            ));
        }
        self.pay(bytes.len())?;
        self.pending = bytes;
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        self.flush()?;
        if self.pending.is_empty() {
            Ok(PERMIT)
        } else {
            Ok(0)
        }
    }

    async fn blocking_write_and_flush(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write_out().await;
        self.flush()?;
        self.pay(bytes.len())?;
        let length = bytes.len() as u64;
        self.inner.blocking_write_and_flush(bytes).await?;
        self.traffic.wrote(length);
        Ok(())
    }

    async fn cancel(&mut self) {
        self.write_out().await;
        self.inner.cancel().await;
    }
}
