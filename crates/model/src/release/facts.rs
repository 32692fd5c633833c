//! What was observed before anything is decided.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::evidence::reason::Explanation;
use crate::evidence::verdict::Finding;
use crate::release::changelog::{CommitHistory, RangeStart};
use crate::release::host::RemoteFacts;
use crate::{CommitId, ObjectId, RepoPath, Version};

/// Everything that a plan is decided on. Gathered anew at every start.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The commit that would be released.
    pub commit: CommitId,
    /// The clone itself.
    pub clone: CloneFacts,
    /// The target's tags in this clone, in no particular order.
    pub tags: Vec<TagRef>,
    /// Where the range starts; none where no previous release was found.
    pub notes_range: Option<NotesRange>,
    /// The commits of the range; empty where it has no start.
    pub history: CommitHistory,
    /// The path filters that name nothing, neither in the released commit nor at the range's start.
    pub unknown_paths: Vec<RepoPath>,
    /// What the version source says; none where the target has none.
    pub version_file: Option<VersionFile>,
    /// The files of this release that are in the output folder.
    pub existing_outputs: ExistingOutputs,
    /// Which key would sign the tag; none where none is to sign.
    pub signing_key: Option<SigningKeyStatus>,
    /// What the tag proves; `None` if it does not exist, or if nothing about a signature was asked for.
    pub tag_findings: Option<Vec<Finding>>,
    /// Whether the catalog names trusted signers.
    pub has_signer_policy: bool,
    /// What the world has of it; none where nothing is to leave this machine, for nobody was asked then.
    pub remote: Option<RemoteFacts>,
}

/// The clone that is worked on.
#[derive(Debug, Clone)]
pub struct CloneFacts {
    /// Tracked files that differ from the last commit; none for a bare repository, which has no files.
    pub changed_files: Option<Vec<String>>,
    /// Whether history was cut off.
    pub shallow: bool,
    /// Whether the commit is on the branch that releases are cut from.
    pub default_branch: DefaultBranch,
    /// Attribute files outside the tree that take part in what git would archive.
    pub attribute_files: Vec<String>,
    /// Who would make the tag, as git is configured.
    pub tagger: Option<String>,
    /// When the clone last fetched anything, in seconds since 1970; `None` if it never did.
    pub last_fetched: Option<i64>,
}

/// The key that would sign the tag, and whether the signer policy allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKeyStatus {
    /// The policy allows this key.
    Allowed(String),
    /// Whether it is allowed is unknown: there is no policy, or the program that knows the key was not run.
    Unchecked(Explanation),
    /// There is no usable key, or the policy does not allow it.
    Refused(Explanation),
}

/// Where the released commit stands on origin's default branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultBranch {
    /// The clone knows no such branch.
    Unknown {
        /// The reference that was looked for.
        reference: String,
    },
    /// The branch is known.
    Known {
        /// The branch, as in `origin/main`.
        name: String,
        /// Its newest commit.
        tip: CommitId,
        /// Whether the released commit is on it.
        contains_commit: bool,
        /// How many commits of the branch the released commit does not have; `None` if it is not on it, or if that is not
        /// known.
        behind: Option<u64>,
        /// Who said so.
        observed_at: ObservedAt,
    },
}

/// When something of a remote was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedAt {
    /// When this clone fetched last.
    LastFetch,
    /// Just now.
    Now,
}

/// A tag of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRef {
    /// Its name, without `refs/tags/`.
    pub name: String,
    /// The object that the reference names: a tag object, or the commit itself.
    pub object: ObjectId,
    /// The commit in the end; none where it leads to something else.
    pub commit: Option<CommitId>,
    /// What kind of tag it is.
    pub kind: TagKind,
    /// The version that it spells; none where it is not of the target's scheme.
    pub version: Option<Version>,
}

impl TagRef {
    /// The version as the tag spells it, `v` included.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// The kinds of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TagKind {
    /// A reference to a commit.
    Lightweight,
    /// A tag object without a signature.
    Annotated,
    /// A tag object with something that claims to be a signature. Nobody has checked it.
    Signed,
}

/// Where the range of a release starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesRange {
    /// The tag, or the beginning.
    pub start: RangeStart,
    /// Whether the released commit comes after it.
    pub is_ancestor: bool,
}

/// What a version source says at the released commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFile {
    /// The file.
    pub file: String,
    /// Its bytes; none where the commit has no such file.
    pub bytes: Option<Vec<u8>>,
}

/// What is in the output folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExistingOutputs {
    /// The archive.
    pub archive: bool,
    /// The sums.
    pub sums: bool,
    /// The notes.
    pub notes: bool,
    /// Why the files cannot be written, with the path. `None` if they can.
    pub obstacle: Option<Explanation>,
}

/// A pre-flight check, by the name that `--allow` takes and that every report uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PreflightCheck {
    /// No tracked file differs from the last commit.
    CleanTree,
    /// The commit is on origin's default branch.
    DefaultBranch,
    /// History is whole.
    Shallow,
    /// The tag is free, or is there and right.
    Tag,
    /// The version's form is the one that the target's tags have.
    TagForm,
    /// The version is above its predecessor.
    Version,
    /// There is a previous release, and it is an ancestor.
    Previous,
    /// Every path filter names something.
    Paths,
    /// The file that carries the version agrees.
    VersionSource,
    /// The notes have something to tell.
    EmptyNotes,
    /// There is a name and address to make a tag with.
    Tagger,
    /// The archive depends on the committed attributes alone.
    Attributes,
    /// The tag can be signed.
    Signing,
    /// The files of the release can be written where they belong, without following a link.
    Output,
    /// The tag on origin is free, or is there and the same.
    Origin,
    /// Somebody may push and release here.
    Credentials,
    /// The release on GitHub is missing, a draft, or complete.
    Release,
}

impl PreflightCheck {
    /// All checks, in the order of reports.
    pub const ALL: [Self; 17] = [
        Self::CleanTree,
        Self::DefaultBranch,
        Self::Shallow,
        Self::TagForm,
        Self::Version,
        Self::Tag,
        Self::Previous,
        Self::Paths,
        Self::EmptyNotes,
        Self::VersionSource,
        Self::Attributes,
        Self::Tagger,
        Self::Signing,
        Self::Output,
        Self::Origin,
        Self::Credentials,
        Self::Release,
    ];

    /// The name: stable, for `--allow` and for scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CleanTree => "clean-tree",
            Self::DefaultBranch => "default-branch",
            Self::Shallow => "shallow",
            Self::Tag => "tag",
            Self::TagForm => "tag-form",
            Self::Version => "version",
            Self::Previous => "previous",
            Self::Paths => "paths",
            Self::VersionSource => "version-source",
            Self::EmptyNotes => "empty-notes",
            Self::Tagger => "tagger",
            Self::Attributes => "attributes",
            Self::Signing => "signing",
            Self::Output => "output",
            Self::Origin => "origin",
            Self::Credentials => "credentials",
            Self::Release => "release",
        }
    }

    /// Whether an operator may go on although it fails. What would make the release wrong may not be overridden.
    #[must_use]
    pub fn is_overridable(self) -> bool {
        match self {
            Self::CleanTree
            | Self::DefaultBranch
            | Self::Previous
            | Self::Paths
            | Self::VersionSource
            | Self::EmptyNotes => true,
            Self::Shallow
            | Self::Tag
            | Self::TagForm
            | Self::Version
            | Self::Tagger
            | Self::Attributes
            | Self::Signing
            | Self::Output
            | Self::Origin
            | Self::Credentials
            | Self::Release => false,
        }
    }
}

impl fmt::Display for PreflightCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for PreflightCheck {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Why a text cannot be given to `--allow`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// No check has this name.
    #[error("no check is called '{0}'; those that can be allowed: {names}", names = overridable_names())]
    UnknownCheck(String),
    /// The check may not be overridden.
    #[error("'{0}' cannot be allowed: a release that fails it would be wrong; those that can: {names}", names = overridable_names())]
    NotOverridable(PreflightCheck),
}

fn overridable_names() -> String {
    let names: Vec<&str> =
        PreflightCheck::ALL.into_iter().filter(|it| it.is_overridable()).map(PreflightCheck::name).collect();
    names.join(", ")
}

impl FromStr for PreflightCheck {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, OverrideError> {
        let check = Self::ALL.into_iter().find(|it| it.name() == text);
        let check = check.ok_or_else(|| OverrideError::UnknownCheck(text.to_owned()))?;
        if check.is_overridable() { Ok(check) } else { Err(OverrideError::NotOverridable(check)) }
    }
}
