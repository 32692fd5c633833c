//! Selection among several releases of a tag: the one that a run continues, and the leftover drafts to delete.

use model::release::host::{ExpectedAsset, GitHubRelease, ReleaseText};

/// The releases of a tag, by what a run does with them.
#[derive(Debug, Clone, Default)]
pub struct ReleaseSelection<'a> {
    /// The release to continue. `None` if one must be created, or if the choice is ambiguous.
    pub chosen: Option<&'a GitHubRelease>,
    /// Empty drafts that earlier runs created. A run that is killed while GitHub creates its draft leaves one behind.
    pub leftover_drafts: Vec<&'a GitHubRelease>,
    /// All other releases: published ones, drafts with assets, drafts of other people. They are never changed or
    /// deleted.
    pub others: Vec<&'a GitHubRelease>,
    /// Whether `others` make it ambiguous which release to continue.
    pub is_ambiguous: bool,
}

/// Chooses the release to continue: the published one, otherwise a complete draft of an earlier run, otherwise the only
/// draft that is not an empty one of an earlier run, otherwise the first empty one.
///
/// A draft counts as one of an earlier run if it has exactly the title, text and pre-release mark of this release,
/// which no one types by hand.
#[must_use]
pub fn select_release<'a>(
    releases: &'a [GitHubRelease],
    expected_assets: &[ExpectedAsset],
    release_text: &ReleaseText<'_>,
) -> ReleaseSelection<'a> {
    let (drafts, published): (Vec<_>, Vec<_>) = releases.iter().partition(|it| it.draft);
    let (empty, filled): (Vec<_>, Vec<_>) =
        drafts.into_iter().partition(|it| is_leftover_draft(it, release_text));
    let complete =
        filled.iter().copied().find(|it| release_text.matches(it) && is_complete(it, expected_assets));
    let (chosen, is_certain) = match (published.first(), complete, &filled[..]) {
        (Some(published), ..) => (Some(*published), true),
        (None, Some(complete), _) => (Some(complete), true),
        (None, None, []) => (empty.first().copied(), true),
        (None, None, [only]) => (Some(*only), true),
        (None, None, _) => (None, false),
    };
    let is_other = |it: &&GitHubRelease| chosen.is_none_or(|chosen| chosen.id != it.id);
    ReleaseSelection {
        chosen,
        leftover_drafts: empty.into_iter().filter(is_other).collect(),
        others: published.into_iter().chain(filled).filter(is_other).collect(),
        is_ambiguous: !is_certain,
    }
}

/// Returns true if a release is an empty draft that an earlier run of this release left behind.
#[must_use]
pub fn is_leftover_draft(release: &GitHubRelease, release_text: &ReleaseText<'_>) -> bool {
    release.draft && release.assets.is_empty() && release_text.matches(release)
}

/// Returns true if a release has exactly the expected assets, at least one.
fn is_complete(release: &GitHubRelease, expected_assets: &[ExpectedAsset]) -> bool {
    let has = |it: &ExpectedAsset| release.asset(&it.name).is_some_and(|asset| it.matches(asset));
    !expected_assets.is_empty()
        && release.assets.len() == expected_assets.len()
        && expected_assets.iter().all(has)
}
