//! Near misses: names that somebody may have meant.

/// More suggestions than this confuse.
const SUGGESTIONS: usize = 3;

/// Names longer than this are not compared: the work grows with the product of
/// both lengths, and a remote may hold 100,000 names of its own making.
const COMPARED_CHARS: usize = 100;

/// Those of `names` that are most like `wanted`, best first.
pub(crate) fn suggest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let wanted: Vec<char> = wanted.to_lowercase().chars().collect();
    if wanted.len() > COMPARED_CHARS {
        return Vec::new();
    }
    let mut near: Vec<(usize, &str)> = names
        .filter_map(|name| Some((unlikeness(&wanted, name)?, name)))
        .collect();
    near.sort_unstable();
    near.truncate(SUGGESTIONS);
    near.into_iter().map(|(_, name)| name).collect()
}

/// How far a name is from the wanted one; none is too far. Case does not
/// count, and a last segment that is right counts as one mistake.
fn unlikeness(wanted: &[char], name: &str) -> Option<usize> {
    if name.len() > COMPARED_CHARS {
        return None;
    }
    let name: Vec<char> = name.to_lowercase().chars().collect();
    if name.ends_with(wanted) && name.iter().rev().nth(wanted.len()) == Some(&'/') {
        return Some(1);
    }
    let bound = (wanted.len() / 3).max(1);
    if wanted.len().abs_diff(name.len()) > bound {
        return None;
    }
    let distance = distance(wanted, &name);
    (distance <= bound).then_some(distance)
}

/// Edits between two words: insertions, deletions, replacements, and swaps of
/// neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1; b.len() + 1];
        for (j, &y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            row[j + 1] = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(wanted: &str, names: &[&str], expected: &[&str]) {
        assert_eq!(suggest(wanted, names.iter().copied()), expected, "{wanted}");
    }

    #[test]
    fn the_nearest_names_come_first() {
        let names = ["main", "master", "release/1.0", "feature/login"];
        check("mian", &names, &["main"]);
        check("Main", &names, &["main"]);
        check("mastre", &names, &["master"]);
        check("release/1.1", &names, &["release/1.0"]);
        check("login", &names, &["feature/login"]);
        check("zzz", &names, &[]);
        check("feature/logni", &names, &["feature/login"]);
    }

    #[test]
    fn there_are_never_many() {
        check("v9", &["v1", "v2", "v3", "v4"], &["v1", "v2", "v3"]);
    }

    #[test]
    fn long_names_are_left_alone() {
        let long = "x".repeat(COMPARED_CHARS + 1);
        check(&long, &[&long[1..]], &[]);
        check(&long[1..], &[&long], &[]);
    }

    #[test]
    fn a_swap_is_one_edit() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        let table = [
            ("ab", "ba", 1),
            ("abc", "acb", 1),
            ("kitten", "sitting", 3),
            ("", "ab", 2),
        ];
        for (a, b, expected) in table {
            assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
        }
    }
}
