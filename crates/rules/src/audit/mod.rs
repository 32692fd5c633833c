//! The audit of a published release: what its public files, attestations and tag prove to a user who downloads them.

mod assets;
mod findings;
mod release;

use model::base::time::format_rfc3339;
use model::evidence::attestation::BundleVerdicts;
use model::evidence::audit::{AttestationRequirement, AuditEvidence, AuditReport, ReleaseExpectation};
use model::evidence::lookup::Unavailable;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;

use self::findings::unreachable;
use crate::attestation::attestation_finding;

/// Returns all findings and warnings, in reading order: tag, release, assets, attestations, runs, branch, signature.
/// There is at least one finding.
#[must_use]
pub fn audit(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> AuditReport {
    let mut report = AuditReport::default();
    report.findings.push(release::tag(expectation, evidence));
    report.findings.push(release::release(expectation, evidence));
    assets::assets(expectation, evidence, &mut report);
    attestations(expectation, evidence, &mut report);
    report.findings.extend(release::runs(expectation, evidence));
    report.findings.push(release::branch(expectation, evidence));
    release::signature(expectation, evidence, &mut report);
    if let Some(verdicts) = &evidence.release_attestation {
        let immutable_finding = Finding { check: "immutable", ..bundle_finding(&expectation.tag, verdicts) };
        if *immutable_finding.reason() == Reason::AttestationMissing
            && expectation.attestation_requirement == AttestationRequirement::Pending
        {
            report.warnings.push("GitHub has not attested the immutable release yet".to_owned());
        } else {
            report.findings.push(immutable_finding);
        }
    }
    report
}

/// Adds the findings about the attestations of the archive and of the checksums.
fn attestations(expectation: &ReleaseExpectation, evidence: &AuditEvidence, report: &mut AuditReport) {
    let published = evidence.release.found().and_then(|it| it.published_at);
    let predates =
        published.zip(expectation.attested_since).is_some_and(|(published, since)| published < since);
    for (name, verdicts) in &evidence.attestations {
        let finding = bundle_finding(name, verdicts);
        let is_missing = *finding.reason() == Reason::AttestationMissing;
        if is_missing && expectation.attestation_requirement == AttestationRequirement::Pending {
            report.warnings.push(format!("{name} is not attested yet: the release workflow does that"));
        } else if is_missing && predates {
            let since = expectation.attested_since.map_or(String::new(), format_rfc3339);
            let evidence = format!("it was published before {since}, when releases were first attested");
            report.findings.push(Finding::unproven("attestation", name, Reason::Predates, evidence));
        } else {
            report.findings.push(finding);
        }
    }
}

fn bundle_finding(subject: &str, verdicts: &Result<BundleVerdicts, Unavailable>) -> Finding {
    match verdicts {
        Ok(verdicts) => attestation_finding(subject, verdicts),
        Err(unavailable) => unreachable("attestation", subject, unavailable),
    }
}
