//! Artifact: what must be there when the tools are done, and how large it is.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use engine_sdk::Failure;
use serde::Serialize;

use crate::glob::{Glob, Verdict};

/// Files and folders looked at in all; the engine's own limit for a checkout.
const ENTRIES: u64 = 500_000;
/// Folders in folders. Tools wrote the tree: it is not to be trusted.
const DEPTH: usize = 100;
/// Paths that one pattern may report: outputs are small (1 MiB in all).
const REPORTED: usize = 1000;

/// Something that the tools made.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Artifact {
    path: String,
    bytes: u64,
    files: u64,
}

/// One entry of the inputs.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    glob: Glob,
}

/// Checks the patterns of the inputs.
pub(crate) fn parse(texts: &[String]) -> Result<Vec<Pattern>, Failure> {
    texts
        .iter()
        .map(|text| match Glob::parse(text) {
            Ok(glob) => Ok(Pattern {
                text: text.clone(),
                glob,
            }),
            Err(reason) => Err(Failure::user_error(
                "build.artifact-invalid",
                format!("artifact `{}` {reason}", text.escape_debug()),
            )
            .hint("write a path below the workspace, such as `dist/app` or `dist/*.tar.gz`")),
        })
        .collect()
}

/// Everything that the patterns match below `root`, in the order of the
/// patterns and then of the paths. A pattern that matches nothing is a failure.
pub(crate) fn collect(root: &Path, patterns: &[Pattern]) -> Result<Vec<Artifact>, Failure> {
    let mut walk = Walk { entries: 0 };
    let mut found = Vec::new();
    for pattern in patterns {
        let paths = walk
            .matching(root, &pattern.glob)
            .map_err(|error| unreadable(&pattern.text, &error))?;
        if paths.is_empty() {
            return Err(missing(&pattern.text));
        }
        if paths.len() > REPORTED {
            return Err(Failure::user_error(
                "build.artifact-limit",
                format!("artifact `{}` matches {} paths", pattern.text, paths.len()),
            )
            .hint(format!(
                "name a folder instead; at most {REPORTED} are reported"
            )));
        }
        for path in paths {
            let artifact = walk
                .measure(root, &path)
                .map_err(|error| unreadable(&path, &error))?;
            found.push(artifact);
        }
    }
    Ok(found)
}

/// A look at a tree that ends.
struct Walk {
    entries: u64,
}

impl Walk {
    /// The paths that a pattern matches, sorted.
    fn matching(&mut self, root: &Path, glob: &Glob) -> io::Result<Vec<String>> {
        if let Some(path) = glob.literal() {
            let there = metadata(&root.join(&path))?.is_some();
            return Ok(there.then_some(path).into_iter().collect());
        }
        let mut found = Vec::new();
        let mut open = vec![glob.prefix().join("/")];
        while let Some(folder) = open.pop() {
            for (path, metadata) in self.list(root, &folder)? {
                let segments: Vec<&str> = path.split('/').collect();
                match glob.check(&segments) {
                    Verdict::Match => found.push(path),
                    Verdict::Below if metadata.is_dir() => open.push(path),
                    Verdict::Below | Verdict::No => {}
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// The sum of all files of a path. Links are counted, never followed.
    fn measure(&mut self, root: &Path, path: &str) -> io::Result<Artifact> {
        let mut artifact = Artifact {
            path: path.to_owned(),
            bytes: 0,
            files: 0,
        };
        let mut open = Vec::new();
        let Some(start) = metadata(&root.join(path))? else {
            return Err(io::ErrorKind::NotFound.into());
        };
        let mut next = Some((path.to_owned(), start));
        while let Some((path, metadata)) = next.take().or_else(|| open.pop()) {
            if metadata.is_dir() {
                open.extend(self.list(root, &path)?);
                continue;
            }
            artifact.files += 1;
            if metadata.is_file() {
                artifact.bytes = artifact.bytes.saturating_add(metadata.len());
            }
        }
        Ok(artifact)
    }

    fn list(&mut self, root: &Path, folder: &str) -> io::Result<Vec<(String, Metadata)>> {
        if folder.split('/').count() > DEPTH {
            return Err(io::Error::other(format!("folders are deeper than {DEPTH}")));
        }
        let entries = match fs::read_dir(root.join(folder)) {
            Ok(entries) => entries,
            // A pattern may begin with a folder that no tool made.
            Err(error) if nothing_there(&error) && !folder.is_empty() => return Ok(Vec::new()),
            // Mounted are the granted folders: the workspace itself is none.
            Err(error) if nothing_there(&error) => {
                return Err(io::Error::other(
                    "the workspace itself cannot be listed, begin with a folder",
                ));
            }
            Err(error) => return Err(error),
        };
        let mut listed = Vec::new();
        for entry in entries {
            self.entries += 1;
            if self.entries > ENTRIES {
                return Err(io::Error::other(format!(
                    "there are more than {ENTRIES} files"
                )));
            }
            let name = entry?.file_name();
            // A name that is no UTF-8 cannot be matched, reported or uploaded.
            let Some(name) = name.to_str() else {
                return Err(io::Error::other(format!(
                    "a name is not UTF-8: {}",
                    name.display()
                )));
            };
            let path = if folder.is_empty() {
                name.to_owned()
            } else {
                format!("{folder}/{name}")
            };
            if let Some(metadata) = metadata(&root.join(&path))? {
                listed.push((path, metadata));
            }
        }
        Ok(listed)
    }
}

/// What is at a path itself, not behind a link; none where nothing is.
fn metadata(path: &PathBuf) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if nothing_there(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn nothing_there(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn missing(text: &str) -> Failure {
    Failure::work_failed(
        "build.artifact-missing",
        format!("the commands left no `{}`", text.escape_debug()),
    )
    .hint(
        "artifacts are named from the workspace, not from `working-directory`, \
         and lie in a folder that `workspace:` grants",
    )
}

fn unreadable(text: &str, error: &io::Error) -> Failure {
    Failure::work_failed(
        "build.artifact-unreadable",
        format!(
            "artifact `{}` cannot be measured: {error}",
            text.escape_debug()
        ),
    )
    .hint("grant its folder with `workspace: { read: [...] }` or `write`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, bytes: usize) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("created");
        fs::write(path, vec![0; bytes]).expect("written");
    }

    fn collected(root: &Path, texts: &[&str]) -> Result<Vec<(String, u64, u64)>, Failure> {
        let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
        let artifacts = collect(root, &parse(&texts)?)?;
        Ok(artifacts
            .into_iter()
            .map(|found| (found.path, found.bytes, found.files))
            .collect())
    }

    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        write(root.path(), "dist/app", 10);
        write(root.path(), "dist/lib/a.so", 3);
        write(root.path(), "dist/lib/deep/b.so", 4);
        write(root.path(), "dist/z.tar.gz", 5);
        write(root.path(), "dist/a.tar.gz", 6);
        root
    }

    #[test]
    fn files_folders_and_patterns_are_measured() {
        let root = tree();
        let found = collected(root.path(), &["dist/app", "dist/lib", "dist/*.tar.gz"]);
        let expected = [
            ("dist/app", 10, 1),
            ("dist/lib", 7, 2),
            ("dist/a.tar.gz", 6, 1),
            ("dist/z.tar.gz", 5, 1),
        ];
        let expected = expected.map(|(path, bytes, files)| (path.to_owned(), bytes, files));
        assert_eq!(found.expect("all there"), expected);
    }

    #[test]
    fn a_double_star_reaches_every_depth() {
        let root = tree();
        let found = collected(root.path(), &["**/*.so"]).expect("there");
        let paths: Vec<&str> = found.iter().map(|(path, ..)| path.as_str()).collect();
        assert_eq!(paths, ["dist/lib/a.so", "dist/lib/deep/b.so"]);
    }

    #[test]
    fn what_is_not_there_fails_the_stage() {
        let root = tree();
        for text in [
            "dist/nothing",
            "dist/*.zip",
            "absent/*",
            "dist/app/x",
            "dist/app/*",
        ] {
            let failure = collected(root.path(), &[text]).expect_err(text);
            assert_eq!(failure.code, "build.artifact-missing", "{text}");
        }
    }

    #[test]
    fn a_pattern_needs_a_folder_that_can_be_listed() {
        let root = tree();
        let failure = collected(&root.path().join("absent"), &["*/app"]).expect_err("no folder");
        assert_eq!(failure.code, "build.artifact-unreadable");
        assert!(failure.message.contains("begin with a folder"), "{failure}");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_counted_and_not_followed() {
        let root = tree();
        std::os::unix::fs::symlink("..", root.path().join("dist/lib/loop")).expect("linked");
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("dist/out")).expect("linked");
        let found = collected(root.path(), &["dist/lib", "dist/out"]).expect("there");
        assert_eq!(found[0], ("dist/lib".to_owned(), 7, 3));
        assert_eq!(found[1], ("dist/out".to_owned(), 0, 1));
    }

    #[test]
    fn an_empty_folder_is_an_artifact_without_files() {
        let root = tree();
        fs::create_dir(root.path().join("dist/empty")).expect("created");
        let found = collected(root.path(), &["dist/empty"]).expect("there");
        assert_eq!(found, [("dist/empty".to_owned(), 0, 0)]);
    }
}
