//! Files and folders of the sandbox.

use std::path::{Path, PathBuf};

use crate::error::RehearsalError;

/// Writes a file.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), RehearsalError> {
    std::fs::write(path, text).map_err(|source| RehearsalError::Write { path: path.to_owned(), source })
}

/// A folder, made where it is missing.
pub(crate) fn create_dir(path: PathBuf) -> Result<PathBuf, RehearsalError> {
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(RehearsalError::Write { path, source }),
    }
}
