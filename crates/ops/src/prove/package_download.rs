//! Receives the download of a package: keeps it in a file and computes its digests.

use std::fs::File;
use std::io::{self, Read, Seek as _, Write as _};
use std::os::unix::fs::FileExt as _;

use model::base::id::{Hasher, Sha512Hasher};
use model::evidence::lookup::{Unavailable, UnavailableCause};
use model::evidence::package::PackageContent;
use transport::BodySink;

/// A download that is kept in a file.
pub(super) struct PackageDownload {
    file: File,
    sha256: Hasher,
    sha512: Sha512Hasher,
    error: Option<io::Error>,
}

impl PackageDownload {
    pub(super) fn new(file: File) -> Self {
        Self { file, sha256: Hasher::default(), sha512: Sha512Hasher::default(), error: None }
    }

    /// Returns the file and what it contains. `size` is the length of the download in bytes.
    pub(super) fn finish(self, size: u64) -> Result<(File, PackageContent), Unavailable> {
        if let Some(error) = self.error {
            let message = format!("the download could not be kept: {error}");
            return Err(Unavailable { cause: UnavailableCause::InvalidAnswer, message });
        }
        let content = PackageContent { size, sha256: self.sha256.finish(), sha512: self.sha512.finish() };
        Ok((self.file, content))
    }
}

impl BodySink for PackageDownload {
    fn restart(&mut self, _: &str) {
        (self.sha256, self.sha512) = Default::default();
        self.error = self.file.set_len(0).and_then(|()| self.file.rewind()).err();
    }

    fn write_chunk(&mut self, chunk: &[u8]) {
        self.sha256.update(chunk);
        self.sha512.update(chunk);
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
