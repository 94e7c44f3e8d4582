//! Link: `wasi:filesystem` in the linker, the preopens, and what is no descriptor.

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, DirectoryEntry, ErrorCode, HostDirectoryEntryStream,
};
use wasmtime_wasi::p2::{FsError, FsResult, ReaddirIterator};

use super::super::Attempt;
use super::disk::is_full;
use super::listing::Listing;
use super::place::Place;

/// Puts this interface over that of wasmtime-wasi.
pub(in super::super) fn link(linker: &mut Linker<Attempt>) -> wasmtime::Result<()> {
    preopens::add_to_linker::<_, HasSelf<Attempt>>(linker, |attempt| attempt)?;
    types::add_to_linker::<_, HasSelf<Attempt>>(linker, |attempt| attempt)
}

impl preopens::Host for Attempt {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.count_file_call();
        let opened = preopens::Host::get_directories(&mut self.wasi_files())?;
        for ((descriptor, _), granted) in opened.iter().zip(&self.files.granted) {
            let place = Place {
                path: granted.path.clone(),
                granted: Arc::clone(granted),
                file: None,
                _slot: None,
            };
            self.files.places.insert(descriptor.rep(), place);
        }
        Ok(opened)
    }
}

impl types::Host for Attempt {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<ErrorCode>> {
        let cause = self.table().get(&error)?.downcast_ref::<std::io::Error>();
        if cause.is_some_and(is_full) {
            return Ok(Some(ErrorCode::Quota));
        }
        self.wasi_files().filesystem_error_code(error)
    }
}

impl HostDirectoryEntryStream for Attempt {
    async fn read_directory_entry(
        &mut self,
        stream: Resource<ReaddirIterator>,
    ) -> FsResult<Option<DirectoryEntry>> {
        let listing = Resource::<Listing>::new_borrow(stream.rep());
        Ok(self.table().get_mut(&listing)?.next().await?)
    }

    fn drop(&mut self, stream: Resource<ReaddirIterator>) -> wasmtime::Result<()> {
        let listing = Resource::<Listing>::new_own(stream.rep());
        self.table().delete(listing)?;
        Ok(())
    }
}
