//! Tip: the branch that is meant, and where it stands, among a remote's refs.

use engine_sdk::Failure;
use engine_sdk::git::RemoteRef;

use crate::near;

/// Where branches live.
pub(crate) const HEADS: &str = "refs/heads/";

/// The longest name that is shown whole.
const SHOWN_CHARS: usize = 120;

/// A branch of a remote.
#[derive(Debug)]
pub(crate) struct Tip<'r> {
    /// Its short name.
    pub(crate) branch: &'r str,
    /// Its commit.
    pub(crate) commit: &'r str,
    /// The short name of the branch that it only stands for.
    pub(crate) stands_for: Option<&'r str>,
}

impl<'r> Tip<'r> {
    /// The branch of that name, or without a name the one of the remote's
    /// `HEAD`.
    pub(crate) fn find(refs: &'r [RemoteRef], branch: Option<&str>) -> Result<Self, Failure> {
        if branches(refs).next().is_none() {
            return Err(Failure::user_error(
                "branch.repository-empty",
                "the repository has no branches",
            )
            .hint("push a first commit to it"));
        }
        let branch = match branch {
            Some(branch) => branch,
            None => head(refs)?,
        };
        let Some((name, found)) = branches(refs).find(|(name, _)| *name == branch) else {
            return Err(missing(refs, branch));
        };
        Ok(Self {
            branch: name,
            commit: found.commit(),
            stands_for: found
                .symref_target
                .as_deref()
                .and_then(|target| target.strip_prefix(HEADS)),
        })
    }
}

/// The short name of a branch, which may be given in full.
pub(crate) fn branch_name(text: &str) -> Result<&str, Failure> {
    let name = text.strip_prefix(HEADS).unwrap_or(text);
    if name.is_empty() || name == "HEAD" {
        return Err(
            Failure::user_error("branch.name-invalid", "this is no name of a branch")
                .hint("leave `branch` out to mean the remote's default branch"),
        );
    }
    if name.starts_with("refs/") {
        return Err(Failure::user_error(
            "branch.name-invalid",
            format!("{} is no branch", quoted(name)),
        )
        .hint(format!("name a branch, such as `main` or `{HEADS}main`")));
    }
    Ok(name)
}

/// The branch that the remote's `HEAD` stands for, if it stands for one.
pub(crate) fn default_branch(refs: &[RemoteRef]) -> Option<&str> {
    let head = refs.iter().find(|found| found.name == "HEAD")?;
    head.symref_target.as_deref()?.strip_prefix(HEADS)
}

/// A name in backticks. Names come from the remote: control characters are
/// escaped and long ones are cut.
pub(crate) fn quoted(name: &str) -> String {
    let mut shown: String = name
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if name.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The beginning of an object id.
pub(crate) fn short(oid: &str) -> &str {
    oid.get(..12).unwrap_or(oid)
}

fn branches(refs: &[RemoteRef]) -> impl Iterator<Item = (&str, &RemoteRef)> {
    refs.iter()
        .filter_map(|found| Some((found.name.strip_prefix(HEADS)?, found)))
}

fn head(refs: &[RemoteRef]) -> Result<&str, Failure> {
    if let Some(branch) = default_branch(refs) {
        return Ok(branch);
    }
    let failure = if refs.iter().any(|found| found.name == "HEAD") {
        Failure::user_error(
            "branch.head-detached",
            "the remote's HEAD is detached: it names no branch",
        )
    } else {
        Failure::user_error(
            "branch.head-missing",
            "the remote's HEAD names a branch that does not exist",
        )
    };
    Err(failure.hint("say which branch is meant with `branch:`"))
}

fn missing(refs: &[RemoteRef], branch: &str) -> Failure {
    let near = near::suggest(branch, branches(refs).map(|(name, _)| name));
    let hint = if near.is_empty() {
        let count = branches(refs).count();
        let default = default_branch(refs).map_or(String::new(), |name| {
            format!("; its default branch is {}", quoted(name))
        });
        format!("push the branch, or choose one of the {count} that the repository has{default}")
    } else {
        let near: Vec<String> = near.into_iter().map(quoted).collect();
        format!("did you mean {}?", near.join(" or "))
    };
    Failure::user_error(
        "branch.missing",
        format!("there is no branch {}", quoted(branch)),
    )
    .hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, oid: &str, symref_target: Option<&str>) -> RemoteRef {
        RemoteRef {
            name: name.to_owned(),
            oid: oid.to_owned(),
            peeled: None,
            symref_target: symref_target.map(str::to_owned),
        }
    }

    fn ordinary() -> Vec<RemoteRef> {
        vec![
            found("HEAD", "1111", Some("refs/heads/main")),
            found("refs/heads/main", "1111", None),
            found("refs/heads/feature/login", "2222", None),
            found("refs/heads/stable", "1111", Some("refs/heads/main")),
        ]
    }

    fn code(refs: &[RemoteRef], branch: Option<&str>) -> (String, String) {
        let failure = Tip::find(refs, branch).expect_err("must not be found");
        (
            failure.code.clone(),
            failure.hint.clone().unwrap_or_default(),
        )
    }

    #[test]
    fn without_a_name_the_remotes_head_is_meant() {
        let refs = ordinary();
        let tip = Tip::find(&refs, None).expect("HEAD stands for main");
        assert_eq!((tip.branch, tip.commit), ("main", "1111"));
        assert_eq!(default_branch(&refs), Some("main"));
    }

    #[test]
    fn a_branch_is_found_by_its_whole_name_only() {
        let refs = ordinary();
        let tip = Tip::find(&refs, Some("feature/login")).expect("it is there");
        assert_eq!((tip.commit, tip.stands_for), ("2222", None));
        let (code, hint) = code(&refs, Some("login"));
        assert_eq!(code, "branch.missing");
        assert_eq!(hint, "did you mean `feature/login`?");
    }

    #[test]
    fn a_symbolic_branch_tells_what_it_stands_for() {
        let refs = ordinary();
        let tip = Tip::find(&refs, Some("stable")).expect("it is there");
        assert_eq!(tip.stands_for, Some("main"));
    }

    #[test]
    fn a_missing_branch_without_neighbours_names_the_default_branch() {
        let (code, hint) = code(&ordinary(), Some("zzzzzzzz"));
        assert_eq!(code, "branch.missing");
        assert!(hint.contains("one of the 3"), "{hint}");
        assert!(hint.contains("`main`"), "{hint}");
    }

    #[test]
    fn a_repository_without_branches_is_empty() {
        assert_eq!(code(&[], None).0, "branch.repository-empty");
        let unborn = [found("HEAD", "1111", Some("refs/heads/main"))];
        assert_eq!(code(&unborn, Some("main")).0, "branch.repository-empty");
    }

    #[test]
    fn a_head_that_names_no_branch_asks_for_one() {
        let detached = [
            found("HEAD", "2222", None),
            found("refs/heads/main", "1111", None),
        ];
        assert_eq!(code(&detached, None).0, "branch.head-detached");
        assert!(Tip::find(&detached, Some("main")).is_ok());
        let absent = [found("refs/heads/main", "1111", None)];
        assert_eq!(code(&absent, None).0, "branch.head-missing");
        let dangling = [
            found("HEAD", "1111", Some("refs/heads/gone")),
            found("refs/heads/main", "1111", None),
        ];
        assert_eq!(code(&dangling, None).0, "branch.missing");
    }

    #[test]
    fn a_branch_may_be_named_in_full_but_must_be_a_branch() {
        assert_eq!(branch_name("main").expect("fits"), "main");
        assert_eq!(branch_name("refs/heads/a/b").expect("fits"), "a/b");
        for name in [
            "",
            "HEAD",
            "refs/heads/",
            "refs/tags/v1",
            "refs/pull/1/head",
        ] {
            let failure = branch_name(name).expect_err(name);
            assert_eq!(failure.code, "branch.name-invalid");
        }
    }

    #[test]
    fn a_hostile_name_cannot_write_into_the_terminal() {
        assert_eq!(quoted("a\u{1b}[2Jb\n"), "`a\\u{1b}[2Jb\\n`");
        assert!(quoted(&"x".repeat(10_000)).len() < 200);
        assert_eq!(short("é"), "é");
    }
}
