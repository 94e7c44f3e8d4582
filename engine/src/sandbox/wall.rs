//! Wall: what stands between a native tool and the machine.

use crate::model::WallLevel;

/// What stands between a native tool and the machine, and what does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wall {
    /// How strong it is.
    pub level: WallLevel,
    /// What it does not hold, one sentence each, for people.
    pub lost: Vec<String>,
}

/// What the wall of this machine holds.
///
/// The launcher has no namespaces, Landlock and seccomp yet, so that the answer
/// is the same everywhere.
pub fn probe() -> Wall {
    Wall {
        level: WallLevel::None,
        lost: LOST.iter().map(|&text| text.to_owned()).collect(),
    }
}

/// Each row is one of the reasons for which a reader of a run must not call a
/// native tool confined.
const LOST: [&str; 7] = [
    "a tool can read and write every file that the user can, read-only folders of the workspace and the engine's own state included",
    "`network: none` is not enforced: a tool can reach whatever the machine can",
    "a tool can reach local services of the user, such as docker and ssh-agent",
    "a tool can see, signal and trace other processes of the user",
    "a tool that kills or stops its launcher can leave processes behind",
    "memory of a tool is sampled, not bounded: it can be over its limit for a moment",
    "a path with `..` that leaves a folder of the workspace ends beside that folder's layer, not in the workspace",
];
