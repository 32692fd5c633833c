//! Any commit message has a kind, and no mention or control character of it survives in the notes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: (&str, &str)| {
    let (subject, body) = message;
    assert!(model::change::Kind::ALL.contains(&rules::kind(subject, body)));
    let shown = notes::escape::text(subject);
    assert!(!shown.contains(char::is_control));
    let outside: String = shown.replace("\\`", "").split('`').step_by(2).collect::<Vec<_>>().join("x");
    for (at, _) in outside.match_indices('@') {
        assert!(!outside[at + 1..].starts_with(char::is_alphanumeric), "{shown:?}");
    }
});
