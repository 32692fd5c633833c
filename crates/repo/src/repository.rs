//! A git repository: opening it, its configuration, and resolving revisions.

use std::path::{Path, PathBuf};

use git2::Repository;
use model::CommitId;

use crate::error::RepoError;
use crate::object_ids::commit_id;
use crate::open;
use model::release::request::ProgramPolicy;

/// An open git repository: a clone with a work tree, a linked worktree, a submodule or a bare repository.
pub struct Repo {
    pub(crate) git: Repository,
    pub(crate) program_policy: ProgramPolicy,
}

impl std::fmt::Debug for Repo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Repo").field(&self.git.path()).finish()
    }
}

impl Repo {
    /// Opens the repository that contains `directory`. `program_policy` decides which programs git may start in it.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if there is no repository, [`RepoError::DubiousOwnership`] if another user owns it,
    /// [`RepoError::UnsafeFile`] or [`RepoError::WorkTreeMismatch`] if its files are not safe to use.
    pub fn open(directory: &Path, program_policy: ProgramPolicy) -> Result<Self, RepoError> {
        Ok(Self { git: open::open(directory)?, program_policy })
    }

    /// The top folder of the work tree, or the git directory if the repository is bare.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.git.workdir().unwrap_or_else(|| self.git.path()).to_owned()
    }

    /// Whether the repository has no work tree.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.git.is_bare()
    }

    /// Whether `tag.gpgSign` is true: git signs tags by default.
    #[must_use]
    pub fn signs_by_default(&self) -> bool {
        self.git.config().and_then(|it| it.get_bool("tag.gpgsign")).unwrap_or(false)
    }

    /// Resolves `revision` to a commit; tags are peeled.
    ///
    /// # Errors
    /// [`RepoError::Unborn`] for `HEAD` of a repository without commits; [`RepoError::Revision`] if the revision does
    /// not exist or cannot be peeled to a commit.
    pub fn resolve(&self, revision: &str) -> Result<CommitId, RepoError> {
        if revision == "HEAD" && self.git.head().is_err_and(|it| it.code() == git2::ErrorCode::UnbornBranch) {
            return Err(RepoError::Unborn { repository: self.root() });
        }
        let failed = |source: git2::Error| RepoError::Revision {
            revision: revision.to_owned(),
            repository: self.root(),
            source: Box::new(source),
        };
        let object = self.git.revparse_single(revision).map_err(failed)?;
        let no_commit = || failed(git2::Error::from_str("it cannot be peeled to a commit"));
        self.peel_to_commit(object.id()).map(commit_id).ok_or_else(no_commit)
    }

    /// Returns the URL of a remote as configured, without applying `url.*.insteadOf`. If no such remote is
    /// configured, `remote` itself is the URL. A path is relative to the top folder.
    pub(crate) fn raw_remote_url(&self, remote: &str) -> String {
        let configured = self.git.config().and_then(|it| it.get_string(&format!("remote.{remote}.url")));
        let address = configured.unwrap_or_else(|_| remote.to_owned());
        let is_path =
            !address.contains("://") && !address.split('/').next().unwrap_or_default().contains(':');
        if is_path { self.root().join(address).display().to_string() } else { address }
    }

    /// Returns the fetch URL of a remote, as libgit2 resolves it. `None` if the remote is not configured.
    #[must_use]
    pub fn remote_url(&self, remote: &str) -> Option<String> {
        let remote = self.git.find_remote(remote).ok()?;
        remote.url().ok().map(str::to_owned)
    }
}
