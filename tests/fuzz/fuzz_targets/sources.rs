//! Any version file is read or refused, and reports at most one mismatch for its single key.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::catalog::{SourceFormat, VersionSource};
use model::{Scheme, Version};

fuzz_target!(|bytes: &[u8]| {
    let version = Version::parse(Scheme::SemVer, "2.0.0").unwrap();
    for format in [
        SourceFormat::Json,
        SourceFormat::Yaml,
        SourceFormat::Xml,
        SourceFormat::Properties,
        SourceFormat::GoMod,
    ] {
        let source =
            VersionSource { file: "F".into(), format, keys: vec!["/version".into()], advisory: false };
        assert!(rules::version_mismatches(&source, bytes, &version).len() <= 1);
    }
});
