//! Paths inside a repository, without wildcards.

use std::fmt;

use serde::{Serialize, Serializer};

/// A plain path filter: relative to the repository's root, with `/` between its parts, without wildcards or pathspec
/// magic. It matches a file, or a folder and everything below it. With a trailing `/` it matches only a folder, as in
/// git.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath(String);

/// The error for a text that is not a plain path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is not a plain path inside the repository: {reason}")]
pub struct PathError {
    /// The text as given.
    pub text: String,
    /// What is wrong with the text.
    pub reason: &'static str,
}

impl RepoPath {
    /// Parses a plain path. The text is kept as given, with its trailing `/`.
    ///
    /// # Errors
    /// [`PathError`] if git would read the text as a pattern or pathspec magic (`*`, `?`, `[`, `\`, a leading `:`), or
    /// if no path inside a repository can look like it (absolute, empty or dotted parts, control characters).
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let refuse = |reason| Err(PathError { text: text.to_owned(), reason });
        if text.starts_with('/') {
            return refuse("it is absolute");
        }
        if text.starts_with(':') {
            return refuse("a leading ':' is pathspec magic");
        }
        if text.contains(['*', '?', '[', '\\']) {
            return refuse("it has wildcards");
        }
        if text.chars().any(char::is_control) {
            return refuse("it has control characters");
        }
        let parts = text.strip_suffix('/').unwrap_or(text).split('/');
        for part in parts {
            match part {
                "" => return refuse("it has an empty part"),
                "." | ".." => return refuse("it has a '.' or '..' part"),
                _ => {}
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes, at least one.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.0.trim_end_matches('/').split('/')
    }

    /// Returns true if the path matches only a folder: it ends with `/`.
    #[must_use]
    pub fn is_directory_only(&self) -> bool {
        self.0.ends_with('/')
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RepoPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_accepted() {
        for good in ["cli", "specs/sandbox-lifecycle.yml", "a b/ü", "dir/", ".github/workflows"] {
            assert_eq!(RepoPath::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "/", "/cli", "a//b", "./a", "a/../b", "*.rs", ":(top)a", "a\\b", "a\nb", "a?", "[a]"]
        {
            assert!(RepoPath::parse(bad).is_err(), "accepted {bad:?}");
        }
    }
}
