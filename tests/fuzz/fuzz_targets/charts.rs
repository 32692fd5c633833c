//! Any `Chart.yaml`, lock and ignore file are compared without a panic, and a chart with a file that the tree lacks is never
//! proven.
#![no_main]

mod compared_package;

use compared_package::{PackageParts, check};
use libfuzzer_sys::fuzz_target;
use model::package::PackageFormat;

fuzz_target!(|input: (&str, &str, &str, &str)| {
    let (chart, packaged, lock, ignore) = input;
    let tree = [
        ("charts/widgets/Chart.yaml", chart),
        ("charts/widgets/Chart.lock", lock),
        ("charts/widgets/.helmignore", ignore),
        ("charts/widgets/values.yaml", "a: 1"),
        ("charts/server/Chart.yaml", "name: server\nversion: 1.0.0\n"),
    ];
    let files = vec![
        ("widgets/Chart.yaml", packaged.to_owned()),
        ("widgets/Chart.lock", lock.to_owned()),
        ("widgets/.helmignore", ignore.to_owned()),
        ("widgets/values.yaml", "a: 1".to_owned()),
        ("widgets/charts/server/Chart.yaml", "name: server\nversion: 1.0.0\n".to_owned()),
    ];
    let parts = PackageParts {
        format: PackageFormat::HelmChart,
        name: "widgets",
        folder: "charts/widgets",
        tree: &tree,
        files,
    };
    check(&parts, "widgets/templates/evil.yaml");
});
