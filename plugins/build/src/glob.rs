//! Glob: paths with `*`, `?` and `**`, matched a segment at a time.

/// A pattern of path segments below the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Glob {
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// A name.
    Plain(String),
    /// A name with `*` (some characters) or `?` (one character).
    Wild(Vec<char>),
    /// `**`: some segments, none included.
    Any,
}

impl Glob {
    /// Parses a relative path; the reason says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.starts_with('/') {
            return Err("is absolute");
        }
        let mut segments = Vec::new();
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err("leads out of the workspace"),
                "**" => segments.push(Segment::Any),
                _ if part.contains("**") => return Err("has `**` inside a name"),
                _ if part.contains(['*', '?']) => {
                    segments.push(Segment::Wild(part.chars().collect()));
                }
                _ => segments.push(Segment::Plain(part.to_owned())),
            }
        }
        match segments.last() {
            None => Err("is empty"),
            Some(Segment::Any) => Err("ends in `**`; name the folder itself instead"),
            Some(_) => Ok(Self { segments }),
        }
    }

    /// The path, where there is no wildcard in it.
    pub(crate) fn literal(&self) -> Option<String> {
        let prefix = self.prefix();
        (prefix.len() == self.segments.len()).then(|| prefix.join("/"))
    }

    /// The folders before the first wildcard.
    pub(crate) fn prefix(&self) -> Vec<&str> {
        self.segments
            .iter()
            .map_while(|segment| match segment {
                Segment::Plain(name) => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// How a path stands to the pattern.
    pub(crate) fn check(&self, path: &[&str]) -> Verdict {
        // The states of the pattern, `at[i]` for "the first i segments are
        // used up": one pass a name, whatever `**` stand where.
        let mut at = vec![false; self.segments.len() + 1];
        at[0] = true;
        self.skip_any(&mut at);
        for name in path {
            let name: Vec<char> = name.chars().collect();
            let mut next = vec![false; at.len()];
            for (i, segment) in self.segments.iter().enumerate().filter(|(i, _)| at[*i]) {
                match segment {
                    Segment::Any => next[i] = true,
                    Segment::Plain(plain) => next[i + 1] |= plain.chars().eq(name.iter().copied()),
                    Segment::Wild(wild) => next[i + 1] |= matches(wild, &name),
                }
            }
            at = next;
            self.skip_any(&mut at);
        }
        if at[self.segments.len()] {
            Verdict::Match
        } else if at.contains(&true) {
            Verdict::Below
        } else {
            Verdict::No
        }
    }

    fn skip_any(&self, at: &mut [bool]) {
        for (i, segment) in self.segments.iter().enumerate() {
            if at[i] && *segment == Segment::Any {
                at[i + 1] = true;
            }
        }
    }
}

/// How a path stands to a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It matches.
    Match,
    /// It does not, but something in it may.
    Below,
    /// Neither it nor anything in it.
    No,
}

/// Whether a name matches; in time proportional to the product of both lengths.
fn matches(wild: &[char], name: &[char]) -> bool {
    let (mut w, mut n) = (0, 0);
    // Where to go on when a guess about the last `*` turns out wrong.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match wild.get(w) {
            Some('*') => {
                retry = Some((w, n));
                w += 1;
            }
            Some(&c) if c == '?' || c == name[n] => {
                w += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    w = star + 1;
                    n = from + 1;
                }
                None => return false,
            },
        }
    }
    wild[w..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pattern: &str, path: &str) -> Verdict {
        let segments: Vec<&str> = path.split('/').collect();
        Glob::parse(pattern).expect(pattern).check(&segments)
    }

    #[test]
    fn a_pattern_matches_whole_paths() {
        use Verdict::{Below, Match, No};
        let table = [
            ("dist/app", "dist/app", Match),
            ("dist/app", "dist", Below),
            ("dist/app", "dist/app2", No),
            ("dist/*.gz", "dist/a.tar.gz", Match),
            ("dist/*.gz", "dist/a/b.gz", No),
            ("dist/*.gz", "dist/a.gz.sig", No),
            ("dist/?", "dist/é", Match),
            ("dist/**/*.so", "dist/a.so", Match),
            ("dist/**/*.so", "dist/a/b/c.so", Match),
            ("dist/**/*.so", "dist/a/b", Below),
            ("**/report-*.xml", "a/b/report-1.xml", Match),
            ("**/report-*.xml", "report-.xml", Match),
            ("a/**/b/**/c", "a/x/b/y/z/c", Match),
            ("a/**/b/**/c", "a/b/c", Match),
            ("a/**/b/**/c", "a/c", Below),
            ("./dist//app", "dist/app", Match),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(verdict(pattern, path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused_with_its_reason() {
        let table = [
            ("", "empty"),
            (".", "empty"),
            ("/etc/passwd", "absolute"),
            ("dist/../../x", "leads out"),
            ("dist/**", "ends in"),
            ("dist/a**b", "inside a name"),
        ];
        for (text, part) in table {
            let reason = Glob::parse(text).expect_err(text);
            assert!(reason.contains(part), "{text}: {reason}");
        }
    }

    #[test]
    fn a_path_without_wildcards_is_known() {
        let glob = |text| Glob::parse(text).expect("valid");
        assert_eq!(glob("./dist/app").literal().as_deref(), Some("dist/app"));
        assert_eq!(glob("dist/*").literal(), None);
        assert_eq!(glob("dist/x/*").prefix(), ["dist", "x"]);
        assert!(glob("**/x").prefix().is_empty());
    }

    #[test]
    fn many_stars_take_no_time() {
        let pattern = "*a".repeat(50) + "b";
        assert_eq!(verdict(&pattern, &"a".repeat(2000)), Verdict::No);
        let folders = ["**", "a"].repeat(30).join("/") + "/b";
        assert_eq!(verdict(&folders, &["a"; 200].join("/")), Verdict::Below);
    }
}
