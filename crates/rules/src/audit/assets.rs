//! The source archive and its sums, as they were downloaded.

use model::evidence::audit::{
    ArchiveError, AssetDownload, AuditEvidence, AuditReport, DownloadedContent, ReleaseExpectation,
    TreeComparison,
};
use model::evidence::sums;
use model::evidence::verdict::{Finding, Verdict};

use super::{HINT_DO_NOT_USE, PROVEN, finding};

const SUMS_NAME: &str = sums::FILE_NAME;

pub(super) fn assets(expectation: &ReleaseExpectation, evidence: &AuditEvidence, report: &mut AuditReport) {
    for name in [expectation.archive_name.as_str(), SUMS_NAME] {
        report.findings.push(asset(name, expectation, evidence));
    }
    report.findings.push(sums_finding(expectation, evidence));
    report.findings.extend(archive(expectation, evidence));
    let release = evidence.release.as_ref().ok().and_then(Option::as_ref);
    let others = release.into_iter().flat_map(|it| &it.assets).map(|it| &it.name);
    let others = others.filter(|it| !it.is(&expectation.archive_name) && !it.is(SUMS_NAME));
    let others: Vec<String> = others.map(model::UntrustedText::escaped).collect();
    if !others.is_empty() {
        report.warnings.push(format!("further assets, which were not looked at: {}", others.join(", ")));
    }
}

/// An asset: GitHub's own digest and the bytes that anybody gets, and what was made, where that is known.
fn asset(name: &str, expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Finding {
    let found = |verdict, evidence, hint| finding("asset", name, verdict, evidence, hint);
    let refuted = |reason, evidence| found((Verdict::Refuted, reason), evidence, HINT_DO_NOT_USE);
    let unproven = |reason, evidence| found((Verdict::Unproven, reason), evidence, "run again");
    let product = expectation.products.as_ref().and_then(|it| it.assets.iter().find(|it| it.name == name));
    let release = evidence.release.as_ref().ok().and_then(Option::as_ref);
    let reported = release.and_then(|it| it.asset(name)).and_then(|it| it.digest);
    if let (Some(reported), Some(product)) = (reported, product)
        && reported != product.digest
    {
        return refuted("other-digest", format!("GitHub has {reported}, made was {}", product.digest));
    }
    let content = match download(name, evidence) {
        None => return unproven("not-there", "it could not be downloaded: there is none".to_owned()),
        Some(Err(reported)) => {
            return unproven("not-downloaded", format!("it could not be downloaded: {reported}"));
        }
        Some(Ok(content)) => content,
    };
    if let Some(product) = product.filter(|product| product.digest != content.digest) {
        return refuted(
            "other-bytes",
            format!("downloaded was {}, made was {}", content.digest, product.digest),
        );
    }
    if let Some(reported) = reported.filter(|reported| *reported != content.digest) {
        return refuted(
            "transport",
            format!("downloaded was {}, and GitHub says it has {reported}", content.digest),
        );
    }
    found(PROVEN, format!("{} downloaded, {} bytes", content.digest, content.size), "")
}

fn download<'a>(
    name: &str,
    evidence: &'a AuditEvidence,
) -> Option<Result<&'a DownloadedContent, &'a String>> {
    let found: Option<&AssetDownload> = evidence.downloads.iter().find(|it| it.name == name);
    found.map(|it| it.content.as_ref())
}

/// `SHA256SUMS` names the archive that was downloaded, and nothing else.
fn sums_finding(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Finding {
    let found = |verdict, evidence, hint| finding("sums", SUMS_NAME, verdict, evidence, hint);
    let unproven =
        |evidence: &str| found((Verdict::Unproven, "not-downloaded"), evidence.to_owned(), "run again");
    let Some(Ok(sums)) = download(SUMS_NAME, evidence) else { return unproven("there are no sums to read") };
    let listed = match sums::parse(&sums.prefix) {
        Ok(listed) => listed,
        Err(error) => return found((Verdict::Refuted, "sums-format"), error.to_string(), HINT_DO_NOT_USE),
    };
    let Some(Ok(archive)) = download(&expectation.archive_name, evidence) else {
        return unproven("there is no archive to compare");
    };
    if listed == [(expectation.archive_name.clone(), archive.digest)] {
        return found(PROVEN, format!("it names what was downloaded: {}", expectation.archive_name), "");
    }
    let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    let evidence = format!("it does not fit what was downloaded; it names {}", names.join(", "));
    found((Verdict::Refuted, "sums-content"), evidence, HINT_DO_NOT_USE)
}

/// The archive's form, and what is in it. Nothing where none came: that stands already.
fn archive(expectation: &ReleaseExpectation, evidence: &AuditEvidence) -> Vec<Finding> {
    let found =
        |check, verdict, evidence, hint| finding(check, &expectation.archive_name, verdict, evidence, hint);
    let inspection = match &evidence.archive {
        None => return Vec::new(),
        Some(Err(ArchiveError::Malformed(message))) => {
            return vec![found("archive", (Verdict::Refuted, "archive"), message.clone(), HINT_DO_NOT_USE)];
        }
        Some(Err(ArchiveError::LimitExceeded(message))) => {
            let hint = "look at it by hand: it is more than a release has";
            return vec![found("archive", (Verdict::Unproven, "limit"), message.clone(), hint)];
        }
        Some(Ok(inspection)) => inspection,
    };
    let summary = &inspection.summary;
    let form = format!("{} files and folders, {} bytes of tar, nothing else", summary.members, summary.bytes);
    let tree = |verdict, evidence| found("tree", verdict, evidence, HINT_DO_NOT_USE);
    let is_of = |commit: model::CommitId| summary.commit == Some(commit.object());
    let content = match &evidence.tag {
        Ok(Some(remote_tag)) if !is_of(remote_tag.commit) => {
            let named = summary.commit.map_or("no commit".to_owned(), |it| it.to_string());
            tree((Verdict::Refuted, "commit"), format!("it is of {named}, the tag of {}", remote_tag.commit))
        }
        Ok(Some(_)) if summary.top_directory != expectation.top_directory => {
            let evidence = format!(
                "its folder is {}, and {} is wanted",
                summary.top_directory, expectation.top_directory
            );
            tree((Verdict::Refuted, "tree-mismatch"), evidence)
        }
        Ok(Some(remote_tag)) => match &inspection.tree_comparison {
            TreeComparison::Identical => {
                tree(PROVEN, format!("byte by byte what git archive makes of {}", remote_tag.commit.short()))
            }
            TreeComparison::Differs(summary) => {
                let evidence =
                    format!("it is not the tag's tree: byte {}, in {}", summary.offset, summary.member);
                tree((Verdict::Refuted, "tree-mismatch"), evidence)
            }
            TreeComparison::NoClone => {
                let commit = remote_tag.commit.short();
                tree(
                    PROVEN,
                    format!(
                        "its header names the tag's commit, {commit}; there is no clone here, and its tree was not compared"
                    ),
                )
            }
            TreeComparison::Unavailable(message) => Finding {
                hint: format!("git fetch origin tag {}, then run again", expectation.tag),
                ..tree((Verdict::Unproven, "tree-not-here"), message.clone())
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
