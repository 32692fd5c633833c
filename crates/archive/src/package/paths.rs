//! The paths of a package's files: relative, normalized, without duplicates.

use std::collections::{HashMap, HashSet};

use crate::path_key::{PathKey, path_key};
use crate::stream_error::{StreamError, malformed};

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4096;
/// The largest number of names in a path. Each folder is an entry of the set.
const MAX_PATH_NAMES: usize = 128;

/// The paths that were read so far.
#[derive(Debug, Default)]
pub(super) struct PathSet {
    /// The use of each path, by the key of its lower-case form.
    entries: HashMap<PathKey, PathUse>,
    /// The folders that are entries of their own.
    folder_entries: HashSet<PathKey>,
}

/// What a path is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathUse {
    File,
    /// A folder. The key is that of the path as it was written first.
    Folder(PathKey),
}

impl PathSet {
    /// Checks a path and adds it. On a case-insensitive file system, paths that differ only in case are the same file,
    /// so such a path is a duplicate. A file is not also a folder.
    ///
    /// # Errors
    /// [`StreamError::Malformed`] for a path that is absolute, not normalized, not UTF-8 or a duplicate.
    pub(super) fn insert(&mut self, path: &[u8]) -> Result<String, StreamError> {
        let text = self.insert_parents(path)?;
        match self.entries.insert(folded_key(text), PathUse::File) {
            None => Ok(text.to_owned()),
            Some(_) => Err(malformed(format!("duplicate path '{text}' (ignoring case)"))),
        }
    }

    /// Checks the path of a folder that is an entry of its own, and adds it. It must not be a duplicate either, but
    /// files may be below it before.
    ///
    /// # Errors
    /// [`StreamError::Malformed`] as for a file.
    pub(super) fn insert_folder(&mut self, path: &[u8]) -> Result<(), StreamError> {
        let text = self.insert_parents(path)?;
        let as_written = PathUse::Folder(path_key(text.as_bytes()));
        let first = *self.entries.entry(folded_key(text)).or_insert(as_written);
        if first == as_written && self.folder_entries.insert(path_key(text.as_bytes())) {
            return Ok(());
        }
        Err(malformed(format!("duplicate path '{text}' (ignoring case)")))
    }

    /// Checks a path and adds the folders above it.
    fn insert_parents<'p>(&mut self, path: &'p [u8]) -> Result<&'p str, StreamError> {
        let lossy = || String::from_utf8_lossy(path).into_owned();
        let text = std::str::from_utf8(path)
            .map_err(|_| malformed(format!("the path '{}' is not UTF-8", lossy())))?;
        let is_unsafe = |part: &str| matches!(part, "" | "." | "..");
        let is_forbidden = |it: char| matches!(it, '\\' | ':') || it.is_control();
        if text.len() > MAX_PATH_BYTES || text.split('/').any(is_unsafe) || text.chars().any(is_forbidden) {
            return Err(malformed(format!("'{text}' is not a normalized relative path of a file")));
        }
        if text.split('/').count() > MAX_PATH_NAMES {
            return Err(StreamError::LimitExceeded(format!("'{text}' has more than {MAX_PATH_NAMES} names")));
        }
        for (end, _) in text.match_indices('/') {
            let folder = &text[..end];
            let as_written = PathUse::Folder(path_key(folder.as_bytes()));
            match *self.entries.entry(folded_key(folder)).or_insert(as_written) {
                PathUse::File => return Err(malformed(format!("'{folder}' is a file and also a folder"))),
                first if first != as_written => {
                    return Err(malformed(format!("'{folder}' differs from another folder only in case")));
                }
                PathUse::Folder(_) => {}
            }
        }
        Ok(text)
    }
}

/// Returns the key of a path in lower case. Upper case first, because some letters have two lower-case forms.
fn folded_key(path: &str) -> PathKey {
    path_key(path.to_uppercase().to_lowercase().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert_all(paths: &[&str]) -> Result<(), StreamError> {
        let mut set = PathSet::default();
        paths.iter().try_for_each(|it| set.insert(it.as_bytes()).map(drop))
    }

    #[test]
    fn ambiguous_paths_are_refused() {
        assert!(insert_all(&["a/b", "a/c", "ab"]).is_ok());
        for paths in [
            &["a", "a"][..],
            &["a", "A"],
            &["a/b", "a"],
            &["a", "a/b"],
            &["a/b", "A/c"],
            &["\u{df}", "SS"],
            &["/a"],
            &["a/../b"],
            &["a//b"],
            &["./a"],
            &["a/"],
            &["a\\b"],
            &["c:a"],
            &["a\n"],
            &[""],
        ] {
            assert!(insert_all(paths).is_err(), "{paths:?}");
        }
        assert!(PathSet::default().insert(b"\xff").is_err());
    }
}
