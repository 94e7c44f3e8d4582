//! Retention: what is kept of runs that are over, and what killed runs left behind.
//!
//! | what | is kept |
//! | --- | --- |
//! | a run with its record and logs | while it is one of the newest, or young |
//! | the folders of a run that ended, where they were kept | of the newest few |
//! | the committed folders of a run that did not end | as long as the run |
//! | folders of attempts, private files of tools, folders never committed | never |
//!
//! A run that a living engine holds is not touched, whatever its age.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use super::home::lock;
use super::{Home, journal_path, layer, read_journal};
use crate::model::{Event, Fact, RunId, Timestamp, limits};

/// How much is kept of runs that are over.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// So many of the newest runs, whatever their age.
    pub runs: usize,
    /// Every run that began so long ago or later.
    pub age: Duration,
    /// The folders of so many runs that ended.
    pub folders: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            runs: limits::DEFAULT_KEPT_RUNS,
            age: days(limits::DEFAULT_KEPT_DAYS),
            folders: limits::DEFAULT_KEPT_FOLDERS,
        }
    }
}

impl Retention {
    /// What the numbers of the command line mean.
    pub fn new(runs: usize, age_days: u16, folders: usize) -> Self {
        Self {
            runs,
            age: days(age_days),
            folders,
        }
    }
}

fn days(days: u16) -> Duration {
    Duration::from_hours(24 * u64::from(days))
}

/// The end of the name of a run that is being removed, so that nobody takes half a
/// run for a whole one.
const REMOVED: &str = ".removed";

impl Home {
    /// Removes what need not be kept. What cannot be removed is left, and tried
    /// again by the next run.
    pub fn sweep(&self, retention: &Retention, now: Timestamp) {
        self.finish_removals();
        let mut runs = self.runs().unwrap_or_default();
        runs.reverse();
        let oldest = now.0.saturating_sub(milliseconds(retention.age));
        let mut with_folders = 0;
        for (newer, run) in runs.iter().enumerate() {
            if newer >= retention.runs && run.begun().0 < oldest {
                self.attempt(run, "an old run", || self.remove_run(run));
                continue;
            }
            self.attempt(run, "what a killed run left", || self.remove_leftovers(run));
            self.attempt(run, "the folders of an old run", || {
                self.remove_folders(run, retention, &mut with_folders)
            });
        }
    }

    fn attempt(&self, run: &RunId, what: &str, remove: impl FnOnce() -> io::Result<()>) {
        if let Err(error) = remove() {
            let path = self.run_path(run);
            tracing::warn!(%error, path = %path.display(), "{what} cannot be removed");
        }
    }

    /// Removes a run that nobody works on.
    fn remove_run(&self, run: &RunId) -> io::Result<()> {
        let path = self.run_path(run);
        let Ok(lock) = lock(&path.join("lock")) else {
            return Ok(());
        };
        let removed = path.with_file_name(format!("{run}{REMOVED}"));
        fs::rename(&path, &removed)?;
        layer::remove(&removed)?;
        drop(lock);
        Ok(())
    }

    /// Ends the removals that were cut off.
    fn finish_removals(&self) {
        let Ok(entries) = fs::read_dir(self.runs_path()) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_string_lossy().ends_with(REMOVED)
                && let Err(error) = layer::remove(&entry.path())
            {
                tracing::warn!(%error, "a run cannot be removed");
            }
        }
    }

    /// Removes what no run needs after its end.
    fn remove_leftovers(&self, run: &RunId) -> io::Result<()> {
        let path = self.run_path(run);
        let leftovers = ["scratch", "attempts"].map(|part| path.join(part));
        if leftovers.iter().all(|part| is_empty(part)) {
            return Ok(());
        }
        // Whoever holds the lock is at work there.
        let Ok(lock) = lock(&path.join("lock")) else {
            return Ok(());
        };
        for part in &leftovers {
            layer::remove(part)?;
        }
        drop(lock);
        Ok(())
    }

    /// Removes the folders of a run that need not be kept. `kept` counts the runs
    /// that ended and have some.
    fn remove_folders(
        &self,
        run: &RunId,
        retention: &Retention,
        kept: &mut usize,
    ) -> io::Result<()> {
        let path = self.run_path(run);
        let layers = path.join("layers");
        if is_empty(&layers) {
            return Ok(());
        }
        let Ok(lock) = lock(&path.join("lock")) else {
            return Ok(());
        };
        match committed(&journal_path(&path)) {
            // Whoever goes on with the run needs them.
            Some(committed) => {
                for entry in fs::read_dir(&layers)? {
                    let entry = entry?;
                    let name = entry.file_name();
                    if !name.to_str().is_some_and(|it| committed.contains(it)) {
                        layer::remove(&entry.path())?;
                    }
                }
            }
            None if *kept < retention.folders => *kept += 1,
            None => layer::remove(&layers)?,
        }
        drop(lock);
        Ok(())
    }
}

/// The stages that committed in a run which did not end. None for one that ended,
/// and for one whose journal cannot be read: nobody can go on with those.
fn committed(journal: &Path) -> Option<BTreeSet<String>> {
    if has_ended(journal).unwrap_or(false) {
        return None;
    }
    let record = read_journal(journal).ok()?;
    let mut committed = BTreeSet::new();
    for event in record.events {
        match event {
            Event::Fact {
                fact: Fact::StageCommitted { stage, .. },
                ..
            } => drop(committed.insert(stage.to_string())),
            Event::Fact {
                fact: Fact::RunFinished { .. },
                ..
            } => return None,
            _ => {}
        }
    }
    Some(committed)
}

/// Whether the last line of a journal, if it is no longer than usual, is the end of
/// a run. Cheaper than to read all of it, and nothing but folders hangs on it.
fn has_ended(journal: &Path) -> io::Result<bool> {
    let mut file = File::open(journal)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(64 * 1024)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let Some(lines) = end.strip_suffix(b"\n") else {
        return Ok(false);
    };
    let last = lines.rsplit(|byte| *byte == b'\n').next();
    // Text of a fact cannot hold it: quotes are escaped in there.
    let word: &[u8] = br#","event":"run-finished","#;
    Ok(last.is_some_and(|line| line.windows(word.len()).any(|part| part == word)))
}

fn milliseconds(age: Duration) -> u64 {
    u64::try_from(age.as_millis()).unwrap_or(u64::MAX)
}

/// Whether there is nothing in a directory, or no directory.
fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::sync::Arc;
    use std::time::Duration;

    use super::Retention;
    use crate::model::{Clock, Fact, Outcome, RunId, StageId, SystemClock, Timestamp};
    use crate::store::{Home, Journal, RunDirectory};

    const DAY: Duration = Duration::from_hours(24);

    fn home() -> (tempfile::TempDir, Home) {
        let state = tempfile::tempdir().expect("a directory");
        let home = Home::open(state.path()).expect("a home");
        (state, home)
    }

    fn committed(stage: &str) -> Fact {
        Fact::StageCommitted {
            stage: StageId::new(stage).expect("a name"),
            attempt: 1,
            outputs: serde_json::Value::Null,
            layers: BTreeMap::new(),
            duration_ms: 0,
        }
    }

    fn finished() -> Fact {
        Fact::RunFinished {
            result: Outcome::Succeeded,
            outputs: serde_json::json!({}),
            duration_ms: 1,
        }
    }

    /// A run with two layers, `kept` and `lost`, and with what an attempt left.
    async fn run(home: &Home, facts: Vec<Fact>) -> RunDirectory {
        let directory = home.create_run(&RunId::new()).expect("a run");
        for layer in ["layers/kept", "layers/lost", "attempts/lost.1", "scratch/x"] {
            let path = directory.layers().with_file_name(layer);
            fs::create_dir_all(&path).expect("made");
            fs::write(path.join("file"), "").expect("written");
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let (reporters, _) = tokio::sync::mpsc::channel(64);
        let journal = Journal::create(&directory.journal(), clock, reporters).expect("created");
        for fact in facts {
            journal.append(fact).await.expect("it is taken");
        }
        journal.close().await.expect("it is durable");
        directory
    }

    /// What is there of a run.
    fn left(directory: &RunDirectory) -> Vec<&'static str> {
        let parts = [
            "journal.jsonl",
            "layers/kept",
            "layers/lost",
            "attempts/lost.1",
            "scratch/x",
        ];
        let there = |part: &&str| directory.layers().with_file_name(part).exists();
        parts.into_iter().filter(there).collect()
    }

    fn now() -> Timestamp {
        SystemClock::default().now()
    }

    /// Lets go of the lock of a run, as the end of its engine does, and gives a way
    /// to look at it again.
    fn killed(directory: RunDirectory) -> impl Fn() -> Vec<&'static str> {
        let path = directory.layers();
        drop(directory);
        move || {
            let parts = [
                "journal.jsonl",
                "layers/kept",
                "layers/lost",
                "attempts/lost.1",
                "scratch/x",
            ];
            let there = |part: &&str| path.with_file_name(part).exists();
            parts.into_iter().filter(there).collect()
        }
    }

    #[tokio::test]
    async fn a_killed_run_keeps_what_it_committed_and_nothing_else() {
        let (_state, home) = home();
        let left = killed(run(&home, vec![committed("kept")]).await);
        home.sweep(&Retention::default(), now());
        assert_eq!(left(), ["journal.jsonl", "layers/kept"]);
        home.sweep(&Retention::default(), now());
        assert_eq!(left(), ["journal.jsonl", "layers/kept"], "and so it stays");
    }

    #[tokio::test]
    async fn a_run_that_somebody_works_on_is_not_touched() {
        let (_state, home) = home();
        let directory = run(&home, vec![committed("kept")]).await;
        let all = left(&directory);
        let nothing = Retention {
            runs: 0,
            age: Duration::ZERO,
            folders: 0,
        };
        home.sweep(&nothing, Timestamp(now().0 + 1_000));
        assert_eq!(left(&directory), all);
        assert_eq!(all.len(), 5);
    }

    #[tokio::test]
    async fn folders_are_kept_of_the_newest_runs_that_ended() {
        let (_state, home) = home();
        let mut runs = Vec::new();
        for facts in [
            vec![committed("kept"), finished()],
            vec![committed("kept")],
            vec![finished()],
            vec![finished()],
        ] {
            runs.push(killed(run(&home, facts).await));
        }
        let retention = Retention {
            folders: 2,
            ..Retention::default()
        };
        home.sweep(&retention, now());
        let record = ["journal.jsonl"];
        let folders = ["journal.jsonl", "layers/kept", "layers/lost"];
        assert_eq!(runs[0](), record, "two that ended are newer");
        assert_eq!(runs[1](), folders[..2], "it may go on");
        assert_eq!(runs[2](), folders);
        assert_eq!(runs[3](), folders);
    }

    #[tokio::test]
    async fn a_run_is_dropped_when_it_is_old_and_newer_ones_are_enough() {
        let (state, home) = home();
        for _ in 0..4 {
            drop(run(&home, vec![finished()]).await);
        }
        let count = |home: &Home| home.runs().expect("listed").len();
        let keep = |runs, age| Retention {
            runs,
            age,
            folders: 0,
        };
        home.sweep(&keep(2, DAY), now());
        assert_eq!(count(&home), 4, "they are young");
        let newest = home.runs().expect("listed").split_off(2);
        let tomorrow = Timestamp(now().0 + 2 * 24 * 3_600_000);
        home.sweep(&keep(10, DAY), tomorrow);
        assert_eq!(count(&home), 4, "they are few");
        home.sweep(&keep(2, DAY), tomorrow);
        assert_eq!(home.runs().expect("listed"), newest);
        let names = fs::read_dir(state.path().join("runs")).expect("read");
        assert_eq!(names.count(), 2, "nothing of the others is left");
    }

    #[tokio::test]
    async fn a_removal_that_was_cut_off_is_ended_by_the_next_run() {
        let (state, home) = home();
        let half = state.path().join(format!("runs/{}.removed", RunId::new()));
        fs::create_dir_all(half.join("layers/x")).expect("made");
        assert_eq!(home.runs().expect("listed"), [], "half a run is none");
        home.sweep(&Retention::default(), now());
        assert!(!half.exists());
    }

    #[tokio::test]
    async fn a_run_whose_journal_is_damaged_stays_and_loses_its_folders_with_the_others() {
        let (_state, home) = home();
        let directory = run(&home, vec![committed("kept"), committed("lost")]).await;
        let mut journal = fs::read(directory.journal()).expect("read");
        journal[30] ^= 1;
        fs::write(directory.journal(), journal).expect("written");
        let left = killed(directory);
        let retention = Retention {
            folders: 0,
            ..Retention::default()
        };
        home.sweep(&retention, now());
        assert_eq!(left(), ["journal.jsonl"]);
    }
}
