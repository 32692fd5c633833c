//! What a registry's answers prove about a published package. Every kind of registry is asked the same questions: is the
//! version published; do its name and version match; do the served files have the stated digests; who built them; and
//! what is in them.

use model::evidence::attestation::BundleVerdicts;
use model::evidence::audit::AuditReport;
use model::evidence::lookup::{Lookup, Unavailable};
use model::evidence::package::{FileEvidence, PackageEvidence, PackageExpectation};
use model::evidence::reason::{Explanation, Reason};
use model::evidence::verdict::{Finding, Verdict};
use model::package::pyproject::normalized_name;
use model::package::registry::{ProjectStatus, PublishedPackage, RegistryKind};
use model::{Scheme, UntrustedText, Version};

use super::compared_package::FILES;
use super::file_comparison::counted;
use super::{checksum_database, listed_digests, openpgp_signature, package_signature, registry_signature};
use crate::attestation::attestation_finding;
use crate::no_answer::no_answer;

/// The check that asks whether a version is published.
const PUBLISHED: &str = "published";
/// The check of the served bytes.
const DIGEST: &str = "digest";
/// The check of the origin.
const ATTESTATION: &str = "attestation";

/// Adds the findings and warnings about a published package to a report.
pub fn audit_package(expectation: &PackageExpectation, evidence: &PackageEvidence, report: &mut AuditReport) {
    let purl = expectation.registry.kind.purl(&expectation.id);
    let package = match &evidence.package {
        Lookup::Found(package) => package,
        Lookup::Absent => return report.findings.push(not_published(&purl, expectation)),
        Lookup::Unavailable(unavailable) => {
            return report.findings.push(no_answer(PUBLISHED, &purl, unavailable));
        }
    };
    report.findings.push(published(&purl, expectation, package));
    for name in &package.unlisted_files {
        let evidence = format!("the JSON API lists {}, and the simple index does not", name.escaped());
        report.findings.push(Finding::unproven(PUBLISHED, &purl, Reason::StaleIndex, evidence));
    }
    for withdrawal in &package.withdrawals {
        report.warnings.push(format!("{purl} was withdrawn: {}", withdrawal.escaped()));
    }
    if let Some(status) = &package.project_status {
        add_project_status(&purl, status, report);
    }
    for file in &evidence.files {
        audit_file(expectation, file, report);
    }
    match expectation.registry.kind {
        RegistryKind::Pypi => {}
        RegistryKind::Nuget => {
            let downloaded = evidence.files.iter().filter(|it| it.content.is_ok());
            let finding = |it| package_signature::finding(&expectation.registry, package, it);
            report.findings.extend(downloaded.map(finding));
        }
        RegistryKind::Maven => {
            if package.is_unlisted {
                report.warnings.push(format!("{purl}: maven-metadata.xml does not list the version yet"));
            }
            report.findings.extend(listed_digests::module_findings(&purl, evidence));
            report.findings.extend(openpgp_signature::several_keys(&purl, &evidence.files));
        }
        RegistryKind::Helm => {
            report.findings.extend(evidence.files.iter().filter_map(listed_digests::provenance_finding));
        }
        RegistryKind::Npm => {
            let trusted_keys = &expectation.registry.key_ids;
            report.findings.push(registry_signature::finding(
                &purl,
                trusted_keys,
                package,
                &evidence.signatures,
            ));
        }
        RegistryKind::Go => {
            report.findings.extend(checksum_database::findings(&purl, expectation, package, evidence));
        }
    }
}

/// Returns the finding for the packages of a kind that were not looked for, because the tag could not be read.
#[must_use]
pub fn skipped_package(kind: RegistryKind, tag: &str) -> Finding {
    let evidence = format!("{kind} was not asked, because the tag could not be read on GitHub");
    Finding::unproven(PUBLISHED, tag, Reason::TagUnavailable, evidence)
}

/// Reports the status of a project, if it is another than `active` (PEP 792). A quarantined project is considered unsafe
/// by the index, whatever its attestations say.
fn add_project_status(purl: &str, project: &ProjectStatus, report: &mut AuditReport) {
    let reason = project.reason.escaped();
    let reason = if reason.is_empty() { reason } else { format!(": {reason}") };
    match project.status.raw() {
        "" | "active" => {}
        "quarantined" => {
            let evidence = format!("the index quarantined the project{reason}");
            report.findings.push(Finding::refuted(PUBLISHED, purl, Reason::Quarantined, evidence));
        }
        _ => report.warnings.push(format!("{purl}: the project is {}{reason}", project.status.escaped())),
    }
}

fn not_published(purl: &str, expectation: &PackageExpectation) -> Finding {
    let id = &expectation.id;
    let evidence = format!("{} has no version {} of {}", expectation.registry.named(), id.version, id.name);
    Finding::unproven(PUBLISHED, purl, Reason::NotPublished, evidence)
}

/// Checks that the registry lists files of the version, under the expected name and version.
fn published(purl: &str, expectation: &PackageExpectation, package: &PublishedPackage) -> Finding {
    let index = expectation.registry.named();
    if package.files.is_empty() {
        let evidence = format!("{index} knows the version, but lists no file of it");
        return Finding::unproven(PUBLISHED, purl, Reason::StaleIndex, evidence);
    }
    if let Some((name, version)) = &package.stated_id
        && !is_expected(expectation, name, version)
    {
        let (name, version, id) = (name.escaped(), version.escaped(), &expectation.id);
        let evidence = format!("{index} states {name} {version}, expected {} {}", id.name, id.version);
        return Finding::refuted(PUBLISHED, purl, Reason::PackageMetadata, evidence);
    }
    Finding::proven(PUBLISHED, purl, format!("{} on {index}", counted(package.files.len(), "file")))
}

/// Compares the name and the version that a registry states with the expected ones.
fn is_expected(expectation: &PackageExpectation, name: &UntrustedText, version: &UntrustedText) -> bool {
    let PackageExpectation { registry, id, .. } = expectation;
    match registry.kind {
        RegistryKind::Pypi => {
            let canonical = |it: &str| Version::parse(Scheme::Pep440, it).ok().map(|it| it.canonical());
            normalized_name(name.raw()) == normalized_name(&id.name)
                && canonical(version.raw()) == canonical(&id.version)
        }
        RegistryKind::Nuget => {
            let same = |found: &UntrustedText, expected: &str| found.raw().eq_ignore_ascii_case(expected);
            let without_build = version.raw().split('+').next().unwrap_or_default();
            same(name, &id.name) && same(&UntrustedText::new(without_build), &id.version)
        }
        RegistryKind::Npm | RegistryKind::Go | RegistryKind::Maven | RegistryKind::Helm => {
            name.is(&id.name) && version.is(&id.version)
        }
    }
}

/// Adds the findings about one file: its name, its digest, its content and its origin.
fn audit_file(expectation: &PackageExpectation, file: &FileEvidence, report: &mut AuditReport) {
    if let Some(in_url) = file.name_in_url.as_ref().filter(|it| **it != file.name) {
        let evidence = format!("the index names it {}, and its URL ends with {in_url}", file.name);
        report.findings.push(Finding::refuted(FILES, &file.name, Reason::UnexpectedFile, evidence));
    }
    report.findings.push(digest(expectation, file));
    if !file.other_digests.is_empty() {
        let evidence = format!(
            "the index also states {}, which an installer may check instead",
            file.other_digests.join(", ")
        );
        report.findings.push(Finding::unproven(DIGEST, &file.name, Reason::NoStatedDigest, evidence));
    }
    if let Some(comparison) = &file.comparison {
        report.findings.extend(comparison.findings.iter().cloned());
        report.warnings.extend(comparison.warnings.iter().cloned());
    }
    if expectation.registry.kind != RegistryKind::Go && file.content.is_ok() {
        let signature = openpgp_signature::finding(expectation, file);
        // A signature by a trusted key proves the origin, so an attestation is not missed that nothing promises.
        let is_signed = signature.as_ref().is_some_and(|it| it.verdict == Verdict::Proven);
        let origin = origin(expectation, file).into_iter();
        report.findings.extend(signature);
        report.findings.extend(origin.filter(|it| !is_signed || *it.reason() != Reason::NotOwed));
    }
}

/// Compares the digests of the downloaded bytes with all that the registry states.
fn digest(expectation: &PackageExpectation, file: &FileEvidence) -> Finding {
    let content = match &file.content {
        Ok(content) => content,
        Err(unavailable) => {
            let mut finding = no_answer(DIGEST, &file.name, unavailable);
            finding.explanation.evidence.push_str("; its content and origin were not checked");
            return finding;
        }
    };
    let mut documents = Vec::new();
    for stated in &file.stated_digests {
        let Some(found) = content.like(&stated.digest) else { continue };
        if found != stated.digest {
            let evidence = format!("downloaded {found}, the {} states {}", stated.document, stated.digest);
            return Finding::refuted(DIGEST, &file.name, Reason::StatedDigest, evidence);
        }
        documents.push(stated.document);
    }
    documents.dedup();
    let downloaded = format!("{} downloaded, {}", content.sha256, counted_bytes(content.size));
    match (&documents[..], expectation.registry.kind) {
        ([], RegistryKind::Go) => Finding::proven(DIGEST, &file.name, downloaded),
        ([], _) => {
            let evidence = format!("{downloaded}, but the registry states no digest");
            Finding::unproven(DIGEST, &file.name, Reason::NoStatedDigest, evidence)
        }
        (documents, _) => {
            let (stated, verb) =
                (documents.join(" and the "), if documents.len() == 1 { "states" } else { "state" });
            Finding::proven(DIGEST, &file.name, format!("{downloaded}, as the {stated} {verb}"))
        }
    }
}

fn counted_bytes(size: u64) -> String {
    if size == 1 { "1 byte".to_owned() } else { format!("{size} bytes") }
}

/// Returns the findings about who built a file. An attestation on GitHub is required if the publish workflow in the
/// tag's tree attests. Attestations that the registry stores must be valid, and prove the origin too.
fn origin(expectation: &PackageExpectation, file: &FileEvidence) -> Vec<Finding> {
    let from = |verdicts: &Option<Result<BundleVerdicts, Unavailable>>| {
        verdicts.as_ref().map(|it| match it {
            Ok(verdicts) => attestation_finding(&file.name, verdicts),
            Err(unavailable) => no_answer(ATTESTATION, &file.name, unavailable),
        })
    };
    let on_registry = from(&file.registry_attestations);
    let is_missing = |it: &Finding| *it.reason() == Reason::AttestationMissing;
    let Some(on_github) = from(&file.attestations) else { return on_registry.into_iter().collect() };
    if on_github.verdict == Verdict::Proven || !is_missing(&on_github) {
        return std::iter::once(on_github).chain(on_registry).collect();
    }
    let workflow = &expectation.workflow;
    match (expectation.workflow_attests, on_registry) {
        (Some(false), Some(on_registry)) => vec![on_registry],
        (Some(false), None) => {
            let evidence = format!("no attestation exists, and {workflow} in the tag's tree makes none");
            vec![Finding::unproven(ATTESTATION, &file.name, Reason::NotOwed, evidence)]
        }
        (attests, on_registry) => {
            let evidence = match attests {
                Some(_) => format!("no attestation exists, but {workflow} in the tag's tree makes one"),
                None => on_github.explanation.evidence,
            };
            let explanation = Explanation::new(Reason::AttestationMissing, evidence);
            let missing = Finding::new(ATTESTATION, &file.name, Verdict::Unproven, explanation);
            std::iter::once(missing).chain(on_registry).collect()
        }
    }
}
