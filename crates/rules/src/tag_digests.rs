//! The digests in the message of a tag, compared with the tag's commit and with the published archive.

use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::release::tag_digests::TagDigests;
use model::{Digest, UntrustedText};

const CHECK: &str = "digests";

/// Returns the finding about the digests that a tag states. `expected` are those of its commit; what is missing there was
/// not computed. `None` if the tag states no digest.
#[must_use]
pub fn tag_digests_finding(
    name: &str,
    stated: &Result<TagDigests, String>,
    expected: &TagDigests,
) -> Option<Finding> {
    let refuted = |evidence: String| Some(Finding::refuted(CHECK, name, Reason::TagDigests, evidence));
    let stated = match stated {
        Ok(stated) if stated.is_empty() => return None,
        Ok(stated) => stated,
        Err(problem) => return refuted(UntrustedText::new(problem).escaped()),
    };
    if let (Some(found), Some(wanted)) = (stated.tar, expected.tar)
        && found != wanted
    {
        return refuted(format!("Tar-SHA256 is {found}, git archive makes {wanted}"));
    }
    if let (Some(found), Some(wanted)) = (stated.evtag, expected.evtag)
        && found != wanted
    {
        return refuted("Git-EVTag-v0-SHA512 is not that of the tag's commit and files".to_owned());
    }
    if let (Some((found, _)), Some((wanted, _))) = (&stated.archive, &expected.archive)
        && found != wanted
    {
        return refuted(format!("Archive-SHA256 is of {found}, expected {wanted}"));
    }
    let unproven = |evidence: &str| Some(Finding::unproven(CHECK, name, Reason::TagDigests, evidence));
    let is_other_archive = match (&stated.archive, &expected.archive) {
        (Some((_, found)), Some((_, wanted))) => found != wanted,
        (Some(_), None) => return unproven("it states an archive, and is not the tag of a target"),
        (None, _) => false,
    };
    if is_other_archive && stated.tar.is_none() {
        return unproven("Archive-SHA256 is not that of the archive which this program makes");
    }
    if stated.evtag.is_some() && expected.evtag.is_none() {
        return unproven("Git-EVTag-v0-SHA512 covers a submodule, which is in another repository");
    }
    let names = [
        stated.archive.as_ref().filter(|_| !is_other_archive).map(|_| "Archive-SHA256"),
        stated.tar.map(|_| "Tar-SHA256"),
        stated.evtag.map(|_| "Git-EVTag-v0-SHA512"),
    ];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    let compressor = if is_other_archive {
        "; Archive-SHA256 is of an archive that another program or version compressed"
    } else {
        ""
    };
    let evidence = format!("{} in its message fit its commit{compressor}", names.join(", "));
    Some(Finding::proven(CHECK, name, evidence))
}

/// Returns the finding that the published archive is the one that the signed tag states. `has_tree` tells whether its tar
/// stream is that of the tag's tree. `None` if the tag states no archive.
pub(crate) fn archive_finding(
    name: &str,
    digest: Digest,
    stated: &TagDigests,
    has_tree: bool,
) -> Option<Finding> {
    let (stated_name, stated_digest) = stated.archive.as_ref()?;
    if stated_name == name && *stated_digest == digest {
        return Some(Finding::proven(CHECK, name, "it has the digest that the tag's message states"));
    }
    let cause = if has_tree {
        "; its files are those of the tag, so another program or version compressed it"
    } else {
        ""
    };
    let evidence = format!("it has {digest}, the tag states {stated_digest} for {stated_name}{cause}");
    Some(Finding::refuted(CHECK, name, Reason::ArchiveNotInTag, evidence))
}
