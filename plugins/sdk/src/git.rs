//! Git: asking remotes, checking out, reading history. No git program runs.
//!
//! ```no_run
//! use engine_sdk::{Failure, git};
//!
//! fn tip(url: &str) -> Result<Option<String>, Failure> {
//!     let refs = git::ls_refs(url, &["refs/heads/main"], 10, None)?;
//!     Ok(refs.into_iter().next().map(|found| found.oid))
//! }
//! ```

pub use crate::bindings::engine::git::checkout::{CheckedOut, CloneOptions, clone};
pub use crate::bindings::engine::git::history::{Change, ChangeKind, Commit, Repository};
use crate::bindings::engine::git::remote::{self, LsOptions};
pub use crate::bindings::engine::git::remote::{RemoteRef, contains};
pub use crate::bindings::engine::git::types::{Error, Oid, Signature};
use crate::secrets::Secret;
use crate::{Failure, FailureClass};

/// The refs of a remote whose full name starts with one of `prefixes`; without
/// prefixes, all of them. `HEAD` is listed by its exact name.
///
/// # Errors
///
/// The host's, among them `limit-exceeded` when there are more than `limit`.
pub fn ls_refs(
    url: &str,
    prefixes: &[&str],
    limit: u32,
    credentials: Option<&Secret>,
) -> Result<Vec<RemoteRef>, Error> {
    let options = LsOptions {
        prefixes: prefixes.iter().map(|&prefix| prefix.to_owned()).collect(),
        limit,
    };
    remote::ls_refs(url, &options, credentials)
}

impl RemoteRef {
    /// The commit that it stands for: what an annotated tag points at, else its
    /// own id.
    pub fn commit(&self) -> &str {
        self.peeled.as_deref().unwrap_or(&self.oid)
    }
}

/// The newest commit of the remote's `HEAD`, without history or tags.
impl Default for CloneOptions {
    fn default() -> Self {
        Self {
            revision: None,
            depth: Some(1),
            tags: false,
            history: false,
            uncommitted: false,
            expect: None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (class, problem) = match error {
            Error::Denied(problem) => (FailureClass::Denied, problem),
            Error::AuthFailed(problem)
            | Error::NotFound(problem)
            | Error::Unsupported(problem)
            | Error::LimitExceeded(problem) => (FailureClass::UserError, problem),
            Error::Unavailable(problem) => (FailureClass::Transient, problem),
            Error::Cancelled => return Self::cancelled(),
            Error::Other(problem) => (FailureClass::WorkFailed, problem),
        };
        Self::from_problem(class, problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;

    fn problem() -> Problem {
        Problem {
            code: "git.x".into(),
            message: "m".into(),
            hint: Some("h".into()),
        }
    }

    #[test]
    fn every_error_has_the_class_that_follows_from_it() {
        let table = [
            (Error::Denied(problem()), FailureClass::Denied),
            (Error::AuthFailed(problem()), FailureClass::UserError),
            (Error::NotFound(problem()), FailureClass::UserError),
            (Error::Unavailable(problem()), FailureClass::Transient),
            (Error::Unsupported(problem()), FailureClass::UserError),
            (Error::LimitExceeded(problem()), FailureClass::UserError),
            (Error::Other(problem()), FailureClass::WorkFailed),
        ];
        for (error, class) in table {
            let failure = Failure::from(error);
            assert_eq!(failure.class, class);
            assert_eq!(failure.code, "git.x");
            assert_eq!(failure.hint.as_deref(), Some("h"));
        }
        assert_eq!(
            Failure::from(Error::Cancelled).class,
            FailureClass::Cancelled
        );
    }
}
