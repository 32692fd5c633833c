//! Writes source archives that are identical on every machine, and files atomically. Reads untrusted archives within
//! limits, and compares them with the expected tar stream while it reads.
//!
//! This crate does not read repositories and does not decide what an archive contains: the caller passes the members.
//! It runs no other program. Its archives do not depend on the environment, the clock, the umask or the number of
//! threads.
//!
//! ```
//! use std::io::Write as _;
//!
//! let mut writer = archive::DigestWriter::default();
//! writer.write_all(b"abc").expect("nothing can fail");
//! let (digest, size) = writer.finish();
//! assert_eq!((size, &digest.hex()[..8]), (3, "ba7816bf"));
//! ```

pub mod folder;
pub mod gunzip;
pub mod gzip;
mod inflate;
mod package;
mod path_key;
mod stream_error;
pub mod tar;
mod tar_header;
pub mod tar_reader;
pub mod verify;

pub use folder::{
    DigestTee, DigestWriter, FolderError, FolderHandle, FolderLock, PendingFile, create_nameless,
    open_named_file, read_below, read_named,
};
pub use gunzip::gunzip_document;
pub use gzip::{GzipError, Threads};
pub use package::{read_package, remove_package_signature};
pub use stream_error::StreamError;
pub use tar::{TarError, TarStream};
pub use verify::{ArchiveVerifier, ReferenceChunks};
