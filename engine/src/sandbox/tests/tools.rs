//! Tests of the tools that this machine has, behind its walls.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{behind_walls, lend, run, shell_in};
use crate::plan::Access;
use crate::sandbox::{
    Exit, GrantedTool, Launch, Profile, ResolvedTool, Surroundings, Walls, environment, folders,
    is_of_the_system, loans, resolve,
};

fn surroundings() -> Surroundings {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from);
    Surroundings {
        home: path("HOME"),
        cargo_home: path("CARGO_HOME"),
        rustup_home: path("RUSTUP_HOME"),
    }
}

fn find(name: &str) -> Option<ResolvedTool> {
    let search: Vec<PathBuf> = std::env::var_os("PATH")
        .iter()
        .flat_map(std::env::split_paths)
        .collect();
    match resolve(name, &search, &surroundings(), &[]) {
        Ok(tool) => Some(tool),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

/// A tool in a folder, which is also its home, with what its profile says.
fn launch(walls: Walls, folder: &Path, name: &str, arguments: &[&str]) -> Option<Launch> {
    let tool = find(name)?;
    let own = GrantedTool {
        profile: Profile::find(name).expect("it is built in"),
        path: &tool.path,
        online: false,
    };
    let surroundings = surroundings();
    let variables: BTreeMap<String, OsString> =
        environment(own, &[own], &surroundings, folder, folder);
    let mut launch = shell_in(walls, folder, "");
    for (at, lies) in loans(&[own], &surroundings) {
        let at = folder.join(at);
        fs::create_dir_all(at.parent().expect("it has one")).expect("a folder");
        if !at.is_symlink() {
            std::os::unix::fs::symlink(&lies, at).expect("a link");
        }
        lend(&mut launch, &lies, Access::Read);
    }
    for path in folders(&[own], &surroundings) {
        assert!(!is_of_the_system(&path));
        lend(&mut launch, &path, Access::Read);
    }
    launch.view.places.sort_by(|a, b| a.at.cmp(&b.at));
    launch.program.clone_from(&tool.path);
    launch.arguments = arguments.iter().map(OsString::from).collect();
    launch.environment = variables
        .into_iter()
        .map(|(name, value)| (name.into(), Zeroizing::new(value.into_encoded_bytes())))
        .collect();
    Some(launch)
}

/// Runs a text with this machine's Python, if it has one.
pub(super) fn python() -> Option<impl Fn(Walls, &Path, &str) -> Launch> {
    find("python")?;
    Some(|walls, folder: &Path, text: &str| {
        launch(walls, folder, "python", &["-c", text]).expect("it was there")
    })
}

#[test]
fn the_tools_of_this_machine_run_with_their_own_environment() {
    behind_walls(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, argument) in [
            ("cargo", "--version"),
            ("cc", "--version"),
            ("git", "--version"),
            ("go", "version"),
            ("make", "--version"),
            ("node", "--version"),
            ("npm", "--version"),
            ("python", "--version"),
            ("rustc", "--version"),
        ] {
            let Some(launch) = launch(walls, folder.path(), name, &[argument]) else {
                continue;
            };
            let (end, stdout, stderr) = run(launch);
            assert_eq!(end.exit, Exit::Code(0), "{name}: {stderr}");
            assert!(stdout.contains('.'), "{name} says its version: {stdout}");
        }
    });
}

#[test]
fn the_tools_of_this_machine_do_their_work() {
    let files = [
        (
            "main.c",
            "#include <stdio.h>\nint main(void) { puts(\"built\"); }\n",
        ),
        (
            "Makefile",
            "hello: main.c\n\tcc -o hello main.c\n\t./hello\n",
        ),
        (
            "Cargo.toml",
            "[package]\nname = \"hello\"\nedition = \"2021\"\n[workspace]\n",
        ),
        ("src/main.rs", "fn main() { println!(\"built\"); }\n"),
        (
            "work.py",
            "import json, ssl, sqlite3, subprocess, tempfile, concurrent.futures\n\
             with concurrent.futures.ThreadPoolExecutor() as pool:\n\
             \tprint(subprocess.check_output(['echo', next(pool.map(str, ['built']))]).decode())\n",
        ),
        (
            "work.js",
            "const {execFileSync} = require('child_process');\n\
             setTimeout(() => console.log(execFileSync('echo', ['built']).toString()), 1);\n",
        ),
        (
            "package.json",
            "{\"name\":\"x\",\"version\":\"1.0.0\",\"scripts\":{\"build\":\"node work.js\"}}",
        ),
    ];
    behind_walls(|walls| {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("src")).expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        for (name, arguments, expected) in [
            ("cc", &["-o", "program", "main.c"][..], ""),
            ("make", &[], "built"),
            ("cargo", &["run", "--quiet"], "built"),
            ("python", &["work.py"], "built"),
            ("node", &["work.js"], "built"),
            ("npm", &["run", "build"], "built"),
            ("git", &["init", "--quiet", "repository"], ""),
            ("git", &["-C", "repository", "status"], "No commits yet"),
        ] {
            let Some(launch) = launch(walls, folder.path(), name, arguments) else {
                continue;
            };
            let (end, stdout, stderr) = run(launch);
            assert_eq!(end.exit, Exit::Code(0), "{name}: {stdout} {stderr}");
            assert!(stdout.contains(expected), "{name}: {stdout} {stderr}");
        }
    });
}
