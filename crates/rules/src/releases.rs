//! Which of several releases of a tag a run goes on with, and what becomes of the others.

use model::release::host::{ExpectedAsset, GitHubRelease, ReleaseText};

/// The releases of a tag, told apart.
#[derive(Debug, Clone, Default)]
pub struct ReleaseSelection<'a> {
    /// The release to go on with; `None` if one must be created, or if it cannot be told which.
    pub chosen: Option<&'a GitHubRelease>,
    /// Empty drafts of our own making. A run that was killed while GitHub created its draft leaves one behind.
    pub leftover_drafts: Vec<&'a GitHubRelease>,
    /// Drafts of somebody else, or with something in them. They are never touched.
    pub others: Vec<&'a GitHubRelease>,
    /// Whether `others` leave it open which release is meant.
    pub is_ambiguous: bool,
}

/// Chooses the release to go on with: the published one, else a complete draft of ours, else the only draft that is not an
/// empty one of ours, else the first empty one.
///
/// A draft is ours if it has exactly the title, text and mark that this release has: nobody writes those by hand.
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

/// Whether a release is a draft that this release left behind before anything was in it.
#[must_use]
pub fn is_leftover_draft(release: &GitHubRelease, release_text: &ReleaseText<'_>) -> bool {
    release.draft && release.assets.is_empty() && release_text.matches(release)
}

/// Whether a release has exactly the assets that it must have.
fn is_complete(release: &GitHubRelease, expected_assets: &[ExpectedAsset]) -> bool {
    let has = |it: &ExpectedAsset| release.asset(&it.name).is_some_and(|asset| it.matches(asset));
    !expected_assets.is_empty()
        && release.assets.len() == expected_assets.len()
        && expected_assets.iter().all(has)
}
