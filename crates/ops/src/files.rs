//! Files of the operator's and of repositories, read within limits.

use std::path::Path;

use archive::FolderHandle;
use model::release::receipt::OutputFile;

use crate::error::OpsError;

/// Reads a file that the operator named, at most `limit` bytes. It may be reached through a link, but must be a plain
/// file.
///
/// # Errors
/// [`OpsError::Folder`], with the path, if it does not exist, is a device or pipe, or is too long.
pub fn read_named(path: &Path, limit: u64) -> Result<Vec<u8>, OpsError> {
    Ok(archive::read_named(path, limit)?)
}

/// Reads a file of a repository, at most `limit` bytes, without following a link below `root`. Returns `None` if it
/// does not exist.
///
/// # Errors
/// [`OpsError::Folder`], with the path, if it or a folder on the way is a link, a device or a pipe, or if it is too long.
pub fn read_below(root: &Path, file: &str, limit: u64) -> Result<Option<Vec<u8>>, OpsError> {
    Ok(archive::read_below(root, file, limit)?)
}

/// Writes a whole file that the operator named. Its folder is created if it is missing; a plain file of this name is
/// replaced.
///
/// # Errors
/// [`OpsError::Folder`], with the path, if something else than a plain file has this name, or it cannot be written.
pub fn write_named(path: &Path, bytes: &[u8]) -> Result<OutputFile, OpsError> {
    let folder = FolderHandle::create_named(path.parent().unwrap_or(Path::new("")))?;
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    Ok(folder.write(name, bytes)?)
}
