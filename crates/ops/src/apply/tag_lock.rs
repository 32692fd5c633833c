//! The lock of a tag: on this machine only one run at a time publishes it, in whichever clone or folder.

use archive::{FolderError, FolderLock};
use model::{ReleaseTag, RepoSlug};

use crate::cache::CacheDir;
use crate::error::OpsError;

/// The lock of a tag, held until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct TagLock {
    _lock: Option<FolderLock>,
}

impl TagLock {
    /// Acquires the lock of a tag, or does nothing without a cache folder.
    ///
    /// # Errors
    /// [`OpsError::Locked`] if another run has the lock, [`OpsError::Cache`] if the cache folder cannot be written.
    pub(crate) fn acquire(cache: &CacheDir, slug: &RepoSlug, tag: &ReleaseTag) -> Result<Self, OpsError> {
        let Some(folder) = cache.create(&["locks"]).map_err(OpsError::Cache)? else {
            return Ok(Self { _lock: None });
        };
        let plain: String = slug
            .to_string()
            .to_ascii_lowercase()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        match folder.lock_file(&format!("{plain}-{}", tag.safe_name())) {
            Ok(lock) => Ok(Self { _lock: Some(lock) }),
            Err(FolderError::Locked(_)) => Err(OpsError::Locked { tag: tag.name() }),
            Err(error) => Err(OpsError::Cache(error)),
        }
    }
}
