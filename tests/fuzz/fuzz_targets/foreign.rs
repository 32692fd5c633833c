//! Nothing in any text is obeyed by a terminal or by a workflow's log once it is escaped, and escaping again changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::base::foreign;

fuzz_target!(|text: &str| {
    let shown = foreign::escape(text);
    assert!(!shown.contains(foreign::is_obeyed), "{shown:?}");
    assert!(!shown.contains("##["), "{shown:?}");
    for line in shown.split(' ') {
        assert!(!line.trim_start().starts_with("::"), "{shown:?}");
    }
    assert_eq!(foreign::escape(&shown), shown);
});
