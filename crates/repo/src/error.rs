//! The errors of this crate, and a hint for each.

use std::path::PathBuf;

use model::ObjectId;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// An error of reading a repository, or of creating or pushing a tag.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// No repository exists at the path, or it cannot be read.
    #[error("no git repository at {} or above it", directory.display())]
    NotFound {
        /// The folder where the search started.
        directory: PathBuf,
        /// The error of libgit2.
        #[source]
        source: BoxedError,
    },
    /// Another user owns the repository.
    #[error("the repository at {} is owned by another user", directory.display())]
    DubiousOwnership {
        /// The folder where the search started.
        directory: PathBuf,
    },
    /// A file in the git directory has the wrong type, is too large, or is a symbolic link where something is
    /// written.
    #[error("{} is not safe to use: expected a plain file or folder of limited size", .0.display())]
    UnsafeFile(PathBuf),
    /// The work tree does not belong to the repository: its `.git` is another one, or is missing.
    #[error("core.worktree of {} is {}, which is not its work tree", repository.display(), work_tree.display())]
    WorkTreeMismatch {
        /// The git directory.
        repository: PathBuf,
        /// The configured work tree.
        work_tree: PathBuf,
    },
    /// An object is larger than its limit.
    #[error("{what} has {length} bytes, expected at most {limit}")]
    ObjectTooLarge {
        /// What the object is.
        what: String,
        /// Its size in bytes.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The repository has no commit yet.
    #[error("{} has no commit yet", repository.display())]
    Unborn {
        /// The repository.
        repository: PathBuf,
    },
    /// A revision does not exist, or is not a commit.
    #[error("'{revision}' is not a commit in {}", repository.display())]
    Revision {
        /// The revision as given.
        revision: String,
        /// The repository.
        repository: PathBuf,
        /// The error of libgit2.
        #[source]
        source: BoxedError,
    },
    /// A commit or a tree refers to an object that is not in the clone: the clone is shallow, partial or damaged.
    #[error("object {object} is missing from the clone, needed for {purpose}")]
    ObjectNotFound {
        /// The object.
        object: ObjectId,
        /// What it was needed for.
        purpose: String,
    },
    /// libgit2 failed to read or write something.
    #[error("cannot access {what}")]
    Git {
        /// What was read or written.
        what: String,
        /// The error of libgit2.
        #[source]
        source: BoxedError,
    },
    /// An attribute that archives do not support, because its result differs between machines.
    #[error("{path}: {what}")]
    UnsupportedAttribute {
        /// The file that is archived.
        path: String,
        /// The attribute, and why it is refused.
        what: String,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// git could not be started, failed, timed out or printed too much.
    #[error("{command} failed: {reason}")]
    GitCommand {
        /// The command.
        command: String,
        /// The error message of git, or of starting it.
        reason: String,
    },
    /// The repository's configuration names a program under a key that `git -c` cannot override.
    #[error(
        "the repository's configuration sets '{0}', which could start a program and cannot be overridden"
    )]
    UnsafeConfigKey(String),
    /// Folders are nested too deep.
    #[error("the commit has folders nested more than {levels} levels deep")]
    TooDeep {
        /// The limit, in levels.
        levels: usize,
    },
    /// A folder has too many files.
    #[error("{folder} has more than {limit} files")]
    TooManyFiles {
        /// The path of the folder.
        folder: String,
        /// The limit.
        limit: usize,
    },
    /// No name and email address are configured for the tagger.
    #[error("user.name and user.email are not set: {reason}")]
    NoIdentity {
        /// The error message of git.
        reason: String,
    },
    /// The tag exists. Another process created it after the checks of the release.
    #[error("the tag {0} already exists")]
    TagExists(String),
    /// `git ls-remote` failed.
    #[error("cannot read the refs of {remote}: {reason}")]
    LsRemote {
        /// The remote.
        remote: String,
        /// The error message of git.
        reason: String,
    },
    /// The tag could not be pushed.
    #[error("git push of {tag} to {remote} failed: {reason}")]
    Push {
        /// The tag.
        tag: String,
        /// The remote.
        remote: String,
        /// The error message of git.
        reason: String,
    },
    /// The name is not valid for a tag.
    #[error("'{0}' is not a valid tag name")]
    TagName(String),
}

impl RepoError {
    /// Returns what the operator can do about the error. `None` if there is no general advice.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => Some("select the clone with -C DIR"),
            Self::DubiousOwnership { .. } => Some(
                "if you trust its owner: git config --global --add safe.directory DIR, with the path above",
            ),
            Self::UnsafeFile(_) | Self::WorkTreeMismatch { .. } => {
                Some("clone the repository again; inspect this copy before you use it")
            }
            Self::ObjectTooLarge { .. } => Some("objects of this size are unusual: check who created it"),
            Self::Unborn { .. } => Some("create a commit first, or select one with --commit REV"),
            Self::Revision { .. } => {
                Some("fetch it, or check the spelling: git rev-parse --verify REV^{commit}")
            }
            Self::ObjectNotFound { .. } => {
                Some("fetch the whole history and all files: git fetch --refetch --unshallow")
            }
            Self::NoIdentity { .. } => {
                Some("git config user.name 'Your Name' && git config user.email you@example.com")
            }
            Self::GitCommand { .. } => Some("check that git is installed and can read the clone"),
            Self::UnsafeConfigKey(_) => Some("remove the key from .git/config, or work in a fresh clone"),
            Self::TooDeep { .. }
            | Self::TooManyFiles { .. }
            | Self::UnsupportedAttribute { .. }
            | Self::Git { .. }
            | Self::Io { .. } => None,
            Self::TagExists(_) => Some("inspect it with git show, then run again"),
            Self::LsRemote { .. } => {
                Some("check the network and your access with git ls-remote, then run again")
            }
            Self::Push { .. } => {
                Some("check that you may push tags to the remote, then run again: it resumes here")
            }
            Self::TagName(_) => Some("see git help check-ref-format"),
        }
    }
}

/// Returns a converter from libgit2's error for an object: [`RepoError::ObjectNotFound`] if the object is missing,
/// else [`RepoError::Git`]. `purpose` says what the object was needed for.
pub(crate) fn object_error(id: git2::Oid, purpose: &str) -> impl FnOnce(git2::Error) -> RepoError {
    move |source| match source.code() {
        git2::ErrorCode::NotFound => RepoError::ObjectNotFound {
            object: crate::object_ids::object_id(id),
            purpose: purpose.to_owned(),
        },
        _ => RepoError::Git { what: format!("object {id} for {purpose}"), source: Box::new(source) },
    }
}

/// Returns a converter from libgit2's error to [`RepoError::Git`]. `what` was read or written.
pub(crate) fn git_error(what: &str) -> impl FnOnce(git2::Error) -> RepoError {
    move |source| RepoError::Git { what: what.to_owned(), source: Box::new(source) }
}
