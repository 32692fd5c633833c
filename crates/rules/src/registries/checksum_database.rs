//! What the Go module proxy and the checksum database prove about a version: the commit that the proxy fetched, and the
//! hash that every user's `go` command compares with (<https://go.dev/ref/mod#checksum-database>).

use model::evidence::package::{PackageEvidence, PackageExpectation};
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::registry::{ChecksumError, PublishedPackage};

use super::compared_package::METADATA;
use crate::no_answer::no_answer;

const CHECK: &str = "checksum-database";
const ORIGIN: &str = "origin";

/// Returns the findings about the origin of a module version. The proxy's statement of a commit is optional.
pub(super) fn findings(
    purl: &str,
    expectation: &PackageExpectation,
    package: &PublishedPackage,
    evidence: &PackageEvidence,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(commit) = &package.origin_commit {
        findings.push(if commit.is(&expectation.commit.to_string()) {
            Finding::proven(ORIGIN, purl, format!("the proxy fetched it from {}", expectation.commit.short()))
        } else {
            let evidence = format!(
                "the proxy fetched it from {}, the tag is at {}",
                commit.escaped(),
                expectation.commit.short()
            );
            Finding::refuted(ORIGIN, purl, Reason::WrongCommit, evidence)
        });
    }
    if package.manifest.is_none() {
        let evidence = "the proxy has the version, but not its go.mod";
        findings.push(Finding::unproven(METADATA, purl, Reason::StaleIndex, evidence));
    }
    findings.push(checksums(purl, expectation, evidence));
    findings
}

/// Compares the hashes of the checksum database with those of the tag's tree.
fn checksums(purl: &str, expectation: &PackageExpectation, evidence: &PackageEvidence) -> Finding {
    let entry = match &evidence.checksums {
        None => {
            let evidence = "the checksum database was not asked";
            return Finding::unproven(CHECK, purl, Reason::NotPublished, evidence);
        }
        Some(Err(ChecksumError::Unavailable(unavailable))) => return no_answer(CHECK, purl, unavailable),
        Some(Err(ChecksumError::Invalid(reason))) => {
            return Finding::refuted(CHECK, purl, Reason::ChecksumProof, reason.clone());
        }
        Some(Ok(entry)) => entry,
    };
    let database = expectation.registry.checksum_database.as_ref().map_or("", |it| it.name());
    let Some(expected) = &expectation.module_hashes else {
        let evidence = format!("{database} has {}, which was not compared with the tree", entry.module_hash);
        return Finding::unproven(CHECK, purl, Reason::NoClone, evidence);
    };
    for (what, found, wanted) in [
        ("the module", &entry.module_hash, &expected.module),
        ("go.mod", &entry.manifest_hash, &expected.manifest),
    ] {
        if found != wanted {
            let evidence = format!("{database} has {found} for {what}, the tag's tree has {wanted}");
            return Finding::refuted(CHECK, purl, Reason::ChecksumDatabase, evidence);
        }
    }
    let (number, size, hash) = (entry.number, entry.tree_size, &entry.module_hash);
    Finding::proven(
        CHECK,
        purl,
        format!("{hash} is entry {number} of {size} in {database}, as in the tag's tree"),
    )
}
