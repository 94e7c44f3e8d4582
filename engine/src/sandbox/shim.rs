//! Shim: a small program that stands in for one of several versions of another.
//!
//! What runs must be known, and have a digest, before it runs. So the choice
//! that the shim would make is read from its own settings: no program is run,
//! nothing is downloaded, and no file of a workspace has a say.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::profile::Surroundings;

/// What a program that was found is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Shim {
    /// The program itself.
    None,
    /// A shim for this one.
    For(PathBuf),
    /// A shim for something that cannot be known, with the reason.
    Unknown(String),
}

/// Programs that stand in for others under the others' names.
const MULTIPLEXERS: [&str; 4] = ["asdf", "mise", "proto-shim", "volta-shim"];

/// What a program that was found under a name is.
pub(super) fn look_behind(path: &Path, program: &str, surroundings: &Surroundings) -> Shim {
    let Some(folder) = path.parent() else {
        return Shim::None;
    };
    if is_rustup(path, folder) {
        return behind_rustup(program, surroundings);
    }
    let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let target = target.file_name().and_then(|name| name.to_str());
    if let Some(name) = target.filter(|name| MULTIPLEXERS.contains(name) && *name != program) {
        return Shim::Unknown(format!(
            "put the folder of the program that {name} would choose before it in the search path"
        ));
    }
    match folder.parent() {
        // pyenv, rbenv and nodenv: `<root>/shims`, `<root>/versions`, `<root>/version`.
        Some(root) if folder.ends_with("shims") && root.join("versions").is_dir() => {
            behind_versions(root, program)
        }
        Some(_) if folder.ends_with("shims") => {
            Shim::Unknown("put the folder of the real program before it in the search path".into())
        }
        _ => Shim::None,
    }
}

/// rustup links to itself under the names of the programs that it stands in for.
fn is_rustup(path: &Path, folder: &Path) -> bool {
    let identity = |path: &Path| {
        let file = fs::metadata(path).ok()?;
        Some((file.dev(), file.ino()))
    };
    let rustup = identity(&folder.join("rustup"));
    rustup.is_some() && rustup == identity(path)
}

fn behind_rustup(program: &str, surroundings: &Surroundings) -> Shim {
    let Some(home) = surroundings.rustup_home() else {
        return Shim::Unknown("the folder of rustup's toolchains is not known".into());
    };
    let settings = home.join("settings.toml");
    let Ok(text) = fs::read_to_string(&settings) else {
        return Shim::Unknown(format!("{} cannot be read", settings.display()));
    };
    let Some(toolchain) = top_level_text(&text, "default_toolchain") else {
        return Shim::Unknown(
            "rustup has no default toolchain; type `rustup default stable`".into(),
        );
    };
    let toolchains = home.join("toolchains");
    let full_name = top_level_text(&text, "default_host_triple")
        .map(|host| toolchains.join(format!("{toolchain}-{host}")));
    let folder = full_name
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| toolchains.join(toolchain));
    Shim::For(folder.join("bin").join(program))
}

/// The value of `key = "text"` before the first table of a TOML file.
fn top_level_text<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| name.trim() == key)
        .map(|(_, value)| value.trim().trim_matches('"'))
        // A name with a slash would be a path, which rustup does not allow here.
        .filter(|value| !value.is_empty() && !value.contains('/'))
}

fn behind_versions(root: &Path, program: &str) -> Shim {
    let Ok(text) = fs::read_to_string(root.join("version")) else {
        return Shim::Unknown("no version is chosen for the user".into());
    };
    text.split_ascii_whitespace()
        .filter(|version| !version.contains('/') && *version != "..")
        .map(|version| {
            root.join("versions")
                .join(version)
                .join("bin")
                .join(program)
        })
        .find(|path| path.is_file())
        .map_or_else(
            || Shim::Unknown(format!("no chosen version has {program}")),
            Shim::For,
        )
}
