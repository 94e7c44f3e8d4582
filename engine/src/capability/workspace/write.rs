//! Write: leave to write into a file, and room for what it grows by.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::{DynOutputStream, FsResult};

use super::super::Attempt;
use super::disk::is_full;
use super::place::Place;
use super::record::Asked;
use super::streams::{Position, Writing};

impl Attempt {
    /// Checks that a file may be written, and takes room for what it grows by when
    /// that is done up to `end`.
    pub(super) async fn may_write(
        &mut self,
        descriptor: &Resource<Descriptor>,
        function: &'static str,
        end: u64,
    ) -> FsResult<Asked> {
        let place = self.place(descriptor)?;
        let asked = Asked::new(function, place.path.clone());
        if !place.granted.writable {
            return Err(self.refuse_file(asked, ErrorCode::ReadOnly, None).await);
        }
        match place.grow(end, &self.files.disk) {
            Ok(()) => Ok(asked),
            Err(error) if is_full(&error) => Err(self.disk_full(asked).await),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a stream of ours before one of wasmtime-wasi.
    pub(super) fn writing(
        &mut self,
        stream: Resource<DynOutputStream>,
        place: Arc<Place>,
        position: Position,
    ) -> FsResult<Resource<DynOutputStream>> {
        self.count_file_call();
        let writing = Writing {
            inner: self.table().delete(stream)?,
            traffic: Arc::clone(&self.files.traffic),
            disk: Arc::clone(&self.files.disk),
            place,
            position,
            pending: bytes::Bytes::new(),
            failed: None,
        };
        let writing: DynOutputStream = Box::new(writing);
        Ok(self.table().push(writing)?)
    }
}
