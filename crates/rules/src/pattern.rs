//! Wildcard patterns, matched in bounded time, because patterns and texts may come from untrusted files.

/// The longest pattern or text that is matched, in bytes. Longer ones match nothing. E-mail addresses have at most 254
/// (RFC 5321, 4.5.3.1.3).
const MAX_PATTERN_BYTES: usize = 1024;

/// Returns true if a text matches a pattern in which `*` matches any text and, if given, `single_wildcard` matches any
/// one character. Takes time at most proportional to the product of both lengths: after a mismatch only the last `*` is
/// extended, since it can match everything that an earlier one could.
pub(crate) fn matches_wildcards(pattern: &str, text: &str, single_wildcard: Option<u8>) -> bool {
    if pattern.len() > MAX_PATTERN_BYTES || text.len() > MAX_PATTERN_BYTES {
        return false;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let single_wildcard = single_wildcard.map(char::from);
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                last_star = Some((p + 1, t));
                p += 1;
            }
            Some(c) if *c == text[t] || Some(*c) == single_wildcard => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, consumed)) = last_star else { return false };
                last_star = Some((after, consumed + 1));
                p = after;
                t = consumed + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition of the match, as a recursive function without optimization.
    fn matches_recursively(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|at| matches_recursively(rest, &text[at..])),
            [b'?', rest @ ..] => !text.is_empty() && matches_recursively(rest, &text[1..]),
            [byte, rest @ ..] => text.first() == Some(byte) && matches_recursively(rest, &text[1..]),
        }
    }

    #[test]
    fn many_wildcards_match_in_bounded_time() {
        assert!(!matches_wildcards(&"*a".repeat(24), &"a".repeat(23), Some(b'?')));
        assert!(!matches_wildcards(&format!("{}b", "*a".repeat(500)), &"a".repeat(1000), Some(b'?')));
        assert!(matches_wildcards(&"*".repeat(1000), &"a".repeat(1000), None));
        assert!(!matches_wildcards("*", &"a".repeat(1025), None), "a text over the limit matches nothing");
    }

    #[test]
    fn question_mark_is_literal_unless_a_wildcard() {
        assert!(
            matches_wildcards("a?c", "abc", Some(b'?'))
                && !matches_wildcards("a?c", "abc", None)
                && matches_wildcards("a?c", "a?c", None)
                && matches_wildcards("a?c", "a\u{e9}c", Some(b'?'))
                && !matches_wildcards("a??c", "a\u{e9}c", Some(b'?'))
        );
    }

    proptest! {
        #[test]
        fn agrees_with_recursive_matching(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(matches_wildcards(&pattern, &text, Some(b'?')), matches_recursively(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
