//! The source archive and its sums, as they were downloaded.

use model::evidence::audit::{AuditReport, Compared, Download, Evidence, Flaw, Promise, Received};
use model::evidence::sums;
use model::evidence::verdict::{Finding, Verdict};

use super::{NOT_THESE, PROVEN, finding};

const SUMS: &str = sums::FILE_NAME;

pub(super) fn assets(promise: &Promise, evidence: &Evidence, report: &mut AuditReport) {
    for name in [promise.archive.as_str(), SUMS] {
        report.findings.push(asset(name, promise, evidence));
    }
    report.findings.push(listed(promise, evidence));
    report.findings.extend(archive(promise, evidence));
    let release = evidence.release.as_ref().ok().and_then(Option::as_ref);
    let others = release.into_iter().flat_map(|it| &it.assets).map(|it| &it.name);
    let others = others.filter(|it| !it.is(&promise.archive) && !it.is(SUMS));
    let others: Vec<String> = others.map(model::Foreign::shown).collect();
    if !others.is_empty() {
        report.notes.push(format!("further assets, which were not looked at: {}", others.join(", ")));
    }
}

/// An asset: GitHub's own digest and the bytes that anybody gets, and what was made, where that is known.
fn asset(name: &str, promise: &Promise, evidence: &Evidence) -> Finding {
    let found = |verdict, evidence, hint| finding("asset", name, verdict, evidence, hint);
    let refuted = |reason, evidence| found((Verdict::Refuted, reason), evidence, NOT_THESE);
    let unproven = |reason, evidence| found((Verdict::Unproven, reason), evidence, "run again");
    let made = promise.made.as_ref().and_then(|it| it.assets.iter().find(|it| it.name == name));
    let release = evidence.release.as_ref().ok().and_then(Option::as_ref);
    let said = release.and_then(|it| it.asset(name)).and_then(|it| it.digest);
    if let (Some(said), Some(made)) = (said, made)
        && said != made.digest
    {
        return refuted("other-digest", format!("GitHub has {said}, made was {}", made.digest));
    }
    let it = match download(name, evidence) {
        None => return unproven("not-there", "it could not be downloaded: there is none".to_owned()),
        Some(Err(said)) => return unproven("not-downloaded", format!("it could not be downloaded: {said}")),
        Some(Ok(it)) => it,
    };
    if let Some(made) = made.filter(|made| made.digest != it.digest) {
        return refuted("other-bytes", format!("downloaded was {}, made was {}", it.digest, made.digest));
    }
    if let Some(said) = said.filter(|said| *said != it.digest) {
        return refuted("transport", format!("downloaded was {}, and GitHub says it has {said}", it.digest));
    }
    found(PROVEN, format!("{} downloaded, {} bytes", it.digest, it.size), "")
}

fn download<'a>(name: &str, evidence: &'a Evidence) -> Option<Result<&'a Received, &'a String>> {
    let found: Option<&Download> = evidence.downloads.iter().find(|it| it.name == name);
    found.map(|it| it.came.as_ref())
}

/// `SHA256SUMS` names the archive that was downloaded, and nothing else.
fn listed(promise: &Promise, evidence: &Evidence) -> Finding {
    let found = |verdict, evidence, hint| finding("sums", SUMS, verdict, evidence, hint);
    let unproven =
        |evidence: &str| found((Verdict::Unproven, "not-downloaded"), evidence.to_owned(), "run again");
    let Some(Ok(sums)) = download(SUMS, evidence) else { return unproven("there are no sums to read") };
    let listed = match sums::parse(&sums.head) {
        Ok(listed) => listed,
        Err(error) => return found((Verdict::Refuted, "sums-format"), error.to_string(), NOT_THESE),
    };
    let Some(Ok(archive)) = download(&promise.archive, evidence) else {
        return unproven("there is no archive to compare");
    };
    if listed == [(promise.archive.clone(), archive.digest)] {
        return found(PROVEN, format!("it names what was downloaded: {}", promise.archive), "");
    }
    let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    let evidence = format!("it does not fit what was downloaded; it names {}", names.join(", "));
    found((Verdict::Refuted, "sums-content"), evidence, NOT_THESE)
}

/// The archive's form, and what is in it. Nothing where none came: that stands already.
fn archive(promise: &Promise, evidence: &Evidence) -> Vec<Finding> {
    let found = |check, verdict, evidence, hint| finding(check, &promise.archive, verdict, evidence, hint);
    let held = match &evidence.archive {
        None => return Vec::new(),
        Some(Err(Flaw::Format(said))) => {
            return vec![found("archive", (Verdict::Refuted, "archive"), said.clone(), NOT_THESE)];
        }
        Some(Err(Flaw::Limit(said))) => {
            let hint = "look at it by hand: it is more than a release has";
            return vec![found("archive", (Verdict::Unproven, "limit"), said.clone(), hint)];
        }
        Some(Ok(held)) => held,
    };
    let it = &held.archived;
    let form = format!("{} files and folders, {} bytes of tar, nothing else", it.members, it.bytes);
    let tree = |verdict, evidence| found("tree", verdict, evidence, NOT_THESE);
    let is_of = |commit: model::CommitId| it.commit == Some(commit.object());
    let content = match &evidence.tag {
        Ok(Some(there)) if !is_of(there.commit) => {
            let named = it.commit.map_or("no commit".to_owned(), |it| it.to_string());
            tree((Verdict::Refuted, "commit"), format!("it is of {named}, the tag of {}", there.commit))
        }
        Ok(Some(_)) if it.folder != promise.folder => {
            let evidence = format!("its folder is {}, and {} is wanted", it.folder, promise.folder);
            tree((Verdict::Refuted, "tree-mismatch"), evidence)
        }
        Ok(Some(there)) => match &held.tree {
            Compared::Same => {
                tree(PROVEN, format!("byte by byte what git archive makes of {}", there.commit.short()))
            }
            Compared::Differs(it) => {
                let evidence = format!("it is not the tag's tree: byte {}, in {}", it.offset, it.member);
                tree((Verdict::Refuted, "tree-mismatch"), evidence)
            }
            Compared::NoClone => {
                let at = there.commit.short();
                tree(
                    PROVEN,
                    format!(
                        "its header names the tag's commit, {at}; there is no clone here, and its tree was not compared"
                    ),
                )
            }
            Compared::NotHere(said) => Finding {
                hint: format!("git fetch origin tag {}, then run again", promise.tag),
                ..tree((Verdict::Unproven, "tree-not-here"), said.clone())
            },
        },
        _ => tree((Verdict::Unproven, "no-tag"), "there is no tag to compare with".to_owned()),
    };
    vec![found("archive", PROVEN, form, ""), Finding { hint: hint_of(&content), ..content }]
}

/// What is proven needs no advice.
fn hint_of(finding: &Finding) -> String {
    if finding.verdict == Verdict::Proven { String::new() } else { finding.hint.clone() }
}
