//! Checkout: a tree as files in a fresh folder.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, atomic::AtomicUsize};

use gix::ObjectId;
use gix::bstr::ByteSlice;

use super::failure::{FailureKind, GitFailure};
use super::measure::{Size, measure};
use super::protocol::Bounds;
use super::repository::{NEVER, name_rules};
use super::watch::{Report, watch};

/// Threads that write files; more do not help on the machines measured.
const THREADS: usize = 2;

/// What was written.
pub(super) struct Written {
    /// Files and links.
    pub(super) files: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// The index that goes with them.
    pub(super) index: gix::index::State,
    /// What a person should know.
    pub(super) remarks: Vec<String>,
}

/// Writes a tree into `folder`, which is fresh and empty.
///
/// # Errors
///
/// `limit-exceeded` before anything is written; `unsupported` for a tree whose
/// names git itself refuses or that do not fit beside each other.
pub(super) fn checkout(
    repository: &gix::Repository,
    tree: ObjectId,
    folder: &Path,
    bounds: &Bounds,
    report: &Report,
) -> Result<Written, GitFailure> {
    let size = measure(repository, tree, bounds)?;
    let mut index = gix::index::State::from_tree(&tree, &repository.objects, name_rules())
        .map_err(|error| hostile_or_broken(&error))?;
    let files = Counter::default();
    let bytes = Counter::default();
    let counter = Arc::clone(&files.0);
    let outcome = watch(
        report,
        "checking out",
        "files",
        Some(size.files),
        || counter.load(Ordering::Relaxed) as u64,
        || {
            gix::worktree::state::checkout(
                &mut index,
                folder,
                repository
                    .objects
                    .clone()
                    .into_arc()
                    .map_err(gix::Error::from_error)?,
                &files,
                &bytes,
                &NEVER,
                options(repository),
            )
        },
    )
    .map_err(|error| hostile_or_broken(&error))?;
    verify(&outcome, gix::Count::step(&files) as u64, size)?;
    Ok(Written {
        files: size.files,
        bytes: outcome.bytes_written,
        remarks: remarks(folder, size),
        index,
    })
}

fn options(repository: &gix::Repository) -> gix::worktree::state::checkout::Options {
    // No drivers: a filter of the repository's configuration never runs.
    let filters = gix::filter::plumbing::Pipeline::new(
        gix::command::Context::default(),
        repository.object_hash(),
        gix::filter::plumbing::pipeline::Options::default(),
    );
    gix::worktree::state::checkout::Options {
        fs: gix::fs::Capabilities::default(),
        validate: name_rules(),
        thread_limit: Some(THREADS),
        destination_is_initially_empty: true,
        overwrite_existing: false,
        keep_going: false,
        ..gix::worktree::state::checkout::Options::new(filters)
    }
}

/// The library calls a checkout a success that met collisions or errors, or was
/// stopped half-way.
fn verify(
    outcome: &gix::worktree::state::checkout::Outcome,
    written: u64,
    size: Size,
) -> Result<(), GitFailure> {
    if let Some(collision) = outcome.collisions.first() {
        return Err(GitFailure::new(
            FailureKind::Unsupported,
            "git.collision",
            format_args!(
                "{} of its files cannot lie beside each other here, such as `{}`",
                outcome.collisions.len(),
                collision.path
            ),
        )
        .hint("two names differ only in a way that this file system does not see"));
    }
    if let Some(record) = outcome.errors.first() {
        return Err(GitFailure::library(
            format_args!("cannot write `{}`", record.path),
            &record.error,
        ));
    }
    let delayed = outcome.delayed_paths_unknown.len() + outcome.delayed_paths_unprocessed.len();
    if delayed > 0 || written < size.files {
        return Err(GitFailure::new(
            FailureKind::Other,
            "git.unfinished",
            format_args!("only {written} of {} files were written", size.files),
        ));
    }
    Ok(())
}

/// A tree with names that are refused says so; everything else is as it is.
fn hostile_or_broken(error: &gix::Error) -> GitFailure {
    if error.is_validation() {
        return GitFailure::new(
            FailureKind::Unsupported,
            "git.forbidden-name",
            format_args!(
                "its tree holds a name that is refused: {}",
                super::failure::causes(error)
            ),
        )
        .hint("such names reach outside of the folder, or mean `.git` on some system");
    }
    GitFailure::library("cannot check its tree out", error)
}

fn remarks(folder: &Path, size: Size) -> Vec<String> {
    let mut remarks = Vec::new();
    if size.submodules > 0 {
        remarks.push(format!("{} submodules are left out", size.submodules));
    }
    let attributes = folder.join(".gitattributes");
    // The name is the repository's: a link may lead anywhere.
    let plain = attributes
        .symlink_metadata()
        .is_ok_and(|meta| meta.is_file());
    if plain && let Ok(text) = std::fs::read(attributes) {
        if text.contains_str("filter=lfs") {
            remarks.push("files in Git LFS are left as pointers".to_owned());
        }
        if text.contains_str("working-tree-encoding") {
            remarks.push("files with a working-tree-encoding may be left in UTF-8".to_owned());
        }
    }
    remarks
}

/// A counter as the library wants it.
#[derive(Default)]
struct Counter(Arc<AtomicUsize>);

impl gix::Count for Counter {
    fn set(&self, step: usize) {
        self.0.store(step, Ordering::Relaxed);
    }

    fn step(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn inc_by(&self, step: usize) {
        self.0.fetch_add(step, Ordering::Relaxed);
    }

    fn counter(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.0)
    }
}
