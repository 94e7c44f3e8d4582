//! View: what a tool sees of the machine's files.
//!
//! Behind namespaces the list *is* its root; Landlock gets the same list, and
//! holds it where there are no namespaces.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, open, openat2};
use serde::{Deserialize, Serialize};

use crate::plan::Access;

/// Where a tool finds its workspace, behind namespaces.
pub const WORKSPACE: &str = "/workspace";
/// Its home, behind namespaces: a private folder of the attempt.
pub const HOME: &str = "/home/tool";
/// Its folder for temporary files, behind namespaces: private too.
pub const TEMPORARY: &str = "/tmp";
/// Its secrets, behind namespaces: a file system in memory of its own.
pub const SECRETS: &str = "/run/secrets";

/// What a tool sees besides the system's own programs and libraries.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The folders and files, an outer one before those inside it.
    pub places: Vec<Place>,
    /// Where the tool starts, behind namespaces.
    pub directory: PathBuf,
}

/// A folder or a file that a tool sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// A folder, or a file, of the machine.
    pub root: PathBuf,
    /// What is meant below it; no symbolic link on the way is followed. Empty for
    /// the root itself.
    pub beneath: PathBuf,
    /// Where the tool sees it. Without namespaces that is where it lies.
    pub at: PathBuf,
    /// What it may do there.
    pub access: Access,
}

impl Place {
    /// A place that a tool sees where it lies.
    pub fn same(path: impl Into<PathBuf>, access: Access) -> Self {
        let path = path.into();
        Self {
            root: path.clone(),
            beneath: PathBuf::new(),
            at: path,
            access,
        }
    }

    /// Opens it, as a path.
    pub(super) fn open(&self) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let root = open(&self.root, flags, Mode::empty())?;
        if self.beneath.as_os_str().is_empty() {
            return Ok(root);
        }
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        Ok(openat2(root, &self.beneath, flags, Mode::empty(), resolve)?)
    }
}

/// Folders of the system, where programs and libraries lie. Relative to the root;
/// what is not there is passed over, what is a link stays one.
pub(super) const SYSTEM: [&str; 9] = [
    "usr",
    "bin",
    "sbin",
    "lib",
    "lib32",
    "lib64",
    "libx32",
    "nix/store",
    "gnu/store",
];

/// What programs read of `/etc`: no passwords, no keys, nothing about the user.
pub(super) const SETTINGS: [&str; 27] = [
    "alternatives",
    "ca-certificates",
    "ca-certificates.conf",
    "crypto-policies",
    "debian_version",
    "fonts",
    "gai.conf",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "nsswitch.conf",
    "os-release",
    "perl",
    "pki/ca-trust/extracted",
    "pki/tls/cert.pem",
    "pki/tls/certs",
    "pki/tls/openssl.cnf",
    "protocols",
    "rpc",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
];

/// What names and addresses need besides, where the network is the machine's.
pub(super) const SETTINGS_ONLINE: [&str; 2] = ["hosts", "resolv.conf"];

/// Devices that hold nothing.
pub(super) const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];

/// Whether a tool sees a path as a part of the system.
pub fn is_of_the_system(path: &Path) -> bool {
    SYSTEM
        .iter()
        .any(|folder| path.starts_with(Path::new("/").join(folder)))
}
