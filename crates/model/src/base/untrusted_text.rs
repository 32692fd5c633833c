//! Text from outside: from servers, repositories and bundles.
//!
//! Its author may have put control sequences or workflow commands into it. [`UntrustedText`] can be compared and sent
//! back, but it implements neither `Display` nor `Deref`: it is printed only through [`UntrustedText::escaped`].

use std::fmt;

/// The longest text that is printed, in characters. Longer ones end with `…`.
const MAX_SHOWN_CHARS: usize = 400;

/// A text from outside, which must be escaped before it is printed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// Wraps a text. It is not changed.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as received, to be compared, parsed or sent back. Never print it.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Returns true if the text as received equals `text`.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0 == text
    }

    /// Returns at most 400 characters of the text, escaped so that they are safe to print anywhere (see [`escape`]).
    #[must_use]
    pub fn escaped(&self) -> String {
        match self.0.char_indices().nth(MAX_SHOWN_CHARS) {
            None => escape(&self.0),
            Some((end, _)) => format!("{}…", escape(&self.0[..end])),
        }
    }
}

impl fmt::Debug for UntrustedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UntrustedText({})", self.escaped())
    }
}

/// Escapes everything that a terminal or the log of a workflow would interpret: control characters, line ends,
/// characters that change the direction of writing (Unicode Standard Annex 9), and the start of a workflow command. The
/// escapes are readable, as in `\u{1b}`.
///
/// The runner reads a command if the first characters of a line after white space are `::`, and if `##[` occurs
/// anywhere (`ActionCommand.cs` of `actions/runner`). A line may be wrapped later at any space, so no word may begin
/// with `::`.
#[must_use]
pub fn escape(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let mut escaped = String::with_capacity(word.len());
        if word.trim_start().starts_with("::") {
            escaped.push('\\');
        }
        for c in word.chars() {
            match c {
                '[' if escaped.ends_with("##") => escaped.push_str("\\["),
                c if is_unprintable(c) => escaped.extend(c.escape_unicode()),
                c => escaped.push(c),
            }
        }
        escaped
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Returns true for a character that has no visible form, or that changes how the text around it is displayed.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // direction
            | '\u{2028}' | '\u{2029}' // line ends
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}') // invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_sequences_are_escaped_readably() {
        assert_eq!(escape("a b\u{1b}[31m\nc"), "a b\\u{1b}[31m\\u{a}c");
        assert_eq!(
            escape("::error::x ::add-mask::y ##[group]z a::b"),
            "\\::error::x \\::add-mask::y ##\\[group]z a::b"
        );
        assert_eq!(escape("a\n::error::x"), "a\\u{a}::error::x");
        assert_eq!(escape("\u{a0}::error::x a###[error]"), "\\\u{a0}::error::x a###\\[error]");
        assert_eq!(escape("user\u{202e}nimda \u{2066}x"), "user\\u{202e}nimda \\u{2066}x");
        assert_eq!(escape("größer — 中文 🎉"), "größer — 中文 🎉");
        let long = UntrustedText::new("x".repeat(500));
        assert_eq!(long.escaped().chars().count(), 401);
        assert_eq!(format!("{:?}", UntrustedText::new("\u{7}")), "UntrustedText(\\u{7})");
    }

    proptest::proptest! {
        #[test]
        fn escaped_text_has_no_control_sequence(text in "\\PC{0,20}|[\\x00-\\x1f:#\\[ a\u{a0}\u{202e}\u{2069}]{0,20}") {
            let escaped = UntrustedText::new(text).escaped();
            proptest::prop_assert!(!escaped.chars().any(is_unprintable));
            proptest::prop_assert!(!escaped.split(' ').any(|it| it.trim_start().starts_with("::")));
            proptest::prop_assert!(!escaped.contains("##["));
        }
    }
}
