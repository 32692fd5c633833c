//! A downloaded NuGet package in the form that it had before the registry signed it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use archive::{create_nameless, remove_package_signature};
use model::evidence::package::RestoredPackage;
use model::package::PackageError;
use model::package::file_digest::FileHasher;

use crate::prove::package_download::FileReader;

/// Returns the package without the registry's signature, in a nameless file in `folder`, and what the signature states.
/// `None` if the package is not signed.
///
/// # Errors
/// [`PackageError`] if the package is malformed, or if the file cannot be written.
pub(super) fn restore(file: &File, folder: &Path) -> Result<Option<(File, RestoredPackage)>, PackageError> {
    let mut restored =
        create_nameless(folder).map_err(|error| PackageError::Unreadable(error.to_string()))?;
    let Some(signature) = remove_package_signature(file, &mut restored)? else { return Ok(None) };
    let mut hasher = FileHasher::default();
    read_all(&restored, &mut |bytes| hasher.update(bytes))?;
    let signature = provenance::read_package_signature(&signature);
    Ok(Some((restored, RestoredPackage { digests: hasher.finish(), signature })))
}

fn read_all(file: &File, write: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    let mut reader = FileReader::new(file)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(()),
            length => write(&buffer[..length]),
        }
    }
}
