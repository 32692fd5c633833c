//! Reading and writing files of the operator and of repositories, with size limits.

use std::path::Path;

use archive::FolderHandle;
use model::release::receipt::OutputFile;

use crate::error::OpsError;

/// Reads a file that the operator gave, of at most `limit` bytes. The path may be a link to a plain file.
///
/// # Errors
/// [`OpsError::Folder`], with the path, if the file does not exist, is a device or pipe, or is too large.
pub fn read_named(path: &Path, limit: u64) -> Result<Vec<u8>, OpsError> {
    Ok(archive::read_named(path, limit)?)
}

/// Reads a file of a repository, of at most `limit` bytes, without following a link below `root`: the repository is not
/// trusted. Returns `None` if the file does not exist.
///
/// # Errors
/// [`OpsError::Folder`], with the path, if the file or a parent folder is a link, device or pipe, or the file is too
/// large.
pub fn read_below(root: &Path, file: &str, limit: u64) -> Result<Option<Vec<u8>>, OpsError> {
    Ok(archive::read_below(root, file, limit)?)
}

/// Writes a file at a path that the operator gave. Creates its folder if it is missing, and replaces an existing plain
/// file.
///
/// # Errors
/// [`OpsError::Folder`], with the path, if the path exists and is not a plain file, or if it cannot be written.
pub fn write_named(path: &Path, bytes: &[u8]) -> Result<OutputFile, OpsError> {
    let folder = FolderHandle::create_named(path.parent().unwrap_or(Path::new("")))?;
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or_default();
    Ok(folder.write(name, bytes)?)
}
