//! What can go wrong, and what to do then.

use archive::{FolderError, GzipError, TarError};
use forge::ForgeError;
use model::evidence::reason::Explanation;
use model::{CommitId, ObjectId, ReleaseTag};
use notes::NotesError;
use repo::RepoError;

/// Why an operation ended.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The repository.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The notes.
    #[error(transparent)]
    Notes(#[from] NotesError),
    /// The output folder, or a file that was named.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The tar stream.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// The archive's file.
    #[error("cannot write {file}")]
    Write {
        /// The file.
        file: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The tag that notes start at is not there.
    #[error("there is no tag '{0}' to start the notes at")]
    StartTagNotFound(String),
    /// The range of the notes has no start.
    #[error("{target} has no release below {version} in the history of {commit}")]
    NoPreviousRelease {
        /// The target.
        target: String,
        /// The version.
        version: String,
        /// The commit.
        commit: String,
    },
    /// The policy of signers.
    #[error(transparent)]
    Policy(#[from] signing::PolicyError),
    /// A file of the policy.
    #[error("cannot read a file that [signers] names")]
    PolicyFile(#[source] FolderError),
    /// A file of the policy does not exist.
    #[error("{} does not exist, and [signers] names it", .0.display())]
    PolicyMissing(std::path::PathBuf),
    /// A program of the repository's own configuration would have to be started.
    #[error("{}", .0.evidence)]
    ProgramNotStarted(Explanation),
    /// A file that would be made is there already.
    #[error("{} exists already", .0.display())]
    FileExists(std::path::PathBuf),
    /// What is to be verified.
    #[error("cannot read {}", path.display())]
    Artifact {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file of bundles.
    #[error("cannot read the bundles of {}", path.display())]
    Bundle {
        /// The file.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A file with trusted roots.
    #[error("cannot read the trusted root")]
    ReadTrustedRoot(#[source] FolderError),
    /// Trusted roots that cannot be used.
    #[error("there is no trusted root")]
    InvalidTrustedRoot(#[from] provenance::RootError),
    /// Trusted roots that cannot be fetched.
    #[error("the trusted root cannot be fetched: {0}")]
    FetchTrustedRoot(provenance::RefreshError),
    /// The tag could not be signed.
    #[error(transparent)]
    Sign(#[from] signing::SignError),
    /// A signature was made, and is not one that counts. No tag was made of it.
    #[error("the new signature does not pass its own check: {0}")]
    SelfCheckFailed(Explanation),
    /// GitHub.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// Another run publishes the same tag.
    #[error("another run on this machine publishes {tag}")]
    Locked {
        /// The tag.
        tag: String,
    },
    /// The cache folder cannot be used.
    #[error("cannot use the cache folder")]
    Cache(#[source] FolderError),
    /// The tag does not prove what it must, and is not pushed or not released.
    #[error("the signature of {tag} is not proven: {explanation}")]
    TagNotProven {
        /// The tag.
        tag: String,
        /// Why.
        explanation: Explanation,
    },
    /// Origin has another tag.
    #[error("{tag} on {remote} is object {remote_object}, which is not the one that was made")]
    RemoteTagMismatch {
        /// The tag.
        tag: String,
        /// The remote.
        remote: String,
        /// What is there.
        remote_object: ObjectId,
    },
    /// The push seemed to work, and the tag is not there.
    #[error("{tag} was pushed to {remote}, and is not there")]
    TagNotPushed {
        /// The tag.
        tag: String,
        /// The remote.
        remote: String,
    },
    /// Somebody else is at work on the release.
    #[error("{tag} is not published: {reason}")]
    ConcurrentChange {
        /// The tag.
        tag: String,
        /// What was seen.
        reason: String,
    },
    /// There is no such tag.
    #[error("there is no tag {0} in this clone")]
    TagNotFound(String),
    /// The tag leads to no commit.
    #[error("the tag {0} leads to no commit")]
    TagNotACommit(String),
    /// The tag appeared, or changed, while the release was at work.
    #[error("{tag} was made by somebody else meanwhile, and is not at {commit}")]
    TagChanged {
        /// The tag.
        tag: String,
        /// The commit that it should be at.
        commit: String,
    },
}

impl OpsError {
    /// What to do about it, where something can be done.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Repo(error) => error.hint(),
            Self::Folder(FolderError::Locked(_)) | Self::Locked { .. } => {
                Some("wait for it to end, then run again")
            }
            Self::StartTagNotFound(_) => Some("git fetch --tags, or check the spelling of --from-tag"),
            Self::NoPreviousRelease { .. } => Some(
                "git fetch --tags, if it was released before; else --initial-release for the whole history, or --from-tag TAG",
            ),
            Self::Forge(error) => Some(error.hint()),
            Self::Cache(_) => Some("set XDG_CACHE_HOME to a folder of your own that can be written"),
            Self::RemoteTagMismatch { .. } => Some("somebody else made this tag; nothing was published"),
            Self::TagNotProven { .. } => {
                Some("nothing was published; look at it with cargo xtask verify-tag TAG")
            }
            Self::TagNotPushed { .. } => {
                Some("check the remote's rules for tags and its hooks, then run again")
            }
            Self::ConcurrentChange { .. } => {
                Some("another run or person is at work on it; look at it on GitHub, then run again")
            }
            Self::TagChanged { .. } => Some("look at it with git show, then run again"),
            Self::Sign(error) => Some(error.hint()),
            Self::SelfCheckFailed(_) => {
                Some("no tag was made; see what cargo xtask doctor TAG says of the signer")
            }
            Self::TagNotFound(_) => Some("git fetch --tags, or check the spelling"),
            Self::Policy(_) | Self::PolicyFile(_) | Self::PolicyMissing(_) => {
                Some("mend the file; it is named in release.toml under [signers]")
            }
            Self::TagNotACommit(_) => Some("look at it with git show"),
            Self::ProgramNotStarted(_) => {
                Some("set it with git config --global, to have it started by every command")
            }
            Self::FileExists(_) => {
                Some("nothing was written; add the key to it, and name it under [signers]")
            }
            Self::Artifact { .. } => Some("name a file, or its digest as sha256:HEX"),
            Self::Bundle { .. } => {
                Some("--bundle names a file of bundles, as gh attestation download writes it")
            }
            Self::ReadTrustedRoot(_) | Self::InvalidTrustedRoot(_) => {
                Some("--trusted-root names a file as gh attestation trusted-root writes it")
            }
            Self::FetchTrustedRoot(_) => {
                Some("check --tuf-url and --tuf-root, or hand over a file with --trusted-root")
            }
            Self::Folder(FolderError::UnexpectedFileType { .. }) => Some(
                "links, devices and pipes are not used: remove it (git rm, if it is tracked), or name another path",
            ),
            Self::Notes(_) | Self::Folder(_) | Self::Tar(_) | Self::Write { .. } => None,
        }
    }
}

impl OpsError {
    /// The error of notes that cannot start anywhere.
    #[must_use]
    pub fn no_previous_release(tag: &ReleaseTag, commit: CommitId) -> Self {
        let (target, version) = (tag.target().to_owned(), tag.version().to_string());
        Self::NoPreviousRelease { target, version, commit: commit.short() }
    }

    /// The error of a compressed file: of what went in, or of the file itself.
    pub(crate) fn from_gzip(file: &str, error: GzipError<Self>) -> Self {
        match error {
            GzipError::Input(error) => error,
            GzipError::Output(source) => Self::Write { file: file.to_owned(), source },
        }
    }
}
