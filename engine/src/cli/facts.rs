//! Facts: what is known of the machine and the repository, gathered once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::environment::Environment;
use crate::capability::git;
use crate::plan::{Facts, GitFacts, ToolFacts};
use crate::sandbox::{self, Surroundings};
use crate::spec::{Occurrence, Spec};

/// Gathers the facts that a plan rests on. After it nothing reads the
/// environment.
pub(super) fn gather(
    parsed: &Spec,
    directory: &Path,
    inputs: BTreeMap<String, Value>,
    event: Option<Occurrence>,
    environment: &Environment,
) -> Facts {
    let root = repository_root(directory);
    let search_path = search_path(environment);
    let surroundings = surroundings(environment);
    let tools = parsed.tools().into_iter().map(|name| {
        // A program in the repository at hand is not the tool that was granted.
        let workspaces: Vec<PathBuf> = root.iter().cloned().collect();
        let facts = match sandbox::resolve(name, &search_path, &surroundings, &workspaces) {
            Ok(tool) => ToolFacts {
                path: Some(tool.path.display().to_string()),
                digest: Some(tool.digest),
            },
            Err(error) => {
                tracing::debug!(%error, name, "a tool is not there");
                ToolFacts {
                    path: None,
                    digest: None,
                }
            }
        };
        (name.to_owned(), facts)
    });
    Facts {
        inputs,
        tools: tools.collect(),
        git: root.and_then(|root| git_facts(&root)),
        trigger: match &event {
            Some(event) => event.trigger.as_str().to_owned(),
            None => "cli".to_owned(),
        },
        // The files have done their work, and may be many.
        event: event.map(|event| Occurrence {
            files: None,
            ..event
        }),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
    }
}

/// The repository that holds a directory: the nearest one with a `.git`.
pub(super) fn repository_root(directory: &Path) -> Option<PathBuf> {
    let directory = directory.canonicalize().ok()?;
    directory
        .ancestors()
        .find(|path| path.join(".git").exists())
        .map(Path::to_owned)
}

/// HEAD of a repository; none before its first commit.
pub(super) fn git_facts(root: &Path) -> Option<GitFacts> {
    let head = git::head(root)?;
    Some(GitFacts {
        branch: head.branch,
        short_sha: head.commit.chars().take(8).collect(),
        sha: head.commit,
        root: root.display().to_string(),
    })
}

/// The folders in which tools are looked for.
pub(super) fn search_path(environment: &Environment) -> Vec<PathBuf> {
    let path = environment
        .variable("PATH")
        .unwrap_or_else(|| "/usr/bin:/bin".to_owned());
    std::env::split_paths(&path).collect()
}

/// The folders of the user that tools keep things in.
pub(super) fn surroundings(environment: &Environment) -> Surroundings {
    let folder = |name| environment.variable(name).map(PathBuf::from);
    Surroundings {
        home: folder("HOME"),
        cargo_home: folder("CARGO_HOME"),
        rustup_home: folder("RUSTUP_HOME"),
    }
}
