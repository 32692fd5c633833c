//! Writes source archives that come out the same on every machine, and files that are there whole or not at all.
//!
//! This crate will not read a repository or decide what belongs into an archive: it is handed members. It runs no
//! other program, and what it writes does not depend on environment, clock, umask or the number of threads.

pub mod gzip;
pub mod place;
pub mod tar;

pub use gzip::{GzipError, Threads};
pub use place::{Measured, OutFolder, PlaceError};
pub use tar::{TarError, TarStream};
