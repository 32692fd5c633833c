//! The tag, the release, the run that attested them, and the branch.

use model::evidence::audit::{AuditEvidence, AuditReport, ReleaseExpectation, WorkflowRun};
use model::evidence::verdict::{Finding, Verdict};

use super::{PROVEN, finding, unreachable, yes_no_finding};
use crate::tag_signature::CONFIGURE_SIGNERS;

/// The tag as GitHub has it: the one that was made, or that this clone knows.
pub(super) fn tag(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Finding {
    let name = &expectation.tag;
    if let Some(kind) = &evidence.tag_target_type {
        let evidence = format!("GitHub has a {kind} under {name}, and not a commit");
        let hint = "do not use what this tag names, and tell its maintainers";
        return finding("tag", name, (Verdict::Refuted, "not-a-commit"), evidence, hint);
    }
    let remote_tag = match &evidence.tag {
        Err(message) => return unreachable("tag", name, message),
        Ok(None) if expectation.private => return private_finding("tag", name),
        Ok(None) => {
            let hint =
                if expectation.products.is_some() { "run again: it is pushed" } else { "check the spelling" };
            let evidence = format!("GitHub has no {name}");
            return finding("tag", name, (Verdict::Refuted, "missing"), evidence, hint);
        }
        Ok(Some(remote_tag)) => remote_tag,
    };
    let product = expectation.products.as_ref().map(|it| (it.object, "made was"));
    let local = evidence.local_tag_object.map(|it| (it, "this clone has"));
    let other = product.into_iter().chain(local).find(|(object, _)| *object != remote_tag.object);
    let commit = remote_tag.commit.short();
    if let Some((object, what)) = other {
        let evidence = format!("GitHub has object {} at {commit}, {what} {object}", remote_tag.object);
        let hint = "somebody moved the tag: do not use this release, and tell its maintainers";
        return finding("tag", name, (Verdict::Refuted, "moved"), evidence, hint);
    }
    finding("tag", name, PROVEN, format!("GitHub has object {} at {commit}", remote_tag.object), "")
}

/// What nobody without credentials can see.
fn private_finding(check: &'static str, subject: &str) -> Finding {
    let evidence = "the repository is private: no outsider can look".to_owned();
    finding(check, subject, (Verdict::Unproven, "private"), evidence, "look at the release on GitHub")
}

pub(super) fn release(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Finding {
    let found = |verdict, evidence, hint| finding("release", &expectation.tag, verdict, evidence, hint);
    let release = match &evidence.release {
        Err(message) => return unreachable("release", &expectation.tag, message),
        Ok(None) if expectation.private => return private_finding("release", &expectation.tag),
        Ok(None) => {
            let evidence = "nobody without credentials sees a release".to_owned();
            return found((Verdict::Unproven, "not-public"), evidence, "wait a moment, then run again");
        }
        Ok(Some(release)) => release,
    };
    let marked = if release.prerelease { "a prerelease" } else { "a final release" };
    if !release.tag_name.is(&expectation.tag) || release.draft || release.prerelease != expectation.prerelease
    {
        let evidence =
            format!("{} holds {} and is {marked}", release.html_url.escaped(), release.tag_name.escaped());
        return found((Verdict::Refuted, "other"), evidence, "look at it on GitHub: somebody changed it");
    }
    let immutability = if release.immutable { ", immutable" } else { "" };
    found(PROVEN, format!("{} is published, {marked}{immutability}", release.html_url.escaped()), "")
}

/// The run that attested the release: a dispatch on the branch, of a commit that has the tag's (OpenSandbox's
/// `release-generic.yml` releases older tags too).
pub(super) fn runs(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Vec<Finding> {
    evidence.runs.iter().flat_map(|it| run(expectation, evidence, it)).collect()
}

fn run(expectation: &ReleaseExpectation, evidence: &AuditEvidence, run: &WorkflowRun) -> Vec<Finding> {
    let tag = &expectation.tag;
    let commit: String = run.commit.chars().take(12).collect();
    let hint = "the tag was moved, or the run was of something else: do not use this release";
    let contains = yes_no_finding(
        "run",
        tag,
        &run.contains_tag,
        [
            format!("the run that attested it was of {commit}, which has the tag's commit"),
            format!("the run that attested it was of {commit}, which does not have the tag's commit"),
        ],
        ("commit", hint),
    );
    let on_branch = yes_no_finding(
        "run",
        tag,
        &run.on_default_branch,
        [
            format!("{commit} is on {}", expectation.default_branch),
            format!("{commit} is not on {}", expectation.default_branch),
        ],
        ("unreachable-from-main", hint),
    );
    let mut all = vec![contains, on_branch];
    let committed_at = evidence.archive.as_ref().and_then(|it| it.as_ref().ok()).map(|it| it.summary.mtime);
    if committed_at.and_then(|it| i64::try_from(it).ok()).is_some_and(|it| run.signed_at < it) {
        let evidence = "it was attested before its commit was made".to_owned();
        all.push(finding("run", tag, (Verdict::Refuted, "time"), evidence, hint));
    }
    all
}

/// Whether the released commit is on the branch: a tag on a side branch gets a valid identity too.
pub(super) fn branch(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Finding {
    let subject = &expectation.default_branch;
    let Ok(Some(remote_tag)) = &evidence.tag else {
        let evidence = "there is no tag to look from".to_owned();
        return finding("branch", subject, (Verdict::Unproven, "no-tag"), evidence, "run again");
    };
    let commit = remote_tag.commit.short();
    let says = [format!("{commit} is on {subject}"), format!("{commit} is not on {subject}")];
    let hint = "it was released from somewhere else: do not use it before its maintainers say why";
    yes_no_finding("branch", subject, &evidence.on_default_branch, says, ("unreachable-from-main", hint))
}

/// What the tag's signature proves. Without trusted signers it proves nothing, and a warning says so.
pub(super) fn signature(
    expectation: &ReleaseExpectation,
    evidence: &AuditEvidence,
    report: &mut AuditReport,
) {
    let Ok(Some(remote_tag)) = &evidence.tag else { return };
    let unsigned = |reason, evidence: String| {
        let hint = "a published tag is never replaced: sign the next one with --sign-tag";
        finding("signature", &expectation.tag, (Verdict::Unproven, reason), evidence, hint)
    };
    if !expectation.has_signer_policy {
        let tag = &expectation.tag;
        report.warnings.push(format!(
            "no trusted signers are configured ([signers]), so nobody can tell whose tag {tag} is: {CONFIGURE_SIGNERS}"
        ));
    }
    match &evidence.signature_findings {
        None if remote_tag.object == remote_tag.commit.object() => {
            let evidence = format!("{} is not signed: it is a reference to a commit", expectation.tag);
            if expectation.has_signer_policy {
                report.findings.push(unsigned("unsigned", evidence));
            } else {
                report.warnings.push(evidence);
            }
        }
        // It is signed or not: nobody knows. Where the catalog says who may sign, that must be known.
        None if expectation.has_signer_policy => {
            let evidence =
                "the tag's object is not in a clone here: its signature was not looked at".to_owned();
            let hint = format!("git fetch origin tag {}, then run again", expectation.tag);
            let unproven = (Verdict::Unproven, "no-object");
            report.findings.push(finding("signature", &expectation.tag, unproven, evidence, &hint));
        }
        None => {
            let tag = &expectation.tag;
            report.warnings.push(format!(
                "the object of {tag} is not in a clone here, and a signature was not looked at: git fetch origin tag {tag}"
            ));
        }
        Some(findings) => {
            for finding in findings {
                let optional = matches!(finding.reason, "unsigned" | "lightweight" | "no-policy");
                if optional && !expectation.has_signer_policy {
                    report.warnings.push(format!("{}: {}", expectation.tag, finding.evidence));
                } else {
                    report.findings.push(finding.clone());
                }
            }
        }
    }
}
