//! Escaped text contains no command of a terminal or of a workflow's log, and escaping it again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::base::untrusted_text;

fuzz_target!(|text: &str| {
    let escaped = untrusted_text::escape(text);
    assert!(!escaped.contains(untrusted_text::is_unprintable), "{escaped:?}");
    assert!(!escaped.contains("##["), "{escaped:?}");
    for line in escaped.split(' ') {
        assert!(!line.trim_start().starts_with("::"), "{escaped:?}");
    }
    assert_eq!(untrusted_text::escape(&escaped), escaped);
});
