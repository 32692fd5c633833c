//! The repository that a run works on.

use std::path::{Path, PathBuf};

use model::CommitId;
use model::catalog::Target;
use model::evidence::signature::SignatureFormat;
use model::release::facts::TagRef;
use model::release::request::ProgramPolicy;
use repo::Repo;

use crate::error::OpsError;

/// A git repository: a clone, a linked worktree, a submodule or a bare one.
#[derive(Debug)]
pub struct LocalRepository(Repo);

impl LocalRepository {
    /// Opens the repository around `directory`. `policy` limits the programs that git may start in it.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if there is none, if it belongs to another user, or if it is made to mislead.
    pub fn open(directory: &Path, policy: ProgramPolicy) -> Result<Self, OpsError> {
        Ok(Self(Repo::open(directory, policy)?))
    }

    /// The top folder of the working tree, or the repository itself if it is bare.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.0.root()
    }

    /// Whether it has no working tree.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.0.is_bare()
    }

    /// Whether it is a shallow clone.
    #[must_use]
    pub fn is_shallow(&self) -> bool {
        self.0.is_shallow()
    }

    /// Whether git signs tags without being asked (`tag.gpgSign`).
    #[must_use]
    pub fn signs_by_default(&self) -> bool {
        self.0.signs_by_default()
    }

    /// The URL of a remote. Returns `None` if no remote has this name.
    #[must_use]
    pub fn remote_url(&self, remote: &str) -> Option<String> {
        self.0.remote_url(remote)
    }

    /// The commit that a revision names, tags peeled.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if it names nothing, or no commit.
    pub fn resolve(&self, revision: &str) -> Result<CommitId, OpsError> {
        Ok(self.0.resolve(revision)?)
    }

    /// Whether a tag of this name exists.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the references cannot be read.
    pub fn has_tag(&self, name: &str) -> Result<bool, OpsError> {
        Ok(self.0.tag(name)?.is_some())
    }

    /// The release tags of a target.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the references cannot be read.
    pub fn tags(&self, target: &Target) -> Result<Vec<TagRef>, OpsError> {
        Ok(self.0.tags(target)?)
    }

    /// The release tag of the highest version of a target. Returns `None` if it has none.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the references cannot be read.
    pub fn newest_tag(&self, target: &Target) -> Result<Option<TagRef>, OpsError> {
        Ok(rules::newest_tag(&self.0.tags(target)?).cloned())
    }

    /// Attribute files outside of commits that change archives in this clone only.
    #[must_use]
    pub fn attribute_files(&self) -> Vec<PathBuf> {
        self.0.attribute_files()
    }

    /// The settings, each `key=value`, with which git runs no program that this repository names.
    ///
    /// # Errors
    /// [`OpsError::Repo`] if the configuration cannot be read.
    pub fn safe_settings(&self) -> Result<Vec<String>, OpsError> {
        Ok(self.0.safe_settings()?)
    }

    /// The value of `gpg.format`, which may be none that git knows; git's default if it is not set.
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
