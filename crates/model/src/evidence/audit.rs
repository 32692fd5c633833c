//! What an outsider finds of a published release, and what it is held against.

use serde::Serialize;

use crate::evidence::attestation::BundleVerdicts;
use crate::evidence::lookup::{Lookup, Unavailable};
use crate::evidence::verdict::Finding;
use crate::release::host::{ExpectedAsset, GitHubRelease, RemoteTag};
use crate::{CommitId, Digest, ObjectId};

/// What a release must be.
#[derive(Debug, Clone)]
pub struct ReleaseExpectation {
    /// The tag's name.
    pub tag: String,
    /// What this run made; none where a release of the past is audited.
    pub products: Option<RunProducts>,
    /// Whether it is no final version.
    pub prerelease: bool,
    /// Whether only some may see it.
    pub private: bool,
    /// The name of the source archive.
    pub archive_name: String,
    /// The one folder in it.
    pub top_directory: String,
    /// The branch that releases are cut from.
    pub default_branch: String,
    /// Whether attestations must be there by now; else it is said that they are not, and nothing more.
    pub attestation_requirement: AttestationRequirement,
    /// Whether the catalog says who may sign tags.
    pub has_signer_policy: bool,
    /// The first second from which releases are attested; none where they always were.
    pub attested_since: Option<i64>,
}

/// What a run made.
#[derive(Debug, Clone)]
pub struct RunProducts {
    /// The object that the tag names.
    pub object: ObjectId,
    /// The commit that it leads to.
    pub commit: CommitId,
    /// The assets.
    pub assets: Vec<ExpectedAsset>,
}

/// Whether something must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestationRequirement {
    /// It must.
    Required,
    /// Somebody makes it later.
    Pending,
}

/// What somebody without credentials found.
#[derive(Debug, Clone)]
pub struct AuditEvidence {
    /// The tag; none where nobody sees one; what was said where GitHub could not be asked.
    pub tag: Lookup<RemoteTag>,
    /// The type of the object that the tag names, if it is not a commit. There is no `tag` then.
    pub tag_target_type: Option<String>,
    /// The object that this clone has under the tag; none where it has none.
    pub local_tag_object: Option<ObjectId>,
    /// What the tag's object proves; none where it is not in this clone, or is no object but a commit.
    pub signature_findings: Option<Vec<Finding>>,
    /// The published release; none where nobody sees one; what was said where GitHub could not be asked.
    pub release: Lookup<GitHubRelease>,
    /// The assets that were downloaded.
    pub downloads: Vec<AssetDownload>,
    /// The source archive as it was read; none where none came.
    pub archive: Option<Result<ArchiveInspection, ArchiveError>>,
    /// What the attestations of an asset prove, by its name; what was said where they could not be had.
    pub attestations: Vec<(String, Result<BundleVerdicts, Unavailable>)>,
    /// Whether the tag's commit is on the branch; none where GitHub does not know one of them.
    pub on_default_branch: Lookup<bool>,
    /// The runs that attested, each once; none where no attestation was proven.
    pub runs: Vec<WorkflowRun>,
    /// What GitHub's own attestation of an immutable release proves; none where it is not immutable.
    pub release_attestation: Option<Result<BundleVerdicts, Unavailable>>,
}

/// The run of a workflow that attested a release.
#[derive(Debug, Clone)]
pub struct WorkflowRun {
    /// The commit that it ran on.
    pub commit: String,
    /// When it signed, in seconds since 1970.
    pub signed_at: i64,
    /// Whether the tag's commit is that one or before it.
    pub contains_tag: Lookup<bool>,
    /// Whether that commit is on the branch.
    pub on_default_branch: Lookup<bool>,
}

/// An asset as it was downloaded.
#[derive(Debug, Clone)]
pub struct AssetDownload {
    /// Its name.
    pub name: String,
    /// What came; what was said where nothing did.
    pub content: Result<DownloadedContent, Unavailable>,
}

/// The bytes of a download, as far as they are needed.
#[derive(Debug, Clone)]
pub struct DownloadedContent {
    /// How many they were.
    pub size: u64,
    /// Their digest.
    pub digest: Digest,
    /// The first of them, at most [`crate::evidence::sums::LIMIT`].
    pub prefix: Vec<u8>,
}

/// A source archive that was read to its end.
#[derive(Debug, Clone)]
pub struct ArchiveInspection {
    /// What it is.
    pub summary: ArchiveSummary,
    /// How it compares with the tag's tree.
    pub tree_comparison: TreeComparison,
}

/// How an archive compares with a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeComparison {
    /// Byte by byte the same.
    Identical,
    /// Not the same.
    Differs(TreeDifference),
    /// There is no clone.
    NoClone,
    /// There is a clone, and the tree could not be had from it.
    Unavailable(String),
}

/// What is wrong with an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveError {
    /// It is not of the form.
    Malformed(String),
    /// It is more than is looked at.
    LimitExceeded(String),
}

/// A source archive, as far as it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// The commit that its first header names; none where it names none.
    pub commit: Option<ObjectId>,
    /// Its one folder.
    pub top_directory: String,
    /// The time of its members, in seconds since 1970: the committer's.
    pub mtime: u64,
    /// How many files and folders it has.
    pub members: u64,
    /// The length of its tar stream, in bytes.
    pub bytes: u64,
}

/// Where two tar streams differ first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeDifference {
    /// The first byte that differs, counted from 0.
    pub offset: u64,
    /// The member that was being read there.
    pub member: String,
}

/// What an audit came to.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AuditReport {
    /// Everything that counts.
    pub findings: Vec<Finding>,
    /// What does not stand against the release and should be known.
    #[serde(rename = "notes")]
    pub warnings: Vec<String>,
    /// Where trust in attestations began, and how old it is; none where there were none to look at.
    pub trusted_root: Option<String>,
}
