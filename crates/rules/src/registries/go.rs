//! What the zip file of a Go module contains, and the hash that the checksum database states for it
//! (<https://go.dev/ref/mod#zip-files>; `golang.org/x/mod/zip` and `sumdb/dirhash`; `cmd/go/internal/modfetch`).

use std::collections::{BTreeMap, HashSet};

use model::Digest;
use model::base::base64;
use model::base::id::Hasher;
use model::evidence::package::ModuleHashes;
use model::evidence::verdict::Finding;
use model::package::{PackageComparison, PackageId, PackageTree, TreeFile};

use super::compared_package::{ComparedPackage, FILES, METADATA, not_comparable, refute_metadata};
use super::file_comparison::FileComparison;

/// The manifest of a Go module.
pub(super) const MANIFEST: &str = "go.mod";
/// The license of the repository, which is added to a module in a folder that has none.
pub(super) const LICENSE: &str = "LICENSE";

/// Returns the files of a module in its folder, by their path in the module: plain files, without nested modules and
/// vendored packages. A folder is a nested module if it has a `go.mod` in any case.
fn module_files(tree: &PackageTree) -> BTreeMap<String, (String, &TreeFile)> {
    let nested: HashSet<&str> = tree
        .below("")
        .filter_map(|(path, _)| path.rsplit_once('/').filter(|(_, name)| name.eq_ignore_ascii_case(MANIFEST)))
        .map(|(folder, _)| folder)
        .collect();
    let is_nested = |path: &str| path.match_indices('/').any(|(end, _)| nested.contains(&path[..end]));
    let mut files: BTreeMap<String, (String, &TreeFile)> = tree
        .below("")
        .filter(|(path, _)| !is_nested(path) && !is_vendored(path) && *path != ".hg_archival.txt")
        .map(|(path, file)| (path.to_owned(), (tree.path_of(path), file)))
        .collect();
    if let (false, Some(license)) = (files.contains_key(LICENSE), tree.files.get(LICENSE)) {
        files.insert(LICENSE.to_owned(), (LICENSE.to_owned(), license));
    }
    files
}

/// Returns the module path and version before the path of a file in a module's zip file. `None` if there is none.
pub(super) fn module_root(path: &str) -> Option<&str> {
    let at = path.find('@')?;
    let end = path[at..].find('/')?;
    Some(&path[..at + end])
}

/// Whether a file belongs to a vendored package: it is below a folder `vendor`, but not directly in it. From Go 1.24 on,
/// `vendor/modules.txt` is left out too.
fn is_vendored(path: &str) -> bool {
    let rest = match path.strip_prefix("vendor/") {
        Some(rest) => rest,
        None => match path.find("/vendor/") {
            Some(start) => &path[start + "/vendor/".len()..],
            None => return false,
        },
    };
    rest.contains('/') || rest == "modules.txt"
}

/// Returns the hash `h1` of a module at a version, as `go.sum` and the checksum database state it: the SHA-256 of the
/// sorted list of its files with their digests.
fn module_hash(id: &PackageId, tree: &PackageTree) -> String {
    let prefix = format!("{}@{}", id.name, id.version);
    let files =
        module_files(tree).into_iter().map(|(path, (_, file))| (format!("{prefix}/{path}"), file.digest));
    hash_of_files(files.collect())
}

/// Returns the hashes of a module at a version that its tree must have in the checksum database. `None` if the tree has
/// no `go.mod` in the module's folder.
#[must_use]
pub fn module_hashes(id: &PackageId, tree: &PackageTree) -> Option<ModuleHashes> {
    let manifest = tree.in_folder(MANIFEST)?;
    Some(ModuleHashes {
        module: module_hash(id, tree),
        manifest: hash_of_files(BTreeMap::from([(MANIFEST.to_owned(), manifest.digest)])),
    })
}

/// Returns the hash of a list of files (`dirhash.Hash1`).
fn hash_of_files(files: BTreeMap<String, Digest>) -> String {
    let mut hasher = Hasher::default();
    for (path, digest) in files {
        hasher.update(format!("{}  {path}\n", digest.hex()).as_bytes());
    }
    format!("h1:{}", base64::encode(&hasher.finish().bytes()))
}

pub(super) fn compare(compared: ComparedPackage<'_>, out: &mut PackageComparison) {
    let ComparedPackage { subject, id, package, tree } = compared;
    let module = tree.text(MANIFEST).and_then(module_path);
    if module != Some(&id.name) {
        let module = module.unwrap_or("no module path");
        let evidence = format!("go.mod in the tag's tree names {module}, expected {}", id.name);
        return not_comparable(FILES, subject, evidence, out);
    }
    let prefix = format!("{}@{}/", id.name, id.version);
    if package.files.iter().any(|it| it.path.starts_with(&prefix)) {
        let evidence = format!("{} {}, {}", id.name, id.version, module_hash(id, tree));
        out.findings.push(Finding::proven(METADATA, subject, evidence));
    } else {
        refute_metadata(subject, format!("the zip file has no files below {prefix}"), out);
    }
    let mut files = FileComparison::default();
    for (path, (tree_path, file)) in module_files(tree) {
        files.expect(format!("{prefix}{path}"), tree_path, file, Some(0));
    }
    files.compare(subject, package, out);
}

/// Returns the path of the `module` directive (<https://go.dev/ref/mod#go-mod-file-module>).
fn module_path(text: &str) -> Option<&str> {
    let line = text.lines().find_map(|it| it.trim().strip_prefix("module "))?;
    let line = line.split_once("//").map_or(line, |(before, _)| before).trim();
    Some(line.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> PackageTree {
        let file = |it: &str| TreeFile {
            digest: Digest::of(it.as_bytes()),
            digest_without_mark: None,
            executable: false,
            content: None,
        };
        PackageTree {
            commit: None,
            folder: "go".to_owned(),
            files: paths.iter().map(|it| ((*it).to_owned(), file(it))).collect(),
            other_entries: Vec::new(),
        }
    }

    #[test]
    fn nested_modules_and_vendored_packages_are_left_out() {
        let paths = [
            "LICENSE",
            "go/a.go",
            "go/go.mod",
            "go/n/GO.mod",
            "go/n/b.go",
            "go/v/vendor/x/y.go",
            "go/vendor/z.go",
        ];
        let names: Vec<String> = module_files(&tree(&paths)).into_keys().collect();
        assert_eq!(names, ["LICENSE", "a.go", "go.mod", "vendor/z.go"]);
        let names: Vec<String> =
            module_files(&tree(&["LICENSE", "go/LICENSE"])).into_iter().map(|it| it.1.0).collect();
        assert_eq!(names, ["go/LICENSE"]);
    }

    #[test]
    fn module_directives_are_read() {
        assert_eq!(module_path("// c\nmodule \"a/b\" // d\n"), Some("a/b"));
        assert_eq!(module_path("go 1.20\n"), None);
    }
}
