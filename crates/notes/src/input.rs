//! The input of rendering.

use model::catalog::{Catalog, Target};
use model::release::changelog::Changelog;
use model::{CommitId, ReleaseTag, RepoSlug};

/// The data that release notes are rendered from.
#[derive(Debug, Clone, Copy)]
pub struct NotesInput<'a> {
    /// The release configuration, for the image registries and the name of the release workflow.
    pub catalog: &'a Catalog,
    /// The target of the release. Its channels determine the verification commands.
    pub target: &'a Target,
    /// The tag of the release. It may not exist yet.
    pub tag: &'a ReleaseTag,
    /// The commit that the tag points to.
    pub commit: CommitId,
    /// The repository on GitHub, for links and commands.
    pub slug: &'a RepoSlug,
    /// The changes and contributors since the previous release.
    pub changelog: &'a Changelog,
    /// Whether the tag is signed, or will be. Only then the notes contain `git verify-tag`.
    pub signed_tag: bool,
    /// Whether the target's publish workflow at the commit attests what it publishes. `None` if that is unknown.
    pub workflow_attests: Option<bool>,
}
