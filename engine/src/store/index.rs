//! Index: all runs of a state directory, for `engine runs`.
//!
//! A convenience: each run's journal is the truth. A run writes nothing here;
//! whoever asks brings the index up to date with the directories of runs first,
//! and makes it anew when it is missing or was damaged.

use std::collections::HashSet;
use std::path::Path;

use rusqlite::{Connection, params};

use super::{Home, ReadError, journal_path, read_journal};
use crate::model::{Event, Fact, Outcome, RunId, Timestamp};

/// `ENGN`, so that `file` and a person can tell what it is.
const APPLICATION_ID: i32 = 0x454e_474e;
const SCHEMA_VERSION: i32 = 2;

/// The index cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the index of runs cannot be used: {0}")]
pub struct IndexError(#[from] rusqlite::Error);

/// The index, open.
#[derive(Debug)]
pub struct Index(Connection);

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedRun {
    /// The run.
    pub run: RunId,
    /// The pipeline's name; empty where the journal cannot be read.
    pub pipeline: String,
    /// What the run is called; empty where the journal cannot be read.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; none while it runs, or when it was killed.
    pub finished: Option<Timestamp>,
    /// How it ended.
    pub result: Option<Outcome>,
    /// Why its journal cannot be read, if it cannot.
    pub damage: Option<String>,
}

impl Index {
    /// Opens the index of a home, and brings it up to date with the runs there.
    pub fn open(home: &Home) -> Result<Self, IndexError> {
        let path = home.index_path();
        if let Ok(mut index) = Self::open_at(&path)
            && index.catch_up(home).is_ok()
        {
            return Ok(index);
        }
        // Damaged, or not ours: the journals are the truth.
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            let _ = std::fs::remove_file(name);
        }
        let mut index = Self::open_at(&path)?;
        index.catch_up(home)?;
        Ok(index)
    }

    fn open_at(path: &Path) -> Result<Self, IndexError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version != SCHEMA_VERSION {
            connection.execute_batch(
                "BEGIN IMMEDIATE;
                 DROP TABLE IF EXISTS runs;
                 CREATE TABLE runs (
                     run TEXT PRIMARY KEY,
                     pipeline TEXT NOT NULL,
                     name TEXT NOT NULL,
                     started_ms INTEGER NOT NULL,
                     finished_ms INTEGER,
                     result TEXT,
                     damage TEXT
                 ) STRICT, WITHOUT ROWID;
                 COMMIT;",
            )?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        Ok(Self(connection))
    }

    /// The newest runs, newest first.
    pub fn newest(&self, most: usize) -> Result<Vec<IndexedRun>, IndexError> {
        let mut query = self.0.prepare(
            "SELECT run, pipeline, name, started_ms, finished_ms, result, damage FROM runs
             ORDER BY run DESC LIMIT ?1",
        )?;
        let rows = query.query_map([i64::try_from(most).unwrap_or(i64::MAX)], indexed_run)?;
        Ok(rows
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    /// Drops the runs that are gone, and reads those that are new or were not
    /// over when they were read last.
    fn catch_up(&mut self, home: &Home) -> Result<(), IndexError> {
        let runs: HashSet<RunId> = home.runs().unwrap_or_default().into_iter().collect();
        let changes = self.0.transaction()?;
        let mut known = HashSet::new();
        {
            let mut query = changes
                .prepare("SELECT run, finished_ms IS NOT NULL OR damage IS NOT NULL FROM runs")?;
            let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            for row in rows {
                let (text, is_over): (String, bool) = row?;
                match RunId::parse(&text).filter(|run| runs.contains(run)) {
                    Some(run) if is_over => drop(known.insert(run)),
                    Some(_) => {}
                    None => drop(changes.execute("DELETE FROM runs WHERE run = ?1", [text])?),
                }
            }
        }
        for run in runs.difference(&known) {
            if let Some(indexed) = read(home, run) {
                put(&changes, &indexed)?;
            }
        }
        Ok(changes.commit()?)
    }
}

/// A run as its journal tells it; none if it has not begun.
fn read(home: &Home, run: &RunId) -> Option<IndexedRun> {
    match read_journal(&journal_path(&home.run_path(run))) {
        Ok(record) => summarise(&record.events),
        Err(ReadError::Io(error)) => {
            tracing::debug!(%error, %run, "a run without a journal is not shown");
            None
        }
        Err(error) => Some(IndexedRun {
            run: run.clone(),
            pipeline: String::new(),
            name: String::new(),
            started: run.begun(),
            finished: None,
            result: None,
            damage: Some(error.to_string()),
        }),
    }
}

fn put(connection: &Connection, run: &IndexedRun) -> Result<(), IndexError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO runs
             (run, pipeline, name, started_ms, finished_ms, result, damage)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            run.run.as_str(),
            run.pipeline,
            run.name,
            milliseconds(run.started),
            run.finished.map(milliseconds),
            run.result.map(Outcome::as_str),
            run.damage,
        ])?;
    Ok(())
}

/// What the index keeps of a run.
fn summarise(events: &[Event]) -> Option<IndexedRun> {
    let mut indexed = None;
    for event in events {
        match event {
            Event::Fact {
                at,
                fact:
                    Fact::RunStarted {
                        run,
                        pipeline,
                        name,
                        ..
                    },
                ..
            } => {
                indexed = Some(IndexedRun {
                    run: run.clone(),
                    pipeline: pipeline.clone(),
                    name: name.clone(),
                    started: *at,
                    finished: None,
                    result: None,
                    damage: None,
                });
            }
            Event::Fact {
                at,
                fact: Fact::RunFinished { result, .. },
                ..
            } => {
                if let Some(indexed) = &mut indexed {
                    indexed.finished = Some(*at);
                    indexed.result = Some(*result);
                }
            }
            _ => {}
        }
    }
    indexed
}

fn milliseconds(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// None for a row that this engine did not write.
fn indexed_run(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<IndexedRun>> {
    let timestamp = |ms: i64| Timestamp(u64::try_from(ms).unwrap_or(0));
    let Some(run) = RunId::parse(&row.get::<_, String>(0)?) else {
        return Ok(None);
    };
    Ok(Some(IndexedRun {
        run,
        pipeline: row.get(1)?,
        name: row.get(2)?,
        started: timestamp(row.get(3)?),
        finished: row.get::<_, Option<i64>>(4)?.map(timestamp),
        result: row
            .get::<_, Option<String>>(5)?
            .and_then(|word| Outcome::parse(&word)),
        damage: row.get(6)?,
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use super::Index;
    use crate::model::{Clock, Digest, Fact, Outcome, RunId, SystemClock};
    use crate::store::{Home, Journal, RunDirectory};

    fn begun(run: &RunId) -> Fact {
        Fact::RunStarted {
            run: run.clone(),
            pipeline: "release".to_owned(),
            name: "release of main".to_owned(),
            plan: Digest::of(b"plan"),
            source: Digest::of(b"source"),
            engine: "0.1.0".to_owned(),
            trigger: "manual".to_owned(),
            wall: None,
            lost: Vec::new(),
            stages: Vec::new(),
        }
    }

    fn ended() -> Fact {
        Fact::RunFinished {
            result: Outcome::Succeeded,
            outputs: serde_json::json!({}),
            duration_ms: 1,
        }
    }

    async fn write(directory: &RunDirectory, facts: Vec<Fact>) {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let (reporters, _) = tokio::sync::mpsc::channel(64);
        let journal = Journal::create(&directory.journal(), clock, reporters).expect("created");
        for fact in facts {
            journal.append(fact).await.expect("it is taken");
        }
        journal.close().await.expect("it is durable");
    }

    fn shown(home: &Home) -> Vec<(RunId, &'static str)> {
        let index = Index::open(home).expect("it opens");
        let runs = index.newest(10).expect("it answers");
        runs.into_iter()
            .map(|run| {
                let state = match (&run.damage, run.result) {
                    (Some(damage), None) if damage.contains("damaged") => "damaged",
                    (None, Some(result)) => result.as_str(),
                    (None, None) => "open",
                    other => panic!("{other:?}"),
                };
                (run.run, state)
            })
            .collect()
    }

    #[tokio::test]
    async fn the_index_follows_the_journals_and_never_hides_a_run() {
        let state = tempfile::tempdir().expect("a directory");
        let home = Home::open(state.path()).expect("a home");
        assert_eq!(shown(&home), []);
        let runs: Vec<RunId> = (0..3).map(|_| RunId::new()).collect();
        let [done, open, damaged] = [0, 1, 2].map(|at| runs[at].clone());
        let directories: Vec<RunDirectory> = runs
            .iter()
            .map(|run| home.create_run(run).expect("a directory"))
            .collect();
        assert_eq!(shown(&home), [], "none of them has begun");
        write(&directories[0], vec![begun(&done), ended()]).await;
        write(&directories[1], vec![begun(&open)]).await;
        write(&directories[2], vec![begun(&damaged), ended()]).await;
        let journal = directories[2].journal();
        let mut bytes = fs::read(&journal).expect("read");
        bytes[20] ^= 1;
        fs::write(&journal, bytes).expect("written");
        let all = [
            (damaged.clone(), "damaged"),
            (open.clone(), "open"),
            (done.clone(), "succeeded"),
        ];
        assert_eq!(shown(&home), all);
        fs::write(
            home.index_path(),
            b"this is no database, and long enough to be read as one",
        )
        .expect("written");
        assert_eq!(shown(&home), all, "made anew");
        // The run that was open is read again; a run that is gone is forgotten.
        fs::remove_file(directories[1].journal()).expect("removed");
        write(&directories[1], vec![begun(&open), ended()]).await;
        fs::remove_dir_all(home.run_path(&done)).expect("removed");
        assert_eq!(shown(&home), [(damaged, "damaged"), (open, "succeeded")]);
    }
}
