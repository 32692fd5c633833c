//! Patterns as in `.gitignore` (`git help gitignore`), as hatchling reads them: with Python's `pathspec`, class
//! `GitIgnoreSpec`, and relative to the package's folder instead of the file's own folder.
//!
//! A pattern becomes a regular expression, which `regex` matches in linear time.

use regex::Regex;

/// The longest file of patterns that is read, in bytes.
const MAX_PATTERN_FILE_BYTES: usize = 256 << 10;
/// The largest number of patterns.
const MAX_PATTERNS: usize = 2000;
/// The largest compiled pattern, in bytes of memory.
const MAX_COMPILED_BYTES: usize = 256 << 10;

/// A list of patterns, of which a later one overrides an earlier one.
#[derive(Debug, Default)]
pub(crate) struct IgnorePatterns {
    patterns: Vec<IgnorePattern>,
}

#[derive(Debug)]
struct IgnorePattern {
    /// The line, as written.
    line: String,
    /// False for a pattern that starts with `!`.
    selects: bool,
    /// Matches the path itself, or a folder that contains it. The group `folder` is present in the second case.
    regex: Regex,
}

impl IgnorePatterns {
    /// Parses the lines of a pattern file. Returns `None` if they exceed the limits.
    pub(crate) fn parse<'l>(lines: impl IntoIterator<Item = &'l str>) -> Option<Self> {
        let mut patterns = Vec::new();
        let mut bytes = 0;
        for line in lines {
            bytes += line.len();
            if bytes > MAX_PATTERN_FILE_BYTES || patterns.len() >= MAX_PATTERNS {
                return None;
            }
            patterns.extend(IgnorePattern::parse(line));
        }
        Some(Self { patterns })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Returns the pattern that selects a file. `None` if no pattern matches it, or if the deciding pattern starts with
    /// `!`. As in `pathspec`, a match of the path itself cannot be overridden by a match of a folder with `!`.
    pub(crate) fn selecting_pattern(&self, path: &str) -> Option<&str> {
        let mut decision: Option<(&IgnorePattern, bool)> = None;
        for pattern in &self.patterns {
            let Some(captures) = pattern.regex.captures(path) else { continue };
            let by_folder = captures.name("folder").is_some();
            let overrides = match decision {
                None => true,
                Some((_, decided_by_folder)) => !by_folder || decided_by_folder,
            };
            if overrides || (pattern.selects && by_folder) {
                decision = Some((pattern, by_folder));
            }
        }
        decision.filter(|(pattern, _)| pattern.selects).map(|(pattern, _)| pattern.line.as_str())
    }

    pub(crate) fn selects(&self, path: &str) -> bool {
        self.selecting_pattern(path).is_some()
    }
}

impl IgnorePattern {
    /// Parses a line. Returns `None` for an empty line, a comment, and a pattern that git and `pathspec` discard.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\n', '\r']);
        // An escaped space at the end belongs to the pattern.
        let text = if line.ends_with("\\ ") { line } else { line.trim_end() };
        if text.is_empty() || text.starts_with('#') || text == "/" {
            return None;
        }
        let (selects, text) = match text.strip_prefix('!') {
            Some(rest) => (false, rest),
            None => (true, text),
        };
        let regex = regex::RegexBuilder::new(&pattern_regex(text)?).size_limit(MAX_COMPILED_BYTES).build();
        Some(Self { line: line.to_owned(), selects, regex: regex.ok()? })
    }
}

/// Returns the regular expression of a pattern. `None` if the pattern is invalid.
fn pattern_regex(pattern: &str) -> Option<String> {
    const IN_FOLDER: &str = "(?P<folder>/)";
    let folders_only = pattern.ends_with('/');
    let body = pattern.strip_suffix('/').unwrap_or(pattern);
    let (is_anchored, body) = match body.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (body.contains('/'), body),
    };
    match (body, is_anchored, folders_only) {
        ("**" | "*", false, true) => return Some(IN_FOLDER.to_owned()),
        ("**" | "*", false, false) => return Some(".".to_owned()),
        _ => {}
    }
    let mut parts: Vec<&str> = body.split('/').collect();
    if parts.iter().any(|it| it.is_empty()) {
        return None;
    }
    if !is_anchored {
        parts.insert(0, "**");
    }
    // Several `**` in a row match what one matches.
    parts.dedup_by(|a, b| *a == "**" && *b == "**");
    let mut out = String::from("^");
    let last = parts.len() - 1;
    let mut needs_slash = false;
    for (index, part) in parts.iter().enumerate() {
        match *part {
            "**" if index == 0 && last > 0 => out.push_str("(?:.+/)?"),
            // What is in a folder, but not the folder.
            "**" if index == last => return Some(out + if folders_only { IN_FOLDER } else { "/" }),
            "**" => {
                out.push_str("(?:/.+)?");
                needs_slash = true;
            }
            _ => {
                if needs_slash {
                    out.push('/');
                }
                push_part(part, &mut out)?;
                needs_slash = true;
            }
        }
    }
    if folders_only {
        out.push_str(IN_FOLDER);
    } else {
        out.push_str("(?:(?P<folder>/)|$)");
    }
    Some(out)
}

/// Appends the regular expression of one part of a path. Returns `None` if the part is invalid.
fn push_part(part: &str, out: &mut String) -> Option<()> {
    if part == "*" {
        out.push_str("[^/]+");
        return Some(());
    }
    let mut characters = part.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.push_str(&regex::escape(&characters.next()?.to_string())),
            '*' => out.push_str("[^/]*"),
            '?' => out.push_str("[^/]"),
            '[' => {
                let mut class = String::new();
                if characters.next_if(|it| matches!(it, '!' | '^')).is_some() {
                    class.push('^');
                }
                let mut is_first = true;
                loop {
                    match characters.next()? {
                        ']' if !is_first => break,
                        '-' => class.push('-'),
                        other => class.push_str(&regex::escape(&other.to_string())),
                    }
                    is_first = false;
                }
                out.push('[');
                out.push_str(&class);
                out.push(']');
            }
            other => out.push_str(&regex::escape(&other.to_string())),
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_select_as_in_pathspec() {
        let selects =
            |lines: &[&str], path: &str| IgnorePatterns::parse(lines.iter().copied()).unwrap().selects(path);
        assert!(selects(&["*.log"], "a/b.log") && !selects(&["*.log"], "a/b.logs"));
        assert!(selects(&["build/"], "a/build/x") && !selects(&["build/"], "a/build"));
        assert!(selects(&["/dist"], "dist/x") && !selects(&["/dist"], "a/dist"));
        assert!(selects(&["a/b"], "a/b/c") && !selects(&["a/b"], "x/a/b"));
        assert!(selects(&["**/gen/**"], "gen/a") && selects(&["**/gen/**"], "x/gen/y/z"));
        assert!(selects(&["a/**/b"], "a/b") && selects(&["a/**/b"], "a/x/y/b"));
        assert!(!selects(&["*.log", "!keep.log"], "a/keep.log"));
        assert!(selects(&["**/gen/**", "!server/x/gen/**"], "x/gen/a"), "relative to the package's folder");
        assert!(selects(&["[a-c]?.py"], "b1.py") && !selects(&["[!a-c]?.py"], "b1.py"));
        assert!(!selects(&["# comment", "", "  "], "# comment"));
        assert!(!selects(&["a//b", "[a"], "a/b"), "invalid patterns match nothing");
    }
}
