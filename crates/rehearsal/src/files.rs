//! Writes files and directories of the sandbox.

use std::path::{Path, PathBuf};

use crate::error::RehearsalError;

/// Writes a text file, and replaces an existing one. The error names the path.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), RehearsalError> {
    std::fs::write(path, text).map_err(|source| RehearsalError::Write { path: path.to_owned(), source })
}

/// Creates a directory with its parents if it is missing, and returns its path.
pub(crate) fn create_dir(path: PathBuf) -> Result<PathBuf, RehearsalError> {
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(RehearsalError::Write { path, source }),
    }
}
