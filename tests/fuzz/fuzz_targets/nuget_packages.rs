//! Any manifest, project and relationships of a NuGet package are compared without a panic, and a package with a file that
//! the tree lacks is never proven.
#![no_main]

mod compared_package;

use compared_package::{PackageParts, check};
use libfuzzer_sys::fuzz_target;
use model::package::PackageFormat;

const PROPERTIES: &str = "package/services/metadata/core-properties/0123456789abcdef0123456789abcdef.psmdcp";

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (project, manifest, relationships, properties) = input;
    let tree = [("sdk/README.md", "readme"), ("sdk/src/w.csproj", project)];
    let files = vec![
        ("README.md", "readme".to_owned()),
        ("widgets.nuspec", manifest.to_owned()),
        ("_rels/.rels", relationships.to_owned()),
        (PROPERTIES, properties.to_owned()),
        ("[Content_Types].xml", "<Types/>".to_owned()),
    ];
    let parts =
        PackageParts { format: PackageFormat::Nupkg, name: "widgets", folder: "sdk", tree: &tree, files };
    check(&parts, "tools/install.ps1");
});
