//! Rules: which branches are allowed, and to whom.

use engine_sdk::Failure;
use regex_lite::{Regex, RegexBuilder};
use serde::Serialize;

use crate::tip::quoted;

/// Memory of one compiled pattern. Matching takes time in proportion to it and
/// to the name, whatever the pattern: `(a*)*b` is no danger, but a large
/// repetition costs what it is worth.
const PATTERN_BYTES: usize = 256 * 1024;
/// Groups in groups of one pattern; no rule about names needs more.
const PATTERN_DEPTH: u32 = 32;

/// A pattern that must match a whole name.
struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    fn parse(field: &str, text: &str) -> Result<Self, Failure> {
        let invalid = |error: regex_lite::Error| {
            Failure::user_error(
                "branch.pattern-invalid",
                format!(
                    "`{field}` holds a pattern that is not valid: {}",
                    quoted(text)
                ),
            )
            .cause(error.to_string())
            .hint("patterns are regular expressions without look-around and references")
        };
        // Alone first: `a)|(b` would fit between the brackets below, and mean
        // something else there.
        compile(text).map_err(invalid)?;
        let regex = compile(&format!("^(?:{text})$")).map_err(invalid)?;
        Ok(Self {
            text: text.to_owned(),
            regex,
        })
    }

    fn parse_all(field: &str, texts: &[String]) -> Result<Vec<Self>, Failure> {
        texts.iter().map(|text| Self::parse(field, text)).collect()
    }
}

fn compile(pattern: &str) -> Result<Regex, regex_lite::Error> {
    RegexBuilder::new(pattern)
        .size_limit(PATTERN_BYTES)
        .nest_limit(PATTERN_DEPTH)
        .build()
}

/// The machine-readable part of a refusal.
#[derive(Serialize)]
struct Refused<'r> {
    branch: &'r str,
    /// The one that denies it, or those that do not allow it.
    patterns: Vec<&'r str>,
}

/// Which branches are allowed.
pub(crate) struct Rules {
    allow: Option<Vec<Pattern>>,
    deny: Vec<Pattern>,
}

impl Rules {
    /// Without `allow`, everything is allowed; with an empty one, nothing is.
    pub(crate) fn parse(allow: Option<&[String]>, deny: &[String]) -> Result<Self, Failure> {
        Ok(Self {
            allow: allow
                .map(|texts| Pattern::parse_all("allow", texts))
                .transpose()?,
            deny: Pattern::parse_all("deny", deny)?,
        })
    }

    /// Whether a branch is allowed. What is denied is denied under both names
    /// of a symbolic branch: an alias must not open what its target closes.
    pub(crate) fn check(&self, branch: &str, stands_for: Option<&str>) -> Result<(), Failure> {
        for name in std::iter::once(branch).chain(stands_for) {
            if let Some(pattern) = self.deny.iter().find(|p| p.regex.is_match(name)) {
                return Err(Failure::user_error(
                    "branch.denied",
                    format!(
                        "branch {} matches the denied pattern {}",
                        quoted(name),
                        quoted(&pattern.text)
                    ),
                )
                .hint("choose another branch, or change `deny`")
                .details(&Refused {
                    branch: name,
                    patterns: vec![&pattern.text],
                }));
            }
        }
        let Some(allow) = &self.allow else {
            return Ok(());
        };
        if allow.iter().any(|pattern| pattern.regex.is_match(branch)) {
            return Ok(());
        }
        let texts: Vec<&str> = allow.iter().map(|pattern| pattern.text.as_str()).collect();
        let shown: Vec<String> = texts.iter().take(5).map(|text| quoted(text)).collect();
        let more = if texts.len() > shown.len() {
            ", …"
        } else {
            ""
        };
        Err(Failure::user_error(
            "branch.not-allowed",
            format!("branch {} matches no allowed pattern", quoted(branch)),
        )
        .hint(format!(
            "choose a branch that `allow` matches as a whole ({}{more}), or add a pattern to it",
            shown.join(", ")
        ))
        .details(&Refused {
            branch,
            patterns: texts,
        }))
    }
}

/// Who may use the branch; none is everybody.
pub(crate) struct Users<'u>(Option<&'u [String]>);

impl<'u> Users<'u> {
    pub(crate) fn new(users: Option<&'u [String]>) -> Self {
        Self(users)
    }

    pub(crate) fn check(&self, user: Option<&str>) -> Result<(), Failure> {
        let Some(users) = self.0 else {
            return Ok(());
        };
        let Some(user) = user.filter(|user| !user.is_empty()) else {
            return Err(Failure::user_error(
                "branch.user-missing",
                "`users` is given, but nobody says who the user is",
            )
            .hint("pass `user`, or leave `users` out"));
        };
        if users.iter().any(|allowed| allowed == user) {
            return Ok(());
        }
        Err(Failure::user_error(
            "branch.user-not-allowed",
            format!("user {} may not use this branch", quoted(user)),
        )
        .hint("ask somebody of `users` to do it, or add the name there"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn verdict(allow: Option<&[&str]>, deny: &[&str], branch: &str) -> String {
        let rules = Rules::parse(allow.map(texts).as_deref(), &texts(deny)).expect("valid");
        match rules.check(branch, None) {
            Ok(()) => "ok".to_owned(),
            Err(failure) => failure.code.clone(),
        }
    }

    #[test]
    fn a_pattern_matches_the_whole_name() {
        let table: &[(&[&str], &str, &str)] = &[
            (&["main"], "main", "ok"),
            (&["main"], "maintenance", "branch.not-allowed"),
            (&["main"], "domain", "branch.not-allowed"),
            (&["a|ab"], "ab", "ok"),
            (&["main|dev"], "main-evil", "branch.not-allowed"),
            (&["release/[0-9]+\\.[0-9]+"], "release/1.20", "ok"),
            (
                &["release/[0-9]+\\.[0-9]+"],
                "release/1.20-rc",
                "branch.not-allowed",
            ),
            (&["main"], "main\n", "branch.not-allowed"),
            (&["(?m)main"], "main\nevil", "branch.not-allowed"),
            (&["(?i)main"], "MAIN", "ok"),
            (&[], "main", "branch.not-allowed"),
            (&["x", "feature/.*"], "feature/a/b", "ok"),
        ];
        for (allow, branch, expected) in table {
            assert_eq!(
                verdict(Some(allow), &[], branch),
                *expected,
                "{allow:?} {branch}"
            );
        }
    }

    #[test]
    fn without_allow_everything_but_the_denied_is_allowed() {
        assert_eq!(verdict(None, &[], "anything/at-all"), "ok");
        assert_eq!(verdict(None, &["wip/.*"], "wip/x"), "branch.denied");
        assert_eq!(
            verdict(Some(&[".*"]), &["wip/.*"], "wip/x"),
            "branch.denied"
        );
        assert_eq!(verdict(None, &["wip"], "wip2"), "ok");
    }

    #[test]
    fn an_alias_does_not_open_what_its_target_closes() {
        let rules = Rules::parse(None, &texts(&["prod"])).expect("valid");
        assert!(rules.check("alias", Some("prod")).is_err());
        assert!(rules.check("alias", Some("dev")).is_ok());
    }

    #[test]
    fn an_invalid_pattern_is_named() {
        let table = [
            "(",
            "a)|(b",
            "[z-a]",
            "(?<=x)y",
            "a{100000}",
            &"(".repeat(40),
        ];
        for text in table {
            let failure = Rules::parse(Some(&texts(&[text])), &[])
                .err()
                .unwrap_or_else(|| panic!("{text} must not pass"));
            assert_eq!(failure.code, "branch.pattern-invalid");
            assert!(failure.message.contains(&quoted(text)), "{failure}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let name = "a".repeat(200);
        assert_eq!(verdict(Some(&["(a*)*b"]), &[], &name), "branch.not-allowed");
        assert_eq!(verdict(Some(&["(a|aa)+$"]), &[], &name), "ok");
    }

    #[test]
    fn users_are_matched_exactly() {
        let users = texts(&["ada", "bob"]);
        let users = Users::new(Some(&users));
        assert!(users.check(Some("ada")).is_ok());
        let code = |user| users.check(user).expect_err("refused").code.clone();
        assert_eq!(code(Some("Ada")), "branch.user-not-allowed");
        assert_eq!(code(Some("")), "branch.user-missing");
        assert_eq!(code(None), "branch.user-missing");
        assert!(Users::new(None).check(None).is_ok());
        assert!(Users::new(Some(&[])).check(Some("ada")).is_err());
    }
}
