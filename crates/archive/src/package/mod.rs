//! Reads untrusted packages: wheels, source distributions, npm packages and Go modules. Only one chunk of a file and the
//! files that the caller asks for are in memory.
//!
//! A package is accepted only if every program reads the same files from it, so anything that readers treat differently
//! is refused, even where the format allows it.

mod collector;
mod paths;
mod source;
mod tar;
mod zip;

use std::fs::File;

use model::package::{PackageContents, PackageError, PackageFormat};

use collector::FileCollector;
use source::PackageSource;

/// The largest package that is read, in bytes. PyPI's default limit for a file is 100 MB, and the Go limit for a module
/// is 500 MiB (<https://go.dev/ref/mod#zip-path-size-constraints>).
const MAX_PACKAGE_BYTES: u64 = 1 << 30;

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
    if format.is_zip() {
        zip::read_zip(source, size, format, &mut collector)?;
    } else {
        tar::read_tar(source, format, &mut collector)?;
    }
    Ok(PackageContents { format, files: collector.into_files() })
}
