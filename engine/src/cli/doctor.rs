//! Doctor: what this machine has, what it lacks, and what is lost by that.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arguments::{DoctorArguments, Format};
use super::environment::Environment;
use super::failure::Failure;
use super::{Exit, builtin, facts, services};
use crate::egress;
use crate::report::{Paint, Tone, escape};
use crate::sandbox::{self, Wall};

pub(super) fn main(
    arguments: &DoctorArguments,
    environment: &Environment,
) -> Result<Exit, Failure> {
    let places = environment.places(&environment.directory)?;
    let wall = sandbox::probe(&environment.child("launch")?, &places.state);
    let surroundings = facts::surroundings(environment);
    let search_path = facts::search_path(environment);
    let tools = sandbox::PROFILES.iter().map(|profile| {
        let found = sandbox::resolve(profile.name, &search_path, &surroundings, &[]);
        let found = found
            .map(|tool| tool.path)
            .map_err(|error| error.to_string());
        (profile.name.to_owned(), found)
    });
    let checks = examine(&Subject {
        state_directory: places.state,
        cache_directory: places.cache,
        directory: environment.directory.clone(),
        search_path: environment.variable_os("PATH").unwrap_or_default(),
        component: compile_a_component(environment),
        tools: tools.collect(),
        wall,
        certificates: egress::certificates(),
    });
    match arguments.format {
        Format::Json => environment.print(&format!("{:#}\n", to_json(&checks))),
        Format::Text => environment.print(&to_table(&checks, environment.color_on_stdout())),
    }
    let missing = checks
        .iter()
        .any(|check| check.state == CheckState::Missing);
    Ok(if missing {
        Exit::Infrastructure
    } else {
        Exit::Success
    })
}

/// Whether a component can be compiled and run here: a built-in one describes itself.
fn compile_a_component(environment: &Environment) -> Result<(), String> {
    let told = |failure: Failure| failure.render(false);
    let runtime = services::threads().map_err(told)?;
    runtime.block_on(async {
        let components = services::components(&environment.directory, environment).map_err(told)?;
        let bytes = builtin::names()
            .next()
            .and_then(builtin::bytes)
            .unwrap_or_default();
        components
            .load(bytes)
            .await
            .map(|_| ())
            .map_err(|error| error.to_string())
    })
}

/// What the doctor is asked about, gathered by the caller.
#[derive(Debug)]
pub(super) struct Subject {
    /// Where runs are kept.
    pub state_directory: PathBuf,
    /// Where compiled code and mirrors are kept.
    pub cache_directory: PathBuf,
    /// Where a repository is looked for, and above it.
    pub directory: PathBuf,
    /// `PATH`.
    pub search_path: OsString,
    /// Whether a component could be compiled and run; else why not.
    pub component: Result<(), String>,
    /// The tools that the engine knows: name, and where it lies or why it cannot
    /// be used.
    pub tools: Vec<(String, Result<PathBuf, String>)>,
    /// The wall around native tools.
    pub wall: Wall,
    /// How many certificates of authorities were found.
    pub certificates: usize,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Check {
    /// What was looked at.
    pub name: String,
    /// What came of it.
    pub state: CheckState,
    /// What was found.
    pub found: String,
    /// What does not work because of it, one a line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost: Vec<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CheckState {
    /// All is well.
    Ok,
    /// Something works less well than it could.
    Warn,
    /// Something that runs need is not there.
    Missing,
}

impl Check {
    fn ok(name: &str, found: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            state: CheckState::Ok,
            found: found.into(),
            lost: Vec::new(),
            next: None,
        }
    }

    fn bad(
        state: CheckState,
        name: &str,
        found: impl Into<String>,
        lost: &str,
        next: &str,
    ) -> Self {
        Self {
            state,
            lost: vec![lost.to_owned()],
            next: Some(next.to_owned()),
            ..Self::ok(name, found)
        }
    }
}

/// Looks at everything, in a fixed order.
pub(super) fn examine(subject: &Subject) -> Vec<Check> {
    let mut checks = vec![
        directory(
            "state directory",
            &subject.state_directory,
            "--state-dir DIR",
            "no run can be recorded",
        ),
        directory(
            "cache directory",
            &subject.cache_directory,
            "XDG_CACHE_HOME",
            "components are compiled for every run",
        ),
        repository(&subject.directory),
        component(&subject.component),
        wall(&subject.wall),
        certificates(subject.certificates),
        ssh(&subject.search_path),
    ];
    checks.extend(subject.tools.iter().map(|(name, found)| tool(name, found)));
    checks
}

/// A directory of ours: whether it can be written, and by nobody else be read.
fn directory(name: &str, path: &Path, setting: &str, lost: &str) -> Check {
    let shown = path.display().to_string();
    let change = format!("make it writable, or choose another with {setting}");
    let Some(existing) = path.ancestors().find(|folder| folder.exists()) else {
        let found = format!("{shown} has no root");
        return Check::bad(CheckState::Missing, name, found, lost, &change);
    };
    // Permissions do not tell it all: a file system may be mounted read-only.
    if let Err(error) = write_and_remove(existing) {
        let found = format!("{}: {error}", existing.display());
        return Check::bad(CheckState::Missing, name, found, lost, &change);
    }
    if existing != path {
        return Check::ok(name, format!("{shown}, made when it is needed"));
    }
    let mode = path.metadata().map_or(0, |data| data.permissions().mode());
    if mode & 0o077 != 0 {
        let found = format!("{shown} is open to other users");
        let lost = "logs and compiled code can be read or changed by others";
        let next = format!("chmod 700 {shown}");
        return Check::bad(CheckState::Warn, name, found, lost, &next);
    }
    Check::ok(name, shown)
}

fn write_and_remove(folder: &Path) -> io::Result<()> {
    tempfile::Builder::new()
        .prefix(".engine-doctor-")
        .tempfile_in(folder)?
        .close()
}

fn repository(directory: &Path) -> Check {
    let name = "git repository";
    let found = directory
        .ancestors()
        .find(|folder| folder.join(".git").exists());
    match found {
        Some(root) => Check::ok(name, root.display().to_string()),
        None => Check::bad(
            CheckState::Warn,
            name,
            format!("none in {} or above it", directory.display()),
            "`git.*` in expressions, and the repository `.`",
            "run in a repository, or name one with -C DIR",
        ),
    }
}

fn component(outcome: &Result<(), String>) -> Check {
    let name = "components";
    match outcome {
        Ok(()) => Check::ok(name, "compiled and run"),
        Err(error) => Check::bad(
            CheckState::Missing,
            name,
            error.clone(),
            "no stage can run",
            "this machine must allow executable memory; `--log debug` tells more",
        ),
    }
}

fn wall(wall: &Wall) -> Check {
    let parts = [
        ("namespaces", wall.walls.namespaces),
        ("Landlock", wall.walls.landlock),
        ("seccomp", wall.walls.seccomp),
    ];
    let held: Vec<&str> = parts
        .iter()
        .filter_map(|(name, is_there)| is_there.then_some(*name))
        .collect();
    let missing = parts.iter().filter(|(_, is_there)| !is_there);
    let missing: Vec<&str> = missing.map(|(name, _)| *name).collect();
    let mut found = wall.level.as_str().to_owned();
    if !held.is_empty() {
        let _ = write!(found, ": {}", held.join(", "));
    }
    if !missing.is_empty() {
        let _ = write!(found, "; without {}", missing.join(", "));
    }
    for reason in &wall.reasons {
        let _ = write!(found, "; {reason}");
    }
    let mut check = Check::ok("wall of native tools", found);
    if !wall.lost.is_empty() {
        check.state = CheckState::Warn;
        check.lost.clone_from(&wall.lost);
        check.next = Some(format!(
            "{}; stages without native tools lose nothing by it",
            wall.remedy
        ));
    }
    check
}

fn certificates(count: usize) -> Check {
    let name = "certificates";
    match count {
        0 => Check::bad(
            CheckState::Missing,
            name,
            "none found",
            "https to any host",
            "install the package ca-certificates, or set SSL_CERT_FILE",
        ),
        _ => Check::ok(name, format!("{count} authorities")),
    }
}

fn ssh(search_path: &OsString) -> Check {
    let name = "ssh";
    let found = std::env::split_paths(search_path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("ssh"))
        .find(|path| is_program(path));
    match found {
        Some(path) => Check::ok(name, path.display().to_string()),
        None => Check::bad(
            CheckState::Warn,
            name,
            "not in PATH",
            "git over ssh",
            "install the package openssh-client",
        ),
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

fn tool(name: &str, found: &Result<PathBuf, String>) -> Check {
    let title = format!("tool {name}");
    match found {
        Ok(path) => Check::ok(&title, path.display().to_string()),
        Err(reason) => Check::bad(
            CheckState::Warn,
            &title,
            reason.clone(),
            &format!("stages that are granted `{name}`"),
            "install it if a pipeline needs it",
        ),
    }
}

/// The checks as a table for people.
pub(super) fn to_table(checks: &[Check], color: bool) -> String {
    let paint = Paint { color };
    let columns = checks.iter().map(|check| check.name.len()).max();
    let columns = columns.unwrap_or(0);
    let mut text = String::new();
    for check in checks {
        let (sign, tone) = match check.state {
            CheckState::Ok => ("✓", Tone::Good),
            CheckState::Warn => ("!", Tone::Careful),
            CheckState::Missing => ("✗", Tone::Bad),
        };
        let sign = paint.paint(tone, sign);
        let mut line = |sign: &str, name: &str, rest: &str| {
            let _ = writeln!(text, "  {sign} {name:columns$}  {rest}");
        };
        line(&sign, &check.name, &escape(&check.found));
        for (at, lost) in check.lost.iter().enumerate() {
            let lead = paint.paint(Tone::Quiet, if at == 0 { "lost  " } else { "      " });
            line(" ", "", &format!("{lead}{}", escape(lost)));
        }
        if let Some(next) = &check.next {
            let lead = paint.paint(Tone::Quiet, "next  ");
            line(" ", "", &format!("{lead}{}", escape(next)));
        }
    }
    text
}

/// The checks as JSON: `{ "version": 1, "checks": […] }`.
pub(super) fn to_json(checks: &[Check]) -> serde_json::Value {
    serde_json::json!({ "version": 1, "checks": checks })
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};

    use insta::assert_snapshot;

    use super::{Check, CheckState, Subject, examine, to_json, to_table};
    use crate::sandbox::{Wall, Walls};

    /// A machine on which all is well.
    fn healthy(root: &Path) -> Subject {
        let state = root.join("state");
        for folder in ["state", "repository/.git", "repository/src", "bin"] {
            fs::create_dir_all(root.join(folder)).expect("a folder");
        }
        fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).expect("its owner may");
        fs::write(root.join("bin/ssh"), "").expect("a file");
        fs::set_permissions(root.join("bin/ssh"), fs::Permissions::from_mode(0o755))
            .expect("its owner may");
        Subject {
            state_directory: state,
            cache_directory: root.join("cache/engine"),
            directory: root.join("repository/src"),
            search_path: root.join("bin").into(),
            component: Ok(()),
            tools: vec![("cargo".to_owned(), Ok(PathBuf::from("/usr/bin/cargo")))],
            wall: Wall::of(Walls::STRONG),
            certificates: 142,
        }
    }

    fn state(checks: &[Check], name: &str) -> CheckState {
        let check = checks.iter().find(|check| check.name == name);
        check.expect("it was looked at").state
    }

    #[test]
    fn a_healthy_machine_has_nothing_to_mend() {
        let root = tempfile::tempdir().expect("a folder");
        let checks = examine(&healthy(root.path()));
        for check in &checks {
            assert_eq!(check.state, CheckState::Ok, "{check:?}");
        }
        assert!(!root.path().join("cache").exists(), "looking makes nothing");
        let left = fs::read_dir(root.path().join("state"))
            .expect("a folder")
            .count();
        assert_eq!(left, 0, "looking leaves nothing");
    }

    #[test]
    fn each_lack_is_found_by_its_check() {
        type Break = fn(&mut Subject);
        let table: [(&str, CheckState, Break); 8] = [
            ("state directory", CheckState::Warn, |subject| {
                let open = fs::Permissions::from_mode(0o755);
                fs::set_permissions(&subject.state_directory, open).expect("its owner may");
            }),
            ("state directory", CheckState::Missing, |subject| {
                // A file where a folder should be; permissions would not stop root.
                subject.state_directory = subject.search_path.clone().into();
                subject.state_directory.push("ssh");
            }),
            ("git repository", CheckState::Warn, |subject| {
                subject.directory = subject.state_directory.clone();
            }),
            ("components", CheckState::Missing, |subject| {
                subject.component = Err("no executable memory".to_owned());
            }),
            ("wall of native tools", CheckState::Warn, |subject| {
                subject.wall = Wall::of(Walls::MEDIUM);
            }),
            ("certificates", CheckState::Missing, |subject| {
                subject.certificates = 0;
            }),
            ("ssh", CheckState::Warn, |subject| {
                subject.search_path = OsString::from("relative:/nonexistent");
            }),
            ("tool cargo", CheckState::Warn, |subject| {
                subject.tools[0].1 = Err("not in PATH".to_owned());
            }),
        ];
        for (name, expected, break_it) in table {
            let root = tempfile::tempdir().expect("a folder");
            let mut subject = healthy(root.path());
            break_it(&mut subject);
            let checks = examine(&subject);
            assert_eq!(state(&checks, name), expected, "{name}");
            let bad = checks.iter().filter(|check| check.state != CheckState::Ok);
            assert_eq!(bad.count(), 1, "{name} breaks nothing else: {checks:?}");
        }
    }

    fn checks() -> Vec<Check> {
        vec![
            Check::ok("state directory", "/home/me/.local/state/engine"),
            Check {
                state: CheckState::Warn,
                lost: vec!["private mounts".to_owned(), "private pids".to_owned()],
                ..Check::ok("wall of native tools", "medium")
            },
            Check::bad(
                CheckState::Missing,
                "certificates",
                "none found\x1b[2J",
                "https to any host",
                "install the package ca-certificates, or set SSL_CERT_FILE",
            ),
        ]
    }

    #[test]
    fn the_table_says_what_is_lost_and_what_to_do() {
        assert_snapshot!("doctor_table", to_table(&checks(), false));
    }

    #[test]
    fn json_holds_the_same() {
        let json = serde_json::to_string_pretty(&to_json(&checks())).expect("it serialises");
        assert_snapshot!("doctor_json", json);
    }
}
