//! The errors of the operations, each with a hint about what to do next.

use archive::{FolderError, GzipError, TarError};
use forge::ForgeError;
use model::evidence::reason::Explanation;
use model::{CommitId, ObjectId, ReleaseTag};
use notes::NotesError;
use repo::RepoError;

/// An error that ends an operation.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// A query or change of the git repository failed.
    #[error(transparent)]
    Repo(#[from] RepoError),
    /// The release notes could not be rendered.
    #[error(transparent)]
    Notes(#[from] NotesError),
    /// The output folder, or a file given by the operator, cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The tar stream of the source archive could not be written.
    #[error(transparent)]
    Tar(#[from] TarError),
    /// The file of the source archive could not be written.
    #[error("cannot write {file}")]
    Write {
        /// The path of the file.
        file: String,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The tag given with `--from-tag` does not exist.
    #[error("--from-tag: this clone has no tag '{0}'")]
    StartTagNotFound(String),
    /// The range of the notes has no start: no earlier release of the target is an ancestor of the commit.
    #[error("{target} has no release below {version} in the history of {commit}")]
    NoPreviousRelease {
        /// The id of the target.
        target: String,
        /// The version to release.
        version: String,
        /// The abbreviated commit to release.
        commit: String,
    },
    /// The signer policy cannot be read, or is not valid.
    #[error(transparent)]
    Policy(#[from] signing::PolicyError),
    /// The signing key needs a program that the repository's configuration names. Only a release starts such programs.
    #[error("{}", .0.evidence)]
    ProgramNotStarted(Explanation),
    /// A file to be created already exists.
    #[error("{} already exists", .0.display())]
    FileExists(std::path::PathBuf),
    /// The client of package registries could not be set up. The text is the cause.
    #[error("cannot set up the client of package registries: {0}")]
    RegistryClient(String),
    /// A file to be verified cannot be read.
    #[error("cannot read {}", path.display())]
    Artifact {
        /// The path of the file.
        path: std::path::PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// A file of bundles cannot be read.
    #[error("cannot read the bundles in {}", path.display())]
    Bundle {
        /// The path of the file.
        path: std::path::PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The file of trusted roots cannot be read.
    #[error("cannot read the trusted root")]
    ReadTrustedRoot(#[source] FolderError),
    /// The file of trusted roots is not valid.
    #[error("the trusted root is not valid")]
    InvalidTrustedRoot(#[from] provenance::RootError),
    /// No trusted root could be fetched or read from the cache.
    #[error("no trusted root: {0}")]
    FetchTrustedRoot(provenance::RefreshError),
    /// The tag could not be signed.
    #[error(transparent)]
    Sign(#[from] signing::SignError),
    /// A new signature failed verification. No tag was created.
    #[error("the new signature fails verification: {0}")]
    SelfCheckFailed(Explanation),
    /// A request to GitHub failed.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// Another run on this machine publishes the same tag.
    #[error("another run on this machine is publishing {tag}")]
    Locked {
        /// The name of the tag.
        tag: String,
    },
    /// The cache folder cannot be used.
    #[error("cannot use the cache folder")]
    Cache(#[source] FolderError),
    /// The tag's signature is not proven, so the tag is not pushed or the release is not published.
    #[error("the signature of {tag} is not proven: {explanation}")]
    TagNotProven {
        /// The name of the tag.
        tag: String,
        /// The finding that is not proven.
        explanation: Explanation,
    },
    /// The remote has another tag object under the same name.
    #[error("{tag} on {remote} is object {remote_object}, not the tag object of this clone")]
    RemoteTagMismatch {
        /// The name of the tag.
        tag: String,
        /// The name of the remote.
        remote: String,
        /// The tag object of the remote.
        remote_object: ObjectId,
    },
    /// The push succeeded, but the remote does not list the tag.
    #[error("{remote} does not have {tag} after the push")]
    TagNotPushed {
        /// The name of the tag.
        tag: String,
        /// The name of the remote.
        remote: String,
    },
    /// The release changed on GitHub during the run.
    #[error("{tag} was not published: {reason}")]
    ConcurrentChange {
        /// The name of the tag.
        tag: String,
        /// The change, in words.
        reason: String,
    },
    /// The tag does not exist in the clone.
    #[error("this clone has no tag {0}")]
    TagNotFound(String),
    /// The tag does not point to a commit.
    #[error("the tag {0} does not point to a commit")]
    TagNotACommit(String),
    /// The package cannot be read.
    #[error("cannot read the package")]
    PackageFile(#[source] FolderError),
    /// The file name has none of the endings of packages.
    #[error("{0} is not the name of a package")]
    UnknownPackageFormat(String),
    /// The target publishes no packages of this kind.
    #[error("{target} publishes no {formats}")]
    NoSuchPackage {
        /// The id of the target.
        target: String,
        /// The kinds of package that the file may be.
        formats: String,
    },
    /// The file has the name of another package, or of another version.
    #[error("{name} is not a package of {tag}, expected {expected}")]
    OtherPackageName {
        /// The full name of the tag.
        tag: String,
        /// The file name.
        name: String,
        /// The names that are expected.
        expected: String,
    },
    /// None of the target's paths is the folder of a package at the tag.
    #[error("{tag} has no {manifest} in a folder of {target}")]
    NoPackageFolder {
        /// The name of the tag.
        tag: String,
        /// The id of the target.
        target: String,
        /// The file that the package's folder must have.
        manifest: &'static str,
    },
    /// The existing tag states digests of another release.
    #[error("{tag} exists, and its message does not fit this release: {evidence}")]
    TagDigests {
        /// The name of the tag.
        tag: String,
        /// What differs.
        evidence: String,
    },
    /// The tag was created or changed in the clone during the run.
    #[error("{tag} changed during this run and is not the expected tag of {commit}")]
    TagChanged {
        /// The name of the tag.
        tag: String,
        /// The commit that the tag must point to.
        commit: String,
    },
}

impl OpsError {
    /// Returns what to do next. `None` if the message already says it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Repo(error) => error.hint(),
            Self::Folder(FolderError::Locked(_)) | Self::Locked { .. } => {
                Some("wait for it to end, then run again")
            }
            Self::StartTagNotFound(_) => Some("git fetch --tags, or check the spelling of --from-tag"),
            Self::NoPreviousRelease { .. } => Some(
                "git fetch --tags; for the target's first release use --initial-release, else --from-tag TAG",
            ),
            Self::Forge(error) => Some(error.hint()),
            Self::Cache(_) => Some("set XDG_CACHE_HOME to a folder that you own and can write to"),
            Self::RemoteTagMismatch { .. } => {
                Some("nothing was published; compare git ls-remote --tags with git show-ref --tags")
            }
            Self::ConcurrentChange { .. } => {
                Some("another run or person changed it; check the release on GitHub, then run again")
            }
            Self::TagNotProven { .. }
            | Self::TagNotPushed { .. }
            | Self::TagDigests { .. }
            | Self::TagChanged { .. }
            | Self::TagNotFound(_)
            | Self::TagNotACommit(_) => Some(self.tag_hint()),
            Self::Sign(error) => Some(error.hint()),
            Self::SelfCheckFailed(_) => {
                Some("no tag was created; check the signer with cargo xtask doctor TAG --sign-tag")
            }
            Self::Policy(_) => Some("fix the file that [signers] names in release.toml"),
            Self::ProgramNotStarted(_) => {
                Some("set the program with git config --global, so that every command may start it")
            }
            Self::FileExists(_) => {
                Some("nothing was written; add the key to this file, and name it under [signers]")
            }
            Self::RegistryClient(_) => Some("check the system's certificates and the proxy variables"),
            Self::Artifact { .. } => Some("pass a file, or its digest as sha256:HEX"),
            Self::Bundle { .. } => {
                Some("pass a file of bundles to --bundle, as gh attestation download writes it")
            }
            Self::ReadTrustedRoot(_) | Self::InvalidTrustedRoot(_) => {
                Some("pass a file to --trusted-root, as cargo xtask trusted-root export writes it")
            }
            Self::FetchTrustedRoot(_) => {
                Some("check the network, --tuf-url and --tuf-root, or pass a file to --trusted-root")
            }
            Self::Folder(FolderError::UnexpectedFileType { .. }) => Some(
                "remove it (git rm, if it is tracked), or choose another path: links and devices are not followed",
            ),
            Self::PackageFile(_)
            | Self::UnknownPackageFormat(_)
            | Self::NoSuchPackage { .. }
            | Self::OtherPackageName { .. }
            | Self::NoPackageFolder { .. } => Some(self.package_hint()),
            Self::Notes(_) | Self::Folder(_) | Self::Tar(_) | Self::Write { .. } => None,
        }
    }
}

impl OpsError {
    /// Returns what to do next if a tag is not as expected.
    fn tag_hint(&self) -> &'static str {
        match self {
            Self::TagNotProven { .. } => {
                "nothing was published; inspect the tag with cargo xtask verify-tag TAG"
            }
            Self::TagNotPushed { .. } => "check the remote's tag protection rules and hooks, then run again",
            Self::TagDigests { .. } => {
                "if the tag was not pushed, delete it with git tag -d TAG, and run again; if it was, choose a new version"
            }
            Self::TagNotFound(_) => "git fetch --tags, or check the spelling",
            Self::TagNotACommit(_) => "inspect it with git show TAG",
            _ => "inspect it with git show TAG, then run again",
        }
    }

    /// Returns what to do next if a package cannot be compared.
    fn package_hint(&self) -> &'static str {
        match self {
            Self::UnknownPackageFormat(_) => {
                "expected a wheel (.whl), a source distribution (.tar.gz), an npm package or a Helm chart (.tgz), a Go \
                 module (.zip), a NuGet package (.nupkg) or a file of a Maven artifact (.jar, .pom, .module); audit checks \
                 signatures (.asc, .prov)"
            }
            Self::OtherPackageName { .. } => {
                "check that the file and the tag are of one version, and that it was not renamed"
            }
            Self::NoSuchPackage { .. } => "check the tag, and the target's channels in release.toml",
            Self::NoPackageFolder { .. } => "check the tag, and the target's paths in release.toml",
            _ => "name the file of a package",
        }
    }

    /// Returns the error for a range of notes without a start.
    #[must_use]
    pub fn no_previous_release(tag: &ReleaseTag, commit: CommitId) -> Self {
        let (target, version) = (tag.target().to_owned(), tag.version().to_string());
        Self::NoPreviousRelease { target, version, commit: commit.short() }
    }

    /// Converts an error of compression: either the input failed, or writing `file` did.
    pub(crate) fn from_gzip(file: &str, error: GzipError<Self>) -> Self {
        match error {
            GzipError::Input(error) => error,
            GzipError::Output(source) => Self::Write { file: file.to_owned(), source },
        }
    }
}
