//! Destination: where a checkout goes, and how it gets there whole or not at all.
//!
//! The child writes into a fresh folder beside the mount, which no tool of the
//! stage can see; when it is done, that folder moves in place. The path inside
//! the mount is guest-controlled, and tools may change the mount meanwhile, so
//! it is walked part by part and no link is ever followed.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, mkdirat, openat, renameat};
use rustix::io::Errno;

use super::failure::{FailureKind, GitFailure};
use crate::plan::{Access, Mount};
use crate::store::layer;

/// A place in the workspace: a mount, and the path inside of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::capability) struct Place<'a> {
    /// The mount.
    pub(in crate::capability) mount: &'a Mount,
    /// Plain names; none for the mount itself.
    pub(in crate::capability) inside: Vec<String>,
}

/// Finds the mount that a path of the workspace lies in. The path is
/// guest-controlled.
///
/// # Errors
///
/// `denied` when no mount holds it, or only one that may not be written.
pub(in crate::capability) fn find<'a>(
    mounts: &'a [Mount],
    path: &str,
    access: Access,
) -> Result<Place<'a>, GitFailure> {
    let names = plain_names(path).ok_or_else(|| {
        GitFailure::new(
            FailureKind::Denied,
            "denied.git-path",
            format_args!("`{path}` is not a plain path inside of the workspace"),
        )
        .hint("write a relative path without `..`")
    })?;
    let granted = mounts
        .iter()
        .filter(|mount| access == Access::Read || mount.access == Access::Write)
        .filter_map(|mount| {
            let own = plain_names(&mount.path)?;
            names.starts_with(&own).then_some((own.len(), mount))
        })
        .max_by_key(|(length, _)| *length);
    let Some((length, mount)) = granted else {
        let word = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        return Err(GitFailure::new(
            FailureKind::Denied,
            "denied.git-path",
            format_args!("`{path}` lies in no folder that this stage may {word}"),
        )
        .hint(format_args!(
            "add  workspace: {{ {word}: [{path}] }}  to its capabilities"
        )));
    };
    Ok(Place {
        mount,
        inside: names[length..].to_vec(),
    })
}

fn plain_names(path: &str) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => names.push(name.to_str()?.to_owned()),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    let hostile = path.contains('\0') || path.contains('\\');
    (!path.is_empty() && !hostile).then_some(names)
}

impl Place<'_> {
    /// The folder on this machine. Links inside of the mount are not resolved.
    pub(in crate::capability) fn host_path(&self) -> PathBuf {
        let mut path = self.mount.host();
        path.extend(&self.inside);
        path
    }

    /// Checks that no link leads to the mount itself: its path may run through
    /// what another stage wrote.
    ///
    /// # Errors
    ///
    /// `other` when its folder is not there, or a link is in its place.
    pub(in crate::capability) fn check(&self) -> Result<(), GitFailure> {
        let opened = self.open_mount().map(drop);
        opened.map_err(|error| GitFailure::io("cannot open the folder", &error))
    }

    fn open_mount(&self) -> io::Result<OwnedFd> {
        layer::open_beneath(&self.mount.root, &self.mount.path)?
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Makes a fresh folder beside the mount.
    ///
    /// # Errors
    ///
    /// `unsupported` when something is at the destination already.
    pub(in crate::capability) fn stage(&self) -> Result<Staging, GitFailure> {
        let failed = |error: io::Error| GitFailure::io("cannot prepare the destination", &error);
        let target = self.open_target().map_err(failed)?;
        if let Target::Taken = target {
            return Err(occupied());
        }
        let folder = tempfile::Builder::new()
            .prefix(".engine-checkout-")
            .permissions(Permissions::from_mode(0o755))
            .tempdir_in(&self.mount.root)
            .map_err(failed)?;
        Ok(Staging {
            folder: folder.keep(),
        })
    }

    /// Moves what was staged in place.
    pub(in crate::capability) fn settle(&self, staging: &Staging) -> Result<(), GitFailure> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists => occupied(),
            _ => GitFailure::io("cannot move the checkout in place", &error),
        };
        let from = File::open(&staging.folder).map_err(failed)?;
        match self.open_target().map_err(failed)? {
            Target::Taken => Err(occupied()),
            // The guest holds the mount's own folder open, so that one stays and
            // is filled.
            Target::Mount(mount) => fill(&from, &staging.folder, mount.as_fd()).map_err(failed),
            Target::Below { parent, name } => {
                let beside = File::open(staging.folder.parent().unwrap_or(&staging.folder))
                    .map_err(failed)?;
                let own = staging.folder.file_name().unwrap_or_default();
                renameat(&beside, own, &parent, name.as_str()).map_err(|error| failed(error.into()))
            }
        }
    }

    /// Walks to the destination, making folders on the way.
    fn open_target(&self) -> io::Result<Target> {
        let mut here = self.open_mount()?;
        let Some((name, parents)) = self.inside.split_last() else {
            return Ok(if is_empty(&here)? {
                Target::Mount(here)
            } else {
                Target::Taken
            });
        };
        for part in parents {
            here = match open_folder(&here, part) {
                Err(Errno::NOENT) => {
                    mkdirat(&here, part.as_str(), Mode::from_raw_mode(0o755))?;
                    open_folder(&here, part)?
                }
                other => other?,
            };
        }
        match open_folder(&here, name) {
            Ok(folder) if !is_empty(&folder)? => Ok(Target::Taken),
            Ok(_) | Err(Errno::NOENT) => Ok(Target::Below {
                parent: here,
                name: name.clone(),
            }),
            // A file or a link.
            Err(Errno::NOTDIR | Errno::LOOP) => Ok(Target::Taken),
            Err(error) => Err(error.into()),
        }
    }
}

enum Target {
    Mount(OwnedFd),
    Below { parent: OwnedFd, name: String },
    Taken,
}

fn occupied() -> GitFailure {
    GitFailure::new(
        FailureKind::Unsupported,
        "git.destination-not-empty",
        "there is something at the destination already",
    )
    .hint("check out into a folder that is empty or not there yet")
}

fn open_folder(parent: &OwnedFd, name: &str) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

fn is_empty(folder: &OwnedFd) -> io::Result<bool> {
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Moves everything in `from` into `to`; on a failure, back.
fn fill(from: &File, path: &Path, to: impl AsFd) -> io::Result<()> {
    let mut moved = Vec::new();
    let outcome = (|| {
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            if !matches!(
                rustix::fs::statat(&to, &name, AtFlags::SYMLINK_NOFOLLOW),
                Err(Errno::NOENT)
            ) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            renameat(from, &name, &to, &name)?;
            moved.push(name);
        }
        io::Result::Ok(())
    })();
    if outcome.is_err() {
        for name in moved {
            let _ = renameat(&to, &name, from, &name);
        }
    }
    outcome
}

/// A fresh folder that becomes the checkout. Removed when dropped, unless it was
/// moved away.
#[derive(Debug)]
pub(in crate::capability) struct Staging {
    folder: PathBuf,
}

impl Staging {
    /// The folder.
    pub(in crate::capability) fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // A child that was just killed may still finish one call.
        const TRIES: usize = 5;
        for _ in 0..TRIES {
            match fs::remove_dir_all(&self.folder) {
                Ok(()) => return,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(10)),
            }
        }
        tracing::warn!(folder = %self.folder.display(), "a half-made checkout could not be removed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(path: &str, root: &Path, access: Access) -> Mount {
        Mount {
            path: path.to_owned(),
            root: root.to_owned(),
            access,
        }
    }

    fn staged(place: &Place<'_>) -> Staging {
        let staging = place.stage().unwrap();
        fs::write(staging.folder().join("file"), "text").unwrap();
        staging
    }

    #[test]
    fn a_destination_lies_in_a_mount_that_may_be_written() {
        let root = Path::new("/h");
        let mounts = [
            mount("src", root, Access::Write),
            mount("src/vendor", root, Access::Write),
            mount("docs", root, Access::Read),
        ];
        for (path, access, found) in [
            ("src", Access::Write, Some(("src", 0))),
            ("./src/a/b", Access::Write, Some(("src", 2))),
            ("src/vendor/x", Access::Write, Some(("src/vendor", 1))),
            ("srcs", Access::Write, None),
            ("docs", Access::Write, None),
            ("docs", Access::Read, Some(("docs", 0))),
            ("src", Access::Read, Some(("src", 0))),
            ("", Access::Write, None),
            (".", Access::Write, None),
            ("../src", Access::Write, None),
            ("src/../../x", Access::Write, None),
            ("/src", Access::Write, None),
            ("src/a\\..\\b", Access::Write, None),
        ] {
            let place = find(&mounts, path, access);
            match found {
                Some((name, depth)) => {
                    let place = place.unwrap();
                    assert_eq!(
                        (place.mount.path.as_str(), place.inside.len()),
                        (name, depth)
                    );
                }
                None => assert_eq!(place.unwrap_err().kind, FailureKind::Denied, "{path}"),
            }
        }
    }

    #[test]
    fn a_checkout_moves_in_place_whole() {
        let folder = tempfile::tempdir().unwrap();
        let host = folder.path().join("src");
        fs::create_dir(&host).unwrap();
        let mounts = [mount("src", folder.path(), Access::Write)];
        for path in ["src/deep/er", "src"] {
            let place = find(&mounts, path, Access::Write).unwrap();
            if path == "src" {
                fs::remove_dir_all(host.join("deep")).unwrap();
            }
            let staging = staged(&place);
            assert!(!staging.folder().starts_with(&host));
            place.settle(&staging).unwrap();
            drop(staging);
            assert_eq!(
                fs::read_to_string(place.host_path().join("file")).unwrap(),
                "text"
            );
            assert_eq!(
                fs::read_dir(folder.path()).unwrap().count(),
                1,
                "nothing is left"
            );
        }
    }

    #[test]
    fn what_is_there_already_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (host, outside) = (folder.path().join("src"), folder.path().join("outside"));
        fs::create_dir_all(host.join("full")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(host.join("full/x"), "").unwrap();
        fs::write(host.join("file"), "").unwrap();
        std::os::unix::fs::symlink(&outside, host.join("link")).unwrap();
        let mounts = [mount("src", folder.path(), Access::Write)];
        for path in [
            "src",
            "src/full",
            "src/file",
            "src/link",
            "src/link/x",
            "src/file/x",
        ] {
            let place = find(&mounts, path, Access::Write).unwrap();
            assert!(place.stage().is_err(), "{path}");
        }
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    }

    /// Row F06: a link that is put in the way meanwhile.
    #[test]
    fn a_link_that_is_put_in_the_way_meanwhile_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (host, outside) = (folder.path().join("src"), folder.path().join("outside"));
        fs::create_dir_all(host.join("a")).unwrap();
        fs::create_dir(&outside).unwrap();
        let mounts = [mount("src", folder.path(), Access::Write)];
        let place = find(&mounts, "src/a/b", Access::Write).unwrap();
        let staging = staged(&place);
        fs::remove_dir(host.join("a")).unwrap();
        std::os::unix::fs::symlink(&outside, host.join("a")).unwrap();
        assert!(place.settle(&staging).is_err());
        drop(staging);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_mount_that_is_reached_through_a_link_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("layer"), folder.path().join("outside"));
        fs::create_dir_all(root.join("src")).unwrap();
        fs::create_dir_all(outside.join("inner")).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("src/link")).unwrap();
        for path in ["src/link", "src/link/inner"] {
            let mounts = [mount(path, &root, Access::Write)];
            for below in [path.to_owned(), format!("{path}/new")] {
                let place = find(&mounts, &below, Access::Write).unwrap();
                assert!(place.check().is_err(), "{below}");
                assert!(place.stage().is_err(), "{below}");
            }
        }
        assert_eq!(fs::read_dir(outside.join("inner")).unwrap().count(), 0);
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}
