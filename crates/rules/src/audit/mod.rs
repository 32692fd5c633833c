//! What a published release proves to somebody who only downloads it.

mod assets;
mod origin;

use model::base::time::rfc3339;
use model::evidence::attestation::Judged;
use model::evidence::audit::{Asked, AuditReport, Due, Evidence, Promise};
use model::evidence::verdict::{Finding, Verdict};

use crate::attestation;

/// Every finding, in the order in which a reader would look, and what should be known besides. There is at least one finding.
#[must_use]
pub fn audit(promise: &Promise, evidence: &Evidence) -> AuditReport {
    let mut report = AuditReport::default();
    report.findings.push(origin::tag(promise, evidence));
    report.findings.push(origin::release(promise, evidence));
    assets::assets(promise, evidence, &mut report);
    attestations(promise, evidence, &mut report);
    report.findings.extend(origin::runs(promise, evidence));
    report.findings.push(origin::branch(promise, evidence));
    origin::signature(promise, evidence, &mut report);
    if let Some(frozen) = &evidence.frozen {
        let it = Finding { check: "immutable", ..judged(&promise.tag, frozen) };
        if it.reason == "missing" && promise.attested == Due::Later {
            report.notes.push("GitHub has not attested the immutable release yet".to_owned());
        } else {
            report.findings.push(it);
        }
    }
    report
}

/// Whether what is unproven may be proven in a while. What will be the same in an hour is not waited for.
#[must_use]
pub fn may_change(finding: &Finding) -> bool {
    let stays = [
        "predates",
        "limit",
        "private",
        "no-object",
        "tree-not-here",
        "unsigned",
        "lightweight",
        "no-policy",
    ];
    finding.verdict == Verdict::Unproven && !stays.contains(&finding.reason)
}

/// What the attestations of the archive and the sums prove.
fn attestations(promise: &Promise, evidence: &Evidence, report: &mut AuditReport) {
    let published = evidence.release.as_ref().ok().and_then(Option::as_ref).and_then(|it| it.published);
    let predates = published.zip(promise.attested_since).is_some_and(|(published, since)| published < since);
    for (name, came) in &evidence.attestations {
        let it = judged(name, came);
        if it.reason == "missing" && promise.attested == Due::Later {
            report.notes.push(format!("{name} is not attested yet: the release workflow does that"));
        } else if it.reason == "missing" && predates {
            let since = promise.attested_since.map_or(String::new(), rfc3339);
            let evidence = format!("it was published before releases were attested, {since}");
            let hint = "nothing signed says what this release was: use a later one";
            let unproven = (Verdict::Unproven, "predates");
            report.findings.push(finding("attestation", name, unproven, evidence, hint));
        } else {
            report.findings.push(it);
        }
    }
}

fn judged(subject: &str, came: &Result<Judged, String>) -> Finding {
    match came {
        Ok(judged) => attestation(subject, judged),
        Err(said) => unreachable("attestation", subject, said),
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
const NOT_THESE: &str = "do not use it, and tell the maintainers";

fn unreachable(check: &'static str, subject: &str, said: &str) -> Finding {
    let evidence = format!("GitHub cannot be asked: {said}");
    finding(check, subject, (Verdict::Unproven, "unreachable"), evidence, "run again")
}

/// Something that GitHub says yes or no to; what it means where it says no, or does not know.
fn asked(
    check: &'static str,
    subject: &str,
    answer: &Asked<bool>,
    [yes, no]: [String; 2],
    (reason, hint): (&'static str, &str),
) -> Finding {
    match answer {
        Err(said) => unreachable(check, subject, said),
        Ok(None) => unreachable(check, subject, "it does not know one of the two commits"),
        Ok(Some(true)) => finding(check, subject, PROVEN, yes, ""),
        Ok(Some(false)) => finding(check, subject, (Verdict::Refuted, reason), no, hint),
    }
}
