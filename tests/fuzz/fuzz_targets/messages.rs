//! Any commit message has a kind, and no mention or control character of it survives in the notes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: (&str, &str)| {
    let (subject, body) = message;
    assert!(model::release::changelog::Kind::ALL.contains(&rules::kind(subject, body)));
    let shown = notes::escape::text(subject);
    assert!(!shown.contains(char::is_control));
    let outside = outside(&shown);
    for (at, _) in outside.match_indices('@') {
        assert!(!outside[at + 1..].starts_with(char::is_alphanumeric), "{shown:?}");
    }
});

/// What stands outside of code spans, escaped characters replaced.
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
