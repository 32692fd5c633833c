//! What can be wrong with a repository.

use std::path::PathBuf;

use model::ObjectId;

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// Why a fact could not be had.
#[derive(Debug, thiserror::Error)]
pub enum RepoError {
    /// There is no repository, or git may not read it.
    #[error("no git repository at {} or above it", directory.display())]
    NotFound {
        /// Where it was looked for.
        directory: PathBuf,
        /// What git said.
        #[source]
        source: BoxedError,
    },
    /// The repository belongs to somebody else.
    #[error("the repository at {} belongs to another user of this machine", directory.display())]
    DubiousOwnership {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A file of the repository is something else, or is reached through a link.
    #[error("{} is not a plain file or folder as a repository has it", .0.display())]
    UnsafeFile(PathBuf),
    /// The configuration says that the files of the repository are in a folder that does not belong to it.
    #[error("core.worktree of {} leads to {}, which is not its own", repository.display(), work_tree.display())]
    WorkTreeMismatch {
        /// The git directory.
        repository: PathBuf,
        /// Where it leads to.
        work_tree: PathBuf,
    },
    /// An object is too long.
    #[error("{what} has {length} bytes, expected at most {limit}")]
    ObjectTooLarge {
        /// What it is.
        what: String,
        /// Its length in bytes.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The repository has no commit yet.
    #[error("{} has no commit yet", repository.display())]
    Unborn {
        /// The repository.
        repository: PathBuf,
    },
    /// A revision leads to no commit.
    #[error("'{revision}' leads to no commit in {}", repository.display())]
    Revision {
        /// What was asked for.
        revision: String,
        /// The repository.
        repository: PathBuf,
        /// What git said.
        #[source]
        source: BoxedError,
    },
    /// An object that history or a tree names is not in the clone.
    #[error("object {object} is missing from the clone, needed for {purpose}")]
    ObjectNotFound {
        /// The object.
        object: ObjectId,
        /// What it was needed for.
        purpose: String,
    },
    /// Git could not do something.
    #[error("git cannot read {what}")]
    Git {
        /// What was read.
        what: String,
        /// What git said.
        #[source]
        source: BoxedError,
    },
    /// An attribute asks for something that an archive of ours does not do.
    #[error("{path}: {what}")]
    UnsupportedAttribute {
        /// The file that is archived.
        path: String,
        /// What was asked for, and why that is refused.
        what: String,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Git was run, and did not do what was asked.
    #[error("{command} failed: {reason}")]
    GitCommand {
        /// What was run.
        command: String,
        /// What it said.
        reason: String,
    },
    /// The repository's configuration names a program under a key that cannot be overridden.
    #[error(
        "the repository's own configuration sets {0}, which could start a program and cannot be overridden"
    )]
    UnsafeConfigKey(String),
    /// Folders nest too deep.
    #[error("the commit has folders that nest more than {levels} levels deep")]
    TooDeep {
        /// The limit.
        levels: usize,
    },
    /// There is no name and address to make a tag with.
    #[error("git knows no name and address to make a tag with: {reason}")]
    NoIdentity {
        /// What git said.
        reason: String,
    },
    /// The tag appeared while the release was at work.
    #[error("the tag {0} is there already")]
    TagExists(String),
    /// A remote could not be asked.
    #[error("{remote} cannot be asked: {reason}")]
    LsRemote {
        /// The remote.
        remote: String,
        /// What git said.
        reason: String,
    },
    /// The tag could not be pushed.
    #[error("git push of {tag} to {remote} failed: {reason}")]
    Push {
        /// The tag.
        tag: String,
        /// The remote.
        remote: String,
        /// What git said.
        reason: String,
    },
    /// The tag's name is none that git takes.
    #[error("git does not take '{0}' as the name of a tag")]
    TagName(String),
}

impl RepoError {
    /// What to do about it, where something can be done.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => Some("name the clone with -C DIR"),
            Self::DubiousOwnership { .. } => Some(
                "if you trust its owner: git config --global --add safe.directory DIR, with the path above",
            ),
            Self::UnsafeFile(_) | Self::WorkTreeMismatch { .. } => {
                Some("clone the repository anew; look at what you have before you use it")
            }
            Self::ObjectTooLarge { .. } => Some("it was made to be a burden: look at who made it"),
            Self::Unborn { .. } => Some("commit something first, or name the commit with --commit REV"),
            Self::Revision { .. } => {
                Some("fetch it, or check the spelling: git rev-parse --verify REV^{commit}")
            }
            Self::ObjectNotFound { .. } => {
                Some("fetch the whole history and all files: git fetch --refetch --unshallow")
            }
            Self::NoIdentity { .. } => {
                Some("git config user.name 'Your Name' && git config user.email you@example.com")
            }
            Self::GitCommand { .. } => Some("git must be installed and be able to read the clone"),
            Self::UnsafeConfigKey(_) => Some("remove the key from .git/config, or work in a fresh clone"),
            Self::TooDeep { .. } | Self::UnsupportedAttribute { .. } | Self::Git { .. } | Self::Io { .. } => {
                None
            }
            Self::TagExists(_) => Some("look at it with git show, then run again"),
            Self::LsRemote { .. } => {
                Some("check the network and your access with git ls-remote, then run again")
            }
            Self::Push { .. } => {
                Some("check that you may push tags there, then run again: it goes on where this ended")
            }
            Self::TagName(_) => Some("see git help check-ref-format"),
        }
    }
}

/// Turns git's error for an object into ours: what is not there is told apart from what cannot be read.
pub(crate) fn object_error(id: git2::Oid, purpose: &str) -> impl FnOnce(git2::Error) -> RepoError {
    move |source| match source.code() {
        git2::ErrorCode::NotFound => RepoError::ObjectNotFound {
            object: crate::object_ids::object_id(id),
            purpose: purpose.to_owned(),
        },
        _ => RepoError::Git { what: format!("object {id} for {purpose}"), source: Box::new(source) },
    }
}

pub(crate) fn git_error(what: &str) -> impl FnOnce(git2::Error) -> RepoError {
    move |source| RepoError::Git { what: what.to_owned(), source: Box::new(source) }
}
