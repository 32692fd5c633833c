//! Access to the bytes of a package.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use rawzip::ReaderAt;

/// An open file, read at offsets. Its own offset is not used.
#[derive(Debug, Clone, Copy)]
pub(super) struct PackageSource<'a>(pub(super) &'a File);

impl ReaderAt for PackageSource<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
        self.0.read_at(buffer, offset)
    }
}
