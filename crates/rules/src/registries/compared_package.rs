//! A package under comparison.

use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::{PackageComparison, PackageContents, PackageId, PackageTree};

/// The largest number of differences of metadata that are named.
pub(super) const MAX_NAMED_DIFFERENCES: usize = 50;
/// The check that compares files.
pub(super) const FILES: &str = "files";
/// The check of the commit that a package states.
pub(super) const COMMIT: &str = "commit";
/// The check that compares a package's own metadata.
pub(super) const METADATA: &str = "metadata";

/// A package, and what it is compared with.
#[derive(Debug, Clone, Copy)]
pub(super) struct ComparedPackage<'a> {
    /// The name of the package in findings.
    pub(super) subject: &'a str,
    pub(super) id: &'a PackageId,
    pub(super) package: &'a PackageContents,
    pub(super) tree: &'a PackageTree,
}

/// Adds a finding that a package's metadata is wrong.
pub(super) fn refute_metadata(subject: &str, evidence: impl Into<String>, out: &mut PackageComparison) {
    out.findings.push(Finding::refuted(METADATA, subject, Reason::PackageMetadata, evidence));
}

/// Adds a finding that the rules do not cover how the package is built.
pub(super) fn not_comparable(
    check: &'static str,
    subject: &str,
    evidence: impl Into<String>,
    out: &mut PackageComparison,
) {
    out.findings.push(Finding::unproven(check, subject, Reason::NotComparable, evidence));
}
