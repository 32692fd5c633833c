//! A git repository: opening it, and what its configuration says of it.

use std::path::{Path, PathBuf};

use git2::Repository;
use model::CommitId;

use crate::error::RepoError;
use crate::object_ids::commit_id;
use crate::open;
use crate::program_policy::ProgramPolicy;

/// A git repository: a clone with files, a linked worktree, a submodule or a bare one.
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
    /// The repository around `directory`, in which git may start these programs.
    ///
    /// # Errors
    /// [`RepoError::NotFound`] if there is none, [`RepoError::Owner`] if it belongs to somebody else,
    /// [`RepoError::NotPlain`] and [`RepoError::Elsewhere`] if it is made to mislead.
    pub fn open(directory: &Path, program_policy: ProgramPolicy) -> Result<Self, RepoError> {
        Ok(Self { git: open::open(directory)?, program_policy })
    }

    /// The top folder of the files, or the repository itself where it is bare.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.git.workdir().unwrap_or_else(|| self.git.path()).to_owned()
    }

    /// Whether it has no files beside it.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.git.is_bare()
    }

    /// Whether git signs tags without being asked (`tag.gpgSign`).
    #[must_use]
    pub fn signs_by_default(&self) -> bool {
        self.git.config().and_then(|it| it.get_bool("tag.gpgsign")).unwrap_or(false)
    }

    /// The commit that `revision` leads to, tags peeled.
    ///
    /// # Errors
    /// [`RepoError::Unborn`] for `HEAD` of a repository without commits; [`RepoError::Revision`] where nothing, or
    /// no commit, has this name; [`RepoError::Missing`] where the object is not in the clone.
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
        let no_commit = || failed(git2::Error::from_str("it leads to no commit"));
        self.peel_to_commit(object.id()).map(commit_id).ok_or_else(no_commit)
    }

    /// The address of a remote as a file of the configuration has it, without what `url.*.insteadOf` makes of it. What is no
    /// remote is an address itself; a path leads from the top folder.
    pub(crate) fn raw_remote_url(&self, remote: &str) -> String {
        let configured = self.git.config().and_then(|it| it.get_string(&format!("remote.{remote}.url")));
        let address = configured.unwrap_or_else(|_| remote.to_owned());
        let is_path =
            !address.contains("://") && !address.split('/').next().unwrap_or_default().contains(':');
        if is_path { self.root().join(address).display().to_string() } else { address }
    }

    /// The address of a remote, as the configuration has it; none where there is no such remote.
    #[must_use]
    pub fn remote_url(&self, remote: &str) -> Option<String> {
        let remote = self.git.find_remote(remote).ok()?;
        remote.url().ok().map(str::to_owned)
    }
}
