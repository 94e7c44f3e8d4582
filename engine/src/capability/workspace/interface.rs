//! Interface: `wasi:filesystem`, function by function.

use std::sync::Arc;

use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    self, Advice, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, ErrorCode,
    Filesize, HostDescriptor, HostDirectoryEntryStream, MetadataHashValue, NewTimestamp, OpenFlags,
    PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult, ReaddirIterator};

use super::super::Attempt;
use super::disk::DiskFull;
use super::listing::Listing;
use super::open::Wanted;
use super::place::Place;
use super::record::Asked;
use super::streams::{Position, Reading, Writing};

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

fn is_full(error: &std::io::Error) -> bool {
    let cause = error.get_ref();
    cause.is_some_and(<dyn std::error::Error + Send + Sync>::is::<DiskFull>)
}

impl HostDescriptor for Attempt {
    async fn open_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        open_flags: OpenFlags,
        flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let wanted = Wanted {
            path,
            path_flags,
            open_flags,
            flags,
        };
        self.open_file(descriptor, wanted).await
    }

    fn drop(&mut self, descriptor: Resource<Descriptor>) -> wasmtime::Result<()> {
        self.files.places.remove(descriptor.rep());
        HostDescriptor::drop(&mut self.wasi_files(), descriptor)
    }

    // What changes a folder.

    async fn create_directory_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let place = self.place(&descriptor)?;
        let asked = Asked::new("create-directory-at", place.below(&path));
        let asked = self.may_make(asked, &[&place]).await?;
        let done = self
            .wasi_files()
            .create_directory_at(descriptor, path)
            .await;
        self.made(asked, done).await
    }

    async fn symlink_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        old_path: String,
        new_path: String,
    ) -> FsResult<()> {
        let place = self.place(&descriptor)?;
        let shown = cut(&old_path);
        let asked = Asked::new(
            "symlink-at",
            format!("{} to {shown}", place.below(&new_path)),
        );
        let asked = self.may_make(asked, &[&place]).await?;
        let done = self
            .wasi_files()
            .symlink_at(descriptor, old_path, new_path)
            .await;
        self.made(asked, done).await
    }

    async fn link_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (from, to) = (self.place(&descriptor)?, self.place(&new_descriptor)?);
        let asked = Asked::new("link-at", between(&from, &old_path, &to, &new_path));
        let asked = self.may_make(asked, &[&from, &to]).await?;
        let done = self
            .wasi_files()
            .link_at(descriptor, path_flags, old_path, new_descriptor, new_path)
            .await;
        self.made(asked, done).await
    }

    async fn rename_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        old_path: String,
        new_descriptor: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (from, to) = (self.place(&descriptor)?, self.place(&new_descriptor)?);
        let asked = Asked::new("rename-at", between(&from, &old_path, &to, &new_path));
        let asked = self.may_change(asked, &[&from, &to]).await?;
        let done = self
            .wasi_files()
            .rename_at(descriptor, old_path, new_descriptor, new_path)
            .await;
        self.changed(asked, done).await
    }

    async fn remove_directory_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let place = self.place(&descriptor)?;
        let asked = Asked::new("remove-directory-at", place.below(&path));
        let asked = self.may_change(asked, &[&place]).await?;
        let done = self
            .wasi_files()
            .remove_directory_at(descriptor, path)
            .await;
        self.changed(asked, done).await
    }

    async fn unlink_file_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
    ) -> FsResult<()> {
        let place = self.place(&descriptor)?;
        let asked = Asked::new("unlink-file-at", place.below(&path));
        let asked = self.may_change(asked, &[&place]).await?;
        let done = self.wasi_files().unlink_file_at(descriptor, path).await;
        self.changed(asked, done).await
    }

    async fn set_times_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let place = self.place(&descriptor)?;
        let asked = Asked::new("set-times-at", place.below(&path));
        let asked = self.may_change(asked, &[&place]).await?;
        let done = self
            .wasi_files()
            .set_times_at(descriptor, path_flags, path, accessed, modified)
            .await;
        self.changed(asked, done).await
    }

    async fn set_times(
        &mut self,
        descriptor: Resource<Descriptor>,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let place = self.place(&descriptor)?;
        let asked = Asked::new("set-times", place.path.clone());
        let asked = self.may_change(asked, &[&place]).await?;
        let done = self
            .wasi_files()
            .set_times(descriptor, accessed, modified)
            .await;
        self.changed(asked, done).await
    }

    // What changes a file that is open: counted, since opening it was a fact.

    async fn set_size(&mut self, descriptor: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        self.count_file_call();
        let asked = self.may_write(&descriptor, "set-size", size).await?;
        let done = self.wasi_files().set_size(descriptor, size).await;
        self.looked(asked, done).await
    }

    async fn write(
        &mut self,
        descriptor: Resource<Descriptor>,
        bytes: Vec<u8>,
        offset: Filesize,
    ) -> FsResult<Filesize> {
        self.count_file_call();
        let end = offset.saturating_add(bytes.len() as u64);
        let asked = self.may_write(&descriptor, "write", end).await?;
        let done = self.wasi_files().write(descriptor, bytes, offset).await;
        if let Ok(written) = &done {
            self.files.traffic.wrote(*written);
        }
        self.looked(asked, done).await
    }

    fn write_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynOutputStream>> {
        let place = self.place(&descriptor)?;
        let stream = self.wasi_files().write_via_stream(descriptor, offset)?;
        self.writing(stream, place, Position::At(offset))
    }

    fn append_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FsResult<Resource<DynOutputStream>> {
        let place = self.place(&descriptor)?;
        let stream = self.wasi_files().append_via_stream(descriptor)?;
        self.writing(stream, place, Position::End)
    }

    // What reads.

    async fn read(
        &mut self,
        descriptor: Resource<Descriptor>,
        length: Filesize,
        offset: Filesize,
    ) -> FsResult<(Vec<u8>, bool)> {
        self.count_file_call();
        let (bytes, is_end) = self.wasi_files().read(descriptor, length, offset).await?;
        self.files.traffic.read(bytes.len() as u64);
        Ok((bytes, is_end))
    }

    fn read_via_stream(
        &mut self,
        descriptor: Resource<Descriptor>,
        offset: Filesize,
    ) -> FsResult<Resource<DynInputStream>> {
        self.count_file_call();
        let place = self.place(&descriptor)?;
        let stream = self.wasi_files().read_via_stream(descriptor, offset)?;
        let reading = Reading {
            inner: self.table().delete(stream)?,
            traffic: Arc::clone(&self.files.traffic),
            _place: place,
        };
        let reading: DynInputStream = Box::new(reading);
        Ok(self.table().push(reading)?)
    }

    async fn read_directory(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FsResult<Resource<ReaddirIterator>> {
        self.count_file_call();
        let place = self.place(&descriptor)?;
        let Descriptor::Dir(folder) = self.table().get(&descriptor)? else {
            return Err(ErrorCode::NotDirectory.into());
        };
        // It has a descriptor of its own.
        let folder = Arc::clone(&folder.dir);
        let Some(slot) = self.files.slots.take() else {
            let asked = Asked::new("read-directory", place.path.clone());
            return Err(self.too_many_open(asked).await);
        };
        let listing = self.table().push(Listing::new(folder, slot)?)?;
        Ok(Resource::new_own(listing.rep()))
    }

    async fn readlink_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path: String,
    ) -> FsResult<String> {
        let asked = self.look_at("readlink-at", &descriptor, &path)?;
        let done = self.wasi_files().readlink_at(descriptor, path).await;
        self.looked(asked, done).await
    }

    async fn stat_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<DescriptorStat> {
        let asked = self.look_at("stat-at", &descriptor, &path)?;
        let done = self
            .wasi_files()
            .stat_at(descriptor, path_flags, path)
            .await;
        self.looked(asked, done).await
    }

    async fn metadata_hash_at(
        &mut self,
        descriptor: Resource<Descriptor>,
        path_flags: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let asked = self.look_at("metadata-hash-at", &descriptor, &path)?;
        let done = self
            .wasi_files()
            .metadata_hash_at(descriptor, path_flags, path)
            .await;
        self.looked(asked, done).await
    }

    // What only concerns a descriptor.

    async fn advise(
        &mut self,
        descriptor: Resource<Descriptor>,
        _offset: Filesize,
        _length: Filesize,
        _advice: Advice,
    ) -> FsResult<()> {
        self.count_file_call();
        // Advice is for the machine's cache, which belongs to everybody.
        match self.table().get(&descriptor)? {
            Descriptor::File(_) => Ok(()),
            Descriptor::Dir(_) => Err(ErrorCode::BadDescriptor.into()),
        }
    }

    async fn sync_data(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.count_file_call();
        self.wasi_files().sync_data(descriptor).await
    }

    async fn sync(&mut self, descriptor: Resource<Descriptor>) -> FsResult<()> {
        self.count_file_call();
        self.wasi_files().sync(descriptor).await
    }

    async fn get_flags(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        self.count_file_call();
        self.wasi_files().get_flags(descriptor).await
    }

    async fn get_type(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorType> {
        self.count_file_call();
        self.wasi_files().get_type(descriptor).await
    }

    async fn stat(&mut self, descriptor: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        self.count_file_call();
        self.wasi_files().stat(descriptor).await
    }

    async fn is_same_object(
        &mut self,
        one: Resource<Descriptor>,
        other: Resource<Descriptor>,
    ) -> wasmtime::Result<bool> {
        self.count_file_call();
        self.wasi_files().is_same_object(one, other).await
    }

    async fn metadata_hash(
        &mut self,
        descriptor: Resource<Descriptor>,
    ) -> FsResult<MetadataHashValue> {
        self.count_file_call();
        self.wasi_files().metadata_hash(descriptor).await
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

impl Attempt {
    /// Begins a call that only looks at a path.
    fn look_at(
        &mut self,
        function: &'static str,
        descriptor: &Resource<Descriptor>,
        path: &str,
    ) -> FsResult<Asked> {
        self.count_file_call();
        Ok(Asked::new(function, self.place(descriptor)?.below(path)))
    }

    /// Checks that a file may be written, and takes room for what it grows by when
    /// that is done up to `end`.
    async fn may_write(
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
    fn writing(
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

/// What moves from where to where.
fn between(from: &Place, old: &str, to: &Place, new: &str) -> String {
    format!("{} to {}", from.below(old), to.below(new))
}

/// The beginning of a text that a guest controls.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(crate::model::limits::GUEST_PATH_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
