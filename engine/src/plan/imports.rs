//! Imports: the interfaces that this engine can serve.

use super::index::{ImportedFunction, PluginFacts};
use crate::policy::Grants;

/// A package, the version that is served, the highest patch, and the interfaces;
/// no interfaces stand for all of the package.
type Served = (&'static str, (u32, u32), u32, &'static [&'static str]);

/// All packages that are served.
const KNOWN: [Served; 11] = [
    ("engine:stage", (0, 1), 0, &["context", "report", "types"]),
    (
        "engine:git",
        (0, 1),
        0,
        &["checkout", "history", "remote", "types"],
    ),
    ("engine:secrets", (0, 1), 0, &["reveal", "store"]),
    ("engine:exec", (0, 1), 0, &["process"]),
    ("wasi:io", (0, 2), 12, &[]),
    ("wasi:clocks", (0, 2), 12, &[]),
    ("wasi:random", (0, 2), 12, &[]),
    ("wasi:cli", (0, 2), 12, &[]),
    ("wasi:filesystem", (0, 2), 12, &[]),
    ("wasi:http", (0, 2), 12, &[]),
    ("wasi:sockets", (0, 2), 12, &[]),
];

/// Why an import cannot be served.
pub(super) fn unknown(import: &ImportedFunction) -> Option<String> {
    unknown_import(&import.interface)
}

/// Why an interface, as a component names it, cannot be served; none if it can.
pub fn unknown_import(interface: &str) -> Option<String> {
    // The names come from the component: guest-controlled.
    let name = shown(interface);
    let parsed = parse(interface);
    let Some((package, interface, version)) = parsed else {
        return Some(format!(
            "`{name}`, which is not an interface with a version"
        ));
    };
    let known = KNOWN.iter().find(|(known, ..)| *known == package);
    let Some((_, (major, minor), patch, interfaces)) = known else {
        return Some(format!(
            "`{name}`, of a package that this engine does not know"
        ));
    };
    if !interfaces.is_empty() && !interfaces.contains(&interface) {
        return Some(format!("`{name}`, which this engine does not serve"));
    }
    if (version.0, version.1) != (*major, *minor) || version.2 > *patch {
        let served = format!("{major}.{minor}.{patch}");
        return Some(format!(
            "`{name}`; this engine serves {package} up to {served}"
        ));
    }
    None
}

fn parse(interface: &str) -> Option<(&str, &str, (u32, u32, u32))> {
    let (name, version) = interface.split_once('@')?;
    let (package, interface) = name.split_once('/')?;
    let mut numbers = version.split('.').map(str::parse::<u32>);
    let mut next = || numbers.next()?.ok();
    let version = (next()?, next()?, next()?);
    numbers
        .next()
        .is_none()
        .then_some((package, interface, version))
}

/// A guest-controlled name, fit for one line.
pub(super) fn shown(name: &str) -> String {
    name.chars()
        .take(128)
        .flat_map(char::escape_debug)
        .collect()
}

/// What is granted and the plugin has no way to use.
pub(super) fn unusable(grants: &Grants, plugin: &PluginFacts) -> Vec<&'static str> {
    let Grants {
        git,
        http,
        exec,
        workspace,
        secrets: _,
    } = grants;
    let mut unusable = Vec::new();
    let git_used = ["engine:git/remote", "engine:git/checkout"];
    if git.is_some() && !git_used.iter().any(|it| plugin.imports(it)) {
        unusable.push("git");
    }
    if http.is_some() && !plugin.imports("wasi:http/outgoing-handler") {
        unusable.push("http");
    }
    if exec.is_some() && !plugin.imports("engine:exec/process") {
        unusable.push("exec");
    }
    let folders_used = [
        "wasi:filesystem/types",
        "engine:git/checkout",
        "engine:git/history",
        "engine:exec/process",
    ];
    if workspace.is_some() && !folders_used.iter().any(|it| plugin.imports(it)) {
        unusable.push("workspace");
    }
    unusable
}

#[cfg(test)]
mod tests {
    use super::{ImportedFunction, unknown};

    /// Row A24, A25: packages, versions and spellings that nobody serves.
    #[test]
    fn only_packages_and_versions_that_are_served_are_known() {
        for (interface, known) in [
            ("engine:stage/context@0.1.0", true),
            ("engine:stage/context@0.2.0", false),
            ("engine:stage/context@0.1.1", false),
            ("engine:git/remote@0.1.0", true),
            ("engine:git/push@0.1.0", false),
            ("engine:secrets/reveal@0.1.0", true),
            ("wasi:io/poll@0.2.0", true),
            ("wasi:io/poll@0.2.12", true),
            ("wasi:io/poll@0.2.13", false),
            ("wasi:io/poll@0.3.0", false),
            ("wasi:sockets/tcp@0.2.3", true),
            ("wasi:keyvalue/store@0.2.0-draft", false),
            ("wasi:io/poll", false),
            ("env", false),
            ("", false),
        ] {
            let import = ImportedFunction {
                interface: interface.to_owned(),
                function: "f".to_owned(),
            };
            assert_eq!(unknown(&import).is_none(), known, "{interface}");
        }
    }
}
