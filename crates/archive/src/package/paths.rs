//! The paths of a package's files: relative, normalized, without duplicates.

use std::collections::HashMap;

use crate::stream_error::{StreamError, malformed};

/// The longest path, in bytes.
const MAX_PATH_BYTES: usize = 4096;

/// The paths that were read so far.
#[derive(Debug, Default)]
pub(super) struct PathSet {
    /// The lower-case paths of files and of their folders. `true` for a file.
    entries: HashMap<String, PathUse>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PathUse {
    File,
    /// A folder, as it was written first.
    Folder(String),
}

impl PathSet {
    /// Checks a path and adds it. On a case-insensitive file system, paths that differ only in case are the same file,
    /// so such a path is a duplicate. A file is not also a folder.
    ///
    /// # Errors
    /// [`StreamError::Malformed`] for a path that is absolute, not normalized, not UTF-8 or a duplicate.
    pub(super) fn insert(&mut self, path: &[u8]) -> Result<String, StreamError> {
        let lossy = || String::from_utf8_lossy(path).into_owned();
        let text = std::str::from_utf8(path)
            .map_err(|_| malformed(format!("the path '{}' is not UTF-8", lossy())))?;
        let is_unsafe = |part: &str| matches!(part, "" | "." | "..");
        let is_forbidden = |it: char| matches!(it, '\\' | ':') || it.is_control();
        if text.len() > MAX_PATH_BYTES || text.split('/').any(is_unsafe) || text.chars().any(is_forbidden) {
            return Err(malformed(format!("'{text}' is not a normalized relative path of a file")));
        }
        let mut end = 0;
        while let Some(slash) = text[end..].find('/') {
            let folder = &text[..end + slash];
            let entry =
                self.entries.entry(fold(folder)).or_insert_with(|| PathUse::Folder(folder.to_owned()));
            match entry {
                PathUse::File => return Err(malformed(format!("'{folder}' is a file and also a folder"))),
                PathUse::Folder(other) if other != folder => {
                    return Err(malformed(format!(
                        "the folders '{other}' and '{folder}' differ only in case"
                    )));
                }
                PathUse::Folder(_) => {}
            }
            end += slash + 1;
        }
        match self.entries.insert(fold(text), PathUse::File) {
            None => Ok(text.to_owned()),
            Some(_) => Err(malformed(format!("duplicate path '{text}' (ignoring case)"))),
        }
    }
}

/// Returns a path in lower case. Upper case first, because some letters have two lower-case forms.
fn fold(path: &str) -> String {
    path.to_uppercase().to_lowercase()
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
