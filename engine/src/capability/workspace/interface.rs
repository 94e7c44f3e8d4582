//! Interface: the descriptors of `wasi:filesystem`, function by function.

use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    Advice, DescriptorFlags, DescriptorStat, DescriptorType, ErrorCode, Filesize, HostDescriptor,
    MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsResult, ReaddirIterator};

use super::super::Attempt;
use super::listing::Listing;
use super::open::Wanted;
use super::place::Place;
use super::record::Asked;
use super::streams::{Position, Reading};

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
