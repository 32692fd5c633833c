//! The previous release of a target.

use model::Version;
use model::release::facts::TagRef;

/// Returns the candidates for the release before `version`, the highest first. The previous release is the first of
/// them that is an ancestor of the released commit.
///
/// A candidate is below `version` in precedence. For a final version only final versions are candidates, so that its
/// notes list all changes since the last final release. For a pre-release, pre-releases are candidates too.
#[must_use]
pub fn previous_candidates<'a>(version: &Version, tags: &'a [TagRef]) -> Vec<&'a TagRef> {
    let mut candidates: Vec<(&Version, &TagRef)> = tags
        .iter()
        .filter_map(|tag| Some((tag.version.as_ref()?, tag)))
        .filter(|(it, tag)| it.cmp_precedence(version).is_lt() && tag.commit.is_some())
        .filter(|(it, _)| version.is_prerelease() || !it.is_prerelease())
        .collect();
    candidates.sort_by(|(a, left), (b, right)| b.cmp_precedence(a).then_with(|| right.name.cmp(&left.name)));
    candidates.into_iter().map(|(_, tag)| tag).collect()
}

/// Returns the tag with the highest version. Returns `None` if no tag has a valid version.
#[must_use]
pub fn newest_tag(tags: &[TagRef]) -> Option<&TagRef> {
    let versions = tags.iter().filter_map(|tag| Some((tag.version.as_ref()?, tag)));
    versions
        .max_by(|(a, left), (b, right)| a.cmp_precedence(b).then_with(|| left.name.cmp(&right.name)))
        .map(|it| it.1)
}
