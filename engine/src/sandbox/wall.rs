//! Wall: what stands between a native tool and the machine.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::launch::{Exit, Launch, LaunchError, Network, Output, Stdin};
use super::proof;
use super::running;
use super::view::{Place, View, WORKSPACE};
use super::wire::Errand;
use crate::model::{ChildProgram, WallLevel, limits};
use crate::plan::Access;

/// The walls that are built around a tool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// Namespaces: a root, processes, a network and a user of its own.
    pub namespaces: bool,
    /// Landlock: files, once more or alone.
    pub landlock: bool,
    /// seccomp: system calls.
    pub seccomp: bool,
}

impl Walls {
    /// All that there are.
    pub const STRONG: Self = Self {
        namespaces: true,
        landlock: true,
        seccomp: true,
    };
    /// What works without user namespaces.
    pub const MEDIUM: Self = Self {
        namespaces: false,
        ..Self::STRONG
    };
    /// Namespaces on a kernel without Landlock. Counts as medium: there is no
    /// second check.
    pub const UNFENCED: Self = Self {
        landlock: false,
        ..Self::STRONG
    };
    /// What works on every Linux.
    pub const WEAK: Self = Self {
        namespaces: false,
        landlock: false,
        seccomp: true,
    };
    /// Nothing.
    pub const NONE: Self = Self {
        namespaces: false,
        landlock: false,
        seccomp: false,
    };

    /// How strong they are together.
    pub fn level(self) -> WallLevel {
        match (self.namespaces, self.landlock, self.seccomp) {
            (true, true, true) => WallLevel::Strong,
            (true, false, true) | (false, true, true) => WallLevel::Medium,
            (false, false, true) => WallLevel::Weak,
            (_, _, false) => WallLevel::None,
        }
    }
}

/// What stands between a native tool and the machine, and what does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wall {
    /// What is built.
    pub walls: Walls,
    /// How strong it is.
    pub level: WallLevel,
    /// What it does not hold, one sentence each, for people.
    pub lost: Vec<String>,
    /// Why stronger walls cannot be built here.
    pub reasons: Vec<String>,
    /// What would give this machine a stronger one.
    pub remedy: String,
}

impl Wall {
    /// These walls, whatever the machine could do.
    pub fn of(walls: Walls) -> Self {
        let lost = LOST.iter().filter(|(_, is_lost)| is_lost(walls));
        Self {
            walls,
            level: walls.level(),
            lost: lost.map(|(text, _)| (*text).to_owned()).collect(),
            reasons: Vec::new(),
            remedy: remedy(|name| fs::read_to_string(Path::new("/proc/sys").join(name)).ok()),
        }
    }
}

/// The one line that lets this machine build namespaces, as far as a setting of
/// its kernel is in the way. `read` reads such a setting.
fn remedy(read: impl Fn(&str) -> Option<String>) -> String {
    const IN_THE_WAY: [(&str, &str, &str); 3] = [
        (
            "user/max_user_namespaces",
            "0",
            "user.max_user_namespaces=15000",
        ),
        (
            "kernel/unprivileged_userns_clone",
            "0",
            "kernel.unprivileged_userns_clone=1",
        ),
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ];
    let found = IN_THE_WAY
        .iter()
        .find(|(name, bad, _)| read(name).is_some_and(|value| value.trim() == *bad));
    match found {
        Some((.., setting)) => format!("type `sudo sysctl -w {setting}`"),
        None => "use a kernel of 5.13 or newer with Landlock, or a container that may make user namespaces"
            .to_owned(),
    }
}

/// The strongest wall of this machine: each is built around a child that tries
/// to get through it, the strongest first. Blocks for some milliseconds.
///
/// `folder` lies where the folders of stages will: it need not be there yet, but
/// its file system has a say in whom a tool can be.
pub fn probe(program: &ChildProgram, folder: &Path) -> Wall {
    let folder = folder.ancestors().find(|folder| folder.is_dir());
    let mut reasons = Vec::new();
    for walls in [Walls::STRONG, Walls::UNFENCED, Walls::MEDIUM, Walls::WEAK] {
        match prove(program, walls, folder) {
            Ok(is_superuser) => {
                let mut wall = Wall::of(walls);
                wall.reasons = reasons;
                if is_superuser {
                    wall.lost.push(SUPERUSER.to_owned());
                }
                return wall;
            }
            Err(error) if reasons.contains(&error.to_string()) => {}
            Err(error) => reasons.push(error.to_string()),
        }
    }
    Wall {
        reasons,
        ..Wall::of(Walls::NONE)
    }
}

/// Builds walls around a child that tries to get through them; whether it is the
/// superuser outside of them.
pub(super) fn prove(
    program: &ChildProgram,
    walls: Walls,
    folder: Option<&Path>,
) -> Result<bool, LaunchError> {
    let root = rustix::fs::open(
        "/",
        rustix::fs::OFlags::PATH | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    );
    let directory: OwnedFd =
        root.map_err(|error| LaunchError::at("open the root")(error.into()))?;
    let launch = Launch {
        program: PathBuf::new(),
        arguments: Vec::new(),
        environment: Vec::new(),
        identity: None,
        directory,
        stdin: Stdin::Null,
        stdout: Output::Null,
        stderr: Output::Null,
        memory_bytes: None,
        processes: limits::EXEC_PROCESSES,
        reserve_bytes: 0,
        walls,
        view: View {
            places: folder
                .iter()
                .map(|folder| Place {
                    root: folder.to_path_buf(),
                    beneath: PathBuf::new(),
                    at: Path::new(WORKSPACE).join("proof"),
                    access: Access::Read,
                })
                .collect(),
            directory: Path::new("/").to_path_buf(),
        },
        secrets: Vec::new(),
        network: Network::None,
    };
    let (running, _) = running::start_errand(program, launch, Errand::Prove)?;
    let end = running.wait()?;
    match end.exit {
        Exit::Code(0) => Ok(false),
        Exit::Code(proof::SUPERUSER) => Ok(true),
        exit => Err(LaunchError::Lost(format!("{exit:?}"))),
    }
}

/// The file system of the stages cannot show its files as another user's.
const SUPERUSER: &str = "a tool of the superuser is the superuser outside of its namespace, though without any capability: these files cannot be shown as another user's";

type Loss = (&'static str, fn(Walls) -> bool);

/// Each row is one of the reasons for which a reader of a run must not call a
/// native tool confined.
const LOST: [Loss; 10] = [
    (
        "a tool can read and write every file that the user can, read-only folders of the workspace and the engine's own state included",
        |walls| !walls.namespaces && !walls.landlock,
    ),
    (
        "`network: none` is not enforced: a tool can reach whatever the machine can",
        |walls| !walls.seccomp,
    ),
    (
        "a tool can reach local services of the user, such as docker and ssh-agent",
        |walls| !walls.seccomp,
    ),
    ("a tool can trace other processes of the user", |walls| {
        !walls.seccomp
    }),
    (
        "a tool can see the user's other processes and, where Landlock is older than Linux 6.12, signal them, its launcher too",
        |walls| !walls.namespaces,
    ),
    (
        "a tool can change modes and times of the user's other files, and see that they are there, though neither read nor write them",
        |walls| !walls.namespaces && walls.landlock,
    ),
    (
        "a tool that kills or stops its launcher can leave processes behind",
        |walls| !walls.namespaces && !walls.landlock,
    ),
    (
        "a tool has no sockets at all, not even to speak with itself, and no list of hosts can be granted",
        |walls| !walls.namespaces && walls.seccomp,
    ),
    (
        "folders of the workspace are links to their layers: `..` out of one ends beside its layer, and none can lie inside one that may be written",
        |walls| !walls.namespaces,
    ),
    (
        "files are held by mounts alone, without Landlock as a second check",
        |walls| walls.namespaces && !walls.landlock,
    ),
];
