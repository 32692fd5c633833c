//! What an operator asks for. Nothing here is optional that has a default.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::release::facts::Check;
use crate::{ReleaseTag, RepoPath, RepoSlug};

/// A release that is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The tag to release under.
    pub tag: ReleaseTag,
    /// The commit to release, in any form that git reads.
    pub revision: String,
    /// Where the notes start.
    pub start: Start,
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
    pub allow: BTreeSet<Check>,
    /// What becomes of the tag.
    pub signing: Signing,
    /// Whether anything may leave this machine.
    pub reach: Reach,
    /// Where archive, sums and notes go.
    pub out: OutputFolder,
}

/// A folder that files are written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFolder {
    /// The folder that the operator named, or the repository's. It may be reached through a symbolic link.
    pub root: PathBuf,
    /// The folders below it, from the outermost to the one that is written to. None of them may be a link.
    pub below: Vec<String>,
}

impl OutputFolder {
    /// Its path.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.below.iter().fold(self.root.clone(), |path, name| path.join(name))
    }
}

/// Where a release's notes start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Start {
    /// After the previous release, as the rules choose it.
    Previous,
    /// After this tag.
    Tag(String),
    /// At the beginning, where there is no previous release.
    Beginning,
}

/// Whether the tag is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signing {
    /// An annotated tag without a signature.
    Unsigned,
    /// A signed tag, by this key or else by the one that git is configured for.
    Signed(Option<String>),
}

/// How far a release goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Nothing leaves the machine.
    Local,
    /// The tag is pushed and the release is published.
    Published(Publication),
}

/// How a release is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Publication {
    /// Whether it gets the badge "Latest".
    pub badge: Badge,
    /// Where it ends.
    pub end: End,
}

/// Whether a release gets the badge "Latest", of which a repository has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Badge {
    /// As the catalog says: the highest final version of the target that owns it.
    Auto,
    /// It does.
    Yes,
    /// It does not.
    No,
}

/// Where publishing ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With a complete draft and the tag on origin.
    Draft,
    /// With a published release, audited.
    Published,
}
