//! Files that appear under their name whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use model::Digest;
use model::base::id::Hasher;
use model::release::receipt::OutputFile;

use rustix::fs::AtFlags;

use super::error::FolderError;

/// The folder of a pending file.
#[derive(Debug, Clone, Copy)]
pub(super) struct FolderRef<'a> {
    pub(super) handle: &'a OwnedFd,
    pub(super) path: &'a Path,
}

/// A file that is being written. Dropped before it is finished, it leaves nothing behind.
#[derive(Debug)]
pub struct PendingFile<'a> {
    folder: FolderRef<'a>,
    name: String,
    path: PathBuf,
    partial_name: String,
    out: BufWriter<File>,
    hasher: Hasher,
    size: u64,
}

impl<'a> PendingFile<'a> {
    /// A file that `handle` is open for, in a folder, under a temporary name.
    pub(super) fn new(
        folder: FolderRef<'a>,
        name: &str,
        path: PathBuf,
        partial_name: String,
        handle: File,
    ) -> Self {
        Self {
            folder,
            name: name.to_owned(),
            path,
            partial_name,
            out: BufWriter::with_capacity(128 << 10, handle),
            hasher: Hasher::default(),
            size: 0,
        }
    }

    /// The path that it will have.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that every byte is on disk, and gives the file its name.
    ///
    /// # Errors
    /// [`FolderError::Io`]; the file does not exist then, or is as it was.
    pub fn finish(mut self) -> Result<OutputFile, FolderError> {
        let partial = self.folder.path.join(&self.partial_name);
        let failed = |error: io::Error| FolderError::io_error("write", &partial, error);
        self.out.flush().map_err(failed)?;
        self.out.get_ref().sync_all().map_err(failed)?;
        let handle = self.folder.handle;
        let renamed = rustix::fs::renameat(handle, &self.partial_name, handle, &self.name);
        renamed.map_err(|error| FolderError::io_error("rename a file to", &self.path, error))?;
        let synced = rustix::fs::fsync(handle);
        synced.map_err(|error| FolderError::io_error("write the folder", self.folder.path, error))?;
        Ok(OutputFile { path: self.path.clone(), digest: self.hasher.clone().finish(), size: self.size })
    }
}

impl Write for PendingFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for PendingFile<'_> {
    /// After the rename nothing has the old name any more. A failure has no one to go to: the next run removes the file.
    fn drop(&mut self) {
        rustix::fs::unlinkat(self.folder.handle, &self.partial_name, AtFlags::empty()).ok();
    }
}

/// Counts and digests what is written, and keeps none of it.
#[derive(Debug, Default)]
pub struct DigestWriter {
    hasher: Hasher,
    size: u64,
}

impl DigestWriter {
    /// The digest and the length in bytes of what was written.
    #[must_use]
    pub fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.size)
    }
}

impl Write for DigestWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
