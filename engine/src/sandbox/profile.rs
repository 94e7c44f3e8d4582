//! Profile: what the engine knows about a tool that a pipeline may name.
//!
//! A pipeline only names a profile. What it says besides is data: programs to
//! look for, the folders that the tool needs, and the environment it gets.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::tool::ToolError;
use super::view::is_of_the_system;
use crate::model::suggest;

/// What the engine knows about one tool.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// The name in a grant.
    pub name: &'static str,
    /// File names of the program, the first that is found counts.
    pub programs: &'static [&'static str],
    /// Folders that it reads besides the system's own, the workspace, and the one
    /// that it was installed to.
    pub folders: &'static [Spot],
    /// What of the user's appears in its private home, by the path below that:
    /// settings, and caches where it cannot fill its own. Only for reading: what
    /// a tool could change there, the user's own programs would believe.
    pub loans: &'static [Loan],
    /// Variables that it gets. One whose place does not exist is left out.
    pub variables: &'static [(&'static str, Value)],
    /// Variables that it gets besides when it may not reach any network, so
    /// that it says so at once instead of waiting for an answer.
    pub offline: &'static [(&'static str, &'static str)],
}

/// Something of the user's in the private home of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Loan {
    /// Where, below the private home.
    pub name: &'static str,
    /// What.
    pub spot: Spot,
    /// Whether it is only lent to a tool that may not reach any network.
    pub is_cache: bool,
}

/// A folder or a file of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// Something of Cargo's own: registry, configuration. Never its credentials.
    Cargo(&'static str),
    /// The toolchains of rustup.
    RustupHome,
    /// A folder below the home of the user.
    Home(&'static str),
}

/// The value of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// This text.
    Text(&'static str),
    /// The path of this folder.
    Spot(Spot),
    /// The path of this folder below the private home, which is made.
    Home(&'static str),
}

/// The folders of the user that tools keep things in. Gathered by the caller,
/// since nothing here reads the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// The home of the user.
    pub home: Option<PathBuf>,
    /// `CARGO_HOME`, if set; else `.cargo` below home.
    pub cargo_home: Option<PathBuf>,
    /// `RUSTUP_HOME`, if set; else `.rustup` below home.
    pub rustup_home: Option<PathBuf>,
}

/// A tool that a stage was granted, on this machine.
#[derive(Debug, Clone, Copy)]
pub struct GrantedTool<'a> {
    /// What the engine knows about it.
    pub profile: &'static Profile,
    /// The program.
    pub path: &'a Path,
    /// Whether it may reach any network.
    pub online: bool,
}

/// The profiles that are built in.
pub static PROFILES: [Profile; 10] = [
    Profile {
        name: "cargo",
        programs: &["cargo"],
        folders: RUST_FOLDERS,
        loans: RUST_LOANS,
        variables: RUST_VARIABLES,
        offline: &[("CARGO_NET_OFFLINE", "true")],
    },
    Profile {
        name: "cc",
        programs: &["cc", "gcc", "clang"],
        folders: &[],
        loans: &[],
        variables: &[],
        offline: &[],
    },
    Profile {
        name: "git",
        programs: &["git"],
        folders: &[],
        loans: &[],
        variables: &[
            // Configuration can name programs to run; only the repository's own is left.
            ("GIT_CONFIG_NOSYSTEM", Value::Text("1")),
            ("GIT_CONFIG_GLOBAL", Value::Text("/dev/null")),
            ("GIT_TERMINAL_PROMPT", Value::Text("0")),
            ("GIT_CONFIG_COUNT", Value::Text("3")),
            ("GIT_CONFIG_KEY_0", Value::Text("core.hooksPath")),
            ("GIT_CONFIG_VALUE_0", Value::Text("/dev/null")),
            ("GIT_CONFIG_KEY_1", Value::Text("core.fsmonitor")),
            ("GIT_CONFIG_VALUE_1", Value::Text("false")),
            ("GIT_CONFIG_KEY_2", Value::Text("protocol.ext.allow")),
            ("GIT_CONFIG_VALUE_2", Value::Text("never")),
        ],
        offline: &[],
    },
    Profile {
        name: "go",
        programs: &["go"],
        folders: &[],
        loans: &[cache("go/pkg/mod", Spot::Home("go/pkg/mod"))],
        variables: &[
            ("GOFLAGS", Value::Text("-modcacherw")),
            ("GOPATH", Value::Home("go")),
            ("GOTOOLCHAIN", Value::Text("local")),
            ("GOTELEMETRY", Value::Text("off")),
        ],
        offline: &[("GOPROXY", "off")],
    },
    Profile {
        name: "make",
        programs: &["make", "gmake"],
        folders: &[],
        loans: &[],
        variables: &[],
        offline: &[],
    },
    Profile {
        name: "node",
        programs: &["node", "nodejs"],
        folders: &[],
        loans: &[],
        variables: &[],
        offline: &[],
    },
    Profile {
        name: "npm",
        programs: &["npm"],
        folders: &[],
        loans: &[cache(".npm/_cacache", Spot::Home(".npm/_cacache"))],
        variables: &[
            ("npm_config_cache", Value::Home(".npm")),
            ("npm_config_audit", Value::Text("false")),
            ("npm_config_fund", Value::Text("false")),
            ("npm_config_update_notifier", Value::Text("false")),
        ],
        offline: &[("npm_config_offline", "true")],
    },
    Profile {
        name: "python",
        programs: &["python3", "python"],
        folders: &[],
        loans: &[],
        variables: &[
            ("PYTHONNOUSERSITE", Value::Text("1")),
            ("PIP_DISABLE_PIP_VERSION_CHECK", Value::Text("1")),
            ("PIP_NO_INPUT", Value::Text("1")),
        ],
        offline: &[("PIP_NO_INDEX", "1")],
    },
    Profile {
        name: "rustc",
        programs: &["rustc"],
        folders: RUST_FOLDERS,
        loans: RUST_LOANS,
        variables: RUST_VARIABLES,
        offline: &[],
    },
    Profile {
        name: "sh",
        programs: &["sh"],
        folders: &[],
        loans: &[],
        variables: &[],
        offline: &[],
    },
];

const RUST_FOLDERS: &[Spot] = &[Spot::RustupHome];
const RUST_LOANS: &[Loan] = &[
    cache(".cargo/registry", Spot::Cargo("registry")),
    cache(".cargo/git", Spot::Cargo("git")),
    setting(".cargo/config.toml", Spot::Cargo("config.toml")),
    setting(".cargo/config", Spot::Cargo("config")),
];
const RUST_VARIABLES: &[(&str, Value)] = &[
    ("CARGO_HOME", Value::Home(".cargo")),
    ("RUSTUP_HOME", Value::Spot(Spot::RustupHome)),
    // A `rust-toolchain.toml` of the workspace must not download anything.
    ("RUSTUP_AUTO_INSTALL", Value::Text("0")),
];

const fn cache(name: &'static str, spot: Spot) -> Loan {
    Loan {
        name,
        spot,
        is_cache: true,
    }
}

const fn setting(name: &'static str, spot: Spot) -> Loan {
    Loan {
        name,
        spot,
        is_cache: false,
    }
}

/// Where the programs that most tools call for help lie.
const SYSTEM_PROGRAMS: [&str; 2] = ["/usr/bin", "/bin"];

impl Profile {
    /// The profile with this name.
    pub fn find(name: &str) -> Result<&'static Self, ToolError> {
        let found = PROFILES.iter().find(|profile| profile.name == name);
        found.ok_or_else(|| ToolError::Unknown {
            name: name.to_owned(),
            suggestion: suggest(name, PROFILES.iter().map(|profile| profile.name)),
        })
    }
}

impl Surroundings {
    /// `CARGO_HOME`, set or not.
    pub fn cargo_home(&self) -> Option<PathBuf> {
        self.cargo_home.clone().or_else(|| self.below(".cargo"))
    }

    /// `RUSTUP_HOME`, set or not.
    pub fn rustup_home(&self) -> Option<PathBuf> {
        self.rustup_home.clone().or_else(|| self.below(".rustup"))
    }

    fn below(&self, path: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(path))
    }

    /// Where a spot of a tool lies on this machine, if it is there.
    pub fn locate(&self, spot: Spot) -> Option<PathBuf> {
        let path = match spot {
            Spot::Cargo(name) => Some(self.cargo_home()?.join(name)),
            Spot::RustupHome => self.rustup_home(),
            Spot::Home(path) => self.below(path),
        };
        path.filter(|path| path.exists())
    }

    /// The folder that a program was installed to: what it needs lies beside its
    /// `bin`. None if that is the whole machine, or the user's home.
    fn prefix(&self, program: &Path) -> Option<PathBuf> {
        let folder = program.parent()?;
        let prefix = folder.parent().filter(|_| folder.ends_with("bin"))?;
        let is_too_much = prefix.parent().is_none()
            || self.home.iter().any(|home| home.starts_with(prefix))
            || self.home.iter().any(|home| is_hidden_in(home, prefix))
            || ["/home", "/root", "/var", "/tmp"]
                .iter()
                .any(|it| prefix == Path::new(it));
        (!is_too_much).then(|| prefix.to_path_buf())
    }
}

/// A hidden folder of a home: keys and credentials lie in some of them.
fn is_hidden_in(home: &Path, folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default();
    folder.parent() == Some(home) && name.as_encoded_bytes().starts_with(b".")
}

/// What tools borrow of the user's: the path below the private home, and where
/// it lies.
pub fn loans(
    granted: &[GrantedTool<'_>],
    surroundings: &Surroundings,
) -> BTreeMap<&'static str, PathBuf> {
    let mut found = BTreeMap::new();
    for tool in granted {
        let lent = tool.profile.loans.iter();
        for loan in lent.filter(|loan| !(loan.is_cache && tool.online)) {
            let lies = surroundings.locate(loan.spot);
            found.extend(lies.map(|path| (loan.name, path)));
        }
    }
    found
}

/// The folders of this machine that tools read, besides the system's own.
pub fn folders(granted: &[GrantedTool<'_>], surroundings: &Surroundings) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for tool in granted {
        let listed = tool.profile.folders.iter();
        found.extend(listed.filter_map(|spot| surroundings.locate(*spot)));
        // Links are followed: the program is where it is.
        let program = tool.path.canonicalize();
        for program in [tool.path]
            .into_iter()
            .chain(program.iter().map(PathBuf::as_path))
        {
            let prefix = surroundings.prefix(program);
            found.extend(prefix.or_else(|| Some(program.parent()?.to_path_buf())));
        }
    }
    found.retain(|path| path.is_dir() && !is_of_the_system(path));
    found.sort();
    found.dedup();
    found
}

/// The environment of a tool, before what the stage and the command add.
///
/// `home` and `temporary` are private folders of the attempt. The tools of one
/// stage see each other: `make` finds the `cargo` that was granted beside it,
/// with the environment that `cargo` needs.
pub fn environment(
    own: GrantedTool<'_>,
    granted: &[GrantedTool<'_>],
    surroundings: &Surroundings,
    home: &Path,
    temporary: &Path,
) -> BTreeMap<String, OsString> {
    let mut variables = BTreeMap::from([
        ("HOME".to_owned(), home.into()),
        ("LANG".to_owned(), "C.UTF-8".into()),
        ("PATH".to_owned(), search_path(own, granted)),
        ("TMPDIR".to_owned(), temporary.into()),
    ]);
    let others = granted
        .iter()
        .filter(|tool| tool.profile.name != own.profile.name);
    // Its own last, so that its own count.
    for tool in others.chain([&own]) {
        for (name, value) in tool.profile.variables {
            let value = match value {
                Value::Text(text) => Some(OsString::from(text)),
                Value::Spot(spot) => surroundings.locate(*spot).map(PathBuf::into_os_string),
                Value::Home(path) => Some(home.join(path).into_os_string()),
            };
            variables.extend(value.map(|value| ((*name).to_owned(), value)));
        }
        if !tool.online {
            let offline = tool.profile.offline.iter();
            variables.extend(offline.map(|(name, value)| ((*name).to_owned(), value.into())));
        }
    }
    variables
}

fn search_path(own: GrantedTool<'_>, granted: &[GrantedTool<'_>]) -> OsString {
    let mut folders: Vec<&Path> = Vec::new();
    let tools = [own].into_iter().chain(granted.iter().copied());
    for folder in tools
        .filter_map(|tool| tool.path.parent())
        .chain(SYSTEM_PROGRAMS.map(Path::new))
    {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    // A folder with `:` in its name cannot stand in a search path.
    folders.retain(|folder| !folder.as_os_str().as_encoded_bytes().contains(&b':'));
    std::env::join_paths(folders).expect("no folder holds a colon")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{GrantedTool, PROFILES, Profile, Surroundings, environment};
    use crate::sandbox::ToolError;

    fn tool(name: &str, path: &'static str, online: bool) -> GrantedTool<'static> {
        GrantedTool {
            profile: Profile::find(name).expect("it is built in"),
            path: Path::new(path),
            online,
        }
    }

    #[test]
    fn profiles_have_names_of_their_own_in_order() {
        assert!(PROFILES.is_sorted_by(|a, b| a.name < b.name));
    }

    #[test]
    fn an_unknown_tool_is_answered_with_the_nearest() {
        match Profile::find("carg") {
            Err(ToolError::Unknown { suggestion, .. }) => assert_eq!(suggestion, Some("cargo")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_search_path_is_the_tools_and_the_systems() {
        let own = tool("make", "/usr/bin/make", false);
        let others = [own, tool("go", "/opt/go/bin/go", false)];
        let surroundings = Surroundings::default();
        let found = environment(own, &others, &surroundings, "/h".as_ref(), "/t".as_ref());
        assert_eq!(found["PATH"], "/usr/bin:/opt/go/bin:/bin");
        assert_eq!(found["HOME"], "/h");
        assert_eq!(found["GOTOOLCHAIN"], "local", "the tools see each other");
    }

    #[test]
    fn a_tool_without_network_is_told_so() {
        for (online, expected) in [(false, true), (true, false)] {
            let own = tool("cargo", "/opt/bin/cargo", online);
            let surroundings = Surroundings::default();
            let found = environment(own, &[own], &surroundings, "/h".as_ref(), "/t".as_ref());
            assert_eq!(found.contains_key("CARGO_NET_OFFLINE"), expected);
        }
    }

    #[test]
    fn a_tool_sees_what_it_was_installed_with_and_not_the_home_around_it() {
        let surroundings = Surroundings {
            home: Some("/home/me".into()),
            ..Surroundings::default()
        };
        for (program, expected) in [
            ("/opt/go/bin/go", Some("/opt/go")),
            (
                "/home/me/.pyenv/versions/3.12/bin/python3",
                Some("/home/me/.pyenv/versions/3.12"),
            ),
            (
                "/home/me/miniconda3/bin/python3",
                Some("/home/me/miniconda3"),
            ),
            ("/home/me/bin/python3", None),
            ("/home/me/.local/bin/python3", None),
            ("/home/me/.cargo/bin/cargo", None),
            ("/home/bin/make", None),
            ("/bin/make", None),
            ("/srv/tools/make", None),
        ] {
            let found = surroundings.prefix(Path::new(program));
            assert_eq!(found.as_deref(), expected.map(Path::new), "{program}");
        }
    }

    #[test]
    fn a_place_that_is_not_there_is_not_named() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join(".cargo")).expect("a folder");
        let surroundings = Surroundings {
            home: Some(home.path().to_path_buf()),
            ..Surroundings::default()
        };
        let own = tool("cargo", "/opt/bin/cargo", false);
        let found = environment(own, &[own], &surroundings, "/h".as_ref(), "/t".as_ref());
        assert_eq!(found["CARGO_HOME"], "/h/.cargo", "never the user's own");
        assert!(!found.contains_key("RUSTUP_HOME"));
    }
}
