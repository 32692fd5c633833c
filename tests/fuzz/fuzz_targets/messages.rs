//! Any commit message has a change kind. Its subject has no mention and no control character in the notes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::release::changelog::SECTIONS;

fuzz_target!(|message: (&str, &str)| {
    let (subject, body) = message;
    let kind = rules::change_kind(subject, body);
    assert!(SECTIONS.iter().any(|it| it.kind == kind), "no section lists {kind:?}");
    let shown = notes::escape::text(subject);
    assert!(!shown.contains(char::is_control));
    let outside = outside_code_spans(&shown);
    for (index, _) in outside.match_indices('@') {
        assert!(!outside[index + 1..].starts_with(char::is_alphanumeric), "{shown:?}");
    }
});

/// Returns the text outside of code spans. An escaped character is replaced by a dot, and so is each backtick.
fn outside_code_spans(shown: &str) -> String {
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
