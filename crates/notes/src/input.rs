//! What notes are made from.

use model::catalog::{Catalog, Target};
use model::release::changelog::Changelog;
use model::{CommitId, ReleaseTag, RepoSlug};

/// What notes are made from.
#[derive(Debug, Clone, Copy)]
pub struct NotesInput<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// The target.
    pub target: &'a Target,
    /// The tag.
    pub tag: &'a ReleaseTag,
    /// The commit.
    pub commit: CommitId,
    /// The repository on GitHub.
    pub slug: &'a RepoSlug,
    /// The changelog.
    pub changelog: &'a Changelog,
    /// Whether the tag is, or will be, a signed one.
    pub signed_tag: bool,
}
