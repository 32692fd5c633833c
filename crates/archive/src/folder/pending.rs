//! Atomic file writes: a file gets its name only when it is complete and on disk.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use model::Digest;
use model::base::id::Hasher;
use model::release::receipt::OutputFile;

use rustix::fs::AtFlags;

use super::error::FolderError;

/// The folder of a pending file: its handle, and its path for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct FolderRef<'a> {
    pub(super) handle: &'a OwnedFd,
    pub(super) path: &'a Path,
}

/// A file that is written under a temporary name. If it is dropped before it is finished, the temporary file is
/// removed.
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
    /// Wraps an open file with a temporary name. Writes are buffered, 128 KiB at a time.
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

    /// The path of the finished file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the file to disk (`fsync(2)`), renames it, and returns its path, digest and size in bytes.
    ///
    /// # Errors
    /// [`FolderError::Io`]. An existing file of this name is then unchanged, unless only the sync of the folder
    /// failed.
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
    /// Removes the temporary file; after the rename it no longer exists. Errors are ignored: the next run removes the
    /// file.
    fn drop(&mut self) {
        rustix::fs::unlinkat(self.folder.handle, &self.partial_name, AtFlags::empty()).ok();
    }
}

/// Computes the digest of the bytes that it passes on.
#[derive(Debug)]
pub struct DigestTee<W> {
    out: W,
    hasher: Hasher,
}

impl<W: Write> DigestTee<W> {
    /// Passes all bytes on to `out`.
    pub fn new(out: W) -> Self {
        Self { out, hasher: Hasher::default() }
    }

    /// Returns the digest of the written bytes.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.hasher.finish()
    }
}

impl<W: Write> Write for DigestTee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Computes the digest and the length of the written bytes, and discards them.
#[derive(Debug, Default)]
pub struct DigestWriter {
    hasher: Hasher,
    size: u64,
}

impl DigestWriter {
    /// Returns the digest of the written bytes, and their number.
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
