//! The evidence of a published package, as an anonymous client collects it, and what it is checked against.

use crate::CommitId;
use crate::Digest;
use crate::evidence::attestation::BundleVerdicts;
use crate::evidence::lookup::{Lookup, Unavailable};
use crate::package::registry::{
    ChecksumEntry, ChecksumError, ListedVersion, PublishedPackage, Registry, RegistryKey, StatedDigest,
};
use crate::package::{PackageComparison, PackageId};

/// What a published package is checked against.
#[derive(Debug, Clone)]
pub struct PackageExpectation {
    /// The registry that was asked.
    pub registry: Registry,
    /// The name and version that the package must have.
    pub id: PackageId,
    /// The commit of the tag.
    pub commit: CommitId,
    /// The file name of the workflow that publishes the package.
    pub workflow: String,
    /// Whether the publish workflow in the tag's tree attests what it publishes. `None` if the tree is not available.
    pub workflow_attests: Option<bool>,
    /// The hashes of the module in the tag's tree (Go).
    pub module_hashes: Option<ModuleHashes>,
}

/// The hashes of a Go module, each `h1:` and base64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleHashes {
    /// The hash of the module's files.
    pub module: String,
    /// The hash of its `go.mod`.
    pub manifest: String,
}

/// What a registry serves for a version of a package.
#[derive(Debug)]
pub struct PackageEvidence {
    /// The registry's answer.
    pub package: Lookup<PublishedPackage>,
    /// The files of the version, in the order of the registry's answer.
    pub files: Vec<FileEvidence>,
    /// The registry's signatures over the version (npm).
    pub signatures: Vec<SignatureCheck>,
    /// The entry of the checksum database (Go). `None` if it was not asked.
    pub checksums: Option<Result<ChecksumEntry, ChecksumError>>,
}

/// A file of a package, as it was downloaded.
#[derive(Debug)]
pub struct FileEvidence {
    /// The file name, escaped.
    pub name: String,
    /// The file name at the end of the URL, escaped. `None` if installers do not read it there.
    pub name_in_url: Option<String>,
    /// The digests that the registry states.
    pub stated_digests: Vec<StatedDigest>,
    /// The names of stated digests that the suite does not compute, escaped.
    pub other_digests: Vec<String>,
    /// What was downloaded, or why it could not be.
    pub content: Result<PackageContent, Unavailable>,
    /// The comparison with the tag's tree. `None` if the file was not downloaded.
    pub comparison: Option<PackageComparison>,
    /// The verdicts on GitHub's attestations of the file. `None` if GitHub was not asked.
    pub attestations: Option<Result<BundleVerdicts, Unavailable>>,
    /// The verdicts on the attestations that the registry stores. `None` if it stores none.
    pub registry_attestations: Option<Result<BundleVerdicts, Unavailable>>,
}

/// The size and the digests of a downloaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageContent {
    /// The size in bytes.
    pub size: u64,
    /// The SHA-256.
    pub sha256: Digest,
    /// The SHA-512.
    pub sha512: [u8; 64],
}

/// A signature of a registry, with the result of its verification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureCheck {
    /// The id of the key that the signature names, escaped.
    pub key_id: String,
    /// The key with this id in the registry's list. `None` if the list has no such key.
    pub key: Option<RegistryKey>,
    /// Whether the key made the signature.
    pub is_valid: bool,
}

/// The versions of a package that a registry lists.
#[derive(Debug)]
pub struct VersionListing {
    /// The registry that was asked.
    pub registry: Registry,
    /// The name of the package.
    pub name: String,
    /// The versions, in the order of the registry's answer.
    pub versions: Lookup<Vec<TaggedVersion>>,
}

/// A version of a registry's list, and its tag.
#[derive(Debug)]
pub struct TaggedVersion {
    /// The version.
    pub listed: ListedVersion,
    /// Where its tag is.
    pub tag: VersionTag,
}

/// Where the tag of a version is.
#[derive(Debug)]
pub enum VersionTag {
    /// The clone has it.
    InClone,
    /// The clone lacks the tag with this name. Found means that GitHub has it.
    NotInClone(String, Lookup<()>),
    /// No tag of the target can name the version: it is none of the target's version scheme.
    Impossible,
}
