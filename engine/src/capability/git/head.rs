//! Head: where the repository that holds a pipeline stands.

use std::path::Path;

use super::protocol::Bounds;
use super::repository;

/// Where a repository stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The branch; none with a detached HEAD.
    pub branch: Option<String>,
    /// The commit.
    pub commit: String,
}

/// HEAD of the repository whose working tree is at `root`; none before its first
/// commit, and where there is none.
///
/// In this process and not in a child: two files are read, and nothing of the
/// repository's own configuration is trusted.
pub fn head(root: &Path) -> Option<Head> {
    let repository = repository::open(root, &Bounds::default()).ok()?;
    let commit = repository.head_id().ok()?.to_string();
    let name = repository.head_name().ok()?;
    let branch = name.map(|name| name.shorten().to_string());
    Some(Head { branch, commit })
}
