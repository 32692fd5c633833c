//! The cache directory: locks, author logins and TUF metadata. It is safe to delete.

use std::io;
use std::path::PathBuf;

use archive::{FolderError, FolderHandle};
use provenance::MetadataCache;

/// The name of the suite's folder in the user's cache directory.
const CACHE_DIR_NAME: &str = "opensandbox-release";
/// The maximum size of a cached TUF metadata file, in bytes. The TUF client itself accepts targets of at most 5 MB.
const MAX_METADATA_BYTES: u64 = 8 << 20;

/// The location of the cache. Without one, nothing is kept between runs.
#[derive(Debug, Clone)]
pub struct CacheDir {
    parent: Option<PathBuf>,
}

impl CacheDir {
    /// Creates a cache in the user's cache directory (`XDG_CACHE_HOME`, XDG Base Directory Specification). `None`
    /// disables the cache: the folder for temporary files is no substitute, because another local user could have
    /// prepared files in it.
    #[must_use]
    pub fn new(parent: Option<PathBuf>) -> Self {
        Self { parent }
    }

    /// Returns the path of the suite's cache folder. `None` without a cache.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.parent.as_ref().map(|it| it.join(CACHE_DIR_NAME))
    }

    /// Opens a folder of the cache, and creates it if it is missing. Returns `None` without a cache.
    pub(crate) fn create(&self, below: &[&str]) -> Result<Option<FolderHandle>, FolderError> {
        let Some(parent) = &self.parent else { return Ok(None) };
        let mut folder = FolderHandle::create_named(parent)?.create_child(CACHE_DIR_NAME)?;
        for name in below {
            folder = folder.create_child(name)?;
        }
        Ok(Some(folder))
    }

    /// Opens a folder of the cache. Returns `None` if it does not exist.
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

/// Returns the folders below the cache and the file name for a metadata file of a TUF repository.
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
