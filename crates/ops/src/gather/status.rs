//! The status of a target: its newest release and the unreleased changes.

use model::catalog::Target;
use model::release::facts::TagRef;
use model::{CommitId, Version};
use rules::UnreleasedChanges;

use crate::error::OpsError;
use crate::local_repository::LocalRepository;

/// The status of a target.
#[derive(Debug, Clone)]
pub struct TargetStatus {
    /// The tag with the target's highest version among the ancestors of the commit. `None` if it has no release.
    pub newest_tag: Option<TagRef>,
    /// The changes since that tag.
    pub unreleased: UnreleasedChanges,
}

/// Returns the status of a target at a commit.
///
/// # Errors
/// [`OpsError::Repo`] if the repository cannot be read.
pub fn target_status(
    repository: &LocalRepository,
    target: &Target,
    commit: CommitId,
) -> Result<TargetStatus, OpsError> {
    let repo = repository.repo();
    let mut tags = repo.tags(target)?;
    while let Some(newest) = rules::newest_tag(&tags).cloned() {
        let is_ancestor = match newest.commit {
            Some(tag_commit) => repo.is_ancestor(tag_commit, commit)?,
            None => false,
        };
        if is_ancestor {
            let history = repo.history(commit, newest.commit, &target.paths)?;
            let version: Option<&Version> = newest.version.as_ref();
            let unreleased = rules::unreleased_changes(version, &history);
            return Ok(TargetStatus { newest_tag: Some(newest), unreleased });
        }
        tags.retain(|it| it.name != newest.name);
    }
    let history = repo.history(commit, None, &target.paths)?;
    Ok(TargetStatus { newest_tag: None, unreleased: rules::unreleased_changes(None, &history) })
}
