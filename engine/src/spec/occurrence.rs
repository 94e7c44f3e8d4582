//! Occurrence: what happened that may start a pipeline, and whether it does.

use serde::{Deserialize, Serialize};

use super::trigger::{Filters, Globs, Trigger, Triggers};

/// What happened that may start a pipeline: the document of `--event`.
///
/// It is the word of whoever wrote it: `actor` is claimed, not proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Occurrence {
    /// What kind of thing it is.
    pub trigger: Trigger,
    /// The branch or tag: `refs/heads/…` or `refs/tags/…`.
    #[serde(default, rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha: Option<String>,
    /// The branch that a pull request is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The files that changed; none when nobody knows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
}

impl Occurrence {
    /// What is wrong with its values; none when all fit. The forms of git's names
    /// are checked, so that what comes from outside cannot be something else later.
    pub fn problem(&self) -> Option<String> {
        let reference = self.reference.as_deref();
        if let Some(text) = reference
            && ![
                "refs/heads/",
                "refs/tags/",
                "refs/pull/",
                "refs/merge-requests/",
            ]
            .iter()
            .any(|start| text.strip_prefix(start).is_some_and(is_ref))
        {
            return Some(format!(
                "`ref` is `refs/heads/…` or `refs/tags/…`, not `{text}`"
            ));
        }
        let sha_fits =
            |sha: &str| matches!(sha.len(), 40 | 64) && sha.bytes().all(|b| b.is_ascii_hexdigit());
        if let Some(sha) = self.sha.as_deref().filter(|sha| !sha_fits(sha)) {
            return Some(format!("`sha` is a whole commit id, not `{sha}`"));
        }
        if let Some(base) = self.base.as_deref().filter(|base| !is_ref(base)) {
            return Some(format!("`base` is the name of a branch, not `{base}`"));
        }
        let plain = |text: &str| text.len() <= 256 && !text.chars().any(char::is_control);
        if self.actor.as_deref().is_some_and(|actor| !plain(actor)) {
            return Some("`actor` is one line of at most 256 bytes".to_owned());
        }
        if self.trigger == Trigger::Push && reference.is_none() {
            return Some("a push needs `ref`".to_owned());
        }
        if self.trigger == Trigger::PullRequest && self.base.is_none() {
            return Some("a pull request needs `base`, the branch that it is for".to_owned());
        }
        None
    }

    /// The branch, if it is about one.
    pub fn branch(&self) -> Option<&str> {
        self.reference.as_deref()?.strip_prefix("refs/heads/")
    }

    fn tag(&self) -> Option<&str> {
        self.reference.as_deref()?.strip_prefix("refs/tags/")
    }
}

/// Whether a text can be the name of a branch or a tag: git's own rules, in short.
fn is_ref(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none()
    };
    !name.is_empty()
        && name.len() <= 512
        && name.split('/').all(part)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && !name.starts_with('-')
        && !name
            .chars()
            .any(|c| c.is_control() || " ~^:?*[\\".contains(c))
}

impl Triggers {
    /// Whether an occurrence starts the pipeline; if not, the reason.
    pub fn decide(&self, event: &Occurrence) -> Result<(), String> {
        let word = event.trigger.as_str();
        let filters = match event.trigger {
            Trigger::Push => self.push.as_ref(),
            Trigger::PullRequest => self.pull_request.as_ref(),
            Trigger::Schedule if self.schedule => return Ok(()),
            Trigger::Manual if self.manual => return Ok(()),
            Trigger::Schedule | Trigger::Manual => None,
        };
        let Some(filters) = filters else {
            return Err(format!("`on` does not name `{word}`"));
        };
        if event.trigger == Trigger::Push {
            pushed(filters, event)?;
        } else {
            let base = event.base.as_deref().unwrap_or("");
            matching("branches", filters.branches.as_ref(), base)?;
        }
        changed(filters.paths.as_ref(), event)
    }
}

/// Whether a push is meant. Who names branches alone does not mean tags, nor the
/// other way round.
fn pushed(filters: &Filters, event: &Occurrence) -> Result<(), String> {
    let (branches, tags) = (filters.branches.as_ref(), filters.tags.as_ref());
    match (event.branch(), event.tag()) {
        (Some(_), _) if branches.is_none() && tags.is_some() => {
            Err("`on.push` names tags alone, and a branch was pushed".to_owned())
        }
        (_, Some(_)) if tags.is_none() && branches.is_some() => {
            Err("`on.push` names branches alone, and a tag was pushed".to_owned())
        }
        (Some(branch), _) => matching("branches", branches, branch),
        (_, Some(tag)) => matching("tags", tags, tag),
        (None, None) => Err("neither a branch nor a tag was pushed".to_owned()),
    }
}

fn matching(what: &str, globs: Option<&Globs>, name: &str) -> Result<(), String> {
    let Some(globs) = globs else { return Ok(()) };
    let found = globs.patterns.iter().find(|glob| glob.matches(name));
    match (found, globs.ignore) {
        (Some(glob), true) => Err(format!("`{name}` matches `{glob}` of `{what}-ignore`")),
        (None, false) => Err(format!("`{name}` matches none of `{what}`")),
        _ => Ok(()),
    }
}

/// Whether the files that changed are meant: one of them is enough. What nobody
/// knows keeps no pipeline from running.
fn changed(globs: Option<&Globs>, event: &Occurrence) -> Result<(), String> {
    let (Some(globs), Some(files)) = (globs, &event.files) else {
        return Ok(());
    };
    let matches = |file: &String| globs.patterns.iter().any(|glob| glob.matches(file));
    if files.iter().any(|file| matches(file) != globs.ignore) {
        Ok(())
    } else if globs.ignore {
        Err("every file that changed matches `paths-ignore`".to_owned())
    } else {
        Err("no file that changed matches `paths`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::{Occurrence, Trigger};
    use crate::spec::parse;

    fn event(text: &str) -> Occurrence {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn an_event_starts_a_pipeline_or_says_why_not() {
        let push = r#"{"trigger":"push","ref":"refs/heads/main"}"#;
        let tag = r#"{"trigger":"push","ref":"refs/tags/v1"}"#;
        let pull = r#"{"trigger":"pull-request","base":"main","ref":"refs/heads/x"}"#;
        let docs =
            r#"{"trigger":"push","ref":"refs/heads/main","files":["docs/a.md","docs/b.md"]}"#;
        for (on, event_text, expected) in [
            ("{ push: {} }", push, None),
            ("{ push: }", push, None),
            ("{ push: {} }", tag, None),
            ("{ push: { branches: [main] } }", push, None),
            (
                "{ push: { branches: [dev, \"release/**\"] } }",
                push,
                Some("`main` matches none of `branches`"),
            ),
            (
                "{ push: { branches-ignore: [main] } }",
                push,
                Some("`main` matches `main` of `branches-ignore`"),
            ),
            ("{ push: { branches-ignore: [dev] } }", push, None),
            (
                "{ push: { branches: [main] } }",
                tag,
                Some("`on.push` names branches alone, and a tag was pushed"),
            ),
            (
                "{ push: { tags: [\"v*\"] } }",
                push,
                Some("`on.push` names tags alone, and a branch was pushed"),
            ),
            ("{ push: { tags: [\"v*\"] } }", tag, None),
            (
                "{ push: { tags: [\"x*\"], branches: [main] } }",
                tag,
                Some("`v1` matches none of `tags`"),
            ),
            ("{ pull-request: { branches: [main] } }", pull, None),
            (
                "{ pull-request: { branches: [dev] } }",
                pull,
                Some("`main` matches none of `branches`"),
            ),
            (
                "{ pull-request: {} }",
                push,
                Some("`on` does not name `push`"),
            ),
            (
                "{ push: { paths: [\"src/**\"] } }",
                docs,
                Some("no file that changed matches `paths`"),
            ),
            ("{ push: { paths: [\"docs/**\"] } }", docs, None),
            (
                "{ push: { paths-ignore: [\"docs/**\"] } }",
                docs,
                Some("every file that changed matches `paths-ignore`"),
            ),
            ("{ push: { paths-ignore: [\"docs/a*\"] } }", docs, None),
            // Without a list of files nobody knows.
            ("{ push: { paths: [\"src/**\"] } }", push, None),
            ("{ manual: {} }", r#"{"trigger":"manual"}"#, None),
            (
                "{ manual: {} }",
                r#"{"trigger":"schedule"}"#,
                Some("`on` does not name `schedule`"),
            ),
            (
                "{ schedule: [{ cron: \"0 3 * * *\", timezone: Asia/Shanghai }] }",
                r#"{"trigger":"schedule"}"#,
                None,
            ),
        ] {
            let text = format!("version: 1\non: {on}\nstages: {{ a: {{ uses: builtin:x }} }}\n");
            let (spec, found) = parse(&text);
            assert!(found.is_empty(), "{text}{found:?}");
            let on = spec.and_then(|spec| spec.on).expect("it is there");
            let event = event(event_text);
            assert_eq!(event.problem(), None, "{event_text}");
            assert_eq!(
                on.decide(&event).err().as_deref(),
                expected,
                "{text}{event_text}"
            );
        }
    }

    #[test]
    fn what_git_would_not_take_is_no_event() {
        for (text, expected) in [
            (r#"{"trigger":"push"}"#, "a push needs `ref`"),
            (r#"{"trigger":"push","ref":"main"}"#, "`ref` is"),
            (r#"{"trigger":"push","ref":"refs/heads/../x"}"#, "`ref` is"),
            (r#"{"trigger":"push","ref":"refs/heads/a b"}"#, "`ref` is"),
            (r#"{"trigger":"push","ref":"refs/heads/-x"}"#, "`ref` is"),
            (r#"{"trigger":"push","ref":"refs/heads/"}"#, "`ref` is"),
            (
                r#"{"trigger":"push","ref":"refs/heads/a","sha":"abc"}"#,
                "`sha` is",
            ),
            (r#"{"trigger":"pull-request"}"#, "needs `base`"),
            (r#"{"trigger":"pull-request","base":"a\nb"}"#, "`base` is"),
            (r#"{"trigger":"manual","actor":"a\u001b[2J"}"#, "`actor` is"),
        ] {
            let problem = event(text).problem().expect(text);
            assert!(problem.contains(expected), "{text}: {problem}");
        }
        for text in [
            r#"{"trigger":"deploy"}"#,
            r#"{"trigger":"push","branch":"x"}"#,
            "{}",
        ] {
            assert!(serde_json::from_str::<Occurrence>(text).is_err(), "{text}");
        }
        let whole = event(r#"{"trigger":"push","ref":"refs/heads/a/b"}"#);
        assert_eq!(
            (whole.trigger, whole.branch()),
            (Trigger::Push, Some("a/b"))
        );
    }
}
