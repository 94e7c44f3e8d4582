//! Opens: which opens of files are facts, and how the others are counted.
//!
//! The first open of each file, for reading and for writing, is a fact, and so is
//! every file that is made. What says nothing new is counted. Beyond a bound, files
//! opened for reading are counted by folder: a guest that reads a million files
//! must not fill the journal, and nothing may be lost without being told.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasher as _;

use super::place::Granted;
use crate::model::limits;

/// How a file is opened.
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of the interface, which go together in any way"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Mode {
    pub(super) folder: bool,
    pub(super) read: bool,
    pub(super) write: bool,
    pub(super) truncate: bool,
    pub(super) create: bool,
}

impl Mode {
    /// The words of the record.
    pub(super) fn words(self) -> String {
        let words = [
            (self.create, "create"),
            (self.truncate && !self.create, "truncate"),
            (self.read && !self.folder, "read"),
            (self.write && !self.create, "write"),
            (self.folder, "folder"),
        ];
        let words: Vec<&str> = words
            .into_iter()
            .filter_map(|(is, word)| is.then_some(word))
            .collect();
        words.join(", ")
    }

    /// Whether it may change something.
    pub(super) fn changes(self) -> bool {
        self.write || self.truncate || self.create
    }
}

/// What has been opened by one attempt.
#[derive(Debug, Default)]
pub(super) struct Opens {
    /// Hashes of mode and path with a key of this attempt's own, so that no guest
    /// can make two that are equal. Bounded by the facts that there may be.
    seen: HashSet<u64>,
    hasher: RandomState,
    read_facts: u64,
    pub(super) repeated: u64,
    pub(super) unlisted: u64,
    pub(super) folders: BTreeMap<String, u64>,
}

impl Opens {
    /// Whether an open is a fact; else it has been counted.
    pub(super) fn is_fact(&mut self, mode: Mode, asked: &str, real: &str, at: &Granted) -> bool {
        // Who made a file or cut it off may write it: the next open for writing
        // tells nothing.
        let known = Mode {
            create: false,
            truncate: mode.truncate && !mode.create,
            write: mode.changes(),
            read: mode.read && !mode.changes(),
            ..mode
        };
        let hash = self.hasher.hash_one((known, asked, real));
        if mode.changes() {
            let is_new = self.seen.insert(hash);
            self.repeated += u64::from(!is_new && !mode.create);
            return is_new || mode.create;
        }
        if self.seen.contains(&hash) {
            self.repeated += 1;
            return false;
        }
        if self.read_facts < limits::FILE_READ_FACTS {
            self.read_facts += 1;
            self.seen.insert(hash);
            return true;
        }
        self.unlisted += 1;
        let folder = real.rsplit_once('/').map_or(real, |(folder, _)| folder);
        if !self.folders.contains_key(folder) && self.folders.len() >= limits::FILE_FOLDERS {
            *self.folders.entry(format!("{}/**", at.path)).or_default() += 1;
        } else {
            *self.folders.entry(folder.to_owned()).or_default() += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Granted, Mode, Opens, limits};

    const READ: Mode = Mode {
        folder: false,
        read: true,
        write: false,
        truncate: false,
        create: false,
    };
    const WRITE: Mode = Mode {
        read: false,
        write: true,
        ..READ
    };
    const CREATE: Mode = Mode {
        create: true,
        ..WRITE
    };

    fn granted() -> Granted {
        Granted {
            path: "src".to_owned(),
            host: PathBuf::new(),
            writable: true,
        }
    }

    #[test]
    fn a_fact_is_what_tells_something_new() {
        let truncate = Mode {
            truncate: true,
            ..WRITE
        };
        let steps = [
            (READ, "src/a", true),
            (READ, "src/a", false),
            (READ, "src/b", true),
            (WRITE, "src/a", true),
            (WRITE, "src/a", false),
            (READ, "src/a", false),
            (truncate, "src/a", true),
            (truncate, "src/a", false),
            (CREATE, "src/c", true),
            (WRITE, "src/c", false),
            (CREATE, "src/c", true),
            (READ, "src/c", true),
        ];
        let mut opens = Opens::default();
        for (step, (mode, path, expected)) in steps.into_iter().enumerate() {
            let is_fact = opens.is_fact(mode, path, path, &granted());
            assert_eq!(is_fact, expected, "step {step}: {} {path}", mode.words());
        }
        assert_eq!((opens.repeated, opens.unlisted), (5, 0));
    }

    #[test]
    fn a_link_that_leads_elsewhere_now_is_a_new_fact() {
        let mut opens = Opens::default();
        assert!(opens.is_fact(READ, "src/link", "src/a", &granted()));
        assert!(opens.is_fact(READ, "src/link", "src/b", &granted()));
        assert!(!opens.is_fact(READ, "src/link", "src/a", &granted()));
    }

    #[test]
    fn beyond_the_bound_every_open_is_counted_by_its_folder() {
        let mut opens = Opens::default();
        let mut facts = 0;
        let total = limits::FILE_READ_FACTS + 5_000;
        for number in 0..total {
            // More folders than are told apart.
            let path = format!("src/{}/{number}", number % 3_000);
            facts += u64::from(opens.is_fact(READ, &path, &path, &granted()));
        }
        assert_eq!(facts, limits::FILE_READ_FACTS);
        assert_eq!(opens.unlisted, 5_000);
        assert_eq!(opens.folders.values().sum::<u64>(), 5_000);
        assert_eq!(opens.folders.len(), limits::FILE_FOLDERS + 1);
        assert!(opens.folders["src/**"] > 0);
        assert!(opens.is_fact(CREATE, "src/new", "src/new", &granted()));
    }

    #[test]
    fn the_words_say_what_an_open_is_for() {
        let all = Mode {
            read: true,
            truncate: true,
            ..WRITE
        };
        let folder = Mode {
            folder: true,
            ..READ
        };
        for (mode, words) in [
            (READ, "read"),
            (WRITE, "write"),
            (CREATE, "create"),
            (all, "truncate, read, write"),
            (folder, "folder"),
        ] {
            assert_eq!(mode.words(), words);
        }
    }
}
