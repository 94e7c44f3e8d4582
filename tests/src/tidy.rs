//! Tidy: rules of the house that the compiler does not keep.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// All Rust sources below a folder, with their text.
pub(crate) fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut open = vec![workspace().join(folder)];
    let mut found = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("a folder of the workspace") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// The code of a file: no comments, and nothing from its tests on.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The module below `engine/src` that a file belongs to.
fn room(path: &Path) -> String {
    let inside = path
        .strip_prefix(workspace().join("engine/src"))
        .expect("a source of the engine");
    let first = inside
        .components()
        .next()
        .expect("a file")
        .as_os_str()
        .to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    name == "tests"
        || name.ends_with("_tests")
        || path.components().any(|part| part.as_os_str() == "tests")
}

/// From the ground up; rooms of one floor never see each other.
const FLOORS: [&[&str]; 9] = [
    &["model"],
    &["spec", "policy"],
    &["plan"],
    &["store"],
    &["egress", "sandbox"],
    &["capability"],
    &["runtime"],
    &["run", "report"],
    &["cli"],
];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn a_module_uses_only_lower_floors() {
    let mut wrong = Vec::new();
    for (path, text) in sources("engine/src") {
        let own = room(&path);
        let Some(own_floor) = floor(&own) else {
            continue;
        };
        let text = code(&text);
        for (at, _) in text.match_indices("crate::") {
            let rest = &text[at + "crate::".len()..];
            let used: Vec<&str> = match rest.strip_prefix('{') {
                Some(group) => group
                    .split('}')
                    .next()
                    .unwrap_or_default()
                    .split(',')
                    .collect(),
                None => vec![rest],
            };
            for used in used {
                let word: String = used
                    .trim()
                    .chars()
                    .take_while(|c| c.is_ascii_lowercase() || *c == '_')
                    .collect();
                if let Some(used_floor) = floor(&word)
                    && word != own
                    && used_floor >= own_floor
                {
                    wrong.push(format!("{}: {own} uses {word}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_its_own_room_knows_a_foreign_library() {
    let rules: [(&str, &[&str]); 6] = [
        ("wasmtime::", &["runtime", "capability"]),
        ("wasmtime_wasi", &["runtime", "capability"]),
        ("gix::", &["capability"]),
        ("clap::", &["cli"]),
        ("rusqlite::", &["store"]),
        ("TcpStream::connect", &["egress"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources("engine/src") {
        let text = code(&text);
        for (library, rooms) in rules {
            if text.contains(library) && !rooms.contains(&room(&path).as_str()) && !is_test(&path) {
                wrong.push(format!("{} names {library}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where code in some rooms has words that it shall not have.
fn places_of(words: &[&str], is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for (path, text) in sources("engine/src") {
        if !is_meant(&room(&path)) || is_test(&path) {
            continue;
        }
        let text = code(&text);
        let found = words.iter().filter(|word| text.contains(**word));
        places.extend(found.map(|word| format!("{} has {word}", path.display())));
    }
    places
}

#[test]
fn only_the_top_reads_the_environment_or_prints() {
    let words = [
        "std::env::var",
        "env::var(",
        "println!",
        "eprintln!",
        "process::exit",
    ];
    let wrong = places_of(&words, |room| !matches!(room, "cli" | "report" | "main"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_lower_floors_do_no_input_or_output() {
    let words = [
        "std::fs::",
        "std::net::Tcp",
        "std::net::Udp",
        "std::process",
        "async fn",
        "tokio::",
    ];
    let wrong = places_of(&words, |room| {
        matches!(room, "model" | "spec" | "policy" | "plan")
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_capability_has_its_file_and_its_section() {
    let page = fs::read_to_string(workspace().join("docs/capabilities.md")).expect("the page");
    for capability in ["git", "http", "exec", "workspace", "secrets"] {
        let file = workspace().join(format!("engine/src/capability/{capability}"));
        let there = file.is_dir() || file.with_extension("rs").is_file();
        assert!(there, "{} is missing", file.display());
        assert!(
            page.contains(&format!("## `{capability}`")),
            "docs/capabilities.md lacks {capability}"
        );
    }
}

/// The dotted codes of the host that a text has between quotes.
fn host_codes(text: &str) -> BTreeSet<String> {
    let groups = [
        "limit.", "denied.", "host.", "git.", "http.", "exec.", "plugin.",
    ];
    let mut codes = BTreeSet::new();
    for group in groups {
        for (at, _) in text.match_indices(&format!("\"{group}")) {
            let quoted = text[at + 1..].split('"').next().unwrap_or_default();
            let rest = &quoted[group.len()..];
            if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-') {
                codes.insert(quoted.to_owned());
            }
        }
    }
    codes
}

#[test]
fn every_code_that_the_host_can_emit_is_in_the_list_and_every_listed_one_is_emitted() {
    let all = sources("engine/src");
    let (mut listed, mut emitted) = (BTreeSet::new(), BTreeSet::new());
    for (path, text) in &all {
        if path.ends_with("model/host_code.rs") {
            listed = host_codes(text);
        } else if matches!(
            room(path).as_str(),
            "capability" | "egress" | "runtime" | "run" | "store" | "sandbox"
        ) && !is_test(path)
        {
            emitted.extend(host_codes(
                text.split("#[cfg(test)]").next().unwrap_or_default(),
            ));
        }
    }
    let unlisted: Vec<_> = emitted.difference(&listed).collect();
    assert!(
        unlisted.is_empty(),
        "add to model/host_code.rs and docs/errors.md: {unlisted:?}"
    );
    let unused: Vec<_> = listed.difference(&emitted).collect();
    assert!(unused.is_empty(), "nothing emits: {unused:?}");
}

#[test]
fn every_guest_is_used_by_a_test_and_every_plugin_has_its_page() {
    let tests: String = sources("tests/src")
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    let benches: String = sources("engine/benches")
        .into_iter()
        .map(|(_, text)| text)
        .collect();
    for entry in fs::read_dir(workspace().join("tests/plugins")).expect("the guests") {
        let name = entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned();
        let used =
            tests.contains(&format!("\"{name}\"")) || benches.contains(&format!("guest-{name}"));
        assert!(used, "no test uses the guest {name}");
    }
    for plugin in ["branch-check", "fetch", "build", "notify"] {
        let page = workspace().join("plugins").join(plugin).join("README.md");
        assert!(page.is_file(), "{} is missing", page.display());
    }
}

#[test]
fn plugins_never_depend_on_the_engine() {
    for entry in fs::read_dir(workspace().join("plugins")).expect("the plugins") {
        let manifest = entry.expect("an entry").path().join("Cargo.toml");
        let Ok(text) = fs::read_to_string(&manifest) else {
            continue;
        };
        let depends = text
            .lines()
            .any(|line| line.starts_with("engine ") || line.starts_with("engine="));
        assert!(!depends, "{} depends on the engine", manifest.display());
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut wrong = Vec::new();
    for folder in ["engine/src", "plugins", "tests"] {
        for (path, text) in sources(folder) {
            if !text.starts_with("//! ") && !path.to_string_lossy().contains("/target/") {
                wrong.push(path.display().to_string());
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "no `//! Noun: what it is for.` in\n{}",
        wrong.join("\n")
    );
}

#[test]
fn modules_hold_no_logic_and_no_glob_exports() {
    let mut wrong = Vec::new();
    for (path, text) in sources("engine/src") {
        let text = code(&text);
        if text.contains("pub use") && text.contains("::*;") {
            wrong.push(format!("{} re-exports with a glob", path.display()));
        }
        if path.ends_with("mod.rs") && (text.contains("\nfn ") || text.contains("\npub fn ")) {
            wrong.push(format!("{} has a function", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn words_that_mean_nothing_name_no_file() {
    let words = [
        "manager", "helper", "util", "utils", "handler", "common", "misc", "imp",
    ];
    for folder in ["engine/src", "plugins", "tests/src"] {
        for (path, _) in sources(folder) {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            assert!(
                !words.contains(&name.as_str()),
                "{} is named {name}",
                path.display()
            );
        }
    }
}
