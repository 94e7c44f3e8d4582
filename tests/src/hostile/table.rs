//! Table: which test proves which row, as `docs/security.md` shows it.
//!
//! A test says what it proves in its doc comment: a line that begins with the ids
//! of rows, as in `/// A01: a loop.` or `/// E04, E05`. The page's tables are made
//! of these marks; with `ENGINE_UPDATE_DOCS=1` the test writes them anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::rows::{GROUPS, NOTES, OPEN, PROVEN, ROWS};
use crate::tidy::{sources, workspace};

const PAGE: &str = "docs/security.md";
const BEGIN: &str = "<!-- made of the tests' marks: ENGINE_UPDATE_DOCS=1 cargo test -p engine-tests the_page_of_security -->\n";
const END: &str = "<!-- the end of what is made -->\n";

/// A test that proves something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Proof {
    /// Its file, from the root of the repository.
    file: PathBuf,
    name: String,
}

/// The rows that a line of a doc comment names, and nothing for prose.
fn ids(line: &str) -> Vec<&str> {
    let text = line.trim().strip_prefix("Row ").unwrap_or(line.trim());
    let end = text.find(':').unwrap_or(text.len());
    let ids: Vec<&str> = text[..end].split(',').map(str::trim).collect();
    let is_id = |id: &&str| {
        let [group @ b'A'..=b'F', tens, units] = id.as_bytes() else {
            return false;
        };
        group.is_ascii() && tens.is_ascii_digit() && units.is_ascii_digit()
    };
    if ids.iter().all(is_id) {
        ids
    } else {
        Vec::new()
    }
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    line.strip_prefix("fn ")?.split(['(', '<']).next()
}

/// The marks of a source file: row and name of the test. `wrong` gets those that
/// stand on no test.
fn marks(text: &str, wrong: &mut Vec<String>) -> Vec<(String, String)> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    let (mut is_test, mut is_ignored) = (false, false);
    for line in text.lines() {
        let bare = line.trim_start();
        if let Some(comment) = bare.strip_prefix("///") {
            open.extend(ids(comment).into_iter().map(str::to_owned));
        } else if bare.starts_with("#[") {
            is_ignored |= bare.starts_with("#[ignore");
            is_test |= bare.contains("test]") || bare.contains("test(");
        } else {
            match function(bare) {
                Some(name) if is_test && !is_ignored => {
                    found.extend(open.drain(..).map(|row| (row, name.to_owned())));
                }
                _ => wrong.extend(open.drain(..).map(|row| format!("{row}: {bare}"))),
            }
            (is_test, is_ignored) = (false, false);
        }
    }
    found
}

/// Every row that a test proves.
fn proofs() -> BTreeMap<String, BTreeSet<Proof>> {
    let known: BTreeSet<&str> = ROWS.iter().map(|(id, _)| *id).collect();
    let (mut proofs, mut wrong): (BTreeMap<_, BTreeSet<_>>, _) = (BTreeMap::new(), Vec::new());
    for folder in ["engine/src", "engine/tests", "tests/src"] {
        for (path, text) in sources(folder) {
            let file = path.strip_prefix(workspace()).expect("a source of ours");
            if file.ends_with("hostile/rows.rs") || file.ends_with("hostile/table.rs") {
                continue;
            }
            for (row, name) in marks(&text, &mut wrong) {
                if !known.contains(row.as_str()) {
                    wrong.push(format!("{row} is no row: {name}"));
                }
                let file = file.to_owned();
                proofs.entry(row).or_default().insert(Proof { file, name });
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "marks on no test, or of no row:\n{}",
        wrong.join("\n")
    );
    proofs
}

/// The tables of the page.
fn tables(proofs: &BTreeMap<String, BTreeSet<Proof>>) -> String {
    let mut text = format!("{} of {} rows are proven.\n", proofs.len(), ROWS.len());
    for (letter, headline) in GROUPS {
        let rows = || ROWS.iter().filter(|(id, _)| id.starts_with(letter));
        let proven = rows().filter(|(id, _)| proofs.contains_key(*id)).count();
        write!(
            text,
            "\n### {letter}: {headline} ({proven} of {})\n\n| row | what it does | proven by |\n| --- | --- | --- |\n",
            rows().count(),
        )
        .expect("a text takes all");
        for (id, attack) in rows() {
            let tests = proofs.get(*id).into_iter().flatten().map(link);
            let mut cell = tests.collect::<Vec<_>>().join("<br>");
            if let Some((_, reason)) = OPEN.iter().find(|(open, _)| open == id) {
                cell = format!("**open**: {reason}");
            }
            if let Some((_, note)) = NOTES.iter().find(|(noted, _)| noted == id) {
                write!(cell, "<br>{note}").expect("a text takes all");
            }
            writeln!(text, "| {id} | {attack} | {cell} |").expect("a text takes all");
        }
    }
    text
}

fn link(proof: &Proof) -> String {
    format!("[`{}`](../{})", proof.name, proof.file.display())
}

#[test]
fn the_rows_are_whole_and_in_order() {
    let ids: Vec<&str> = ROWS.iter().map(|(id, _)| *id).collect();
    let mut expected = Vec::new();
    for (letter, count) in GROUPS
        .map(|(letter, _)| letter)
        .into_iter()
        .zip([33, 14, 18, 15, 22, 14])
    {
        expected.extend((1..=count).map(|number| format!("{letter}{number:02}")));
    }
    assert_eq!(ids, expected);
    for (id, _) in OPEN.iter().chain(NOTES) {
        assert!(ids.contains(id), "{id} is no row");
    }
}

#[test]
fn every_row_is_proven_by_a_test_or_open_with_its_reason() {
    let proofs = proofs();
    let mut wrong = Vec::new();
    for (id, _) in ROWS {
        let reasons = OPEN.iter().filter(|(open, _)| open == id).count();
        match (proofs.get(*id), reasons) {
            (Some(_), 0) | (None, 1) => {}
            (Some(tests), _) => {
                wrong.push(format!("{id} is proven: take it out of `OPEN` ({tests:?})"));
            }
            (None, 0) => wrong.push(format!(
                "{id} has no test that names it, and no reason in `OPEN`"
            )),
            (None, _) => wrong.push(format!("{id} has two reasons in `OPEN`")),
        }
    }
    assert!(
        wrong.is_empty(),
        "tests/src/hostile/rows.rs:\n{}",
        wrong.join("\n")
    );
    let count = proofs.len();
    assert!(
        count >= PROVEN,
        "{count} rows are proven, fewer than {PROVEN}"
    );
}

#[test]
fn the_page_of_security_shows_what_the_tests_prove() {
    let path = workspace().join(PAGE);
    let page = fs::read_to_string(&path).expect("the page");
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the mark where the tables begin");
    let (shown, after) = rest.split_once(END).expect("the mark where the tables end");
    let made = format!("\n{}\n", tables(&proofs()));
    if std::env::var_os("ENGINE_UPDATE_DOCS").is_some() {
        fs::write(&path, [before, BEGIN, &made, END, after].concat()).expect("the page is written");
    } else {
        assert!(
            shown == made,
            "{PAGE} is behind; write it with  ENGINE_UPDATE_DOCS=1 cargo test -p engine-tests the_page_of_security"
        );
    }
}

#[test]
fn marks_are_read_where_tests_have_them_and_nowhere_else() {
    let text = "/// A01: a loop.\n#[test]\nfn one() {}\n\n    /// E04, E05\n    #[tokio::test]\n    async fn two() {}\n/// Row F02: x.\n/// F03: y.\n#[test]\n#[cfg(unix)]\nfn three() {}\n/// Of A01 and others.\n#[test]\nfn four() {}\n/// B01: no test.\nfn five() {}\n/// B02: x.\n#[test]\n#[ignore]\nfn six() {}\n";
    let mut wrong = Vec::new();
    let found: Vec<String> = marks(text, &mut wrong)
        .into_iter()
        .map(|(row, name)| format!("{row} {name}"))
        .collect();
    assert_eq!(
        found,
        ["A01 one", "E04 two", "E05 two", "F02 three", "F03 three"]
    );
    assert_eq!(wrong, ["B01: fn five() {}", "B02: fn six() {}"]);
}
