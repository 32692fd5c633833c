//! The facts that a plan is decided on: everything that was observed beforehand.

use serde::Serialize;

use crate::evidence::reason::Explanation;
use crate::evidence::verdict::Finding;
use crate::package::PackageListing;
use crate::release::changelog::{CommitHistory, RangeStart};
use crate::release::host::RemoteFacts;
use crate::{CommitId, ObjectId, RepoPath, Version};

/// The facts that a plan is decided on. Each run gathers them again, so a resumed release never relies on old ones.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The commit to release.
    pub commit: CommitId,
    /// The state of the clone, independent of the release.
    pub clone: CloneFacts,
    /// The target's tags in this clone, in no particular order.
    pub tags: Vec<TagRef>,
    /// The start of the range. `None` if no previous release was found.
    pub notes_range: Option<NotesRange>,
    /// The commits of the range. Empty if the range has no start.
    pub history: CommitHistory,
    /// The path filters that match nothing, neither in the released commit nor at the start of the range.
    pub unknown_paths: Vec<RepoPath>,
    /// The file that states the version. `None` if the target has no version source.
    pub version_file: Option<VersionFile>,
    /// The files that each package of the target is built from.
    pub package_listings: Vec<PackageListing>,
    /// The files of this release that the output folder already has.
    pub existing_outputs: ExistingOutputs,
    /// The key that would sign the tag. `None` if no signature is to be made.
    pub signing_key: Option<SigningKeyStatus>,
    /// The findings about the existing tag. `None` if it does not exist, or if neither flags nor `[signers]` ask for a
    /// signature.
    pub tag_findings: Option<Vec<Finding>>,
    /// Whether trusted signers are configured (`[signers]`).
    pub has_signer_policy: bool,
    /// What the remote and GitHub have. `None` without `--push`: then neither is queried.
    pub remote: Option<RemoteFacts>,
}

/// The state of the clone that a release is made from.
#[derive(Debug, Clone)]
pub struct CloneFacts {
    /// The tracked files that differ from the last commit. `None` for a bare repository, which has no working tree.
    pub changed_files: Option<Vec<String>>,
    /// Whether the clone is shallow.
    pub shallow: bool,
    /// Whether the commit is on the remote's default branch.
    pub default_branch: DefaultBranch,
    /// The attribute files outside the tree that change what `git archive` would write, as in `.git/info/attributes`.
    pub attribute_files: Vec<String>,
    /// The tagger, `Name <address>`, as git is configured. `None` if name or address is not set.
    pub tagger: Option<String>,
    /// The time of the last fetch, in seconds since 1970. `None` if the clone never fetched.
    pub last_fetched: Option<i64>,
}

/// The key that would sign the tag, and whether the signer policy allows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningKeyStatus {
    /// The policy allows this key. The text is the evidence.
    Allowed(String),
    /// Whether it is allowed is unknown: there is no policy, or the program that knows the key was not run.
    Unchecked(Explanation),
    /// There is no usable key, or the policy does not allow it.
    Refused(Explanation),
}

/// The position of the released commit relative to the remote's default branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultBranch {
    /// The clone has no such remote-tracking branch.
    Unknown {
        /// The reference that is missing, as in `origin/HEAD`.
        reference: String,
    },
    /// The branch and its newest commit are known.
    Known {
        /// The branch, as in `origin/main`.
        name: String,
        /// Its newest commit.
        tip: CommitId,
        /// Whether the released commit is on it.
        contains_commit: bool,
        /// The number of commits on the branch that the released commit lacks. `None` if the commit is not on the
        /// branch, or if the number is unknown.
        behind: Option<u64>,
        /// When the branch was observed.
        observed_at: ObservedAt,
    },
}

/// When the state of a remote was observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObservedAt {
    /// At the last fetch of this clone, which may be long ago.
    LastFetch,
    /// During this run, from the remote itself.
    Now,
}

/// A tag of the target in the clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRef {
    /// The tag's name, without `refs/tags/`.
    pub name: String,
    /// The object that the reference points to: a tag object, or the commit itself for a lightweight tag.
    pub object: ObjectId,
    /// The peeled commit. `None` if the tag points to something other than a commit.
    pub commit: Option<CommitId>,
    /// The kind of tag: lightweight, annotated or signed.
    pub kind: TagKind,
    /// The version in the name. `None` if it is not valid in the target's scheme.
    pub version: Option<Version>,
}

impl TagRef {
    /// Returns the version as written in the tag, with its `v` if it has one.
    #[must_use]
    pub fn label(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// The kinds of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TagKind {
    /// A reference that points directly to a commit.
    Lightweight,
    /// A tag object without a signature.
    Annotated,
    /// A tag object with a signature, which has not been checked.
    Signed,
}

/// The start of the range of commits for the release notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesRange {
    /// The tag that the range starts after, or the root of the history.
    pub start: RangeStart,
    /// Whether the start is an ancestor of the released commit. If not, the notes would lack commits.
    pub is_ancestor: bool,
}

/// The file that states the version, as it is in the released commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFile {
    /// The path of the file.
    pub file: String,
    /// The content of the file. `None` if the commit has no such file.
    pub bytes: Option<Vec<u8>>,
}

/// The files of the release that already exist in the output folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExistingOutputs {
    /// Whether the source archive exists.
    pub archive: bool,
    /// Whether `SHA256SUMS` exists.
    pub sums: bool,
    /// Whether the notes exist.
    pub notes: bool,
    /// Why the files cannot be written, with the path. `None` if they can be.
    pub obstacle: Option<Explanation>,
}
