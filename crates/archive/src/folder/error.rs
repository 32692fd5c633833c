//! Why a folder or a file cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FileType;

/// Why a folder or file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another run writes to the folder.
    #[error("another run writes to {}", .0.display())]
    Locked(PathBuf),
    /// Something else than a plain folder or file has this name.
    #[error("{} is {found}, expected {expected}", path.display())]
    UnexpectedFileType {
        /// Its path.
        path: PathBuf,
        /// What it is, with its article.
        found: &'static str,
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// A file is too long to be read.
    #[error("{} is longer than {limit} bytes", path.display())]
    FileTooLarge {
        /// Its path.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// The file system refused.
    #[error("cannot {verb} {}", path.display())]
    Io {
        /// What was tried.
        verb: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
}

impl FolderError {
    pub(super) fn io_error(verb: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { verb, path: path.to_owned(), source: source.into() }
    }
}

pub(super) fn unexpected_file_type(path: PathBuf, kind: FileType, expected: &'static str) -> FolderError {
    let found = match kind {
        FileType::RegularFile => "a file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "something unknown",
    };
    FolderError::UnexpectedFileType { path, found, expected }
}
