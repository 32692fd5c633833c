//! Compares packages that the fuzzer describes with trees.

use std::collections::BTreeMap;

use model::Digest;
use model::evidence::verdict::{Verdict, overall};
use model::package::{PackageContainer, PackageContents, PackageFormat, PackageId, PackageTree, PackagedFile, TreeFile};

/// A package, and the tree that it is compared with.
pub struct PackageParts<'a> {
    pub format: PackageFormat,
    pub name: &'a str,
    pub folder: &'a str,
    pub tree: &'a [(&'a str, &'a str)],
    pub files: Vec<(&'a str, String)>,
}

/// Compares a package, then the same one with a file that the tree lacks: it must not be proven. Returns both inputs.
pub fn check(parts: &PackageParts<'_>, added: &str) -> (PackageContents, PackageTree) {
    let file = |(path, text): &(&str, &str)| {
        let content = text.as_bytes().to_vec();
        let digest = Digest::of(&content);
        let file = TreeFile { digest, digest_without_mark: None, executable: false, content: Some(content) };
        ((*path).to_owned(), file)
    };
    let files: BTreeMap<String, TreeFile> = parts.tree.iter().map(file).collect();
    let tree = PackageTree { commit: None, folder: parts.folder.to_owned(), files, other_entries: Vec::new() };
    let is_zip = parts.format.container() == PackageContainer::Zip;
    let mode = if is_zip { 0o100_644 } else { 0o644 };
    let packaged = |path: &str, text: &str| PackagedFile {
        path: path.to_owned(),
        size: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
        mode,
        content: Some(text.as_bytes().to_vec()),
    };
    let files = parts.files.iter().map(|(path, text)| packaged(path, text)).collect();
    let package = PackageContents { format: parts.format, files };
    let id = PackageId { name: parts.name.to_owned(), version: "1.2.3".to_owned() };
    let result = rules::compare_package("p", &id, &Ok(package.clone()), &tree);
    assert!(!result.findings.is_empty(), "nothing was checked");
    let mut more = package.clone();
    more.files.push(packaged(added, "evil"));
    let result = rules::compare_package("p", &id, &Ok(more), &tree);
    assert_ne!(overall(&result.findings), Verdict::Proven, "a package with {added} is proven");
    (package, tree)
}
