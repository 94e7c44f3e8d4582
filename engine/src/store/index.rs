//! Index: all runs of a state directory, for `engine runs` and for prefixes.
//!
//! A convenience: each run's journal is the truth, and the index is rebuilt from
//! them when it is missing or was damaged.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{Home, journal_path, read_journal};
use crate::model::{Event, Fact, Outcome, RunId, Timestamp};

/// `ENGN`, so that `file` and a person can tell what it is.
const APPLICATION_ID: i32 = 0x454e_474e;
const SCHEMA_VERSION: i32 = 1;

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
    /// The pipeline's name.
    pub pipeline: String,
    /// What the run is called.
    pub name: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended; none while it runs, or when it was killed.
    pub finished: Option<Timestamp>,
    /// How it ended.
    pub result: Option<Outcome>,
}

impl Index {
    /// Opens the index of a home; makes it from the runs if it is not there.
    pub fn open(home: &Home) -> Result<Self, IndexError> {
        let path = home.index_path();
        let fresh = !path.exists();
        if let Ok(index) = Self::open_at(&path) {
            if fresh {
                index.rebuild(home)?;
            }
            return Ok(index);
        }
        // Damaged, or not ours: the journals are the truth.
        for ending in ["", "-wal", "-shm"] {
            let mut name = path.clone().into_os_string();
            name.push(ending);
            let _ = std::fs::remove_file(name);
        }
        let index = Self::open_at(&path)?;
        index.rebuild(home)?;
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
                     result TEXT
                 ) STRICT, WITHOUT ROWID;
                 COMMIT;",
            )?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        }
        Ok(Self(connection))
    }

    /// Adds or replaces a run.
    pub fn put(&self, run: &IndexedRun) -> Result<(), IndexError> {
        self.0
            .prepare_cached(
                "INSERT OR REPLACE INTO runs (run, pipeline, name, started_ms, finished_ms, result)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                run.run.as_str(),
                run.pipeline,
                run.name,
                milliseconds(run.started),
                run.finished.map(milliseconds),
                run.result.map(Outcome::as_str),
            ])?;
        Ok(())
    }

    /// The newest runs, newest first.
    pub fn newest(&self, most: usize) -> Result<Vec<IndexedRun>, IndexError> {
        let mut query = self.0.prepare(
            "SELECT run, pipeline, name, started_ms, finished_ms, result FROM runs
             ORDER BY run DESC LIMIT ?1",
        )?;
        let rows = query.query_map([i64::try_from(most).unwrap_or(i64::MAX)], indexed_run)?;
        Ok(rows
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    fn rebuild(&self, home: &Home) -> Result<(), IndexError> {
        for run in home.runs().unwrap_or_default() {
            // A run whose journal cannot be read is left out: `show` says why.
            if let Ok(record) = read_journal(&journal_path(&home.run_path(&run)))
                && let Some(indexed) = summarise(&record.events)
            {
                self.put(&indexed)?;
            }
        }
        Ok(())
    }
}

/// What the index keeps of a run.
pub fn summarise(events: &[Event]) -> Option<IndexedRun> {
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
    }))
}
