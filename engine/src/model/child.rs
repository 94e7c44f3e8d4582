//! Child program: this engine again, for work that must be able to die alone.

use std::path::PathBuf;

/// A program that is this engine again, and what it shall do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChildProgram {
    /// The program.
    pub path: PathBuf,
    /// Its arguments, such as `internal git`.
    pub arguments: Vec<String>,
}
