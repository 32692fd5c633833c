//! Which release came before.

use model::Version;
use model::release::facts::TagRef;

/// The releases that may be the one before `version`, the likeliest first. The previous release is the first of
/// them that is an ancestor of the released commit.
///
/// A candidate is below `version` in precedence. A final release goes back to the last final one, so that its notes
/// tell everything since then; a prerelease goes back to whatever came before it, prereleases included.
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

/// The tag of the highest version.
#[must_use]
pub fn newest_tag(tags: &[TagRef]) -> Option<&TagRef> {
    let versions = tags.iter().filter_map(|tag| Some((tag.version.as_ref()?, tag)));
    versions
        .max_by(|(a, left), (b, right)| a.cmp_precedence(b).then_with(|| left.name.cmp(&right.name)))
        .map(|it| it.1)
}
