//! The tag, the release, the run that attested them, and the branch.

use model::evidence::audit::{AuditReport, Evidence, Promise, Run};
use model::evidence::verdict::{Finding, Verdict};

use super::{PROVEN, asked, finding, unreachable};
use crate::tags::CONFIGURE_SIGNERS;

/// The tag as GitHub has it: the one that was made, or that this clone knows.
pub(super) fn tag(promise: &Promise, evidence: &Evidence) -> Finding {
    let name = &promise.tag;
    if let Some(kind) = &evidence.tag_names {
        let evidence = format!("GitHub has a {kind} under {name}, and not a commit");
        let hint = "do not use what this tag names, and tell its maintainers";
        return finding("tag", name, (Verdict::Refuted, "not-a-commit"), evidence, hint);
    }
    let there = match &evidence.tag {
        Err(said) => return unreachable("tag", name, said),
        Ok(None) if promise.private => return private("tag", name),
        Ok(None) => {
            let hint = if promise.made.is_some() { "run again: it is pushed" } else { "check the spelling" };
            let evidence = format!("GitHub has no {name}");
            return finding("tag", name, (Verdict::Refuted, "missing"), evidence, hint);
        }
        Ok(Some(there)) => there,
    };
    let made = promise.made.as_ref().map(|it| (it.object, "made was"));
    let own = evidence.own.map(|it| (it, "this clone has"));
    let other = made.into_iter().chain(own).find(|(object, _)| *object != there.object);
    let at = there.commit.short();
    if let Some((object, what)) = other {
        let evidence = format!("GitHub has object {} at {at}, {what} {object}", there.object);
        let hint = "somebody moved the tag: do not use this release, and tell its maintainers";
        return finding("tag", name, (Verdict::Refuted, "moved"), evidence, hint);
    }
    finding("tag", name, PROVEN, format!("GitHub has object {} at {at}", there.object), "")
}

/// What nobody without credentials can see.
fn private(check: &'static str, subject: &str) -> Finding {
    let evidence = "the repository is private: no outsider can look".to_owned();
    finding(check, subject, (Verdict::Unproven, "private"), evidence, "look at the release on GitHub")
}

pub(super) fn release(promise: &Promise, evidence: &Evidence) -> Finding {
    let found = |verdict, evidence, hint| finding("release", &promise.tag, verdict, evidence, hint);
    let release = match &evidence.release {
        Err(said) => return unreachable("release", &promise.tag, said),
        Ok(None) if promise.private => return private("release", &promise.tag),
        Ok(None) => {
            let evidence = "nobody without credentials sees a release".to_owned();
            return found((Verdict::Unproven, "not-public"), evidence, "wait a moment, then run again");
        }
        Ok(Some(release)) => release,
    };
    let marked = if release.prerelease { "a prerelease" } else { "a final release" };
    if !release.tag.is(&promise.tag) || release.draft || release.prerelease != promise.prerelease {
        let evidence = format!("{} holds {} and is {marked}", release.page.shown(), release.tag.shown());
        return found((Verdict::Refuted, "other"), evidence, "look at it on GitHub: somebody changed it");
    }
    let frozen = if release.immutable { ", immutable" } else { "" };
    found(PROVEN, format!("{} is published, {marked}{frozen}", release.page.shown()), "")
}

/// The run that attested the release: a dispatch on the branch, of a commit that has the tag's (OpenSandbox's
/// `release-generic.yml` releases older tags too).
pub(super) fn runs(promise: &Promise, evidence: &Evidence) -> Vec<Finding> {
    evidence.runs.iter().flat_map(|it| run(promise, evidence, it)).collect()
}

fn run(promise: &Promise, evidence: &Evidence, run: &Run) -> Vec<Finding> {
    let tag = &promise.tag;
    let at: String = run.commit.chars().take(12).collect();
    let hint = "the tag was moved, or the run was of something else: do not use this release";
    let contains = asked(
        "run",
        tag,
        &run.contains_tag,
        [
            format!("the run that attested it was of {at}, which has the tag's commit"),
            format!("the run that attested it was of {at}, which does not have the tag's commit"),
        ],
        ("commit", hint),
    );
    let on_branch = asked(
        "run",
        tag,
        &run.on_branch,
        [format!("{at} is on {}", promise.branch), format!("{at} is not on {}", promise.branch)],
        ("unreachable-from-main", hint),
    );
    let mut all = vec![contains, on_branch];
    let archived = evidence.archive.as_ref().and_then(|it| it.as_ref().ok()).map(|it| it.archived.time);
    if archived.and_then(|it| i64::try_from(it).ok()).is_some_and(|it| run.time < it) {
        let evidence = "it was attested before its commit was made".to_owned();
        all.push(finding("run", tag, (Verdict::Refuted, "time"), evidence, hint));
    }
    all
}

/// Whether the released commit is on the branch: a tag on a side branch gets a valid identity too.
pub(super) fn branch(promise: &Promise, evidence: &Evidence) -> Finding {
    let subject = &promise.branch;
    let Ok(Some(there)) = &evidence.tag else {
        let evidence = "there is no tag to look from".to_owned();
        return finding("branch", subject, (Verdict::Unproven, "no-tag"), evidence, "run again");
    };
    let at = there.commit.short();
    let says = [format!("{at} is on {subject}"), format!("{at} is not on {subject}")];
    let hint = "it was released from somewhere else: do not use it before its maintainers say why";
    asked("branch", subject, &evidence.on_branch, says, ("unreachable-from-main", hint))
}

/// What the tag's signature proves. Without trusted signers it proves nothing, and a warning says so.
pub(super) fn signature(promise: &Promise, evidence: &Evidence, report: &mut AuditReport) {
    let Ok(Some(there)) = &evidence.tag else { return };
    let unsigned = |reason, evidence: String| {
        let hint = "a published tag is never replaced: sign the next one with --sign-tag";
        finding("signature", &promise.tag, (Verdict::Unproven, reason), evidence, hint)
    };
    if !promise.signers {
        let tag = &promise.tag;
        report.notes.push(format!(
            "no trusted signers are configured ([signers]), so nobody can tell whose tag {tag} is: {CONFIGURE_SIGNERS}"
        ));
    }
    match &evidence.signature {
        None if there.object == there.commit.object() => {
            let evidence = format!("{} is not signed: it is a reference to a commit", promise.tag);
            if promise.signers {
                report.findings.push(unsigned("unsigned", evidence));
            } else {
                report.notes.push(evidence);
            }
        }
        // It is signed or not: nobody knows. Where the catalog says who may sign, that must be known.
        None if promise.signers => {
            let evidence =
                "the tag's object is not in a clone here: its signature was not looked at".to_owned();
            let hint = format!("git fetch origin tag {}, then run again", promise.tag);
            let unproven = (Verdict::Unproven, "no-object");
            report.findings.push(finding("signature", &promise.tag, unproven, evidence, &hint));
        }
        None => {
            let tag = &promise.tag;
            report.notes.push(format!(
                "the object of {tag} is not in a clone here, and a signature was not looked at: git fetch origin tag {tag}"
            ));
        }
        Some(findings) => {
            for it in findings {
                let optional = matches!(it.reason, "unsigned" | "lightweight" | "no-policy");
                if optional && !promise.signers {
                    report.notes.push(format!("{}: {}", promise.tag, it.evidence));
                } else {
                    report.findings.push(it.clone());
                }
            }
        }
    }
}
