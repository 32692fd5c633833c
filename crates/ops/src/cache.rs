//! The cache folder of this user: locks, what GitHub said of commits, and TUF metadata. All of it may be lost.

use std::io;
use std::path::PathBuf;

use archive::{FolderError, FolderHandle};
use provenance::MetadataCache;

/// The name of our folder among those of other programs.
const CACHE_DIR_NAME: &str = "opensandbox-release";
/// The longest file of TUF metadata that is read, in bytes: the client itself takes targets of at most 5 MB.
const MAX_METADATA_BYTES: u64 = 8 << 20;

/// Where the cache is.
#[derive(Debug, Clone)]
pub struct CacheDir {
    parent: Option<PathBuf>,
}

impl CacheDir {
    /// A cache in the folder that keeps those of all programs (`XDG_CACHE_HOME` of the XDG Base Directory
    /// Specification). Without one nothing is kept between runs: a folder that every local user can write to, as the
    /// one for temporary files, could have been prepared by another.
    #[must_use]
    pub fn new(parent: Option<PathBuf>) -> Self {
        Self { parent }
    }

    /// Its path. Returns `None` without a cache.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.parent.as_ref().map(|it| it.join(CACHE_DIR_NAME))
    }

    /// A folder of the cache, created if it is missing. Returns `None` without a cache.
    pub(crate) fn create(&self, below: &[&str]) -> Result<Option<FolderHandle>, FolderError> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let mut folder = FolderHandle::create_named(parent)?.create_child(CACHE_DIR_NAME)?;
        for name in below {
            folder = folder.create_child(name)?;
        }
        Ok(Some(folder))
    }

    /// A folder of the cache. Returns `None` if it does not exist.
    pub(crate) fn open(&self, below: &[&str]) -> Result<Option<FolderHandle>, FolderError> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let mut folder = FolderHandle::open_named(parent)?;
        for name in [CACHE_DIR_NAME].iter().chain(below) {
            folder = match folder {
                Some(existing) => existing.open_child(name)?,
                None => return Ok(None),
            };
        }
        Ok(folder)
    }
}

/// The folders that lead to a file of a TUF repository, and its name.
fn metadata_file<'n>(repository: &'n str, name: &'n str) -> (Vec<&'n str>, &'n str) {
    let mut parts: Vec<&str> = ["tuf", repository].into_iter().chain(name.split('/')).collect();
    let name = parts.pop().unwrap_or_default();
    (parts, name)
}

impl MetadataCache for CacheDir {
    fn load(&self, repository: &str, name: &str) -> io::Result<Option<Vec<u8>>> {
        let (below, name) = metadata_file(repository, name);
        let Some(folder) = self.open(&below).map_err(io::Error::other)? else { return Ok(None) };
        folder.read(name, MAX_METADATA_BYTES).map_err(io::Error::other)
    }

    fn store(&self, repository: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
        let (below, name) = metadata_file(repository, name);
        let Some(folder) = self.create(&below).map_err(io::Error::other)? else { return Ok(()) };
        folder.write(name, bytes).map(drop).map_err(io::Error::other)
    }
}
