//! Any release configuration is parsed or refused. A parsed one has at least one target.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(catalog) = model::Catalog::parse("release.toml", text) {
        assert!(!catalog.targets().is_empty());
    }
});
