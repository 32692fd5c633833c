//! The request of an operator. Every value that has a default is filled in already.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::release::preflight_check::PreflightCheck;
use crate::{ReleaseTag, RepoPath, RepoSlug};

/// The request for a release, from the command line and the release configuration.
#[derive(Debug, Clone)]
pub struct Request {
    /// The tag to release under.
    pub tag: ReleaseTag,
    /// The commit to release, as any revision that `git rev-parse` accepts.
    pub revision: String,
    /// Where the range of the notes starts.
    pub notes_start: NotesStart,
    /// The path filters of the notes. Empty for the whole repository.
    pub paths: Vec<RepoPath>,
    /// The members of `paths` that were given with `--path`.
    pub extra_paths: Vec<RepoPath>,
    /// The public remote, which the tag is pushed to.
    pub remote: String,
    /// The branch that releases are made from, used if the clone does not know the remote's default branch.
    pub default_branch: String,
    /// The repository on GitHub.
    pub slug: RepoSlug,
    /// The checks given with `--allow`, whose failure does not stop the release.
    pub allowed_checks: BTreeSet<PreflightCheck>,
    /// Whether to sign the tag, and with which key.
    pub tag_signing: TagSigning,
    /// Whether the release is published or stays on this machine.
    pub destination: ReleaseDestination,
    /// The folder for the archive, `SHA256SUMS` and the notes.
    pub output_path: OutputPath,
}

/// The path of the output folder, split into a trusted and a checked part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPath {
    /// The folder given with `--out`, or the repository's. It may be reached through a symbolic link.
    pub root: PathBuf,
    /// The folders below `root`, the outermost first. None may be a symbolic link, because a commit could contain one.
    pub subdirectories: Vec<String>,
}

impl OutputPath {
    /// Returns the path of the folder that is written to.
    #[must_use]
    pub fn to_path_buf(&self) -> PathBuf {
        self.subdirectories.iter().fold(self.root.clone(), |path, name| path.join(name))
    }
}

/// Where the range of the release notes starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotesStart {
    /// After the previous release. Without one, the `previous` check fails.
    Previous,
    /// After the tag given with `--from-tag`.
    Tag(String),
    /// After the previous release. Without one, at the root of the history (`--initial-release`).
    PreviousOrRoot,
}

/// Whether to sign the tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSigning {
    /// Create an annotated tag without a signature.
    Unsigned,
    /// Create a signed tag with this key. With `None`, use git's configured signing key.
    Signed(Option<String>),
}

/// The destination of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseDestination {
    /// Only this machine: nothing is pushed or uploaded.
    Local,
    /// GitHub: the tag is pushed, and a release is created there.
    GitHub(PublishOptions),
}

/// The options for publishing a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishOptions {
    /// Whether it becomes GitHub's latest release.
    pub make_latest: MakeLatest,
    /// The state in which publishing ends.
    pub until: PublishUntil,
}

/// Whether a release becomes the latest one of the repository (REST field `make_latest`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MakeLatest {
    /// Only the highest final version of the target configured as `latest` in `release.toml`.
    Auto,
    /// Always; not possible for a pre-release.
    True,
    /// Never.
    False,
}

/// The state in which publishing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishUntil {
    /// With a complete draft, and with the tag pushed to the remote.
    Draft,
    /// With a published release that was audited.
    Published,
}

/// Which configured programs git may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgramPolicy {
    /// All of them, as in git itself. For commands that change the operator's repository.
    AllConfig,
    /// Only those of the system, global and command scopes, which git calls protected configuration (`git help config`,
    /// "SCOPES"). For commands that only read: the repository is not trusted.
    ProtectedConfig,
}

/// A template of the release notes, with the name of its file for errors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesTemplate {
    /// The name of the file.
    pub file: String,
    /// The text, in the syntax of Jinja.
    pub text: String,
}
