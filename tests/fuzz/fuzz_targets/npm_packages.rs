//! Any `package.json`, packument and source map are compared without a panic, and a package with a file that the tree
//! lacks is never proven.
#![no_main]

mod compared_package;

use compared_package::{PackageParts, check};
use libfuzzer_sys::fuzz_target;
use model::evidence::lookup::Lookup;
use model::evidence::verdict::Verdict;
use model::package::PackageFormat;

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (manifest, packaged, source_map, packument) = input;
    let tree = [("sdk/package.json", manifest), ("sdk/README.md", "readme"), ("sdk/src/index.ts", "a")];
    let files = vec![
        ("package/package.json", packaged.to_owned()),
        ("package/README.md", "readme".to_owned()),
        ("package/src/index.ts", "a".to_owned()),
        ("package/dist/index.js.map", source_map.to_owned()),
    ];
    let parts = PackageParts {
        format: PackageFormat::NpmTarball,
        name: "widgets",
        folder: "sdk",
        tree: &tree,
        files,
    };
    let (package, tree) = check(&parts, "package/src/evil.ts");
    let stated = Lookup::Found(packument.as_bytes().to_vec());
    let full = rules::compare_stated_manifest("p", &stated, &package, &tree).expect("a packument is compared");
    let abbreviated = rules::compare_abbreviated_manifest("p", &stated, &package);
    // The abbreviated form has a part of the keys.
    assert!(full.verdict != Verdict::Proven || abbreviated.verdict == Verdict::Proven, "{abbreviated:?}");
});
