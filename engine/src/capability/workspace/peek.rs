//! Peek: what a path of a guest leads to, before it is opened.
//!
//! Opening a pipe waits for whoever writes into it, and opening a device does what
//! the device likes. Neither belongs into a workspace; tools can make them.

use std::fs::File;

use wasmtime_wasi::p2::bindings::filesystem::types::DescriptorType;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing is there.
    Missing,
    /// A file, a folder or a link.
    Ordinary,
    /// A pipe, a socket or a device.
    Special,
    /// Opening will tell: a path that leads outside, for one.
    Unclear,
    /// This way of looking does not work here; ask wasmtime-wasi.
    Unable,
}

impl From<DescriptorType> for Found {
    fn from(kind: DescriptorType) -> Self {
        match kind {
            DescriptorType::RegularFile
            | DescriptorType::Directory
            | DescriptorType::SymbolicLink => Self::Ordinary,
            _ => Self::Special,
        }
    }
}

/// Looks without opening: cheaper than asking wasmtime-wasi for a stat, which is
/// done on another thread. The path is guest-controlled; the kernel keeps it below
/// the folder.
#[cfg(target_os = "linux")]
pub(super) fn peek(folder: &File, path: &str, follows: bool) -> Found {
    use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
    use rustix::io::Errno;

    let mut flags = OFlags::PATH | OFlags::CLOEXEC;
    if !follows {
        flags |= OFlags::NOFOLLOW;
    }
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    let found = openat2(folder, path, flags, Mode::empty(), resolve).and_then(fstat);
    match found.map(|stat| FileType::from_raw_mode(stat.st_mode)) {
        Ok(FileType::RegularFile | FileType::Directory | FileType::Symlink) => Found::Ordinary,
        Ok(_) => Found::Special,
        Err(Errno::NOENT) => Found::Missing,
        // Kernels before 5.6, filters that do not know the call, and a rename
        // somewhere at the same moment.
        Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN) => Found::Unable,
        Err(_) => Found::Unclear,
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn peek(_: &File, _: &str, _: bool) -> Found {
    Found::Unable
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;

    use super::{Found, peek};

    #[test]
    fn what_is_there_is_told_without_opening_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = directory.path().join("folder");
        fs::create_dir(&folder).expect("made");
        fs::write(folder.join("file"), "").expect("written");
        symlink("file", folder.join("link")).expect("linked");
        symlink("pipe", folder.join("to-pipe")).expect("linked");
        symlink("/etc/passwd", folder.join("out")).expect("linked");
        symlink("nothing", folder.join("dangling")).expect("linked");
        symlink("loop", folder.join("loop")).expect("linked");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .expect("a pipe");
        let folder = File::open(folder).expect("opened");
        for (path, follows, expected) in [
            ("file", true, Found::Ordinary),
            (".", true, Found::Ordinary),
            ("link", true, Found::Ordinary),
            ("link", false, Found::Ordinary),
            ("pipe", true, Found::Special),
            ("to-pipe", true, Found::Special),
            ("to-pipe", false, Found::Ordinary),
            ("dangling", true, Found::Missing),
            ("missing", true, Found::Missing),
            ("missing/file", true, Found::Missing),
            ("out", true, Found::Unclear),
            ("..", true, Found::Unclear),
            ("/etc/passwd", true, Found::Unclear),
            ("loop", true, Found::Unclear),
            ("nul\0", true, Found::Unclear),
        ] {
            assert_eq!(peek(&folder, path, follows), expected, "{path} {follows}");
        }
    }
}
