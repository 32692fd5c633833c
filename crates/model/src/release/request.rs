//! What an operator asks for. Nothing here is optional that has a default.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::release::facts::PreflightCheck;
use crate::{ReleaseTag, RepoPath, RepoSlug};

/// A release that is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The tag to release under.
    pub tag: ReleaseTag,
    /// The commit to release, in any form that git reads.
    pub revision: String,
    /// Where the notes start.
    pub notes_start: NotesStart,
    /// What the notes look at; empty for the whole repository.
    pub paths: Vec<RepoPath>,
    /// Those of `paths` that were asked for by hand.
    pub extra_paths: Vec<RepoPath>,
    /// The remote that the world reads.
    pub remote: String,
    /// The branch that releases are cut from, where the clone does not say.
    pub default_branch: String,
    /// The repository on GitHub.
    pub slug: RepoSlug,
    /// The checks that may fail.
    pub allowed_checks: BTreeSet<PreflightCheck>,
    /// What becomes of the tag.
    pub tag_signing: TagSigning,
    /// Whether anything may leave this machine.
    pub destination: ReleaseDestination,
    /// Where archive, sums and notes go.
    pub output_path: OutputPath,
}

/// A folder that files are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPath {
    /// The folder that the operator named, or the repository's. It may be reached through a symbolic link.
    pub root: PathBuf,
    /// The folders below it, from the outermost to the one that is written to. None of them may be a link.
    pub subdirectories: Vec<String>,
}

impl OutputPath {
    /// Its path.
    #[must_use]
    pub fn to_path_buf(&self) -> PathBuf {
        self.subdirectories.iter().fold(self.root.clone(), |path, name| path.join(name))
    }
}

/// Where a release's notes start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotesStart {
    /// After the previous release, as the rules choose it.
    Previous,
    /// After this tag.
    Tag(String),
    /// At the beginning, where there is no previous release.
    PreviousOrRoot,
}

/// Whether the tag is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagSigning {
    /// An annotated tag without a signature.
    Unsigned,
    /// A signed tag, by this key or else by the one that git is configured for.
    Signed(Option<String>),
}

/// How far a release goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseDestination {
    /// Nothing leaves the machine.
    Local,
    /// The tag is pushed and the release is published.
    GitHub(PublishOptions),
}

/// How a release is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishOptions {
    /// Whether it gets the badge "Latest".
    pub make_latest: MakeLatest,
    /// Where it ends.
    pub until: PublishUntil,
}

/// Whether a release gets the badge "Latest", of which a repository has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MakeLatest {
    /// As the catalog says: the highest final version of the target that owns it.
    Auto,
    /// It does.
    True,
    /// It does not.
    False,
}

/// Where publishing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishUntil {
    /// With a complete draft and the tag on origin.
    Draft,
    /// With a published release, audited.
    Published,
}
