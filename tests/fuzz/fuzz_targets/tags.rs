//! A tag that is read keeps its name when it is read again, and its files' names are ones that GitHub keeps.
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
