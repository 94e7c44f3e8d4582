//! Places: where this user's state, caches and keys lie.

use std::path::{Path, PathBuf};

use crate::model::Digest;

/// Where this user's state, caches and keys lie.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The state of the repository at hand: runs, blobs, index.
    pub(super) state: PathBuf,
    /// Compiled plugins and git mirrors, shared by all repositories.
    pub(super) cache: PathBuf,
    /// The key that authenticates compiled plugins.
    pub(super) key_file: PathBuf,
}

impl Places {
    /// The places of a repository (or of a folder without one).
    ///
    /// Outside the repository: tools that look upwards for a `Cargo.toml` or a
    /// `.git` must not find ours. `variable` reads the process's environment.
    pub(super) fn of(
        root: &Path,
        state_dir: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let below = |name: &str, fallback: &str| {
            // A relative value must be ignored, says the XDG specification.
            let set = variable(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute());
            let home = || variable("HOME").map(|home| Path::new(&home).join(fallback));
            set.or_else(home).map(|path| path.join("engine"))
        };
        let user_state = below("XDG_STATE_HOME", ".local/state");
        let cache = below("XDG_CACHE_HOME", ".cache");
        let hint = "set HOME, or give --state-dir";
        let state = match (state_dir, &user_state) {
            (Some(directory), _) => directory.to_owned(),
            (None, Some(directory)) => directory.join(name_of(root)),
            (None, None) => return Err(format!("there is no place to keep runs; {hint}")),
        };
        Ok(Self {
            key_file: user_state
                .unwrap_or_else(|| state.clone())
                .join("compiled.key"),
            cache: cache.unwrap_or_else(|| state.join("cache")),
            state,
        })
    }
}

/// `<repository name>-<hash>`: readable, and different for two of one name.
fn name_of(root: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let name = root
        .file_name()
        .map_or("root".into(), |name| name.to_string_lossy());
    let safe: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') {
                c
            } else {
                '_'
            }
        })
        .take(64)
        .collect();
    format!("{safe}-{}", Digest::of(root.as_os_str().as_bytes()).short())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Places;

    #[test]
    fn state_lies_in_the_users_directory_by_repository() {
        let variables = |name: &str| (name == "HOME").then(|| "/home/a".to_owned());
        let places = Places::of(Path::new("/src/my shop"), None, variables).expect("places");
        let state = places.state.to_str().expect("text");
        assert!(
            state.starts_with("/home/a/.local/state/engine/my_shop-"),
            "{state}"
        );
        let other = Places::of(Path::new("/other/my shop"), None, variables).expect("places");
        assert_ne!(places.state, other.state);
        assert_eq!(
            places.key_file,
            Path::new("/home/a/.local/state/engine/compiled.key")
        );
    }

    #[test]
    fn a_relative_variable_is_ignored_and_no_home_is_told() {
        let relative = |name: &str| (name == "XDG_STATE_HOME").then(|| "state".to_owned());
        let error = Places::of(Path::new("/src"), None, relative).expect_err("no place");
        assert!(error.contains("--state-dir"), "{error}");
        let given = Places::of(Path::new("/src"), Some(Path::new("/tmp/s")), relative);
        assert_eq!(given.expect("places").cache, Path::new("/tmp/s/cache"));
    }
}
