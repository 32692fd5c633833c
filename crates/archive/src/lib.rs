//! Writes source archives that come out the same on every machine, and files that are there whole or not at all; reads archives
//! that somebody else published, within limits, and compares them as it reads.
//!
//! This crate will not read a repository or decide what belongs into an archive: it is handed members. It runs no
//! other program, and what it writes does not depend on environment, clock, umask or the number of threads.

pub mod folder;
pub mod gunzip;
pub mod gzip;
pub mod tar;
pub mod tar_reader;
pub mod verify;

pub use folder::{DigestWriter, FolderError, FolderHandle, FolderLock, PendingFile, read_below, read_named};
pub use gunzip::StreamError;
pub use gzip::{GzipError, Threads};
pub use tar::{TarError, TarStream};
pub use verify::{ArchiveVerifier, ReferenceChunks};
