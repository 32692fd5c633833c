//! Any `pyproject.toml`, `.gitignore` and metadata are compared without a panic, and a package with a file that the tree
//! lacks is never proven.
#![no_main]

mod compared_package;

use compared_package::{PackageParts, check};
use libfuzzer_sys::fuzz_target;
use model::package::PackageFormat;

fuzz_target!(|input: (&str, &str, &str, &str, bool)| {
    let (pyproject, ignore, metadata, record, is_wheel) = input;
    let tree = [
        ("server/pyproject.toml", pyproject),
        (".gitignore", ignore),
        ("server/README.md", "readme"),
        ("server/LICENSE", "license"),
        ("server/widgets/__init__.py", "a = 1"),
    ];
    let (format, files) = if is_wheel {
        let record = format!("{record}\nwidgets-1.2.3.dist-info/RECORD,,\n");
        let files = vec![
            ("widgets/__init__.py", "a = 1".to_owned()),
            ("widgets-1.2.3.dist-info/METADATA", metadata.to_owned()),
            ("widgets-1.2.3.dist-info/WHEEL", ignore.to_owned()),
            ("widgets-1.2.3.dist-info/RECORD", record),
        ];
        (PackageFormat::Wheel, files)
    } else {
        let files = vec![
            ("widgets-1.2.3/widgets/__init__.py", "a = 1".to_owned()),
            ("widgets-1.2.3/pyproject.toml", pyproject.to_owned()),
            ("widgets-1.2.3/README.md", "readme".to_owned()),
            ("widgets-1.2.3/LICENSE", "license".to_owned()),
            ("widgets-1.2.3/.gitignore", ignore.to_owned()),
            ("widgets-1.2.3/PKG-INFO", metadata.to_owned()),
        ];
        (PackageFormat::Sdist, files)
    };
    let parts = PackageParts { format, name: "widgets", folder: "server", tree: &tree, files };
    let added = if is_wheel { "widgets/evil.py" } else { "widgets-1.2.3/widgets/evil.py" };
    check(&parts, added);
});
