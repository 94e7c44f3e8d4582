//! Glob: a pattern of branches, tags or paths, as `on:` has them.

/// A pattern of names with `/` between their parts: `*` is any text within one part,
/// `**` any number of whole parts, everything else itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GlobError {
    pub(super) message: &'static str,
    pub(super) hint: &'static str,
}

/// Longest pattern; git takes no longer names of refs from most servers.
const LONGEST: usize = 512;

impl Glob {
    /// Reads a pattern.
    pub(super) fn parse(text: &str) -> Result<Self, GlobError> {
        let error = |message, hint| Err(GlobError { message, hint });
        if text.is_empty() {
            return error(
                "an empty pattern matches nothing",
                "leave it out, or write `**` for everything",
            );
        }
        if text.len() > LONGEST {
            return error("the pattern is too long", "write at most 512 bytes");
        }
        if text.starts_with('!') {
            return error(
                "a pattern takes nothing away",
                "what is not meant stands in `branches-ignore`, `tags-ignore` or `paths-ignore`",
            );
        }
        if text.starts_with("refs/") {
            return error(
                "a branch or a tag is named without `refs/heads/` and `refs/tags/`",
                "write the name alone, such as `main`",
            );
        }
        if text.contains(['?', '[', ']', '{', '}', '\\']) || text.contains("+(") {
            return error(
                "only `*` and `**` stand for other text",
                "write two patterns, or a `*` where the text differs",
            );
        }
        if text.starts_with('/') || text.ends_with('/') || text.contains("//") {
            return error(
                "a part between two `/` is empty",
                "write `docs/**` for all below a folder",
            );
        }
        if text
            .split('/')
            .any(|part| part.contains("**") && part != "**")
        {
            return error(
                "`**` stands for whole parts between `/`",
                "write `**/*.md` for a name in any folder, `*` for text within a name",
            );
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return error("a name holds no spaces", "write one pattern for each name");
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// Whether a name matches as a whole.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<&str> = name.split('/').collect();
        // `reached[i]`: the pattern so far can stand for the first `i` parts.
        let mut reached = vec![false; name.len() + 1];
        reached[0] = true;
        let parts: Vec<&str> = self.text.split('/').collect();
        for (at, part) in parts.iter().enumerate() {
            let mut next = vec![false; name.len() + 1];
            if *part == "**" {
                // At the end it is something at least: `docs/**` is not `docs`.
                let least = usize::from(at + 1 == parts.len());
                let mut seen: Option<usize> = None;
                for end in 0..=name.len() {
                    if reached[end] && seen.is_none() {
                        seen = Some(end);
                    }
                    next[end] = seen.is_some_and(|start| end >= start + least);
                }
            } else {
                for end in 1..=name.len() {
                    next[end] = reached[end - 1] && part_matches(part, name[end - 1]);
                }
            }
            reached = next;
        }
        reached[name.len()]
    }
}

impl std::fmt::Display for Glob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether one part matches, `*` being any text. Linear but for its last piece.
fn part_matches(pattern: &str, name: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else {
        return rest.is_empty();
    };
    for piece in middle {
        let Some(at) = rest.find(piece) else {
            return false;
        };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::Glob;

    #[test]
    fn a_star_is_a_part_and_two_are_any_number_of_them() {
        for (pattern, matching, other) in [
            ("main", &["main"][..], &["maine", "x/main", "mai"][..]),
            (
                "release/*",
                &["release/1"],
                &["release", "release/1/2", "other/1"],
            ),
            (
                "release/**",
                &["release/1", "release/1/2"],
                &["release", "releases/1"],
            ),
            ("**", &["a", "a/b/c"], &[]),
            ("**/*.md", &["a.md", "x/y/a.md"], &["a.mdx", "md"]),
            (
                "a/**/b",
                &["a/b", "a/x/b", "a/x/y/b"],
                &["a/x", "b", "a/bb"],
            ),
            ("v*.*", &["v1.2", "v.", "v1.2.3"], &["v1", "x1.2", "v1/2.3"]),
            ("*a*a", &["aa", "xaxa", "aaa"], &["a", "ab"]),
        ] {
            let glob = Glob::parse(pattern).expect(pattern);
            for name in matching {
                assert!(glob.matches(name), "{pattern} {name}");
            }
            for name in other {
                assert!(!glob.matches(name), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn what_other_systems_read_into_a_pattern_is_refused() {
        for text in [
            "",
            "!main",
            "refs/heads/main",
            "v[0-9]",
            "a?",
            "{a,b}",
            "docs/",
            "/docs",
            "a//b",
            "**.md",
            "a**",
            "a b",
            "a\tb",
            "@(a|b)+(c)",
            r"a\b",
        ] {
            assert!(Glob::parse(text).is_err(), "{text}");
        }
        assert!(Glob::parse(&"a".repeat(600)).is_err());
    }

    #[test]
    fn a_hostile_pattern_is_matched_at_once() {
        let glob = Glob::parse(&"*a".repeat(250)).expect("a pattern");
        assert!(!glob.matches(&"a".repeat(100_000)[..99_999].replace("aaaaaaaaaa", "b")));
        let glob = Glob::parse(&format!("{}x", "**/".repeat(150))).expect("a pattern");
        assert!(!glob.matches(&"a/".repeat(2_000)));
    }
}
