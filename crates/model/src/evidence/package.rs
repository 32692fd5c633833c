//! The evidence of a published package, as an anonymous client collects it, and what it is checked against.

use crate::evidence::attestation::BundleVerdicts;
use crate::evidence::lookup::{Lookup, Unavailable};
use crate::evidence::reason::Explanation;
use crate::evidence::signature::SignerKey;
use crate::package::file_digest::{FileDigest, FileDigests};
use crate::package::registry::{
    ChecksumEntry, ChecksumError, ListedVersion, PublishedPackage, Registry, RegistryKey, StatedDigest,
};
use crate::package::{PackageComparison, PackageId};
use crate::{CommitId, UntrustedText};

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
    /// The current time, in seconds since 1970.
    pub now: i64,
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
    pub content: Result<FileDigests, Unavailable>,
    /// The comparison with the tag's tree. `None` if the file was not downloaded.
    pub comparison: Option<PackageComparison>,
    /// The verdicts on GitHub's attestations of the file. `None` if GitHub was not asked.
    pub attestations: Option<Result<BundleVerdicts, Unavailable>>,
    /// The OpenPGP signature beside the file (Maven, Helm). `None` if the kind of registry has none.
    pub signature: Option<Lookup<OpenPgpCheck>>,
    /// The content of a document about the version: a POM, the metadata of a Gradle module, or the signed text in a chart's
    /// provenance file.
    pub document: Option<Vec<u8>>,
    /// The package without the registry's signature (NuGet). `None` if it has no such signature.
    pub restored: Option<RestoredPackage>,
    /// The verdicts on the attestations that the registry stores. `None` if it stores none.
    pub registry_attestations: Option<Result<BundleVerdicts, Unavailable>>,
}

/// The result of verifying an OpenPGP signature of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenPgpCheck {
    /// A valid signature. Whether its key is trusted is evaluated separately.
    Valid {
        /// The key, with its primary fingerprint. A trusted key has a policy entry with its validity.
        signer: SignerKey,
        /// When the signature was made, in seconds since 1970, as stated by the signer.
        signed_at: i64,
    },
    /// A signature by a key that is not available. The text is the fingerprint or the id of the key.
    MissingKey(String),
    /// The signature is not valid.
    Bad(Explanation),
    /// The signature could not be checked.
    Unknown(Explanation),
}

/// What the signature of a NuGet registry in a package states, after it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSignature {
    /// The digest of the package without the signature.
    pub package_digest: FileDigest,
    /// The SHA-256 of the signer's certificate, in lower-case hexadecimal digits.
    pub fingerprint: String,
    /// The subject of that certificate.
    pub subject: UntrustedText,
    /// The address of the registry's service index.
    pub service_index: UntrustedText,
    /// The time of the timestamp, in seconds since 1970.
    pub signed_at: i64,
}

/// A package with a registry's signature, and the package without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoredPackage {
    /// The digests of the package without the signature: those that were attested.
    pub digests: FileDigests,
    /// The signature, or why it is not valid.
    pub signature: Result<PackageSignature, String>,
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
