//! What a published release proves to somebody who only downloads it.

mod assets;
mod release;

use model::base::time::format_rfc3339;
use model::evidence::attestation::BundleVerdicts;
use model::evidence::audit::{Asked, AttestationRequirement, AuditEvidence, AuditReport, ReleaseExpectation};
use model::evidence::verdict::{Finding, Verdict};

use crate::attestation::attestation_finding;

/// Every finding, in the order in which a reader would look, and what should be known besides. There is at least one finding.
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
        if immutable_finding.reason == "missing"
            && expectation.attestation_requirement == AttestationRequirement::Pending
        {
            report.warnings.push("GitHub has not attested the immutable release yet".to_owned());
        } else {
            report.findings.push(immutable_finding);
        }
    }
    report
}

/// Whether what is unproven may be proven in a while. What will be the same in an hour is not waited for.
#[must_use]
pub fn may_resolve_later(finding: &Finding) -> bool {
    let permanent = [
        "predates",
        "limit",
        "private",
        "no-object",
        "tree-not-here",
        "unsigned",
        "lightweight",
        "no-policy",
    ];
    finding.verdict == Verdict::Unproven && !permanent.contains(&finding.reason)
}

/// What the attestations of the archive and the sums prove.
fn attestations(expectation: &ReleaseExpectation, evidence: &AuditEvidence, report: &mut AuditReport) {
    let published = evidence.release.as_ref().ok().and_then(Option::as_ref).and_then(|it| it.published_at);
    let predates =
        published.zip(expectation.attested_since).is_some_and(|(published, since)| published < since);
    for (name, verdicts) in &evidence.attestations {
        let asset_finding = bundle_finding(name, verdicts);
        if asset_finding.reason == "missing"
            && expectation.attestation_requirement == AttestationRequirement::Pending
        {
            report.warnings.push(format!("{name} is not attested yet: the release workflow does that"));
        } else if asset_finding.reason == "missing" && predates {
            let since = expectation.attested_since.map_or(String::new(), format_rfc3339);
            let evidence = format!("it was published before releases were attested, {since}");
            let hint = "nothing signed says what this release was: use a later one";
            let unproven = (Verdict::Unproven, "predates");
            report.findings.push(finding("attestation", name, unproven, evidence, hint));
        } else {
            report.findings.push(asset_finding);
        }
    }
}

fn bundle_finding(subject: &str, verdicts: &Result<BundleVerdicts, String>) -> Finding {
    match verdicts {
        Ok(judged) => attestation_finding(subject, judged),
        Err(message) => unreachable("attestation", subject, message),
    }
}

fn finding(
    check: &'static str,
    subject: &str,
    (verdict, reason): (Verdict, &'static str),
    evidence: String,
    hint: &str,
) -> Finding {
    Finding { check, subject: subject.to_owned(), verdict, reason, evidence, hint: hint.to_owned() }
}

const PROVEN: (Verdict, &str) = (Verdict::Proven, "ok");
/// What to do where somebody else's bytes are there.
const HINT_DO_NOT_USE: &str = "do not use it, and tell the maintainers";

fn unreachable(check: &'static str, subject: &str, message: &str) -> Finding {
    let evidence = format!("GitHub cannot be asked: {message}");
    finding(check, subject, (Verdict::Unproven, "unreachable"), evidence, "run again")
}

/// Something that GitHub says yes or no to; what it means where it says no, or does not know.
fn yes_no_finding(
    check: &'static str,
    subject: &str,
    answer: &Asked<bool>,
    [yes, no]: [String; 2],
    (reason, hint): (&'static str, &str),
) -> Finding {
    match answer {
        Err(message) => unreachable(check, subject, message),
        Ok(None) => unreachable(check, subject, "it does not know one of the two commits"),
        Ok(Some(true)) => finding(check, subject, PROVEN, yes, ""),
        Ok(Some(false)) => finding(check, subject, (Verdict::Refuted, reason), no, hint),
    }
}
