//! The checks of the tag, the release, the workflow run that attested it, the branch and the tag's signature.

use model::evidence::audit::{AuditEvidence, AuditReport, ReleaseExpectation, SourceEvidence, WorkflowRun};
use model::evidence::lookup::Lookup;
use model::evidence::reason::{CONFIGURE_SIGNERS, Reason};
use model::evidence::verdict::Finding;

use super::findings::yes_no_finding;
use crate::no_answer::no_answer;

/// Compares the tag on GitHub with the one that this run made and with the one in the clone.
pub(super) fn tag(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Finding {
    let name = &expectation.tag;
    if let Some(kind) = &evidence.tag_target_type {
        let evidence = format!("GitHub has a {kind} under {name}, expected a commit");
        return Finding::refuted("tag", name, Reason::NotACommit, evidence);
    }
    let remote_tag = match &evidence.tag {
        Lookup::Unavailable(unavailable) => return no_answer("tag", name, unavailable),
        Lookup::Absent if expectation.private => return private_finding("tag", name),
        Lookup::Absent => {
            let reason = Reason::TagMissing { tag: name.clone() };
            return Finding::refuted("tag", name, reason, format!("GitHub has no {name}"));
        }
        Lookup::Found(remote_tag) => remote_tag,
    };
    let product = expectation.products.as_ref().map(|it| (it.object, "this run made"));
    let local = evidence.local_tag_object.map(|it| (it, "this clone has"));
    let other = product.into_iter().chain(local).find(|(object, _)| *object != remote_tag.object);
    let reported = if remote_tag.object == remote_tag.commit.object() {
        format!("GitHub's tag is at commit {}", remote_tag.commit)
    } else {
        format!("GitHub's tag is object {}, of commit {}", remote_tag.object, remote_tag.commit.short())
    };
    match other {
        Some((object, who)) => {
            Finding::refuted("tag", name, Reason::Moved, format!("{reported}, {who} {object}"))
        }
        None => Finding::proven("tag", name, reported),
    }
}

/// Returns the finding for a tag or release that a private repository hides without credentials.
fn private_finding(check: &'static str, subject: &str) -> Finding {
    let evidence = "the repository is private: nothing is visible without credentials";
    Finding::unproven(check, subject, Reason::PrivateRepository, evidence)
}

/// Checks the published release: it must be of this tag, no draft, and a pre-release only if the version is one.
pub(super) fn release(expectation: &ReleaseExpectation, source: &SourceEvidence) -> Finding {
    let tag = &expectation.tag;
    let release = match &source.release {
        Lookup::Unavailable(unavailable) => return no_answer("release", tag, unavailable),
        Lookup::Absent if expectation.private => return private_finding("release", tag),
        Lookup::Absent => {
            let evidence = "no public release exists for this tag";
            return Finding::unproven("release", tag, Reason::NotPublic, evidence);
        }
        Lookup::Found(release) => release,
    };
    let url = release.html_url.escaped();
    let marked = if release.prerelease { "a pre-release" } else { "not a pre-release" };
    if !release.tag_name.is(tag) || release.draft || release.prerelease != expectation.prerelease {
        let draft = if release.draft { "a draft, " } else { "" };
        let evidence = format!("{url} is of {}, {draft}{marked}", release.tag_name.escaped());
        return Finding::refuted("release", tag, Reason::ReleaseMismatch, evidence);
    }
    let immutability = if release.immutable { ", immutable" } else { "" };
    Finding::proven("release", tag, format!("{url} is published, {marked}{immutability}"))
}

/// Checks the workflow runs that attested the release: each must be of a commit on the default branch that contains the
/// tag's commit. It may be a later commit, because OpenSandbox's `release-generic.yml` also releases older tags.
pub(super) fn runs(expectation: &ReleaseExpectation, source: &SourceEvidence) -> Vec<Finding> {
    source.runs.iter().flat_map(|it| run(expectation, source, it)).collect()
}

fn run(expectation: &ReleaseExpectation, source: &SourceEvidence, run: &WorkflowRun) -> Vec<Finding> {
    let (tag, branch) = (&expectation.tag, &expectation.default_branch);
    let commit: String = run.commit.chars().take(12).collect();
    let contains = [
        format!("the run that attested it was of {commit}, which contains the tag's commit"),
        format!("the run that attested it was of {commit}, which does not contain the tag's commit"),
    ];
    let on_branch = [format!("{commit} is on {branch}"), format!("{commit} is not on {branch}")];
    let mut findings = vec![
        yes_no_finding("run", tag, &run.contains_tag, contains, Reason::WrongCommit),
        yes_no_finding("run", tag, &run.on_default_branch, on_branch, Reason::UnreachableFromMain),
    ];
    let committed_at = source.archive.as_ref().and_then(|it| it.as_ref().ok()).map(|it| it.summary.mtime);
    if committed_at.and_then(|it| i64::try_from(it).ok()).is_some_and(|it| run.signed_at < it) {
        let evidence = "it was attested before its commit was made";
        findings.push(Finding::refuted("run", tag, Reason::SigningTime, evidence));
    }
    findings
}

/// Checks that the released commit is on the default branch. The workflow's identity does not prove that, because a tag
/// on another branch gets a valid identity too.
pub(super) fn branch(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Finding {
    let branch = &expectation.default_branch;
    let Some(remote_tag) = evidence.tag.found() else {
        let evidence = "skipped: the tag could not be read";
        return Finding::unproven("branch", branch, Reason::TagUnavailable, evidence);
    };
    let commit = remote_tag.commit.short();
    let answers = [format!("{commit} is on {branch}"), format!("{commit} is not on {branch}")];
    yes_no_finding("branch", branch, &evidence.on_default_branch, answers, Reason::UnreachableFromMain)
}

/// Adds the findings about the tag's signature. Without trusted signers it proves nothing, which is only a warning.
pub(super) fn signature(
    expectation: &ReleaseExpectation,
    evidence: &AuditEvidence,
    report: &mut AuditReport,
) {
    let Some(remote_tag) = evidence.tag.found() else { return };
    let tag = &expectation.tag;
    if !expectation.has_signer_policy {
        report.warnings.push(format!(
            "no trusted signers are configured ([signers]), so it is unknown who may sign {tag}: {CONFIGURE_SIGNERS}"
        ));
    }
    match &evidence.signature_findings {
        None if remote_tag.object == remote_tag.commit.object() => {
            let evidence = format!("{tag} is not signed: it is a reference to a commit");
            if expectation.has_signer_policy {
                report.findings.push(Finding::unproven("signature", tag, Reason::Unsigned, evidence));
            } else {
                report.warnings.push(evidence);
            }
        }
        // Without the object it is unknown whether the tag is signed. If [signers] requires a signature, that matters.
        None if expectation.has_signer_policy => {
            let reason = Reason::TagObjectUnavailable { tag: tag.clone() };
            let evidence = "the clone lacks the tag's object: its signature was not checked";
            report.findings.push(Finding::unproven("signature", tag, reason, evidence));
        }
        None => report.warnings.push(format!(
            "the clone lacks the object of {tag}, so its signature was not checked: git fetch origin tag {tag}"
        )),
        Some(findings) => {
            for finding in findings {
                let is_optional =
                    matches!(finding.reason(), Reason::Unsigned | Reason::Lightweight | Reason::NoPolicy);
                if is_optional && !expectation.has_signer_policy {
                    report.warnings.push(format!("{tag}: {}", finding.explanation.evidence));
                } else {
                    report.findings.push(finding.clone());
                }
            }
        }
    }
}
