//! Patterns with wildcards, matched in bounded time whoever wrote them.

/// The longest pattern or text that is matched, in bytes. Addresses have at most 254 (RFC 5321, 4.5.3.1.3); what is longer
/// fits nothing.
const MAX_BYTES: usize = 1024;

/// Whether a text fits a pattern in which `*` stands for any text and, if `single` is given, that byte for any one byte.
/// Takes at most the product of both lengths: after a mismatch only the last `*` is tried with more, since what an earlier
/// one could take, the last one can take too.
pub(crate) fn fits(pattern: &str, text: &str, single: Option<u8>) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    if pattern.len() > MAX_BYTES || text.len() > MAX_BYTES {
        return false;
    }
    let (mut p, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                last_star = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] || Some(*byte) == single => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, taken)) = last_star else { return false };
                last_star = Some((after, taken + 1));
                p = after;
                t = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The meaning, without any cleverness.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|at| slow(rest, &text[at..])),
            [b'?', rest @ ..] => !text.is_empty() && slow(rest, &text[1..]),
            [byte, rest @ ..] => text.first() == Some(byte) && slow(rest, &text[1..]),
        }
    }

    #[test]
    fn many_wildcards_take_no_longer() {
        assert!(!fits(&"*a".repeat(24), &"a".repeat(23), Some(b'?')));
        assert!(!fits(&format!("{}b", "*a".repeat(500)), &"a".repeat(1000), Some(b'?')));
        assert!(fits(&"*".repeat(1000), &"a".repeat(1000), None));
        assert!(!fits("*", &"a".repeat(1025), None), "too long a text fits nothing");
    }

    #[test]
    fn a_question_mark_is_itself_where_it_is_no_wildcard() {
        assert!(fits("a?c", "abc", Some(b'?')) && !fits("a?c", "abc", None) && fits("a?c", "a?c", None));
    }

    proptest! {
        #[test]
        fn it_means_what_the_slow_way_means(pattern in "[ab*?]{0,8}", text in "[ab]{0,8}") {
            prop_assert_eq!(fits(&pattern, &text, Some(b'?')), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }
}
