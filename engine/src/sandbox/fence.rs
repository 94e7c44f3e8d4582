//! Fence: the tool's view of files once more, as rules of Landlock.
//!
//! Behind namespaces it is the second check, and what keeps an abstract socket
//! of the machine out of reach. Without them it is the first.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, PathBeneath,
    PathFd, Ruleset, RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, Scope,
    make_bitflags,
};

use super::view::{DEVICES, SETTINGS, SETTINGS_ONLINE, SYSTEM, View};
use crate::plan::Access;

/// What a fence has to hold.
pub(super) struct Terrain<'a> {
    pub(super) view: &'a View,
    /// Whether the root is the tool's own.
    pub(super) own_root: bool,
    /// Whether internet sockets are the machine's.
    pub(super) online: bool,
}

/// Puts the fence around this process and all it starts. Cannot be undone.
pub(super) fn put_up(terrain: &Terrain<'_>) -> io::Result<()> {
    let files = AccessFs::from_all(ABI::V5);
    let mut wanted = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(io::Error::other)?
        // Newer kernels hold more: no reason to do without the rest.
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(files)
        .and_then(|rules| rules.scope(Scope::from_all(ABI::V6)))
        .map_err(io::Error::other)?;
    if !terrain.own_root && !terrain.online {
        let network = AccessNet::from_all(ABI::V4);
        wanted = wanted.handle_access(network).map_err(io::Error::other)?;
    }
    let mut rules = wanted.create().map_err(io::Error::other)?;
    if terrain.own_root {
        // Whatever there is in it was put there for reading.
        rules = allow(rules, Path::new("/"), read())?;
        rules = allow(rules, Path::new("/dev/shm"), write())?;
    } else {
        for path in of_the_machine(terrain.online) {
            rules = allow(rules, &path, read())?;
        }
    }
    for device in DEVICES {
        rules = allow(rules, &Path::new("/dev").join(device), device_access())?;
    }
    for place in &terrain.view.places {
        let access = match place.access {
            Access::Read => read(),
            Access::Write => write(),
        };
        rules = if terrain.own_root {
            allow(rules, &place.at, access)?
        } else {
            add(rules, place.open()?, access)?
        };
    }
    rules.restrict_self().map_err(io::Error::other)?;
    Ok(())
}

/// What a tool may read of a machine whose files it sees.
fn of_the_machine(online: bool) -> impl Iterator<Item = PathBuf> {
    let online = online.then_some(SETTINGS_ONLINE).into_iter().flatten();
    let settings = SETTINGS
        .into_iter()
        .chain(online)
        .chain(["group", "passwd"]);
    let settings = settings.map(|name| Path::new("/etc").join(name));
    let system = SYSTEM.map(|name| Path::new("/").join(name));
    let kernel = ["/proc", "/sys/devices/system/cpu"].map(PathBuf::from);
    system.into_iter().chain(settings).chain(kernel)
}

fn read() -> BitFlags<AccessFs> {
    AccessFs::from_read(ABI::V5)
}

/// Everything but devices: neither making one nor speaking to one.
fn write() -> BitFlags<AccessFs> {
    let devices = make_bitflags!(AccessFs::{MakeChar | MakeBlock | IoctlDev});
    AccessFs::from_all(ABI::V5) & !devices
}

fn device_access() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate})
}

/// Allows what is below a path, if it is there.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    access: BitFlags<AccessFs>,
) -> io::Result<RulesetCreated> {
    match PathFd::new(path) {
        Ok(opened) => add(rules, opened, access),
        Err(_) => Ok(rules),
    }
}

fn add(
    rules: RulesetCreated,
    opened: impl std::os::fd::AsFd,
    access: BitFlags<AccessFs>,
) -> io::Result<RulesetCreated> {
    rules
        .add_rule(PathBeneath::new(opened, access))
        .map_err(io::Error::other)
}
