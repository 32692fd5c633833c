//! Any POM, module metadata and version catalog are compared without a panic. A document of another artifact is never
//! proven.
#![no_main]

mod compared_package;

use compared_package::{PackageParts, check};
use libfuzzer_sys::fuzz_target;
use model::Digest;
use model::evidence::verdict::{Verdict, overall};
use model::package::{PackageContents, PackageFormat, PackageId, PackagedFile};

fuzz_target!(|input: (&str, &str, bool)| {
    let (document, catalog, is_pom) = input;
    let format = if is_pom { PackageFormat::Pom } else { PackageFormat::GradleModule };
    let tree = [
        ("sdk/settings.gradle.kts", ""),
        ("sdk/gradle/libs.versions.toml", catalog),
        ("sdk/widgets/build.gradle.kts", ""),
        ("sdk/widgets/src/main/kotlin/W.kt", "class W"),
    ];
    // A jar with an added file; the documents have no files.
    let sources = vec![("W.kt", "class W".to_owned())];
    let parts = PackageParts { format: PackageFormat::Jar, name: "g:widgets", folder: "sdk", tree: &tree, files: sources };
    let (_, tree) = check(&parts, "lib/evil.so");
    let content = document.as_bytes().to_vec();
    let file = PackagedFile {
        path: format.name().to_owned(),
        size: content.len() as u64,
        digest: Digest::of(&content),
        mode: 0,
        content: Some(content),
    };
    let package = Ok(PackageContents { format, files: vec![file] });
    let verdict = |name: &str, version: &str| {
        let id = PackageId { name: name.to_owned(), version: version.to_owned() };
        overall(&rules::compare_package("p", &id, &package, &tree).findings)
    };
    let proven = [("g:widgets", "1.2.3"), ("g:widgets", "1.2.4"), ("h:widgets", "1.2.3")]
        .iter()
        .filter(|(name, version)| verdict(name, version) == Verdict::Proven);
    assert!(proven.count() <= 1, "one document is proven for two artifacts");
});
