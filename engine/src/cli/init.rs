//! Init: a first pipeline, from what lies in the repository.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::Exit;
use super::arguments::InitArguments;
use super::environment::Environment;
use super::facts;
use super::failure::Failure;

pub(super) fn main(arguments: &InitArguments, environment: &Environment) -> Result<Exit, Failure> {
    let entries = std::fs::read_dir(&environment.directory).map_err(|error| {
        let directory = environment.directory.display();
        Failure::new(Exit::Usage, format!("{directory} cannot be read: {error}"))
    })?;
    let names: Vec<String> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let root = facts::repository_root(&environment.directory);
    let git = root.as_deref().and_then(facts::git_facts);
    let folder = root.or_else(|| environment.directory.canonicalize().ok());
    let folder = folder.as_deref().and_then(Path::file_name);
    let name = name_of(&folder.unwrap_or_default().to_string_lossy());
    let text = propose(&name, &names, git.and_then(|git| git.branch).as_deref());
    if arguments.stdout {
        environment.print(&text);
        return Ok(Exit::Success);
    }
    let path = environment.path(&arguments.file);
    write_new(&path, &text).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
    let file = arguments.file.display();
    environment.tell(&format!(
        "wrote {file}; try  engine plan {file}  and  engine run {file}\n"
    ));
    Ok(Exit::Success)
}

/// The pipeline cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum InitError {
    /// There is something already, and it stays as it is.
    #[error("`{0}` exists; it is never overwritten")]
    Exists(PathBuf),
    /// The file system refuses it.
    #[error("cannot write `{path}`: {error}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Writes a file that does not exist yet.
pub(super) fn write_new(path: &Path, text: &str) -> Result<(), InitError> {
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => InitError::Exists(path.to_owned()),
        _ => InitError::Write {
            path: path.to_owned(),
            error,
        },
    };
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// How one kind of project is built.
struct Recipe {
    /// The file that tells the kind.
    file: &'static str,
    /// What a person calls the kind.
    kind: &'static str,
    /// The tools, each with the hosts that it needs.
    tools: &'static [(&'static str, &'static [&'static str])],
    /// The commands, for the files that lie beside it.
    commands: fn(&[&str]) -> Vec<Vec<&'static str>>,
    /// What the author ought to know.
    remark: &'static str,
}

/// In the order in which they are looked for: what names a language first.
const RECIPES: [Recipe; 5] = [
    Recipe {
        file: "Cargo.toml",
        kind: "Rust",
        tools: &[("cargo", &[])],
        commands: |files| {
            let locked = files.contains(&"Cargo.lock");
            let with_lock = |mut command: Vec<&'static str>| {
                command.extend(locked.then_some("--locked"));
                command
            };
            vec![
                with_lock(vec!["cargo", "build"]),
                with_lock(vec!["cargo", "test"]),
            ]
        },
        remark: "No network: `cargo fetch` once on this machine brings the dependencies.",
    },
    Recipe {
        file: "go.mod",
        kind: "Go",
        tools: &[("go", &[])],
        commands: |_| vec![vec!["go", "build", "./..."], vec!["go", "test", "./..."]],
        remark: "No network: `go mod download` once on this machine brings the dependencies.",
    },
    Recipe {
        file: "package.json",
        kind: "Node",
        tools: &[("npm", &[]), ("node", &[])],
        commands: |files| {
            let locked = files.contains(&"package-lock.json");
            let install = if locked { "ci" } else { "install" };
            vec![vec!["npm", install], vec!["npm", "test"]]
        },
        remark: "npm installs from its registry: this version cannot hold it off the network, nor to one host.",
    },
    Recipe {
        file: "pyproject.toml",
        kind: "Python",
        tools: &[("python", &[])],
        commands: |files| {
            let mut commands = vec![vec!["python", "-m", "compileall", "-q", "."]];
            if files.contains(&"tests") {
                commands.push(vec!["python", "-m", "unittest", "discover", "-s", "tests"]);
            }
            commands
        },
        remark: "No network: what the tests import must be installed on this machine.",
    },
    Recipe {
        file: "Makefile",
        kind: "Make",
        tools: &[("make", &[])],
        commands: |_| vec![vec!["make"]],
        remark: "make starts what its rules name; grant those tools too where they lie elsewhere.",
    },
];

/// The name of a pipeline, after the folder of its repository: what is the same in
/// every notation, and one word where nothing is.
fn name_of(folder: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let words: Vec<&str> = folder
        .split(|c| !plain(c))
        .filter(|it| !it.is_empty())
        .collect();
    let name: String = words.join("-").chars().take(100).collect();
    if name.chars().any(|c| c.is_ascii_alphanumeric()) {
        name
    } else {
        "pipeline".to_owned()
    }
}

/// A first pipeline for a repository with these files at its root: checks the
/// branch, fetches it, builds it. `branch` is the branch that is built unless
/// the invoker says otherwise; none leaves the choice to the repository's HEAD.
pub(super) fn propose(name: &str, files: &[&str], branch: Option<&str>) -> String {
    let found: Vec<&Recipe> = RECIPES
        .iter()
        .filter(|recipe| files.contains(&recipe.file))
        .collect();
    // A branch may be called anything; only a name that is the same in every
    // notation is written down.
    let branch = branch.filter(|name| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | '-');
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(plain)
    });
    let mut text = String::from(HEAD);
    let _ = writeln!(text, "name: \"{name}\"");
    if let Some(branch) = branch {
        let _ = write!(
            text,
            "\ninputs:\n  branch: {{ type: string, default: \"{branch}\", description: The branch to build }}\n"
        );
    }
    text.push_str("\nstages:\n");
    text.push_str(BRANCH_CHECK);
    if branch.is_some() {
        text.push_str("      branch: \"${{ inputs.branch }}\"\n");
    }
    text.push_str(BRANCH_CHECK_GRANTS);
    text.push_str(FETCH);
    match found.first() {
        Some(recipe) => {
            build(recipe, files, &mut text);
            for other in &found[1..] {
                let file = other.file;
                let _ = writeln!(text, "\n  # There is a {file} too: add a stage for it.");
            }
        }
        None => text.push_str(BUILD_OF_ANYTHING),
    }
    text
}

const HEAD: &str = r"# Checks a branch of this repository, fetches it, builds it.
#
#   engine validate   is it right?
#   engine plan       what would happen, and what may it touch?
#   engine run        do it
#
# A stage can do nothing that `capabilities` does not grant it.
version: 1
";

const BRANCH_CHECK: &str = r#"  # Fails when the branch is missing. More rules: `allow`, `deny`, `up-to-date-with`.
  branch_check:
    uses: builtin:branch-check
    with:
      repository: "."               # this repository; a URL works too
"#;

const BRANCH_CHECK_GRANTS: &str = r#"    capabilities:
      git: { list: ["."] }
"#;

const FETCH: &str = r#"
  # Checks out exactly the commit that was checked above, into `src`.
  fetch:
    uses: builtin:fetch
    needs: [branch_check]
    with:
      repository: "."
      ref: "${{ stages.branch_check.outputs.ref }}"
      expect: "${{ stages.branch_check.outputs.commit }}"
      path: src
    capabilities:
      git: { fetch: ["."] }
      workspace: { write: [src] }
"#;

const BUILD_OF_ANYTHING: &str = r#"
  # Nothing here says how to build it: name a tool and what it shall do.
  build:
    uses: builtin:build
    needs: [fetch]
    with:
      working-directory: src
      commands:
        - ["git", "--version"]
    capabilities:
      workspace: { read: [src] }
      exec:
        - { tool: git, network: none }
    timeout: 15m
"#;

fn build(recipe: &Recipe, files: &[&str], text: &mut String) {
    let _ = write!(
        text,
        "\n  # {kind}, for there is a {file}.\n  # {remark}\n  build:\n    uses: builtin:build\n    \
         needs: [fetch]\n    with:\n      working-directory: src\n      commands:\n",
        kind = recipe.kind,
        file = recipe.file,
        remark = recipe.remark,
    );
    for command in (recipe.commands)(files) {
        let _ = writeln!(text, "        - [{}]", quoted(&command));
    }
    text.push_str("    capabilities:\n      workspace: { write: [src] }\n      exec:\n");
    for (tool, hosts) in recipe.tools {
        let network = match hosts {
            [] => "none".to_owned(),
            hosts => format!("[{}]", hosts.join(", ")),
        };
        let _ = writeln!(text, "        - {{ tool: {tool}, network: {network} }}");
    }
    text.push_str("    timeout: 15m\n");
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::{InitError, name_of, propose, write_new};
    use crate::spec::Spec;

    fn parsed(text: &str) -> Spec {
        crate::spec::parse(text)
            .0
            .expect("the proposal is a pipeline")
    }

    /// The commands of a proposal, each written as a list on a line of its own.
    fn commands(text: &str) -> Vec<Vec<String>> {
        let lists = text
            .lines()
            .filter_map(|line| line.trim().strip_prefix("- ["));
        lists
            .map(|list| serde_json::from_str(&format!("[{list}")).expect("a list of words"))
            .collect()
    }

    #[test]
    fn a_proposal_builds_what_is_there() {
        assert_snapshot!(
            "init_rust",
            propose(
                "shop-api",
                &["Cargo.toml", "Cargo.lock", "Makefile"],
                Some("main")
            )
        );
        assert_snapshot!("init_nothing", propose("shop-api", &[], None));
    }

    #[test]
    fn each_kind_of_project_gets_its_tools_and_commands() {
        let table: [(&[&str], &str, &str); 7] = [
            (&["Cargo.toml"], "cargo", "cargo build; cargo test"),
            (
                &["Cargo.toml", "Cargo.lock"],
                "cargo",
                "cargo build --locked; cargo test --locked",
            ),
            (&["go.mod"], "go", "go build ./...; go test ./..."),
            (&["package.json"], "npm node", "npm install; npm test"),
            (
                &["package-lock.json", "package.json"],
                "npm node",
                "npm ci; npm test",
            ),
            (
                &["pyproject.toml", "tests"],
                "python",
                "python -m compileall -q .; python -m unittest discover -s tests",
            ),
            (&["Makefile"], "make", "make"),
        ];
        for (files, tools, expected) in table {
            let text = propose("x", files, None);
            let spec = parsed(&text);
            let build = spec.stages.iter().find(|stage| stage.id.value == "build");
            let exec = &build.expect("a stage that builds").capabilities.exec;
            let granted: Vec<&str> = exec.iter().map(|tool| tool.tool.value.as_str()).collect();
            assert_eq!(granted.join(" "), tools, "{files:?}");
            let written = commands(&text);
            for words in &written {
                assert!(granted.contains(&words[0].as_str()), "{words:?} is granted");
            }
            let written: Vec<String> = written.iter().map(|words| words.join(" ")).collect();
            assert_eq!(written.join("; "), expected, "{files:?}");
        }
    }

    #[test]
    fn every_proposal_is_right_by_our_own_rules() {
        let kinds = [
            "Cargo.toml",
            "go.mod",
            "package.json",
            "pyproject.toml",
            "Makefile",
            "x",
        ];
        for kind in kinds {
            for branch in [None, Some("main")] {
                let text = propose("x", &[kind, "tests"], branch);
                let (spec, mut found) = crate::spec::parse(&text);
                let spec = spec.unwrap_or_else(|| panic!("{kind}: {found:?}"));
                found.extend(crate::spec::check(&spec, &text));
                assert_eq!(found, [], "{kind}:\n{text}");
            }
        }
    }

    #[test]
    fn a_branch_that_means_something_else_in_yaml_or_here_is_left_out() {
        for branch in ["main", "release/1.4", "9-fix"] {
            let text = propose("x", &[], Some(branch));
            assert_eq!(parsed(&text).inputs.len(), 1, "{branch:?}");
            assert!(text.contains(branch), "{branch:?}");
        }
        for branch in [
            "${{ secrets.x }}",
            "a\"b",
            "a\nb",
            "-x",
            "",
            "caf\u{e9}",
            "a\u{202e}b",
        ] {
            assert!(
                parsed(&propose("x", &[], Some(branch))).inputs.is_empty(),
                "{branch:?}"
            );
        }
    }

    #[test]
    fn a_pipeline_is_called_like_the_folder_of_its_repository() {
        for (folder, name) in [
            ("shop-api", "shop-api"),
            ("My Shop (2)", "My-Shop-2"),
            ("caf\u{e9}", "caf"),
            ("yes", "yes"),
            ("a\"b\n", "a-b"),
            ("\u{202e}", "pipeline"),
            ("---", "pipeline"),
            ("", "pipeline"),
        ] {
            let found = name_of(folder);
            assert_eq!(found, name);
            let spec = parsed(&propose(&found, &[], None));
            assert_eq!(spec.name.expect("a name").value, name);
        }
    }

    #[test]
    fn what_exists_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("pipeline.yaml");
        write_new(&path, "first").expect("there was nothing");
        assert!(matches!(
            write_new(&path, "second"),
            Err(InitError::Exists(_))
        ));
        assert_eq!(
            std::fs::read_to_string(&path).expect("it is there"),
            "first"
        );
        let nowhere = folder.path().join("no/pipeline.yaml");
        assert!(matches!(
            write_new(&nowhere, "x"),
            Err(InitError::Write { .. })
        ));
    }
}
