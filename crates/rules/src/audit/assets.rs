//! The checks of the downloaded source archive and of `SHA256SUMS`.

use crate::no_answer::no_answer;
use crate::tag_digests::archive_finding;
use model::evidence::audit::{
    ArchiveError, ArchiveInspection, ArchiveSummary, AssetDownload, AuditEvidence, AuditReport,
    DownloadedContent, ReleaseExpectation, SourceEvidence, TreeComparison, TreeDifference,
};
use model::evidence::lookup::{Lookup, Unavailable};
use model::evidence::reason::{Explanation, Reason};
use model::evidence::sums;
use model::evidence::verdict::{Finding, Verdict};

const SUMS_NAME: &str = sums::FILE_NAME;

pub(super) fn assets(
    expectation: &ReleaseExpectation,
    evidence: &AuditEvidence,
    source: &SourceEvidence,
    report: &mut AuditReport,
) {
    for name in [expectation.archive_name.as_str(), SUMS_NAME] {
        report.findings.push(asset(name, expectation, source));
    }
    report.findings.push(sums_finding(expectation, source));
    report.findings.extend(archive(expectation, evidence, source));
    report.findings.extend(archive_in_tag(expectation, evidence, source));
    let release = source.release.found();
    let others = release.into_iter().flat_map(|it| &it.assets).map(|it| &it.name);
    let others = others.filter(|it| !it.is(&expectation.archive_name) && !it.is(SUMS_NAME));
    let others: Vec<String> = others.map(model::UntrustedText::escaped).collect();
    if !others.is_empty() {
        report.warnings.push(format!("further assets, which were not checked: {}", others.join(", ")));
    }
}

/// Checks the digests of one asset: that of the downloaded bytes, GitHub's, and the expected one if this run made it.
fn asset(name: &str, expectation: &ReleaseExpectation, source: &SourceEvidence) -> Finding {
    let refuted = |reason, evidence| Finding::refuted("asset", name, reason, evidence);
    let product = expectation.products.as_ref().and_then(|it| it.assets.iter().find(|it| it.name == name));
    let reported = source.release.found().and_then(|it| it.asset(name)).and_then(|it| it.digest);
    if let (Some(reported), Some(product)) = (reported, product)
        && reported != product.digest
    {
        let evidence = format!("GitHub reports {reported}, expected {}", product.digest);
        return refuted(Reason::HostDigestMismatch, evidence);
    }
    let content = match download(name, source) {
        None => {
            if let Lookup::Unavailable(unavailable) = &source.release {
                return no_answer("asset", name, unavailable);
            }
            let evidence = format!("the release has no asset {name}");
            return Finding::unproven("asset", name, Reason::AssetMissing, evidence);
        }
        Some(Err(unavailable)) => {
            let evidence = format!("it could not be downloaded: {unavailable}");
            return Finding::unproven("asset", name, Reason::DownloadFailed, evidence);
        }
        Some(Ok(content)) => content,
    };
    if let Some(product) = product.filter(|product| product.digest != content.digest) {
        let evidence = format!("downloaded {}, expected {}", content.digest, product.digest);
        return refuted(Reason::DigestMismatch, evidence);
    }
    if let Some(reported) = reported.filter(|reported| *reported != content.digest) {
        let evidence = format!("downloaded {}, and GitHub reports {reported}", content.digest);
        return refuted(Reason::DownloadMismatch, evidence);
    }
    let bytes = if content.size == 1 { "1 byte".to_owned() } else { format!("{} bytes", content.size) };
    Finding::proven("asset", name, format!("{} downloaded, {bytes}", content.digest))
}

fn download<'a>(
    name: &str,
    source: &'a SourceEvidence,
) -> Option<Result<&'a DownloadedContent, &'a Unavailable>> {
    let found: Option<&AssetDownload> = source.downloads.iter().find(|it| it.name == name);
    found.map(|it| it.content.as_ref())
}

/// Checks that `SHA256SUMS` lists the downloaded archive and nothing else.
fn sums_finding(expectation: &ReleaseExpectation, source: &SourceEvidence) -> Finding {
    let unproven = |evidence: &str| Finding::unproven("sums", SUMS_NAME, Reason::DownloadFailed, evidence);
    let refuted = |reason, evidence: String| Finding::refuted("sums", SUMS_NAME, reason, evidence);
    let Some(Ok(sums)) = download(SUMS_NAME, source) else {
        return unproven("SHA256SUMS was not downloaded");
    };
    let listed = match sums::parse(&sums.prefix) {
        Ok(listed) => listed,
        Err(error) => return refuted(Reason::SumsFormat, error.to_string()),
    };
    let Some(Ok(archive)) = download(&expectation.archive_name, source) else {
        return unproven("the archive that it lists was not downloaded");
    };
    if listed == [(expectation.archive_name.clone(), archive.digest)] {
        return Finding::proven(
            "sums",
            SUMS_NAME,
            format!("it lists exactly the downloaded {}", expectation.archive_name),
        );
    }
    let names: Vec<&str> = listed.iter().map(|(name, _)| name.as_str()).collect();
    let evidence = format!("it does not match the downloaded files; it lists {}", names.join(", "));
    refuted(Reason::SumsContent, evidence)
}

/// Compares the archive with the digest that the signed tag states. `None` if it states none, or if the archive was not
/// downloaded.
fn archive_in_tag(
    expectation: &ReleaseExpectation,
    evidence: &AuditEvidence,
    source: &SourceEvidence,
) -> Option<Finding> {
    let name = &expectation.archive_name;
    let content = download(name, source)?.ok()?;
    let inspection = source.archive.as_ref().and_then(|it| it.as_ref().ok());
    let has_tree = inspection.is_some_and(|it| it.tree_comparison == TreeComparison::Identical);
    archive_finding(name, content.digest, evidence.tag_digests.as_ref()?, has_tree)
}

/// Returns the findings about the archive's format and content. Empty if it was not downloaded; the `asset` finding
/// reports that.
fn archive(
    expectation: &ReleaseExpectation,
    evidence: &AuditEvidence,
    source: &SourceEvidence,
) -> Vec<Finding> {
    let name = &expectation.archive_name;
    let inspection = match &source.archive {
        None => return Vec::new(),
        Some(Err(ArchiveError::Malformed(message))) => {
            return vec![Finding::refuted("archive", name, Reason::MalformedArchive, message)];
        }
        Some(Err(ArchiveError::LimitExceeded(message))) => {
            return vec![Finding::unproven("archive", name, Reason::Limit, message)];
        }
        Some(Ok(inspection)) => inspection,
    };
    let ArchiveSummary { members, bytes, .. } = inspection.summary;
    let format = format!("{members} files and folders in {bytes} bytes of tar, nothing else");
    vec![Finding::proven("archive", name, format), tree(expectation, evidence, inspection)]
}

/// Returns the finding of the comparison with the tag's tree. Without a clone, only the commit in the header is
/// compared.
fn tree(
    expectation: &ReleaseExpectation,
    evidence: &AuditEvidence,
    inspection: &ArchiveInspection,
) -> Finding {
    let name = &expectation.archive_name;
    let refuted = |reason, evidence: String| Finding::refuted("tree", name, reason, evidence);
    let summary = &inspection.summary;
    let Some(remote_tag) = evidence.tag.found() else {
        let evidence = "skipped: the tag could not be read";
        return Finding::unproven("tree", name, Reason::TagUnavailable, evidence);
    };
    let commit = remote_tag.commit;
    if summary.commit != Some(commit.object()) {
        let found = summary.commit.map_or("no commit".to_owned(), |it| it.to_string());
        return refuted(Reason::WrongCommit, format!("its header names {found}, expected {commit}"));
    }
    let (found, expected) = (&summary.top_directory, &expectation.top_directory);
    if found != expected {
        return refuted(Reason::TreeMismatch, format!("its top folder is {found}, expected {expected}"));
    }
    let commit = commit.short();
    match &inspection.tree_comparison {
        TreeComparison::Identical => {
            Finding::proven("tree", name, format!("identical to what git archive makes of {commit}"))
        }
        TreeComparison::Differs(difference) => {
            let TreeDifference { offset, member } = difference;
            refuted(Reason::TreeMismatch, format!("it is not the tag's tree: byte {offset}, in {member}"))
        }
        TreeComparison::NoClone => Finding::proven(
            "tree",
            name,
            format!(
                "its header names the tag's commit, {commit}; its files were not compared, without a clone"
            ),
        ),
        TreeComparison::Unavailable(message) => {
            let reason = Reason::TreeUnavailable { tag: expectation.tag.clone() };
            Finding::new("tree", name, Verdict::Unproven, Explanation::new(reason, message))
        }
    }
}
