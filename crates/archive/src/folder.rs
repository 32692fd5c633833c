//! Folder access that does not follow symbolic links, and atomic file writes.
//!
//! Repositories, output folders and caches may contain anything, including symbolic links. Every component below a
//! [`FolderHandle`] is therefore opened relative to its parent with `O_NOFOLLOW` (`openat(2)`), and new files with
//! `O_CREAT | O_EXCL`. Anything except folders and regular files is refused, and the error names its path. Only the
//! folder that the operator named may itself be reached through a link.
//!
//! A file is written as `.<name>.partial` and renamed when it is complete and on disk. A killed run therefore leaves
//! no truncated file, and the next run removes the partial one.

mod error;
mod pending;

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Component, Path, PathBuf};

use model::release::receipt::OutputFile;
use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};

pub use error::FolderError;
pub use pending::{DigestTee, DigestWriter, PendingFile};

use error::unexpected_file_type;
use pending::FolderRef;

/// The flags to open a folder in another folder.
const FOLDER_FLAGS: OFlags = OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
/// The flags to open a file for reading. `NONBLOCK`, because opening a named pipe must not wait for a writer.
const READ_FLAGS: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);
/// The flags to create a file. `EXCL`, so that an existing file or link is never written to.
const CREATE_FLAGS: OFlags =
    OFlags::WRONLY.union(OFlags::CREATE).union(OFlags::EXCL).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// An open folder. Its entries are accessed through this handle, so that a later change of its path has no effect.
#[derive(Debug)]
pub struct FolderHandle {
    path: PathBuf,
    handle: OwnedFd,
}

impl FolderHandle {
    /// Opens a folder that the operator named, and creates it and its parents if necessary. The path may contain
    /// links.
    ///
    /// # Errors
    /// [`FolderError::Io`] if it cannot be created or opened.
    pub fn create_named(path: &Path) -> Result<Self, FolderError> {
        std::fs::create_dir_all(path)
            .map_err(|error| FolderError::io_error("create the folder", path, error))?;
        let missing = || FolderError::io_error("open the folder", path, io::ErrorKind::NotFound);
        Self::open_named(path)?.ok_or_else(missing)
    }

    /// Opens a folder that the operator named. The path may contain links. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// [`FolderError::Io`] if it cannot be opened.
    pub fn open_named(path: &Path) -> Result<Option<Self>, FolderError> {
        let flags = OFlags::DIRECTORY.union(OFlags::CLOEXEC);
        let directory = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        match rustix::fs::openat(CWD, directory, flags, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { path: path.to_owned(), handle })),
            Err(error) if error == rustix::io::Errno::NOENT => Ok(None),
            Err(error) => Err(FolderError::io_error("open the folder", path, error)),
        }
    }

    /// The path that it was opened with.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder in this one, and creates it if necessary.
    ///
    /// # Errors
    /// [`FolderError::UnexpectedFileType`] if the name is a link or anything else; [`FolderError::Io`].
    pub fn create_child(&self, name: &str) -> Result<Self, FolderError> {
        let path = self.child_path(name)?;
        match rustix::fs::mkdirat(&self.handle, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => {}
            Err(error) if error == rustix::io::Errno::EXIST => {}
            Err(error) => return Err(FolderError::io_error("create the folder", &path, error)),
        }
        let missing = || FolderError::io_error("open the folder", &path, io::ErrorKind::NotFound);
        self.open_child(name)?.ok_or_else(missing)
    }

    /// Opens a folder in this one. Returns `None` if the name does not exist.
    ///
    /// # Errors
    /// [`FolderError::UnexpectedFileType`] if the name is a link or anything else; [`FolderError::Io`].
    pub fn open_child(&self, name: &str) -> Result<Option<Self>, FolderError> {
        let path = self.child_path(name)?;
        match self.file_type(name)? {
            None => return Ok(None),
            Some(FileType::Directory) => {}
            Some(kind) => return Err(unexpected_file_type(path, kind, "a folder")),
        }
        match rustix::fs::openat(&self.handle, name, FOLDER_FLAGS, Mode::empty()) {
            Ok(handle) => Ok(Some(Self { path, handle })),
            Err(error) => Err(FolderError::io_error("open the folder", &path, error)),
        }
    }

    /// Locks the folder with an exclusive `flock(2)` until the lock is dropped. Does not wait for another process.
    ///
    /// # Errors
    /// [`FolderError::Locked`] if another process has the lock, [`FolderError::Io`] if it cannot be locked.
    pub fn lock(&self) -> Result<FolderLock, FolderError> {
        let handle = self.handle.try_clone();
        let handle = handle.map_err(|error| FolderError::io_error("lock the folder", &self.path, error))?;
        lock_handle(&handle, &self.path)?;
        Ok(FolderLock(handle))
    }

    /// Locks a file in this folder with an exclusive `flock(2)`, and creates it if necessary. Writes nothing to it.
    ///
    /// # Errors
    /// [`FolderError::Locked`] if another process has the lock; [`FolderError::UnexpectedFileType`];
    /// [`FolderError::Io`].
    pub fn lock_file(&self, name: &str) -> Result<FolderLock, FolderError> {
        let path = self.child_path(name)?;
        self.check_regular_file(name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | READ_FLAGS;
        let handle = rustix::fs::openat(&self.handle, name, flags, Mode::from_raw_mode(0o600));
        let handle = handle.map_err(|error| FolderError::io_error("open", &path, error))?;
        lock_handle(&handle, &path)?;
        Ok(FolderLock(handle))
    }

    /// Checks that this process may create files in the folder (`access(2)`).
    ///
    /// # Errors
    /// [`FolderError::Io`] if it may not.
    pub fn check_writable(&self) -> Result<(), FolderError> {
        let mode = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        let access = rustix::fs::accessat(&self.handle, ".", mode, AtFlags::empty());
        access.map_err(|error| FolderError::io_error("write to the folder", &self.path, error))
    }

    /// Checks that [`FolderHandle::create`] accepts this name, and returns whether it would replace a file. Creates
    /// nothing.
    ///
    /// # Errors
    /// [`FolderError::UnexpectedFileType`] if the name or the temporary one exists and is not a regular file;
    /// [`FolderError::Io`].
    pub fn can_create(&self, name: &str) -> Result<bool, FolderError> {
        self.check_regular_file(&partial_name(name))?;
        Ok(self.check_regular_file(name)?.is_some())
    }

    /// Opens a regular file for reading. Returns `None` if the name does not exist.
    ///
    /// # Errors
    /// [`FolderError::UnexpectedFileType`] if it is not a regular file; [`FolderError::Io`].
    pub fn open_file(&self, name: &str) -> Result<Option<File>, FolderError> {
        let path = self.child_path(name)?;
        if self.check_regular_file(name)?.is_none() {
            return Ok(None);
        }
        let handle = rustix::fs::openat(&self.handle, name, OFlags::RDONLY | READ_FLAGS, Mode::empty());
        let file = File::from(handle.map_err(|error| FolderError::io_error("open", &path, error))?);
        check_regular(&file, &path)?;
        Ok(Some(file))
    }

    /// Reads a regular file of at most `limit` bytes. Returns `None` if the name does not exist.
    ///
    /// # Errors
    /// [`FolderError::UnexpectedFileType`] if it is not a regular file; [`FolderError::FileTooLarge`];
    /// [`FolderError::Io`].
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FolderError> {
        let path = self.child_path(name)?;
        self.open_file(name)?.map(|file| read_bounded(file, &path, limit)).transpose()
    }

    /// Creates a file under a temporary name; [`PendingFile::finish`] gives it its name. Removes the temporary file
    /// of a killed run.
    ///
    /// # Errors
    /// [`FolderError::UnexpectedFileType`] if the name or the temporary one exists and is not a regular file;
    /// [`FolderError::Io`].
    pub fn create(&self, name: &str) -> Result<PendingFile<'_>, FolderError> {
        let path = self.child_path(name)?;
        self.check_regular_file(name)?;
        let partial = partial_name(name);
        if self.check_regular_file(&partial)?.is_some() {
            self.remove(&partial)?;
        }
        let partial_path = self.path.join(&partial);
        let handle = rustix::fs::openat(&self.handle, &partial, CREATE_FLAGS, Mode::from_raw_mode(0o666));
        let file = File::from(handle.map_err(|error| FolderError::io_error("create", &partial_path, error))?);
        let folder = FolderRef { handle: &self.handle, path: &self.path };
        Ok(PendingFile::new(folder, name, path, partial, file))
    }

    /// Writes a file atomically, and replaces an existing one.
    ///
    /// # Errors
    /// The errors of [`FolderHandle::create`] and [`PendingFile::finish`]. The file is then unchanged, or still
    /// missing.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<OutputFile, FolderError> {
        let mut file = self.create(name)?;
        let partial = self.path.join(partial_name(name));
        file.write_all(bytes).map_err(|error| FolderError::io_error("write", &partial, error))?;
        file.finish()
    }

    fn remove(&self, name: &str) -> Result<(), FolderError> {
        let removed = rustix::fs::unlinkat(&self.handle, name, AtFlags::empty());
        removed.map_err(|error| FolderError::io_error("remove", &self.path.join(name), error))
    }

    /// Returns the path of a name in this folder, for messages. The name must be a single component, not `.` or `..`.
    fn child_path(&self, name: &str) -> Result<PathBuf, FolderError> {
        let mut components = Path::new(name).components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(one)), None) if one == name => Ok(self.path.join(name)),
            _ => {
                Err(FolderError::io_error("use the name", &self.path.join(name), io::ErrorKind::InvalidInput))
            }
        }
    }

    /// Returns the file type of a name, without following a link. `None` if the name does not exist.
    fn file_type(&self, name: &str) -> Result<Option<FileType>, FolderError> {
        match rustix::fs::statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(error) if error == rustix::io::Errno::NOENT => Ok(None),
            Err(error) => Err(FolderError::io_error("inspect", &self.path.join(name), error)),
        }
    }

    /// Returns `Some` for a regular file, `None` if the name does not exist, and an error for any other type.
    fn check_regular_file(&self, name: &str) -> Result<Option<()>, FolderError> {
        match self.file_type(name)? {
            None => Ok(None),
            Some(FileType::RegularFile) => Ok(Some(())),
            Some(kind) => Err(unexpected_file_type(self.path.join(name), kind, "a plain file")),
        }
    }
}

/// The name of a file until it is complete. Other programs do not list it, as it starts with a dot.
fn partial_name(name: &str) -> String {
    format!(".{name}.partial")
}

/// An exclusive lock on a folder or a file. Dropping it releases the lock.
#[derive(Debug)]
pub struct FolderLock(
    #[expect(dead_code, reason = "the lock is held as long as its handle is open")] OwnedFd,
);

/// Locks an open file or folder, without waiting (`flock(2)`).
fn lock_handle(handle: &OwnedFd, path: &Path) -> Result<(), FolderError> {
    match rustix::fs::flock(handle, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => Err(FolderError::Locked(path.to_owned())),
        Err(error) => Err(FolderError::io_error("lock", path, error)),
    }
}

/// Reads a file of at most `limit` bytes below a folder that the operator named. `file` is a relative path with `/`,
/// and no link in it is followed. Returns `None` if a component of it does not exist.
///
/// # Errors
/// [`FolderError::UnexpectedFileType`] with the component that is a link or anything else;
/// [`FolderError::FileTooLarge`]; [`FolderError::Io`].
pub fn read_below(root: &Path, file: &str, limit: u64) -> Result<Option<Vec<u8>>, FolderError> {
    let Some(mut folder) = FolderHandle::open_named(root)? else { return Ok(None) };
    let (parents, name) = file.rsplit_once('/').map_or(("", file), |(parents, name)| (parents, name));
    for parent in parents.split('/').filter(|it| !it.is_empty()) {
        let Some(child) = folder.open_child(parent)? else { return Ok(None) };
        folder = child;
    }
    folder.read(name, limit)
}

/// Reads a file of at most `limit` bytes that the operator named. The path may contain links, but must lead to a
/// regular file: reading a device or a pipe may not end.
///
/// # Errors
/// [`FolderError::UnexpectedFileType`], [`FolderError::FileTooLarge`], [`FolderError::Io`] if it does not exist or
/// cannot be read.
pub fn read_named(path: &Path, limit: u64) -> Result<Vec<u8>, FolderError> {
    read_bounded(open_named_file(path)?, path, limit)
}

/// Opens a file that the operator named, for reading. The path may contain links, but must lead to a regular file.
///
/// # Errors
/// [`FolderError::UnexpectedFileType`], [`FolderError::Io`] if it does not exist or cannot be read.
pub fn open_named_file(path: &Path) -> Result<File, FolderError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let handle = rustix::fs::openat(CWD, path, flags, Mode::empty());
    let file = File::from(handle.map_err(|error| FolderError::io_error("read", path, error))?);
    check_regular(&file, path)?;
    Ok(file)
}

/// Creates a file without a name in a folder, for reading and writing. It ends with its last handle, also if the
/// process is killed.
///
/// # Errors
/// [`FolderError::Io`] if the folder does not exist or is not writable.
pub fn create_nameless(folder: &Path) -> Result<File, FolderError> {
    let failed = |error| FolderError::io_error("create a file in", folder, error);
    let mode = Mode::from_raw_mode(0o600);
    let flags = OFlags::RDWR.union(OFlags::CLOEXEC);
    match rustix::fs::openat(CWD, folder, flags | OFlags::TMPFILE, mode) {
        Ok(handle) => return Ok(File::from(handle)),
        // The file system has no nameless files.
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::ISDIR) => {}
        Err(error) => return Err(failed(error)),
    }
    let path = folder.join(format!(".opensandbox-{:016x}", RandomState::new().hash_one(0)));
    let flags = flags | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
    let handle = rustix::fs::openat(CWD, &path, flags, mode).map_err(failed)?;
    rustix::fs::unlinkat(CWD, &path, AtFlags::empty()).map_err(failed)?;
    Ok(File::from(handle))
}

/// Checks that an open file is a regular file. It may have been replaced between the check of its name and the
/// opening.
fn check_regular(file: &File, path: &Path) -> Result<(), FolderError> {
    let stat =
        rustix::fs::fstat(file.as_fd()).map_err(|error| FolderError::io_error("inspect", path, error))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        kind => Err(unexpected_file_type(path.to_owned(), kind, "a plain file")),
    }
}

/// Reads an open file of at most `limit` bytes. It may grow during the read, so one byte more than the limit is read
/// to detect that.
fn read_bounded(file: File, path: &Path, limit: u64) -> Result<Vec<u8>, FolderError> {
    let too_long = || FolderError::FileTooLarge { path: path.to_owned(), limit };
    let failed = |error: io::Error| FolderError::io_error("read", path, error);
    if file.metadata().map_err(failed)?.len() > limit {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit { Err(too_long()) } else { Ok(bytes) }
}
