//! Patterns of attribute files that git matches in its own way.
//!
//! Git compares the part of a pattern before its first wildcard as text, and gives only the rest to its matcher
//! (`match_pathname` in git's `dir.c`). So `**` is at the beginning of what the matcher sees and crosses folders, even
//! after a letter: `a**/b` matches `ab` and `ax/y/b`. By its manual (`git help gitignore`), and in `gix-attributes`,
//! such a `**` is a plain `*`. This module replaces these patterns with equivalent ones that both read alike.

/// The bytes that end the part of a pattern that is compared as text (`simple_length` in git's `dir.c`).
const WILDCARDS: &[u8] = b"*?[\\";
/// The longest line that is rewritten, in bytes. Git ignores longer ones (`ATTR_MAX_LINE_LENGTH` in git's `attr.h`).
const MAX_LINE_BYTES: usize = 2048;

/// Returns the text of an attribute file in which every pattern means the same to git and to `gix-attributes`.
pub(crate) fn with_portable_patterns(text: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(text.len());
    for line in text.split_inclusive(|it| *it == b'\n') {
        let text = line.trim_ascii_start();
        // A quoted pattern may contain spaces. Escapes in it are left alone (docs/limits.md).
        let (quote, text) = text.strip_prefix(b"\"").map_or((&b""[..], text), |it| (&b"\""[..], it));
        let is_end = |it: &u8| if quote.is_empty() { it.is_ascii_whitespace() } else { *it == b'"' };
        let end = text.iter().position(is_end).unwrap_or(text.len());
        let (pattern, attributes) = text.split_at(end);
        match portable_patterns(pattern) {
            Some(patterns)
                if line.len() <= MAX_LINE_BYTES && (quote.is_empty() || !pattern.contains(&b'\\')) =>
            {
                for pattern in patterns {
                    all.extend_from_slice(quote);
                    all.extend_from_slice(&pattern);
                    all.extend_from_slice(attributes.trim_ascii_end());
                    all.push(b'\n');
                }
            }
            _ => all.extend_from_slice(line),
        }
    }
    all
}

/// Returns the patterns that together match what git matches with this one; `None` if it needs no replacement.
fn portable_patterns(pattern: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (pattern, end) = match pattern.strip_suffix(b"/") {
        Some(rest) => (rest, &b"/"[..]),
        None => (pattern, &b""[..]),
    };
    // Without a slash, git matches only the last part of a path, where `**` and `*` are equal.
    if !pattern.contains(&b'/') || matches!(pattern[0], b'#' | b'!') {
        return None;
    }
    let literal = pattern.iter().position(|it| WILDCARDS.contains(it))?;
    let (prefix, wild) = pattern.split_at(literal);
    let mut rest = skip_double_star(wild)?;
    if matches!(prefix.last(), None | Some(b'/')) {
        return None;
    }
    // Several `**/` in a row match what one of them matches.
    while let Some(next) =
        rest.strip_prefix(b"/").and_then(skip_double_star).filter(|it| it.starts_with(b"/"))
    {
        rest = next;
    }
    let below = [prefix, b"*/**", rest, end].concat();
    match rest {
        [] => Some(vec![[prefix, b"*", end].concat(), below]),
        // The slash at the beginning ties the pattern to its folder, as a slash in its middle did.
        [b'/', joined @ ..] => {
            let root: &[u8] = if prefix.starts_with(b"/") { b"" } else { b"/" };
            Some(vec![[root, prefix, joined, end].concat(), below])
        }
        [b'\\', b'/', after @ ..] => Some(vec![[prefix, b"*/**/", after, end].concat()]),
        _ => None,
    }
}

/// Returns what follows two or more stars; `None` if the text does not begin with them.
fn skip_double_star(text: &[u8]) -> Option<&[u8]> {
    let stars = text.iter().take_while(|it| **it == b'*').count();
    (stars >= 2).then(|| &text[stars..])
}

#[cfg(test)]
mod tests {
    use super::with_portable_patterns;

    fn rewritten(text: &str) -> String {
        String::from_utf8(with_portable_patterns(text.as_bytes())).unwrap()
    }

    #[test]
    fn double_star_after_text_is_replaced() {
        for (line, expected) in [
            ("a**/b export-ignore\n", "/ab export-ignore\na*/**/b export-ignore\n"),
            ("/a**/**/b -text", "/ab -text\n/a*/**/b -text\n"),
            ("d/a** ident\n", "d/a* ident\nd/a*/** ident\n"),
            ("d/a**/ ident\r\n", "d/a*/ ident\nd/a*/**/ ident\n"),
            ("a**\\/b ident\n", "a*/**/b ident\n"),
            ("\"a **/b\" ident\n", "\"/a b\" ident\n\"a */**/b\" ident\n"),
        ] {
            assert_eq!(rewritten(line), expected, "{line}");
        }
    }

    #[test]
    fn other_lines_are_unchanged() {
        let text =
            "# a**/b\n\n**/b x\na/**/b x\na** x\n*a**/b x\na**b/c x\n\"a\\\\**/b\" x\n[attr]m text\n  c/d -x";
        assert_eq!(rewritten(text), text);
        let long = format!("a**/b {}\n", "x".repeat(2048));
        assert_eq!(rewritten(&long), long);
    }
}
