//! Escapes untrusted text, such as commit subjects, for a page on GitHub.
//!
//! GitHub parses Markdown (GFM, <https://github.github.com/gfm/>), and then links mentions, issue numbers, commit IDs
//! and URLs in the remaining text. Punctuation gets a backslash, so that it is not Markdown. An invisible zero-width
//! space (`&#8203;`) inside a mention, number, ID or URL keeps GitHub from linking it. Code spans are not changed:
//! GitHub does not interpret their content.

use std::fmt::Write as _;

/// The invisible space that keeps GitHub from recognizing a mention, number, commit ID or URL.
const ZERO_WIDTH_SPACE: &str = "&#8203;";
/// The maximum length of a text, in characters. Longer text is cut. Git recommends subjects of 50 characters.
const MAX_TEXT_CHARS: usize = 300;

/// Returns the text as inline Markdown: one line, escaped, with at most 300 characters of the input.
///
/// The result may be empty.
#[must_use]
pub fn text(text: &str) -> String {
    let clean = clean(text);
    let chars: Vec<char> = clean.chars().collect();
    let mut out = String::with_capacity(clean.len() + 16);
    let mut index = 0;
    while index < chars.len() {
        index += write_piece(&chars, index, &mut out);
    }
    out
}

/// Returns the text as a code span, delimited by more backticks than the text has in a row.
#[must_use]
pub fn code(text: &str) -> String {
    let clean = clean(text);
    if !clean.contains('`') {
        return format!("`{clean}`");
    }
    let longest = clean.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    format!("{fence} {clean} {fence}")
}

/// Returns one line without control characters, bidirectional controls and invisible characters, of limited length.
fn clean(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .filter(|c| {
            !matches!(*c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        })
        .collect();
    // A code span has no escapes, and GitHub Actions runs `##[` commands anywhere in a line of a log.
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ").replace("##[", "## [");
    match line.char_indices().nth(MAX_TEXT_CHARS) {
        None => line,
        Some((end, _)) => format!("{}…", line[..end].trim_end()),
    }
}

/// Writes the text that starts at `index`, escaped, and returns the number of characters that it consumed.
fn write_piece(chars: &[char], index: usize, out: &mut String) -> usize {
    let c = chars[index];
    let next = chars.get(index + 1).copied().unwrap_or(' ');
    let before = if index == 0 { ' ' } else { chars[index - 1] };
    match c {
        '`' => return write_backticks(chars, index, out),
        '#' | '-' | '+' | '=' if index == 0 => push_all(out, &['\\', c]),
        '_' if before.is_alphanumeric() && next.is_alphanumeric() => out.push(c),
        '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '|' | '~' | '$' => push_all(out, &['\\', c]),
        '@' if next.is_alphanumeric() => push_separated(out, c),
        '#' if next.is_ascii_digit() => push_separated(out, c),
        ':' if next == '/' => push_separated(out, c),
        '-' if next.is_ascii_digit() && ends_with_gh(&chars[..index]) => push_separated(out, c),
        _ if c.is_alphanumeric() && !before.is_alphanumeric() => return write_word(chars, index, out),
        _ => out.push(c),
    }
    if c == '#' && index == 0 && next.is_ascii_digit() {
        out.push_str(ZERO_WIDTH_SPACE);
    }
    1
}

/// Writes a character and a zero-width space after it.
fn push_separated(out: &mut String, c: char) {
    out.push(c);
    out.push_str(ZERO_WIDTH_SPACE);
}

/// Writes several characters.
fn push_all(out: &mut String, chars: &[char]) {
    out.extend(chars);
}

/// Returns whether the text ends with `GH`, the start of an issue reference such as `GH-12`.
fn ends_with_gh(before: &[char]) -> bool {
    matches!(before, [.., g, h] if g.eq_ignore_ascii_case(&'g') && h.eq_ignore_ascii_case(&'h'))
}

/// Writes a word, and returns the number of characters that it consumed.
///
/// Adds a zero-width space to a word that may be a commit ID (7 to 64 hexadecimal digits) and after the `www` of a URL.
/// Escapes the punctuation after a number at the start, which would begin a list.
fn write_word(chars: &[char], index: usize, out: &mut String) -> usize {
    let length = chars[index..].iter().position(|c| !c.is_alphanumeric()).unwrap_or(chars.len() - index);
    let word = &chars[index..index + length];
    let after = chars.get(index + length).copied().unwrap_or(' ');
    let is_commit_name = (7..=64).contains(&length)
        && word.iter().all(char::is_ascii_hexdigit)
        && word.iter().any(char::is_ascii_digit);
    if is_commit_name {
        push_separated(out, word[0]);
        out.extend(&word[1..]);
    } else {
        out.extend(word);
    }
    if after == '.' && length == 3 && word.iter().all(|c| c.eq_ignore_ascii_case(&'w')) {
        out.push_str(ZERO_WIDTH_SPACE);
    }
    if index == 0 && matches!(after, '.' | ')') && word.iter().all(char::is_ascii_digit) {
        write!(out, "\\{after}").expect("writing to a string cannot fail");
        return length + 1;
    }
    length
}

/// Writes a code span between two single backticks without changes. Any other backtick gets a backslash.
///
/// Returns the number of characters that it consumed.
fn write_backticks(chars: &[char], index: usize, out: &mut String) -> usize {
    let run = |from: usize| chars[from..].iter().take_while(|c| **c == '`').count();
    let opening = run(index);
    let inside = chars[index + opening..].iter().take_while(|c| **c != '`').count();
    let end = index + opening + inside;
    if opening == 1 && inside > 0 && run(end) == 1 {
        out.extend(&chars[index..=end]);
        return end + 1 - index;
    }
    out.push_str(&"\\`".repeat(opening));
    opening
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_escaped_for_github_markdown() {
        for (given, expected) in [
            ("plain words, (really)!", "plain words, (really)!"),
            ("bump @scope/name", "bump @&#8203;scope/name"),
            ("mail a@b.example", "mail a@&#8203;b.example"),
            ("a @ b", "a @ b"),
            ("close #12 and acme/widgets#3", "close #&#8203;12 and acme/widgets#&#8203;3"),
            ("#12 first", "\\#&#8203;12 first"),
            ("see GH-12", "see GH-&#8203;12"),
            ("see https://evil.example", "see https:&#8203;//evil.example"),
            ("see www.evil.example", "see www&#8203;.evil.example"),
            ("like 1a2b3c4d5e", "like 1&#8203;a2b3c4d5e"),
            ("defaced facade", "defaced facade"),
            ("[x](y) ![z]", "\\[x\\](y) !\\[z\\]"),
            ("<img src=x> &copy; a|b ~~c~~ $d$", "\\<img src=x\\> \\&copy; a\\|b \\~\\~c\\~\\~ \\$d\\$"),
            ("*a* _b_ c_d \\e", "\\*a\\* \\_b\\_ c_d \\\\e"),
            ("# title", "\\# title"),
            ("- item", "\\- item"),
            ("1. item", "1\\. item"),
            ("use `@scope/name` now", "use `@scope/name` now"),
            ("a ` b @c", "a \\` b @&#8203;c"),
            ("a ``b` @c", "a \\`\\`b\\` @&#8203;c"),
            ("a\nb\r\x1b[31mc\u{202e}d\u{0}", "a b \\[31mcd"),
            ("", ""),
        ] {
            assert_eq!(text(given), expected, "{given:?}");
        }
    }

    #[test]
    fn long_text_is_cut_at_a_character() {
        let shortened = text(&"ü".repeat(400));
        assert_eq!(shortened.chars().count(), MAX_TEXT_CHARS + 1);
        assert!(shortened.ends_with("ü…"));
    }

    #[test]
    fn code_spans_may_contain_backticks() {
        assert_eq!(code("server/v1"), "`server/v1`");
        assert_eq!(code("a`b``c"), "``` a`b``c ```");
    }

    /// Returns the text outside of code spans, with escaped characters replaced by a dot.
    fn outside_code(shown: &str) -> String {
        let (mut text, mut in_code, mut chars) = (String::new(), false, shown.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' if !in_code => text.extend(chars.next().map(|_| '.')),
                '`' => {
                    in_code = !in_code;
                    text.push('.');
                }
                _ if !in_code => text.push(c),
                _ => {}
            }
        }
        text
    }

    proptest! {
        #[test]
        fn escaped_text_has_no_mentions_or_control_characters(given in "(?s)[ -~\\n\\t\u{0}\u{1b}ü@`#]{0,80}") {
            let shown = text(&given);
            prop_assert!(!shown.contains(char::is_control), "{shown:?}");
            let outside = outside_code(&shown);
            for (index, _) in outside.match_indices('@') {
                prop_assert!(!outside[index + 1..].starts_with(char::is_alphanumeric), "{shown:?}");
            }
        }
    }
}
