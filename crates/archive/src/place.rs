//! Files that are there whole or not at all.
//!
//! A file is written under `.<name>.partial` and renamed when it is complete and on disk. The folder is locked
//! meanwhile, so two runs cannot write the same file, and what a killed run left behind is overwritten by the next.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use model::Digest;
use model::id::Hasher;
use model::receipt::MadeFile;

/// Why a file is not there.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Another run has the folder.
    #[error("another run is at work in {}", .0.display())]
    Busy(PathBuf),
    /// The file system refused.
    #[error("cannot {verb} {}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A folder that only this run writes to, until it is dropped.
#[derive(Debug)]
pub struct OutFolder {
    path: PathBuf,
    lock: File,
}

impl OutFolder {
    /// The folder at `path`, made where it is missing, and locked.
    ///
    /// # Errors
    /// [`PlaceError::Busy`] where another run has it, [`PlaceError::Io`] where it cannot be made.
    pub fn open(path: &Path) -> Result<Self, PlaceError> {
        fs::create_dir_all(path).map_err(failed("make the folder", path))?;
        let lock = File::open(path).map_err(failed("open the folder", path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(PlaceError::Busy(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed("lock the folder", path)(source)),
        }
    }

    /// A new file that will stand under `name` once it is finished.
    ///
    /// # Errors
    /// [`PlaceError::Io`] where it cannot be made.
    pub fn create(&self, name: &str) -> Result<PendingFile<'_>, PlaceError> {
        let partial = self.path.join(format!(".{name}.partial"));
        let file = File::create(&partial).map_err(failed("write", &partial))?;
        let out = BufWriter::with_capacity(128 << 10, file);
        Ok(PendingFile {
            folder: self,
            path: self.path.join(name),
            partial,
            out,
            hasher: Hasher::default(),
            size: 0,
        })
    }

    /// Writes a whole file.
    ///
    /// # Errors
    /// [`PlaceError::Io`] where that fails; the file is not there then.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<MadeFile, PlaceError> {
        let mut file = self.create(name)?;
        let partial = file.partial.clone();
        file.write_all(bytes).map_err(failed("write", &partial))?;
        file.finish()
    }
}

/// A file on its way. Dropped before it is finished, it leaves nothing behind.
#[derive(Debug)]
pub struct PendingFile<'a> {
    folder: &'a OutFolder,
    path: PathBuf,
    partial: PathBuf,
    out: BufWriter<File>,
    hasher: Hasher,
    size: u64,
}

impl PendingFile<'_> {
    /// The name that it will have.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that every byte is on disk, and gives the file its name.
    ///
    /// # Errors
    /// [`PlaceError::Io`] where that fails; the file is not there then.
    pub fn finish(mut self) -> Result<MadeFile, PlaceError> {
        self.out.flush().map_err(failed("write", &self.partial))?;
        self.out.get_ref().sync_all().map_err(failed("write", &self.partial))?;
        fs::rename(&self.partial, &self.path).map_err(failed("rename a file to", &self.path))?;
        self.folder.lock.sync_all().map_err(failed("write the folder", &self.folder.path))?;
        Ok(MadeFile { path: self.path.clone(), digest: self.hasher.clone().finish(), size: self.size })
    }
}

impl Write for PendingFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.hasher.update(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for PendingFile<'_> {
    /// After a rename there is nothing under the old name, and nobody to tell of a failure: the next run overwrites.
    fn drop(&mut self) {
        fs::remove_file(&self.partial).ok();
    }
}

/// Something that is only measured.
#[derive(Debug, Default)]
pub struct Measured {
    hasher: Hasher,
    size: u64,
}

impl Measured {
    /// The digest and the length in bytes of what was written.
    #[must_use]
    pub fn finish(self) -> (Digest, u64) {
        (self.hasher.finish(), self.size)
    }
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn failed(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PlaceError {
    move |source| PlaceError::Io { verb, path: path.to_owned(), source }
}
