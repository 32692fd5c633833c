//! A parsed `SHA256SUMS` is rendered to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    if let Ok(files) = model::evidence::sums::parse(text) {
        assert_eq!(
            model::evidence::sums::render(files.iter().map(|(name, digest)| (name.as_str(), *digest)))
                .as_bytes(),
            text
        );
    }
});
