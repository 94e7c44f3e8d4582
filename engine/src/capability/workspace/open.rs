//! Open: from a path of the guest to a descriptor.

use std::fs::File;
use std::sync::Arc;

use wasmtime::component::Resource;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, HostDescriptor as _, OpenFlags, PathFlags,
};

use super::super::Attempt;
use super::disk::{DiskFull, Size};
use super::opens::Mode;
use super::peek::{Found, peek};
use super::place::{Place, Slot};
use super::record::{Asked, trap};
use crate::model::CallDecision;

/// How a guest asks for a file. The path is guest-controlled.
pub(super) struct Wanted {
    pub(super) path: String,
    pub(super) path_flags: PathFlags,
    pub(super) open_flags: OpenFlags,
    pub(super) flags: DescriptorFlags,
}

impl Wanted {
    fn mode(&self) -> Mode {
        Mode {
            folder: false,
            // Whatever is not opened for writing is opened for reading.
            read: self.flags.contains(DescriptorFlags::READ)
                || !self.flags.contains(DescriptorFlags::WRITE),
            write: self.flags.contains(DescriptorFlags::WRITE),
            truncate: self.open_flags.contains(OpenFlags::TRUNCATE),
            create: self.open_flags.contains(OpenFlags::CREATE),
        }
    }
}

impl Attempt {
    /// Opens a file or folder below a descriptor.
    pub(super) async fn open_file(
        &mut self,
        descriptor: Resource<Descriptor>,
        wanted: Wanted,
    ) -> FsResult<Resource<Descriptor>> {
        let place = self.place(&descriptor)?;
        let name = place.below(&wanted.path);
        let mut mode = wanted.mode();
        let mut asked = Asked::new("open-at", format!("{} {name}", mode.words()));
        if mode.changes() {
            asked = self.may_change(asked, &[&place]).await?;
        }
        let Some(slot) = self.files.slots.take() else {
            return Err(self.too_many_open(asked).await);
        };
        let found = self.look(&descriptor, &wanted).await?;
        if found == Found::Special {
            let why = Some("a pipe, a socket or a device");
            return Err(self.refuse_file(asked, ErrorCode::NotPermitted, why).await);
        }
        // A file that appears in between counts all the same.
        mode.create &= found != Found::Ordinary;
        if mode.create
            && let Err(DiskFull) = self.files.disk.take_entry()
        {
            return Err(self.disk_full(asked).await);
        }
        let opened = self
            .wasi_files()
            .open_at(
                descriptor,
                wanted.path_flags,
                wanted.path,
                wanted.open_flags,
                wanted.flags,
            )
            .await;
        match opened {
            Ok(opened) => {
                mode.folder = matches!(self.table().get(&opened)?, Descriptor::Dir(_));
                asked.say(format!("{} {name}", mode.words()));
                self.opened(asked, &opened, mode, name, &place, slot)
                    .await?;
                Ok(opened)
            }
            Err(error) => {
                if mode.create {
                    self.files.disk.give_entry_back();
                }
                Err(self.failed(asked, error).await)
            }
        }
    }

    /// What a path leads to.
    async fn look(&mut self, folder: &Resource<Descriptor>, wanted: &Wanted) -> FsResult<Found> {
        let follows = wanted.path_flags.contains(PathFlags::SYMLINK_FOLLOW);
        let Descriptor::Dir(dir) = self.table().get(folder)? else {
            return Ok(Found::Unclear);
        };
        let found = peek(&dir.dir, &wanted.path, follows);
        if found != Found::Unable {
            return Ok(found);
        }
        let again = Resource::new_borrow(folder.rep());
        let (flags, path) = (wanted.path_flags, wanted.path.clone());
        let stat = self.wasi_files().stat_at(again, flags, path).await;
        match stat.map_err(wasmtime_wasi::p2::FsError::downcast) {
            Ok(stat) => Ok(stat.type_.into()),
            Err(Ok(ErrorCode::NoEntry)) => Ok(Found::Missing),
            Err(Ok(_)) => Ok(Found::Unclear),
            Err(Err(error)) => Err(trap(error)),
        }
    }

    /// Keeps what a new descriptor stands for, and records the open.
    async fn opened(
        &mut self,
        asked: Asked,
        opened: &Resource<Descriptor>,
        mode: Mode,
        name: String,
        at: &Place,
        slot: Slot,
    ) -> FsResult<()> {
        let host: Arc<File> = match self.table().get(opened)? {
            Descriptor::File(file) => Arc::clone(&file.file),
            Descriptor::Dir(dir) => Arc::clone(&dir.dir),
        };
        let real = at.granted.real_path(&host).unwrap_or_else(|| name.clone());
        let is_fact = self.files.opens.is_fact(mode, &name, &real, &at.granted);
        if is_fact {
            let result = (real != name).then(|| real.clone());
            let end = asked.end(CallDecision::Allowed, None, result);
            self.sink.file_used(end).await.map_err(trap)?;
        }
        let file = (!mode.folder).then(|| {
            let bytes = host.metadata().map_or(0, |metadata| metadata.len());
            (host, Size::new(bytes))
        });
        let place = Place {
            path: real,
            granted: Arc::clone(&at.granted),
            file,
            _slot: Some(slot),
        };
        self.files.places.insert(opened.rep(), place);
        Ok(())
    }
}
