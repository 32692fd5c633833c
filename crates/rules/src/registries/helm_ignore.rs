//! The patterns of `.helmignore`, which decide which files of a chart are packaged (`helm:pkg/ignore`). They look like
//! those of `.gitignore`, and mean something else: `**` is an error, and a negated pattern ignores all other files.

use crate::pattern;

/// The built-in pattern: hidden files directly in `templates` (`helm:pkg/ignore`, `AddDefaults`).
const DEFAULT_PATTERN: &str = "templates/.?*";

/// A pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
struct IgnorePattern {
    text: String,
    is_negated: bool,
    /// Whether it selects folders only.
    is_folder: bool,
    /// Whether it is matched with the whole path, not only with the last name.
    is_path: bool,
}

/// The patterns of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HelmIgnore(Vec<IgnorePattern>);

impl HelmIgnore {
    /// Parses the lines of a file, and adds the built-in pattern. `None` if a pattern is one that Helm refuses, or one with
    /// a set of characters, which is not covered.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut patterns = Vec::new();
        for line in text.trim_start_matches('\u{feff}').lines().chain([DEFAULT_PATTERN]) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.contains("**") || line.contains(['[', '\\']) {
                return None;
            }
            let (is_negated, line) = line.strip_prefix('!').map_or((false, line), |it| (true, it));
            let (is_folder, line) = line.strip_suffix('/').map_or((false, line), |it| (true, it));
            let is_path = line.contains('/');
            let text = line.strip_prefix('/').unwrap_or(line).to_owned();
            patterns.push(IgnorePattern { text, is_negated, is_folder, is_path });
        }
        Some(Self(patterns))
    }

    /// Returns whether a file, by its path in the chart, or a folder above it is ignored.
    pub(super) fn ignores(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(end, _)| (&path[..end], true));
        folders.chain([(path, false)]).any(|(path, is_folder)| self.selects(path, is_folder))
    }

    /// Returns whether Helm leaves out an entry: the first pattern that decides counts.
    fn selects(&self, path: &str, is_folder: bool) -> bool {
        for pattern in &self.0 {
            let matches = pattern.matches(path);
            if pattern.is_negated {
                if pattern.is_folder && !is_folder || !matches {
                    return true;
                }
                continue;
            }
            if (!pattern.is_folder || is_folder) && matches {
                return true;
            }
        }
        false
    }
}

impl IgnorePattern {
    fn matches(&self, path: &str) -> bool {
        let name = if self.is_path { path } else { path.rsplit('/').next().unwrap_or(path) };
        // A wildcard does not match a slash, so paths are matched name by name (Go's `filepath.Match`).
        let (patterns, names) = (self.text.split('/'), name.split('/'));
        self.text.matches('/').count() == name.matches('/').count()
            && patterns.zip(names).all(|(it, name)| pattern::matches_wildcards(it, name, Some(b'?')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_select_as_in_helm() {
        let ignored = |patterns: &str, path: &str| HelmIgnore::parse(patterns).unwrap().ignores(path);
        // Each line was tried with Helm 4.2.3.
        for (patterns, path, expected) in [
            ("", "templates/.hidden", true),
            ("", "templates/.hidden/x.yaml", true),
            ("", "templates/sub/.hidden", false),
            ("", ".x", false),
            ("*.md", "README.md", true),
            ("*.md", "docs/a.md", true),
            ("/docs/", "docs/a", true),
            ("/docs/", "x/docs/a", false),
            ("docs/*", "docs/a", true),
            ("docs/*", "x/docs/a", false),
            ("foo/", "foo", false),
            ("foo/", "x/foo/y", true),
            ("# c\n  # d\n\n *.tmp \r\n", "a.tmp", true),
            ("a.md # c", "a.md", false),
            ("./a.tmp", "a.tmp", false),
            ("!keep.md", "Chart.yaml", true),
            ("!keep.md", "keep.md", false),
        ] {
            assert_eq!(ignored(patterns, path), expected, "{patterns:?} {path}");
        }
        assert_eq!(HelmIgnore::parse("**/x"), None);
        assert_eq!(HelmIgnore::parse("[a"), None);
    }
}
