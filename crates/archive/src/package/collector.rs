//! Collects the files of a package while they arrive.

use model::base::id::Hasher;
use model::package::PackagedFile;

use super::paths::PathSet;
use crate::stream_error::StreamError;

/// The largest sum of the sizes of a package's files, in bytes.
const MAX_INFLATED_BYTES: u64 = 2 << 30;
/// The largest ratio of the sum of file sizes to the size of the package. Real packages have at most 20.
const MAX_INFLATION_RATIO: u64 = 200;
/// The size below which the ratio is not limited, in bytes.
const MIN_RATIO_BYTES: u64 = 16 << 20;
/// The largest number of files. A zip file without zip64 has at most 65,534.
const MAX_FILES: usize = 65_534;
/// The largest file that is kept in memory, in bytes.
const MAX_KEPT_FILE_BYTES: u64 = 4 << 20;
/// The largest sum of files that are kept in memory, in bytes.
const MAX_KEPT_BYTES: u64 = 24 << 20;

/// The files of a package that were read so far, within the limits.
pub(super) struct FileCollector<'k> {
    keep: &'k dyn Fn(&str) -> bool,
    files: Vec<PackagedFile>,
    paths: PathSet,
    inflated_bytes: u64,
    max_inflated_bytes: u64,
    kept_bytes: u64,
    hasher: Hasher,
}

impl<'k> FileCollector<'k> {
    pub(super) fn new(package_bytes: u64, keep: &'k dyn Fn(&str) -> bool) -> Self {
        let max_inflated_bytes =
            (package_bytes.saturating_mul(MAX_INFLATION_RATIO)).clamp(MIN_RATIO_BYTES, MAX_INFLATED_BYTES);
        Self {
            keep,
            files: Vec::new(),
            paths: PathSet::default(),
            inflated_bytes: 0,
            max_inflated_bytes,
            kept_bytes: 0,
            hasher: Hasher::default(),
        }
    }

    /// Starts a file. `path` is the path in the container.
    pub(super) fn start(&mut self, path: &[u8], mode: u32) -> Result<(), StreamError> {
        if self.files.len() >= MAX_FILES {
            return Err(StreamError::LimitExceeded(format!("the package has more than {MAX_FILES} files")));
        }
        let path = self.paths.insert(path)?;
        let content = (self.keep)(&path).then(Vec::new);
        self.hasher = Hasher::default();
        let digest = Hasher::default().finish();
        self.files.push(PackagedFile { path, size: 0, digest, mode, content });
        Ok(())
    }

    /// Adds a folder, which has no content.
    pub(super) fn add_folder(&mut self, path: &[u8]) -> Result<(), StreamError> {
        self.paths.insert_folder(path)
    }

    /// Adds content to the file that was started last.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(), StreamError> {
        let Some(file) = self.files.last_mut() else { return Ok(()) };
        self.hasher.update(bytes);
        file.size += bytes.len() as u64;
        self.inflated_bytes += bytes.len() as u64;
        if self.inflated_bytes > self.max_inflated_bytes {
            return Err(StreamError::LimitExceeded(format!(
                "the files of the package have more than {} MiB",
                self.max_inflated_bytes >> 20
            )));
        }
        if let Some(content) = &mut file.content {
            self.kept_bytes += bytes.len() as u64;
            if file.size > MAX_KEPT_FILE_BYTES || self.kept_bytes > MAX_KEPT_BYTES {
                return Err(StreamError::LimitExceeded(format!(
                    "{} is too large to compare, or with the files before it",
                    file.path
                )));
            }
            content.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Ends the file that was started last.
    pub(super) fn finish(&mut self) {
        let hasher = std::mem::take(&mut self.hasher);
        if let Some(file) = self.files.last_mut() {
            file.digest = hasher.finish();
        }
    }

    /// Returns the files, in the order of the package.
    pub(super) fn into_files(self) -> Vec<PackagedFile> {
        self.files
    }
}
