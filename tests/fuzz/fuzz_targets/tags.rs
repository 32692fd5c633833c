//! A parsed tag is parsed to itself again, and its archive's name has only characters that GitHub does not replace.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use model::{Catalog, ReleaseTag};

static CATALOG: LazyLock<Catalog> =
    LazyLock::new(|| Catalog::parse("release.toml", include_str!("../../../release.toml")).unwrap());

fuzz_target!(|text: &str| {
    if let Ok(tag) = ReleaseTag::parse(&CATALOG, text) {
        assert_eq!(ReleaseTag::parse(&CATALOG, &tag.name()).unwrap(), tag);
        assert!(tag.archive_name().chars().all(|c| c.is_ascii_alphanumeric() || "-_+@.".contains(c)));
    }
});
