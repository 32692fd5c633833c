//! A registry's document of attestations is split or refused without a panic, and its parts are JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(Some(bundles)) = provenance::bundles_of_document(text) else { return };
    assert!(bundles.len() <= 100);
    for bundle in bundles {
        serde_json::from_str::<serde_json::Value>(&bundle).expect("a part is JSON");
    }
});
