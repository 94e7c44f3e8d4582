//! Find run: from what a person typed to a run and its record.

use std::path::PathBuf;

use super::Exit;
use super::environment::Environment;
use super::failure::Failure;
use crate::model::RunId;
use crate::store::{Home, Index, ReadError, Record, is_running, journal_path, read_journal};

/// A run that was found.
pub(super) struct FoundRun {
    pub(super) run: RunId,
    /// Its directory.
    pub(super) path: PathBuf,
    pub(super) record: Record,
    /// Whether a process is working on it now.
    pub(super) running: bool,
}

/// The state of the repository that holds the command's directory.
pub(super) fn home(environment: &Environment) -> Result<Home, Failure> {
    let places = environment.places(&environment.directory)?;
    Home::open(&places.state).map_err(|error| {
        Failure::new(
            Exit::Infrastructure,
            format!("the store cannot be opened: {error}"),
        )
    })
}

/// The index of all runs.
pub(super) fn index(home: &Home) -> Result<Index, Failure> {
    Index::open(home).map_err(|error| Failure::new(Exit::Infrastructure, error.to_string()))
}

/// The run that was meant: an id, the beginning or end of one, or `last`.
pub(super) fn find(typed: &str, environment: &Environment) -> Result<FoundRun, Failure> {
    let home = home(environment)?;
    let run = identify(typed, &home)?;
    let path = home.run_path(&run);
    let record = read_journal(&journal_path(&path)).map_err(|error| {
        let exit = match &error {
            ReadError::Damaged { .. } => Exit::Integrity,
            ReadError::Io(_) | ReadError::Version { .. } => Exit::Infrastructure,
        };
        Failure::new(exit, format!("run {run}: {error}"))
    })?;
    let running = is_running(&path);
    Ok(FoundRun {
        run,
        path,
        record,
        running,
    })
}

fn identify(typed: &str, home: &Home) -> Result<RunId, Failure> {
    // The directories themselves: they are there when the index is not.
    let mut runs = home.runs().map_err(|error| {
        Failure::new(
            Exit::Infrastructure,
            format!("the runs cannot be listed: {error}"),
        )
    })?;
    if typed == "last" {
        return runs.pop().ok_or_else(|| {
            Failure::new(Exit::Usage, "there are no runs yet").hint("start one with `engine run`")
        });
    }
    let matches = |run: &RunId| run.as_str().starts_with(typed) || run.as_str().ends_with(typed);
    let matching: Vec<RunId> = runs.into_iter().filter(matches).take(9).collect();
    match matching.as_slice() {
        [run] => Ok(run.clone()),
        [] => Err(
            Failure::new(Exit::Usage, format!("there is no run `{typed}`"))
                .hint("`engine runs` lists them"),
        ),
        several => {
            let ids: Vec<&str> = several.iter().map(RunId::as_str).collect();
            Err(
                Failure::new(Exit::Usage, format!("`{typed}` may be more than one run"))
                    .hint(format!("type more of one of these: {}", ids.join(", "))),
            )
        }
    }
}
