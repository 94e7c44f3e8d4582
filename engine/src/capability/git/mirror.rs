//! Mirror: our own copy of a remote, so that the second fetch is small.
//!
//! One for each URL and scope of credentials, bare, and never seen by a guest.
//! Two locks between processes: many may read, one may write. While a fetch is
//! writing, a mark lies beside the repository; one that is found later tells of
//! a crash, and the mirror is made anew.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::address::Address;
use super::failure::{FailureKind, GitFailure};
use super::protocol::{Bounds, MirrorPlace, Progress};
use super::watch::Report;
use crate::model::{Digest, limits};

/// The place of one mirror.
pub(super) struct Mirror {
    folder: PathBuf,
}

/// A lock on a mirror, given back when dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "held, not read")] File);

/// What a lock is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Reading, together with others.
    Read,
    /// Writing, alone.
    Write,
}

impl Mirror {
    /// The mirror of a remote for one scope. Makes its folder.
    pub(super) fn locate(place: &MirrorPlace, address: &Address) -> Result<Self, GitFailure> {
        // The scope comes first and ends with a zero: no URL can imitate another scope.
        let name = Digest::of(format!("{}\0{address}", place.scope).as_bytes());
        let folder = place.cache.join(&name.hex()[..32]);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|error| GitFailure::io("cannot make the mirror's folder", &error))?;
        Ok(Self { folder })
    }

    /// Waits for a lock, at most [`limits::GIT_MIRROR_WAIT`].
    pub(super) fn lock(&self, purpose: Use, report: &Report) -> Result<Lock, GitFailure> {
        const LOOK_AGAIN: Duration = Duration::from_millis(20);
        let failed = |error: &std::io::Error| GitFailure::io("cannot lock the mirror", error);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.folder.join("lock"))
            .map_err(|error| failed(&error))?;
        let start = Instant::now();
        let mut said = false;
        loop {
            let tried = match purpose {
                Use::Read => file.try_lock_shared(),
                Use::Write => file.try_lock(),
            };
            match tried {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::Error(error)) => return Err(failed(&error)),
                Err(TryLockError::WouldBlock) => {}
            }
            if start.elapsed() > limits::GIT_MIRROR_WAIT {
                return Err(GitFailure::new(
                    FailureKind::Unavailable,
                    "git.mirror-busy",
                    "another run has been fetching from this remote for too long",
                )
                .hint("try again when the other run is over"));
            }
            if !said {
                said = true;
                report(Progress {
                    title: "waiting for another fetch from this remote".to_owned(),
                    done: 0,
                    total: None,
                    unit: String::new(),
                });
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The mirror as it is; none when there is none that can be used.
    pub(super) fn open(&self, hash: gix::hash::Kind, bounds: &Bounds) -> Option<gix::Repository> {
        if self.mark().exists() || packs(&self.repository()) > limits::GIT_MIRROR_PACKS {
            return None;
        }
        let repository = super::repository::open(&self.repository(), bounds).ok()?;
        (repository.object_hash() == hash).then_some(repository)
    }

    /// The mirror, made anew if it cannot be used. Under the lock for writing.
    pub(super) fn open_or_make(
        &self,
        hash: gix::hash::Kind,
        bounds: &Bounds,
    ) -> Result<gix::Repository, GitFailure> {
        if let Some(repository) = self.open(hash, bounds) {
            return Ok(repository);
        }
        self.remove()?;
        let failed = |error: &gix::Error| GitFailure::library("cannot make a mirror", error);
        gix::ThreadSafeRepository::init_opts(
            self.repository(),
            gix::create::Kind::Bare,
            gix::create::Options {
                destination_must_be_empty: Some(true),
                fs_capabilities: Some(gix::fs::Capabilities::default()),
                object_hash: Some(hash),
            },
            super::repository::options(bounds),
        )
        .map_err(|error| failed(&error))?;
        // Opened again, without the full trust that making it gave.
        super::repository::open(&self.repository(), bounds)
    }

    /// Does `work` with the mirror, and once more with a new one when the mirror
    /// turns out to be damaged, or was made anew by someone else meanwhile.
    pub(super) fn with_repair<T>(
        &self,
        report: &Report,
        mut work: impl FnMut() -> Result<T, GitFailure>,
    ) -> Result<T, GitFailure> {
        let failure = match work() {
            Err(failure) if matches!(failure.code.as_str(), "git.corrupt" | "git.incomplete") => {
                failure
            }
            done => return done,
        };
        {
            let _lock = self.lock(Use::Write, report)?;
            self.remove()?;
        }
        // The first failure tells more when the second try fails as well.
        work().map_err(|_| failure)
    }

    /// Removes the repository, so that the next use makes it anew. Under the
    /// lock for writing.
    pub(super) fn remove(&self) -> Result<(), GitFailure> {
        match fs::remove_dir_all(self.repository()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(GitFailure::io("cannot remove an unusable mirror", &error));
            }
            _ => {}
        }
        self.finish_writing()
    }

    /// Marks the mirror as being written to.
    pub(super) fn begin_writing(&self) -> Result<(), GitFailure> {
        File::create(self.mark())
            .map(|_| ())
            .map_err(|error| GitFailure::io("cannot mark the mirror", &error))
    }

    /// Takes the mark away: what was written is whole.
    pub(super) fn finish_writing(&self) -> Result<(), GitFailure> {
        match fs::remove_file(self.mark()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(GitFailure::io("cannot unmark the mirror", &error))
            }
            _ => Ok(()),
        }
    }

    /// Ends a fetch. Only a failure that is nobody's word leaves the mark: the
    /// library writes a pack when it is whole, so what the remote says or does
    /// leaves the mirror as it was.
    pub(super) fn finish_unless_broken(
        &self,
        fetched: Result<(), GitFailure>,
    ) -> Result<(), GitFailure> {
        if !matches!(&fetched, Err(failure) if failure.kind == FailureKind::Other) {
            self.finish_writing()?;
        }
        fetched
    }

    fn repository(&self) -> PathBuf {
        self.folder.join("repository.git")
    }

    fn mark(&self) -> PathBuf {
        self.folder.join("being-written")
    }
}

fn packs(repository: &Path) -> usize {
    fs::read_dir(repository.join("objects/pack")).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|end| end == "pack"))
            .count()
    })
}
