//! The errors of accessing a folder or a file.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

/// An error of accessing a folder or a file, with its path.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process has the lock on the folder or file.
    #[error("another run writes to {}", .0.display())]
    Locked(PathBuf),
    /// The path has another file type than expected.
    #[error("{} is {found}, expected {expected}", path.display())]
    UnexpectedFileType {
        /// The path of the file.
        path: PathBuf,
        /// The actual type, with its article.
        found: &'static str,
        /// The expected type, with its article.
        expected: &'static str,
    },
    /// A file is larger than the limit of the caller.
    #[error("{} is longer than {limit} bytes", path.display())]
    FileTooLarge {
        /// The path of the file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// A call of the operating system failed.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// The action that failed, to follow "cannot".
        action: &'static str,
        /// The path of the action.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: io::Error,
    },
}

impl FolderError {
    pub(super) fn io_error(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { action, path: path.to_owned(), source: source.into() }
    }
}

/// Returns the error for a path that has another type than expected.
pub(super) fn unexpected_file_type(path: PathBuf, kind: FileType, expected: &'static str) -> FolderError {
    let found = match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "of an unknown type",
    };
    FolderError::UnexpectedFileType { path, found, expected }
}
