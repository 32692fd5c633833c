//! The local git repository of a run.

use std::path::{Path, PathBuf};

use model::CommitId;
use model::catalog::Target;
use model::evidence::signature::SignatureFormat;
use model::release::facts::TagRef;
use model::release::request::ProgramPolicy;
use repo::Repo;

use crate::error::OpsError;

/// A local git repository: a clone, a linked worktree, a submodule or a bare repository.
#[derive(Debug)]
pub struct LocalRepository(Repo);

impl LocalRepository {
    /// Opens the repository that contains `directory`. `policy` limits the programs that git may start in it.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if no repository is found, if it belongs to another user, or if its files could mislead git.
    pub fn open(directory: &Path, policy: ProgramPolicy) -> Result<Self, OpsError> {
        Ok(Self(Repo::open(directory, policy)?))
    }

    /// Returns the root of the working tree, or the repository folder itself if it is bare.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.0.root()
    }

    /// Returns whether the repository is bare, that is, has no working tree.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.0.is_bare()
    }

    /// Returns whether the repository is a shallow clone.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.0.is_shallow()
    }

    /// Returns whether git signs tags by default (`tag.gpgSign`).
    #[must_use]
    pub fn signs_by_default(&self) -> bool {
        self.0.signs_by_default()
    }

    /// Returns the URL of a remote. `None` if no remote has this name.
    #[must_use]
    pub fn remote_url(&self, remote: &str) -> Option<String> {
        self.0.remote_url(remote)
    }

    /// Returns the commit that a revision names. Tags are peeled.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the revision names nothing, or an object that is not a commit.
    pub fn resolve(&self, revision: &str) -> Result<CommitId, OpsError> {
        Ok(self.0.resolve(revision)?)
    }

    /// Returns whether a tag of this name exists.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the refs cannot be read.
    pub fn has_tag(&self, name: &str) -> Result<bool, OpsError> {
        Ok(self.0.tag(name)?.is_some())
    }

    /// Returns the release tags of a target.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the refs cannot be read.
    pub fn tags(&self, target: &Target) -> Result<Vec<TagRef>, OpsError> {
        Ok(self.0.tags(target)?)
    }

    /// Returns the release tag with the highest version of a target. `None` if the target has no release tag.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the refs cannot be read.
    pub fn newest_tag(&self, target: &Target) -> Result<Option<TagRef>, OpsError> {
        Ok(rules::newest_tag(&self.0.tags(target)?).cloned())
    }

    /// Returns the attribute files outside of commits, such as `.git/info/attributes`. They change archives in this
    /// clone only.
    #[must_use]
    pub fn attribute_files(&self) -> Vec<PathBuf> {
        self.0.attribute_files()
    }

    /// Returns the git settings, each as `key=value`, that keep git from starting programs named in this repository's
    /// configuration.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the configuration cannot be read.
    pub fn safe_settings(&self) -> Result<Vec<String>, OpsError> {
        Ok(self.0.safe_settings()?)
    }

    /// Returns the value of `gpg.format`, which may be unknown to git. If it is not set, git's default, `openpgp`.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if git cannot be run.
    pub fn signature_format(&self) -> Result<String, OpsError> {
        let config = self.0.spawn_signing_config().wait()?;
        let default = SignatureFormat::OpenPgp.name().to_owned();
        Ok(config.values.get("gpg.format").cloned().unwrap_or(default))
    }

    pub(crate) fn repo(&self) -> &Repo {
        &self.0
    }
}
