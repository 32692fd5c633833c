//! Text from outside: what servers, repositories and bundles say.
//!
//! Whoever wrote it may want a terminal, a log or a workflow to obey it. [`Foreign`] can be compared and sent back, but it has
//! neither `Display` nor `Deref`: it is printed through [`Foreign::shown`] alone.

use std::fmt;

/// How much of a text is shown, in characters.
const MAX_SHOWN_CHARS: usize = 400;

/// A text from outside.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UntrustedText(String);

impl UntrustedText {
    /// A text from outside.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it came, to be compared, parsed or sent back. Never to be printed.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Whether it is this text.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0 == text
    }

    /// The text as it may be printed anywhere: see [`escape`]. At most 400 characters of it.
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
        write!(f, "Foreign({})", self.escaped())
    }
}

/// A text without what a terminal or a workflow's log would obey: control characters and line ends, characters that turn the
/// direction of writing (Unicode Standard Annex 9), and what begins a workflow command. What is replaced can still be read.
///
/// The runner reads a command where a line's first characters after white space are `::`, and where `##[` stands anywhere
/// (`ActionCommand.cs` of `actions/runner`). A line may be broken at any space later, so no word may begin with `::`.
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

/// Whether a character does something to the text around it instead of being seen.
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
        assert_eq!(format!("{:?}", UntrustedText::new("\u{7}")), "Foreign(\\u{7})");
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
