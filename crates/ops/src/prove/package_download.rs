//! Receives the download of a package: keeps it in a file and computes its digests.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;

use model::evidence::lookup::{Unavailable, UnavailableCause};
use model::package::file_digest::{FileDigests, FileHasher};
use transport::BodySink;

/// A download that is kept in a file.
pub(super) struct PackageDownload {
    file: File,
    hasher: FileHasher,
    error: Option<io::Error>,
}

impl PackageDownload {
    pub(super) fn new(file: File, hasher: FileHasher) -> Self {
        Self { file, hasher, error: None }
    }

    /// Returns the file and its digests.
    pub(super) fn finish(self) -> Result<(File, FileDigests), Unavailable> {
        if let Some(error) = self.error {
            let message = format!("the download could not be kept: {error}");
            return Err(Unavailable { cause: UnavailableCause::InvalidAnswer, message });
        }
        Ok((self.file, self.hasher.finish()))
    }
}

impl BodySink for PackageDownload {
    fn restart(&mut self, _: &str) {
        self.hasher = self.hasher.restarted();
        self.error = self.file.set_len(0).and_then(|()| self.file.rewind()).err();
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.hasher.update(chunk);
        if self.error.is_none() {
            self.error = self.file.write_all(chunk).err();
        }
    }
}

/// Reads a file from its beginning, without its own offset.
pub(super) struct FileReader {
    file: File,
    offset: u64,
}

impl FileReader {
    pub(super) fn new(file: &File) -> io::Result<Self> {
        Ok(Self { file: file.try_clone()?, offset: 0 })
    }
}

impl Read for FileReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read_at(buffer, self.offset)?;
        self.offset += length as u64;
        Ok(length)
    }
}
