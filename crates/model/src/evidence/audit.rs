//! The evidence of a published release, as an anonymous client collects it, and the expectation that it is checked
//! against.

use serde::Serialize;

use crate::evidence::attestation::BundleVerdicts;
use crate::evidence::lookup::{Lookup, Unavailable};
use crate::evidence::verdict::Finding;
use crate::release::host::{ExpectedAsset, GitHubRelease, RemoteTag};
use crate::release::tag_digests::TagDigests;
use crate::{CommitId, Digest, ObjectId};

/// The expectation that a published release is checked against.
#[derive(Debug, Clone)]
pub struct ReleaseExpectation {
    /// The name of the tag.
    pub tag: String,
    /// The products of this run. `None` if an earlier release is audited.
    pub products: Option<RunProducts>,
    /// Whether the version is a pre-release.
    pub prerelease: bool,
    /// Whether the repository is private.
    pub private: bool,
    /// The file name of the source archive.
    pub archive_name: String,
    /// The name of the archive's only top folder.
    pub top_directory: String,
    /// The default branch, which releases are made from.
    pub default_branch: String,
    /// Whether a missing attestation is a finding ([`AttestationRequirement::Required`]) or only a warning
    /// ([`AttestationRequirement::Pending`]).
    pub attestation_requirement: AttestationRequirement,
    /// Whether trusted signers are configured (`[signers]`).
    pub has_signer_policy: bool,
    /// The file name of the workflow that attests source archives.
    pub source_workflow: String,
}

/// The products of a run: the tag and the assets.
#[derive(Debug, Clone)]
pub struct RunProducts {
    /// The object that the tag points to.
    pub object: ObjectId,
    /// The peeled commit of the tag.
    pub commit: CommitId,
    /// The assets of the release.
    pub assets: Vec<ExpectedAsset>,
}

/// Whether attestations must exist at the time of the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttestationRequirement {
    /// They must exist.
    Required,
    /// They may be missing, because the release workflow creates them later.
    Pending,
}

/// The evidence of a published tag and its source release, collected without credentials.
#[derive(Debug, Clone)]
pub struct AuditEvidence {
    /// The tag as served to an anonymous client.
    pub tag: Lookup<RemoteTag>,
    /// The type of the object that the tag points to, if it is not a commit. `tag` is then absent.
    pub tag_target_type: Option<String>,
    /// The object of the tag in this clone. `None` without a clone, or if the clone lacks the tag.
    pub local_tag_object: Option<ObjectId>,
    /// The findings about the tag object and its signature. `None` if the clone lacks the object, or if the tag is
    /// lightweight.
    pub signature_findings: Option<Vec<Finding>>,
    /// The digests that the tag object states. `None` if it states none, or if the clone lacks the object.
    pub tag_digests: Option<TagDigests>,
    /// Whether the tag's commit is on the default branch. Absent if GitHub does not know one of the two.
    pub on_default_branch: Lookup<bool>,
    /// The evidence of the source release. `None` if it is not audited.
    pub source: Option<SourceEvidence>,
}

/// The evidence of a source release.
#[derive(Debug, Clone)]
pub struct SourceEvidence {
    /// The release as served to an anonymous client. Drafts are absent.
    pub release: Lookup<GitHubRelease>,
    /// The downloads of assets, failed ones included.
    pub downloads: Vec<AssetDownload>,
    /// The inspected source archive, or why it was rejected. `None` if it was not downloaded.
    pub archive: Option<Result<ArchiveInspection, ArchiveError>>,
    /// The verdicts on the attestations of each asset, by its name.
    pub attestations: Vec<(String, Result<BundleVerdicts, Unavailable>)>,
    /// Whether the release workflow in the tag's tree attests what it publishes. `None` if the tree is not available.
    pub workflow_attests: Option<bool>,
    /// The workflow runs that made the proven attestations, one per commit. Empty if none is proven.
    pub runs: Vec<WorkflowRun>,
    /// The verdicts on GitHub's attestation of the immutable release. `None` if the release is not immutable.
    pub release_attestation: Option<Result<BundleVerdicts, Unavailable>>,
}

/// A workflow run that attested a release.
#[derive(Debug, Clone)]
pub struct WorkflowRun {
    /// The commit that the run was started on.
    pub commit: String,
    /// The time of its earliest signature, in seconds since 1970.
    pub signed_at: i64,
    /// Whether the tag's commit is the run's commit or an ancestor of it.
    pub contains_tag: Lookup<bool>,
    /// Whether the run's commit is on the default branch.
    pub on_default_branch: Lookup<bool>,
}

/// The download of one asset.
#[derive(Debug, Clone)]
pub struct AssetDownload {
    /// The name of the asset.
    pub name: String,
    /// The content, or why it could not be downloaded.
    pub content: Result<DownloadedContent, Unavailable>,
}

/// The content of a download: its digest, and as many bytes as are needed.
#[derive(Debug, Clone)]
pub struct DownloadedContent {
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256 digest of all bytes.
    pub digest: Digest,
    /// The first bytes, at most [`crate::evidence::sums::MAX_SUMS_BYTES`].
    pub prefix: Vec<u8>,
}

/// A source archive that was read to its end and is well-formed.
#[derive(Debug, Clone)]
pub struct ArchiveInspection {
    /// The archive's metadata.
    pub summary: ArchiveSummary,
    /// The result of the comparison with the tag's tree.
    pub tree_comparison: TreeComparison,
}

/// The result of comparing an archive with a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeComparison {
    /// All bytes are identical.
    Identical,
    /// Some bytes differ.
    Differs(TreeDifference),
    /// Not compared: there is no clone.
    NoClone,
    /// Not compared: the clone could not provide the tree. The text is the cause.
    Unavailable(String),
}

/// Why an archive was rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchiveError {
    /// The archive does not have the format of a source archive.
    Malformed(String),
    /// The archive exceeds a limit, so it was not read to its end.
    LimitExceeded(String),
}

/// The metadata of a source archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// The commit in the pax global header. `None` if the archive has no such header.
    pub commit: Option<ObjectId>,
    /// The name of the only top folder.
    pub top_directory: String,
    /// The modification time of all members, in seconds since 1970: the commit's committer date.
    pub mtime: u64,
    /// The number of files and folders.
    pub members: u64,
    /// The length of its tar stream, in bytes.
    pub bytes: u64,
}

/// The first difference between two tar streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeDifference {
    /// The offset of the first byte that differs, counted from 0.
    pub offset: u64,
    /// The member at that offset.
    pub member: String,
}

/// The result of an audit.
#[derive(Debug, Clone, Default, Serialize)]
pub struct AuditReport {
    /// The findings, which decide the verdict.
    pub findings: Vec<Finding>,
    /// Warnings: worth showing, without effect on the verdict.
    #[serde(rename = "notes")]
    pub warnings: Vec<String>,
    /// The number of findings before those about packages.
    #[serde(skip)]
    pub source_findings: usize,
    /// The trusted root that attestations were verified with, and its age. `None` if there were none to verify.
    pub trusted_root: Option<String>,
}
