//! One run at a time for a tag on this machine, whichever clone or folder it works in.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use model::{ReleaseTag, RepoSlug};

use crate::OpsError;

/// A tag that only this run publishes, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct TagLock {
    _file: File,
}

impl TagLock {
    /// Takes the lock of a tag.
    ///
    /// # Errors
    /// [`OpsError::AtWork`] where another run has it, [`OpsError::Cache`] where the folder cannot be written.
    pub(crate) fn take(cache: &Path, slug: &RepoSlug, tag: &ReleaseTag) -> Result<Self, OpsError> {
        let folder = cache.join("locks");
        let plain: String = slug
            .to_string()
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        let path = folder.join(format!("{plain}-{}", tag.safe_name()));
        let failed = |source| OpsError::Cache { path: path.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpsError::AtWork { tag: tag.name() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
