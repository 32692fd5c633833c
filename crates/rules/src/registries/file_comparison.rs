//! Compares the files of a package with those of a tree.

use std::collections::BTreeMap;

use model::Digest;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::{PackageComparison, PackageContents, PackagedFile, TreeFile};

use super::compared_package::FILES;

/// The largest number of files that are named. More are counted.
const MAX_NAMED_FILES: usize = 200;

/// The largest number of files that cannot be compared and are named.
const MAX_OPAQUE_FILES: usize = 50;

/// A file that a package must have.
#[derive(Debug, Clone)]
struct ExpectedFile {
    /// Its path in the tree.
    tree_path: String,
    digest: Digest,
    /// Whether the package may lack it.
    optional: bool,
    /// The mode that the container must state. `None` if it is not checked.
    mode: Option<u32>,
}

/// The files that a package must have, by their path in the package, and what was found.
#[derive(Debug, Default)]
pub(super) struct FileComparison {
    expected: BTreeMap<String, ExpectedFile>,
    /// Files that the build makes, and that another check examined.
    generated: Vec<String>,
    /// Files that cannot be compared.
    opaque: Vec<String>,
    failures: Vec<(String, String)>,
    /// Whether the package may have no file that can be compared.
    may_be_all_opaque: bool,
}

impl FileComparison {
    /// Expects a file of the tree. `mode` is what the container must state for it.
    pub(super) fn expect(&mut self, path: String, tree_path: String, file: &TreeFile, mode: Option<u32>) {
        let expected = ExpectedFile { tree_path, digest: file.digest, optional: false, mode };
        self.expected.insert(path, expected);
    }

    /// Expects a file of the tree, from which the build removes a byte order mark.
    pub(super) fn expect_without_mark(
        &mut self,
        path: String,
        tree_path: String,
        file: &TreeFile,
        mode: u32,
    ) {
        let digest = file.digest_without_mark.unwrap_or(file.digest);
        self.expected.insert(path, ExpectedFile { tree_path, digest, optional: false, mode: Some(mode) });
    }

    /// Accepts a file of the tree, without requiring it.
    pub(super) fn accept(&mut self, path: String, tree_path: String, file: &TreeFile, mode: Option<u32>) {
        let expected = ExpectedFile { tree_path, digest: file.digest, optional: true, mode };
        self.expected.insert(path, expected);
    }

    /// Marks a file that the build makes and that another check examines.
    pub(super) fn mark_generated(&mut self, path: &str) {
        self.generated.push(path.to_owned());
    }

    /// Marks a file that cannot be compared.
    pub(super) fn mark_opaque(&mut self, path: &str) {
        self.opaque.push(path.to_owned());
    }

    /// Records that a file is wrong.
    pub(super) fn fail(&mut self, path: &str, evidence: impl Into<String>) {
        self.failures.push((path.to_owned(), evidence.into()));
    }

    /// Accepts that no file is the same as in the tree: then nothing but a warning is reported.
    pub(super) fn allow_nothing_equal(&mut self) {
        self.may_be_all_opaque = true;
    }

    /// Compares every file of the package, in both directions. `subject` names the package.
    pub(super) fn compare(mut self, subject: &str, package: &PackageContents, out: &mut PackageComparison) {
        let mut equal = 0;
        for file in &package.files {
            match self.expected.remove(&file.path) {
                Some(expected) => match difference(file, &expected) {
                    None => equal += 1,
                    Some(evidence) => self.fail(&file.path, evidence),
                },
                None if self.generated.contains(&file.path) || self.opaque.contains(&file.path) => {}
                None => self.fail(&file.path, "not in the tag's tree"),
            }
        }
        for (path, expected) in std::mem::take(&mut self.expected) {
            if !expected.optional {
                self.fail(
                    &path,
                    format!("missing in the package; the tag's tree has {}", expected.tree_path),
                );
            }
        }
        self.report(subject, equal, out);
    }

    fn report(self, subject: &str, equal: usize, out: &mut PackageComparison) {
        if !self.opaque.is_empty() {
            out.warnings.push(format!(
                "{subject}: {} made by the build cannot be compared with the tree: {}",
                counted(self.opaque.len(), "file"),
                named(&self.opaque),
            ));
        }
        if self.failures.is_empty() {
            let generated = self.generated.len();
            let opaque = match self.opaque.len() {
                0 => String::new(),
                count => format!(", {count} not compared"),
            };
            let evidence = format!(
                "{} the same as in the tag's tree, {generated} made by the build and checked{opaque}",
                counted(equal, "file")
            );
            if equal == 0 && self.may_be_all_opaque {
                return;
            }
            out.findings.push(if equal == 0 {
                Finding::unproven(
                    FILES,
                    subject,
                    Reason::NothingCompared,
                    "no file of the package was compared",
                )
            } else {
                Finding::proven(FILES, subject, evidence)
            });
            return;
        }
        let total = self.failures.len();
        for (path, evidence) in self.failures.into_iter().take(MAX_NAMED_FILES) {
            let evidence = format!("{path}: {evidence}");
            out.findings.push(Finding::refuted(FILES, subject, Reason::PackageContent, evidence));
        }
        if total > MAX_NAMED_FILES {
            let evidence = format!("{} more files differ", total - MAX_NAMED_FILES);
            out.findings.push(Finding::refuted(FILES, subject, Reason::PackageContent, evidence));
        }
    }
}

fn difference(file: &PackagedFile, expected: &ExpectedFile) -> Option<String> {
    if file.digest != expected.digest {
        return Some(format!("differs from {} of the tag's tree", expected.tree_path));
    }
    let mode = expected.mode.filter(|it| *it != file.mode)?;
    Some(format!("has mode {:o}, expected {mode:o} as in the tag's tree", file.mode))
}

/// Returns the first paths of a list, and the number of the others.
fn named(paths: &[String]) -> String {
    let shown = paths[..paths.len().min(MAX_OPAQUE_FILES)].join(", ");
    match paths.len().saturating_sub(MAX_OPAQUE_FILES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Returns a number with its noun, in the right form.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
