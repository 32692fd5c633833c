//! Whether every version that a registry lists has a tag. Nothing in the repository says what a version without one was
//! made of.

use model::evidence::audit::AuditReport;
use model::evidence::lookup::Lookup;
use model::evidence::package::{TaggedVersion, VersionListing, VersionTag};
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::PackageId;

use super::file_comparison::counted;
use crate::no_answer::no_answer;

const CHECK: &str = "versions";
/// The largest number of versions that are named, of each kind. More are counted.
const MAX_NAMED_VERSIONS: usize = 200;

/// Adds the findings about the versions that a registry lists, and a warning for each that was withdrawn.
pub fn audit_versions(listing: &VersionListing, report: &mut AuditReport) {
    let VersionListing { registry, name, versions } = listing;
    let index = registry.named();
    let versions = match versions {
        Lookup::Found(versions) => versions,
        Lookup::Absent => {
            let evidence = format!("{index} has no package {name}");
            return report.findings.push(Finding::unproven(CHECK, name, Reason::NotPublished, evidence));
        }
        Lookup::Unavailable(unavailable) => {
            return report.findings.push(no_answer(CHECK, name, unavailable));
        }
    };
    let purl = |it: &TaggedVersion| {
        let id = PackageId { name: name.clone(), version: it.listed.version.escaped() };
        registry.kind.purl(&id)
    };
    let withdrawn = versions.iter().filter_map(|it| Some((it, it.listed.withdrawal.as_ref()?)));
    let withdrawn: Vec<_> = withdrawn.collect();
    for (version, withdrawal) in withdrawn.iter().take(MAX_NAMED_VERSIONS) {
        report.warnings.push(format!("{} was withdrawn: {}", purl(version), withdrawal.escaped()));
    }
    if let Some(more) = withdrawn.len().checked_sub(MAX_NAMED_VERSIONS).filter(|it| *it > 0) {
        report.warnings.push(format!("{more} more versions of {name} were withdrawn"));
    }
    let untagged: Vec<Finding> = versions.iter().filter_map(|it| missing_tag(&purl(it), &it.tag)).collect();
    if untagged.is_empty() && !versions.is_empty() {
        let evidence = format!("{} on {index}, each with a tag", counted(versions.len(), "version"));
        report.findings.push(Finding::proven(CHECK, name, evidence));
    } else if versions.is_empty() {
        let evidence = format!("{index} lists no version of {name}");
        report.findings.push(Finding::unproven(CHECK, name, Reason::NotPublished, evidence));
    }
    if let Some(more) = untagged.len().checked_sub(MAX_NAMED_VERSIONS).filter(|it| *it > 0) {
        let evidence =
            format!("{more} more versions of {name} are published, and the clone lacks their tags");
        report.findings.push(Finding::unproven(CHECK, name, Reason::Limit, evidence));
    }
    report.findings.extend(untagged.into_iter().take(MAX_NAMED_VERSIONS));
}

/// Returns the finding for a version whose tag the clone lacks. `None` if the clone has it.
fn missing_tag(purl: &str, tag: &VersionTag) -> Option<Finding> {
    Some(match tag {
        VersionTag::InClone => return None,
        VersionTag::Impossible => {
            let evidence = format!("{purl} is published, but no tag of the target can have this version");
            Finding::refuted(CHECK, purl, Reason::Untagged, evidence)
        }
        VersionTag::NotInClone(tag, Lookup::Absent) => {
            let evidence = format!("{purl} is published, but neither GitHub nor the clone has the tag {tag}");
            Finding::refuted(CHECK, purl, Reason::Untagged, evidence)
        }
        VersionTag::NotInClone(tag, Lookup::Found(())) => {
            let evidence =
                format!("{purl} was not audited: GitHub has the tag {tag}, and the clone lacks it");
            let reason = Reason::TagOnlyOnRemote { remote: "origin".to_owned(), tag: tag.clone() };
            Finding::unproven(CHECK, purl, reason, evidence)
        }
        VersionTag::NotInClone(_, Lookup::Unavailable(unavailable)) => no_answer(CHECK, purl, unavailable),
    })
}
