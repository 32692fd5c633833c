//! Access to the bytes of a package.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use model::package::PackageError;

/// The bytes of a package.
#[derive(Debug, Clone, Copy)]
pub enum PackageSource<'a> {
    /// An open regular file. Its offset is not used.
    File(&'a File),
    /// Bytes in memory.
    Memory(&'a [u8]),
}

impl PackageSource<'_> {
    pub(super) fn size(self) -> Result<u64, PackageError> {
        match self {
            Self::File(file) => file.metadata().map(|it| it.len()).map_err(PackageError::from),
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    /// Reads at most `buffer.len()` bytes at an offset. Returns 0 at the end.
    pub(super) fn read_at(self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        match self {
            Self::File(file) => file.read_at(buffer, offset),
            Self::Memory(bytes) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                let length = buffer.len().min(bytes.len() - start);
                buffer[..length].copy_from_slice(&bytes[start..start + length]);
                Ok(length)
            }
        }
    }
}
