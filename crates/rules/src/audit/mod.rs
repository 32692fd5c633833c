//! The audit of a published release: what its public files, attestations and tag prove to a user who downloads them.

mod assets;
mod findings;
mod release;

use model::evidence::attestation::BundleVerdicts;
use model::evidence::audit::{
    AttestationRequirement, AuditEvidence, AuditReport, ReleaseExpectation, SourceEvidence,
};
use model::evidence::lookup::Unavailable;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;

use crate::attestation::attestation_finding;
use crate::no_answer::no_answer;

/// Returns whether an audit received every answer that it asked for. If not, the same audit may be repeated to get the
/// others.
#[must_use]
pub fn has_all_answers(report: &AuditReport) -> bool {
    !report.findings.iter().any(|it| {
        matches!(
            it.reason(),
            Reason::RateLimited
                | Reason::Unreachable
                | Reason::NotRecorded
                | Reason::TagUnavailable
                | Reason::DownloadFailed
        )
    })
}

/// Returns all findings and warnings, in reading order: tag, release, assets, attestations, runs, branch, signature.
/// There is at least one finding.
#[must_use]
pub fn audit(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> AuditReport {
    let mut report = AuditReport::default();
    report.findings.push(release::tag(expectation, evidence));
    if let Some(source) = &evidence.source {
        report.findings.push(release::release(expectation, source));
        assets::assets(expectation, evidence, source, &mut report);
        attestations(expectation, source, &mut report);
        report.findings.extend(release::runs(expectation, source));
    }
    report.findings.push(release::branch(expectation, evidence));
    release::signature(expectation, evidence, &mut report);
    if let Some(verdicts) = evidence.source.as_ref().and_then(|it| it.release_attestation.as_ref()) {
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

/// Adds the findings about the attestations of the archive and of the checksums. They are owed if the release workflow
/// in the tag's tree makes them.
fn attestations(expectation: &ReleaseExpectation, source: &SourceEvidence, report: &mut AuditReport) {
    for (name, verdicts) in &source.attestations {
        let finding = bundle_finding(name, verdicts);
        let is_missing = *finding.reason() == Reason::AttestationMissing;
        if is_missing && expectation.attestation_requirement == AttestationRequirement::Pending {
            report.warnings.push(format!("{name} is not attested yet: the release workflow does that"));
        } else if is_missing && source.workflow_attests == Some(false) {
            let workflow = &expectation.source_workflow;
            let evidence = format!("no attestation exists, and {workflow} in the tag's tree makes none");
            report.findings.push(Finding::unproven("attestation", name, Reason::NotOwed, evidence));
        } else {
            report.findings.push(finding);
        }
    }
}

fn bundle_finding(subject: &str, verdicts: &Result<BundleVerdicts, Unavailable>) -> Finding {
    match verdicts {
        Ok(verdicts) => attestation_finding(subject, verdicts),
        Err(unavailable) => no_answer("attestation", subject, unavailable),
    }
}
