//! Record: what becomes of a call with a path: a fact, or a number.
//!
//! What was done is a fact, and what was refused. What was allowed and failed (a
//! file that is not there, a folder that is not empty) changed nothing and is
//! counted.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemCtxView, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{FsError, FsResult};

use super::super::Attempt;
use super::disk::DiskFull;
use super::place::Place;
use crate::model::{CallDecision, FileUsage, limits};
use crate::store::CallEnd;

pub(super) const INTERFACE: &str = "wasi:filesystem/types";
/// The code of every refusal.
const DENIED: &str = "denied.workspace";
/// The code of what the limit of the disk stopped.
const FULL: &str = "limit.disk";

/// A call with a path, as the record tells it.
pub(super) struct Asked {
    function: &'static str,
    arguments: String,
    started: Instant,
}

impl Asked {
    pub(super) fn new(function: &'static str, arguments: String) -> Self {
        Self {
            function,
            arguments,
            started: Instant::now(),
        }
    }

    /// Tells more exactly what was asked for.
    pub(super) fn say(&mut self, arguments: String) {
        self.arguments = arguments;
    }

    pub(super) fn end(
        self,
        decision: CallDecision,
        error: Option<&str>,
        result: Option<String>,
    ) -> CallEnd {
        CallEnd {
            interface: INTERFACE,
            function: self.function,
            arguments: self.arguments,
            decision,
            error: error.map(str::to_owned),
            result,
            duration: self.started.elapsed(),
            effect: None,
        }
    }
}

/// An error that ends the guest: the host cannot go on.
pub(super) fn trap(error: impl Into<wasmtime::Error>) -> FsError {
    FsError::trap(error)
}

/// Whether an error is a refusal, and not only a failure.
fn is_refusal(code: ErrorCode) -> bool {
    // Paths that lead out of their folder are `not-permitted` too.
    matches!(code, ErrorCode::NotPermitted | ErrorCode::ReadOnly)
}

impl Attempt {
    /// The implementation of wasmtime-wasi.
    pub(super) fn wasi_files(&mut self) -> WasiFilesystemCtxView<'_> {
        self.filesystem()
    }

    pub(super) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// What a descriptor of the guest stands for.
    pub(super) fn place(&self, descriptor: &Resource<Descriptor>) -> FsResult<Arc<Place>> {
        let place = self.files.places.get(descriptor.rep());
        place.ok_or_else(|| trap(wasmtime::format_err!("an unknown descriptor")))
    }

    /// Counts a call that carries no authority.
    pub(super) fn count_file_call(&self) {
        self.sink.count(INTERFACE);
    }

    /// Checks that the places of a call that changes something may be changed, and
    /// that it can be recorded.
    pub(super) async fn may_change(&mut self, asked: Asked, places: &[&Place]) -> FsResult<Asked> {
        if places.iter().any(|place| !place.granted.writable) {
            return Err(self.refuse_file(asked, ErrorCode::ReadOnly, None).await);
        }
        self.sink.has_room_for_file_fact().map_err(trap)?;
        Ok(asked)
    }

    /// The same for a call that makes a file, folder or link.
    pub(super) async fn may_make(&mut self, asked: Asked, places: &[&Place]) -> FsResult<Asked> {
        let asked = self.may_change(asked, places).await?;
        match self.files.disk.take_entry() {
            Ok(()) => Ok(asked),
            Err(DiskFull) => Err(self.disk_full(asked).await),
        }
    }

    /// Records what became of a call that changes something.
    pub(super) async fn changed<T>(&mut self, asked: Asked, result: FsResult<T>) -> FsResult<T> {
        match result {
            Ok(value) => {
                let end = asked.end(CallDecision::Allowed, None, None);
                self.sink.file_used(end).await.map_err(trap)?;
                Ok(value)
            }
            Err(error) => Err(self.failed(asked, error).await),
        }
    }

    /// The same for a call that makes something.
    pub(super) async fn made<T>(&mut self, asked: Asked, result: FsResult<T>) -> FsResult<T> {
        if result.is_err() {
            self.files.disk.give_entry_back();
        }
        self.changed(asked, result).await
    }

    /// Records a call that only looks, if it was refused.
    pub(super) async fn looked<T>(&mut self, asked: Asked, result: FsResult<T>) -> FsResult<T> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(self.failed(asked, error).await),
        }
    }

    /// Records a call that did not succeed: a refusal is a fact.
    pub(super) async fn failed(&mut self, asked: Asked, error: FsError) -> FsError {
        match error.downcast() {
            Ok(code) if is_refusal(code) => self.refuse_file(asked, code, None).await,
            Ok(code) => {
                self.files.failed += 1;
                code.into()
            }
            Err(error) => trap(error),
        }
    }

    /// Records a refusal.
    pub(super) async fn refuse_file(
        &mut self,
        asked: Asked,
        code: ErrorCode,
        result: Option<&str>,
    ) -> FsError {
        let end = asked.end(
            CallDecision::Denied,
            Some(DENIED),
            result.map(str::to_owned),
        );
        match self.sink.called(end).await {
            Ok(()) => code.into(),
            Err(closed) => trap(closed),
        }
    }

    /// Answers a call that the limit of the disk stops. On record once: a guest may
    /// try for ever.
    pub(super) async fn disk_full(&mut self, asked: Asked) -> FsError {
        if std::mem::replace(&mut self.files.said_full, true) {
            self.files.failed += 1;
            return ErrorCode::Quota.into();
        }
        let disk = &self.files.disk;
        let result = format!(
            "{} of {} bytes are taken, and {} entries",
            disk.bytes(),
            disk.limit_bytes(),
            disk.entries()
        );
        let end = asked.end(CallDecision::Allowed, Some(FULL), Some(result));
        match self.sink.called(end).await {
            Ok(()) => ErrorCode::Quota.into(),
            Err(closed) => trap(closed),
        }
    }

    /// Answers an open beyond the files that may be open. On record once.
    pub(super) async fn too_many_open(&mut self, asked: Asked) -> FsError {
        self.files.failed += 1;
        // The interface has no word of its own for it.
        let code = ErrorCode::InsufficientMemory;
        if std::mem::replace(&mut self.files.said_open, true) {
            return code.into();
        }
        let result = format!("{} files are open", limits::OPEN_FILES);
        let end = asked.end(
            CallDecision::Allowed,
            Some("limit.open-files"),
            Some(result),
        );
        match self.sink.called(end).await {
            Ok(()) => code.into(),
            Err(closed) => trap(closed),
        }
    }

    /// Ends the record of the files, when the guest has ended. Whether it was
    /// refused more room on the disk, and of how many bytes.
    pub async fn close_files(&mut self) -> Option<u64> {
        let usage: Option<FileUsage> = self.files.usage();
        let refused = self.files.disk.refused();
        if refused && !self.files.said_full {
            // By a stream, which cannot record it itself.
            let asked = Asked::new("write", "a stream".to_owned());
            let _ = self.disk_full(asked).await;
        }
        if let Some(usage) = usage {
            self.sink.count_files(usage);
        }
        refused.then(|| self.files.disk.limit_bytes())
    }
}
