//! Patterns as in `.gitignore` (`git help gitignore`), as hatchling reads them: with Python's `pathspec`, class
//! `GitIgnoreSpec`, and relative to the package's folder instead of the file's own folder.

/// The longest list of patterns that is read, in bytes.
const MAX_PATTERN_BYTES: usize = 256 << 10;
/// The largest number of patterns.
const MAX_PATTERNS: usize = 2000;

/// The largest number of names in a path that is matched: one bit of [`Reached`] each, and one for the start.
const MAX_NAMES: usize = 127;

/// The numbers of names that the parts of a pattern so far can match, as bits.
type Reached = u128;

/// A list of patterns, of which a later one overrides an earlier one.
#[derive(Debug, Default)]
pub(crate) struct IgnorePatterns {
    patterns: Vec<IgnorePattern>,
}

/// One pattern.
#[derive(Debug)]
struct IgnorePattern {
    /// The line, as written.
    line: String,
    /// False for a pattern that starts with `!`.
    selects: bool,
    parts: Vec<PatternPart>,
    /// Whether only folders match, because the pattern ends with a slash.
    folders_only: bool,
}

/// What a pattern has between two slashes.
#[derive(Debug, PartialEq, Eq)]
enum PatternPart {
    /// `**`: any number of folders.
    AnyFolders,
    /// The name of one file or folder.
    Name(Vec<NameToken>),
}

/// A part of the pattern of a name.
#[derive(Debug, PartialEq, Eq)]
enum NameToken {
    Literal(char),
    /// `?`
    AnyCharacter,
    /// `*`
    AnyText,
    /// `[a-z]`: ranges of characters, inclusive.
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

/// How a pattern matches a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PatternMatch {
    /// It matches the path of the file.
    File,
    /// It matches a folder that contains the file.
    Folder,
}

impl IgnorePatterns {
    /// Parses the lines of a pattern file. Returns `None` if they exceed the limits.
    pub(crate) fn parse<'l>(lines: impl IntoIterator<Item = &'l str>) -> Option<Self> {
        let mut patterns = Vec::new();
        let mut bytes = 0;
        for line in lines {
            bytes += line.len();
            if bytes > MAX_PATTERN_BYTES || patterns.len() >= MAX_PATTERNS {
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
    /// `!`. As in `pathspec`, a later match of a folder with `!` does not override a match of the file itself.
    pub(crate) fn selecting_pattern(&self, path: &str) -> Option<&str> {
        let names: Vec<Vec<char>> = path.split('/').map(|it| it.chars().collect()).collect();
        if names.len() > MAX_NAMES {
            return None;
        }
        let mut decision: Option<(&IgnorePattern, PatternMatch)> = None;
        for pattern in &self.patterns {
            let Some(found) = pattern.matches(&names) else { continue };
            let overrides = match (decision, found) {
                (None | Some((_, PatternMatch::Folder)), _) | (_, PatternMatch::File) => true,
                (Some((_, PatternMatch::File)), PatternMatch::Folder) => pattern.selects,
            };
            if overrides {
                decision = Some((pattern, found));
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
        let folders_only = text.ends_with('/');
        let body = text.strip_suffix('/').unwrap_or(text);
        let is_anchored = body.contains('/');
        let mut parts = Vec::new();
        if !is_anchored {
            parts.push(PatternPart::AnyFolders);
        }
        for part in body.strip_prefix('/').unwrap_or(body).split('/') {
            let part = PatternPart::parse(part)?;
            // Several `**` in a row match what one matches.
            if part != PatternPart::AnyFolders || parts.last() != Some(&part) {
                parts.push(part);
            }
        }
        Some(Self { line: line.to_owned(), selects, parts, folders_only })
    }

    /// Matches a path, given as its names. Prefers a match of the file itself.
    fn matches(&self, names: &[Vec<char>]) -> Option<PatternMatch> {
        let all: Reached = 1 << names.len();
        let (last, rest) = self.parts.split_last()?;
        let before_last = rest.iter().fold(1, |reached, part| part.advance(reached, names));
        if *last == PatternPart::AnyFolders {
            // `a/**` matches what is in `a`; `**` alone matches everything, and `**/` what is in any folder.
            return match (self.folders_only, rest.is_empty()) {
                (true, true) if names.len() < 2 => None,
                (true, _) => (before_last & (all - 1) != 0).then_some(PatternMatch::Folder),
                (false, _) => (before_last & (all - 1) != 0).then_some(PatternMatch::File),
            };
        }
        let reached = last.advance(before_last, names);
        if reached & all != 0 && !self.folders_only {
            return Some(PatternMatch::File);
        }
        (reached & (all - 1) != 0).then_some(PatternMatch::Folder)
    }
}

impl PatternPart {
    /// Parses what is between two slashes. Returns `None` if it is empty or malformed.
    fn parse(text: &str) -> Option<Self> {
        if text == "**" {
            return Some(Self::AnyFolders);
        }
        let mut tokens = Vec::new();
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '\\' => NameToken::Literal(characters.next()?),
                '*' if tokens.last() == Some(&NameToken::AnyText) => continue,
                '*' => NameToken::AnyText,
                '?' => NameToken::AnyCharacter,
                '[' => parse_class(&mut characters)?,
                other => NameToken::Literal(other),
            });
        }
        if tokens.is_empty() { None } else { Some(Self::Name(tokens)) }
    }

    /// Returns how many names can be matched with this part, given how many could be before it.
    fn advance(&self, reached: Reached, names: &[Vec<char>]) -> Reached {
        match self {
            // All numbers from the smallest one on.
            Self::AnyFolders if reached == 0 => 0,
            Self::AnyFolders => Reached::MAX << reached.trailing_zeros(),
            Self::Name(tokens) => {
                let matching = names
                    .iter()
                    .enumerate()
                    .filter(|(position, name)| reached & 1 << position != 0 && name_matches(tokens, name));
                matching.fold(0, |next, (position, _)| next | 1 << (position + 1))
            }
        }
    }
}

/// Parses a class of characters after its `[`.
fn parse_class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<NameToken> {
    let negated = characters.next_if(|it| matches!(it, '!' | '^')).is_some();
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        let start = match characters.next()? {
            ']' if !ranges.is_empty() => return Some(NameToken::Class { negated, ranges }),
            '\\' => characters.next()?,
            other => other,
        };
        let mut ahead = characters.clone();
        let end = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(end)) if end != ']' => {
                *characters = ahead;
                end
            }
            _ => start,
        };
        ranges.push((start, end));
    }
}

/// Returns whether a name matches. After a mismatch only the last `*` is extended, since it can match everything that an
/// earlier one could, so the time is at most proportional to the product of both lengths.
fn name_matches(tokens: &[NameToken], name: &[char]) -> bool {
    let (mut t, mut n) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while n < name.len() {
        let step = match tokens.get(t) {
            Some(NameToken::AnyText) => {
                last_star = Some((t + 1, n));
                t += 1;
                continue;
            }
            Some(NameToken::Literal(literal)) => *literal == name[n],
            Some(NameToken::AnyCharacter) => true,
            Some(NameToken::Class { negated, ranges }) => {
                ranges.iter().any(|(start, end)| (*start..=*end).contains(&name[n])) != *negated
            }
            None => false,
        };
        if step {
            (t, n) = (t + 1, n + 1);
            continue;
        }
        let Some((after, consumed)) = last_star else { return false };
        last_star = Some((after, consumed + 1));
        (t, n) = (after, consumed + 1);
    }
    tokens[t..].iter().all(|it| *it == NameToken::AnyText)
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
        assert!(selects(&["**"], "a") && selects(&["**/"], "a/b") && !selects(&["**/"], "a"));
        assert!(selects(&["a/**/b/"], "a/x/b/c") && !selects(&["a/**/b/"], "a/x/b"));
        assert!(!selects(&["# comment", "", "  "], "# comment"));
        assert!(!selects(&["a//b", "[a"], "a/b"), "invalid patterns match nothing");
    }
}
