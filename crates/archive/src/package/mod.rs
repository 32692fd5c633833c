//! Reads untrusted packages: wheels, source distributions, npm packages, Go modules, NuGet packages, jars and charts. Only
//! one chunk of a file and the files that the caller asks for are in memory.
//!
//! A package is accepted only if every program reads the same files from it, so anything that readers treat differently
//! is refused, even where the format allows it.

mod collector;
mod paths;
mod source;
mod tar;
mod unsigned;
mod zip;
mod zip_header;

use std::fs::File;

use model::package::{PackageContainer, PackageContents, PackageError, PackageFormat};
use rawzip::ReaderAt as _;

pub use unsigned::remove_package_signature;

use collector::FileCollector;
use source::PackageSource;

/// The largest package that is read, in bytes. PyPI's default limit for a file is 100 MB, and the Go limit for a module
/// is 500 MiB (<https://go.dev/ref/mod#zip-path-size-constraints>).
const MAX_PACKAGE_BYTES: u64 = 1 << 30;

/// The size of the buffer for documents, in bytes.
const DOCUMENT_CHUNK_BYTES: usize = 64 << 10;

/// Reads a package to its end. `keep` selects, by path, the files whose content is returned.
///
/// # Errors
/// [`PackageError`].
pub fn read_package(
    file: &File,
    format: PackageFormat,
    keep: &dyn Fn(&str) -> bool,
) -> Result<PackageContents, PackageError> {
    let (source, size) = (PackageSource(file), file.metadata()?.len());
    if size > MAX_PACKAGE_BYTES {
        return Err(PackageError::LimitExceeded(format!(
            "the package has {size} bytes, expected at most {MAX_PACKAGE_BYTES}"
        )));
    }
    let mut collector = FileCollector::new(size, keep);
    match format.container() {
        PackageContainer::Zip => zip::read_zip(source, size, format, &mut collector)?,
        PackageContainer::Tar => tar::read_tar(source, format, &mut collector)?,
        PackageContainer::None => read_document(source, format, &mut collector)?,
    }
    Ok(PackageContents { format, files: collector.into_files() })
}

/// Reads a document that is published as a file of its own, and passes it to `collector` as the only file.
fn read_document(
    source: PackageSource<'_>,
    format: PackageFormat,
    collector: &mut FileCollector<'_>,
) -> Result<(), PackageError> {
    collector.start(format.name().as_bytes(), 0)?;
    let (mut buffer, mut offset) = (vec![0; DOCUMENT_CHUNK_BYTES], 0);
    loop {
        let count = match source.read_at(&mut buffer, offset) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            answer => answer?,
        };
        if count == 0 {
            collector.finish();
            return Ok(());
        }
        collector.push(&buffer[..count])?;
        offset += count as u64;
    }
}
