//! Revision: what a branch, a tag, a full name or an id stands for at a remote.

use gix::ObjectId;

use super::failure::{FailureKind, GitFailure};
use super::protocol::RemoteRef;

/// What a revision stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The object to ask the remote for: a commit, or an annotated tag.
    pub(super) object: ObjectId,
    /// The full name of the ref that it came from.
    pub(super) reference: Option<String>,
}

/// A revision, by its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Revision {
    /// The remote's HEAD.
    Head,
    /// An object id. A branch of that name is not looked for.
    Object(ObjectId),
    /// A full ref name.
    Full(String),
    /// A branch, or else a tag.
    Short(String),
}

impl Revision {
    /// Tells by its shape what a revision is. The text is guest-controlled.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, GitFailure> {
        let Some(text) = text.filter(|text| *text != "HEAD") else {
            return Ok(Self::Head);
        };
        if let Ok(id) = ObjectId::from_hex(text.as_bytes()) {
            return Ok(Self::Object(id));
        }
        let wrong = || {
            GitFailure::new(
                FailureKind::NotFound,
                "git.revision",
                format_args!("`{text}` is not the name of a branch, a tag or a ref, nor an id"),
            )
        };
        if text.starts_with('-') || text.len() > 1024 {
            return Err(wrong());
        }
        if text.starts_with("refs/") {
            gix::validate::reference::name(text.into()).map_err(|_| wrong())?;
            return Ok(Self::Full(text.to_owned()));
        }
        gix::validate::reference::name_partial(text.into()).map_err(|_| wrong())?;
        Ok(Self::Short(text.to_owned()))
    }

    /// The prefixes to list in order to find it.
    pub(super) fn prefixes(&self) -> Vec<String> {
        match self {
            // Listing is the access check, so something is listed for an id too.
            Self::Head | Self::Object(_) => vec!["HEAD".to_owned()],
            Self::Full(name) => vec![name.clone()],
            Self::Short(name) => vec![format!("refs/heads/{name}"), format!("refs/tags/{name}")],
        }
    }

    /// Finds it among the refs of the remote.
    pub(super) fn find(&self, refs: &[RemoteRef], place: &str) -> Result<Target, GitFailure> {
        let exactly = |name: &str| refs.iter().find(|remote| remote.name == name);
        let (found, shown) = match self {
            Self::Object(object) => {
                return Ok(Target {
                    object: *object,
                    reference: None,
                });
            }
            Self::Head => (exactly("HEAD"), "HEAD"),
            Self::Full(name) => (exactly(name), name.as_str()),
            Self::Short(name) => (
                exactly(&format!("refs/heads/{name}"))
                    .or_else(|| exactly(&format!("refs/tags/{name}"))),
                name.as_str(),
            ),
        };
        let Some(found) = found else {
            return Err(match self {
                Self::Head => GitFailure::new(
                    FailureKind::NotFound,
                    "git.empty-repository",
                    format_args!("{place} has no HEAD: it is empty, or its default branch is gone"),
                )
                .hint("name a branch"),
                _ => GitFailure::revision_not_found(shown, place),
            });
        };
        // The commit under a tag is asked for by `peeled`; the remote's word for
        // it is checked when the object is read.
        let object = super::repository::object_id(&found.oid)?;
        let reference = found
            .symref_target
            .clone()
            .unwrap_or_else(|| found.name.clone());
        Ok(Target {
            object,
            reference: (reference != "HEAD").then_some(reference),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789012345678901234567890123456789";

    #[test]
    fn the_shape_of_a_revision_tells_what_it_is() {
        let short = |name: &str| Revision::Short(name.to_owned());
        for (text, revision) in [
            (None, Revision::Head),
            (Some("HEAD"), Revision::Head),
            (Some("main"), short("main")),
            (Some("feature/x"), short("feature/x")),
            (
                Some("refs/pull/1/head"),
                Revision::Full("refs/pull/1/head".to_owned()),
            ),
            (
                Some(ID),
                Revision::Object(ObjectId::from_hex(ID.as_bytes()).unwrap()),
            ),
            (Some("abc1234"), short("abc1234")),
        ] {
            assert_eq!(Revision::parse(text).unwrap(), revision, "{text:?}");
        }
    }

    /// Row F11: names that git does not allow.
    #[test]
    fn what_git_does_not_allow_as_a_name_is_refused() {
        for text in [
            "",
            "-x",
            "a..b",
            "a b",
            "a\nb",
            "refs/../x",
            "a~1",
            "a^",
            "@{u}",
            "x.lock",
            "/x",
            "a:b",
        ] {
            assert!(Revision::parse(Some(text)).is_err(), "{text:?}");
        }
    }

    /// Row F11: branches and tags of one name.
    #[test]
    fn a_branch_comes_before_a_tag_of_the_same_name() {
        let remote = |name: &str, digit: &str| RemoteRef {
            name: name.to_owned(),
            oid: digit.repeat(40),
            peeled: None,
            symref_target: None,
        };
        let refs = [remote("refs/heads/v1", "1"), remote("refs/tags/v1", "2")];
        let target = Revision::parse(Some("v1"))
            .unwrap()
            .find(&refs, "x")
            .unwrap();
        assert_eq!(target.reference.as_deref(), Some("refs/heads/v1"));
        let target = Revision::parse(Some("v1"))
            .unwrap()
            .find(&refs[1..], "x")
            .unwrap();
        assert_eq!(target.reference.as_deref(), Some("refs/tags/v1"));
        let failure = Revision::parse(Some("v2"))
            .unwrap()
            .find(&refs, "x")
            .unwrap_err();
        assert_eq!(failure.code, "git.revision-not-found");
    }
}
