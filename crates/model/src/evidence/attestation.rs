//! The content of Sigstore bundles (signer, statement, timestamps), and the policies that they are checked against.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evidence::reason::{Explanation, Reason};
use crate::evidence::verdict::Verdict;

/// The issuer of the identity tokens of GitHub Actions.
pub const GITHUB_ACTIONS_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// The predicate type of SLSA provenance, version 1.
pub const SLSA_PROVENANCE_V1: &str = "https://slsa.dev/provenance/v1";
/// The predicate type of SLSA provenance, version 0.2.
pub const SLSA_PROVENANCE_V02: &str = "https://slsa.dev/provenance/v0.2";
/// The type of in-toto statements, version 1 (in-toto attestation framework, v1).
pub const IN_TOTO_STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// The type of in-toto statements, version 0.1 (in-toto attestation framework, v0.1).
pub const IN_TOTO_STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";

/// A claim in a Fulcio certificate that is checked (`fulcio:docs/oid-info.md`). The value is the last number of its
/// OID, under 1.3.6.1.4.1.57264.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FulcioClaim {
    /// The issuer of the identity token.
    Issuer = 8,
    /// The URI of the workflow that signed, with its reference.
    BuildSignerUri = 9,
    /// The commit of the workflow that signed.
    BuildSignerDigest = 10,
    /// The kind of runner: `github-hosted` or `self-hosted`.
    RunnerEnvironment = 11,
    /// The URI of the repository that was built.
    SourceRepositoryUri = 12,
    /// The commit that was built.
    SourceRepositoryDigest = 13,
    /// The reference that was built.
    SourceRepositoryRef = 14,
    /// The id of that repository.
    SourceRepositoryId = 15,
    /// The URI of the repository's owner.
    SourceRepositoryOwnerUri = 16,
    /// The id of the repository's owner.
    SourceRepositoryOwnerId = 17,
    /// The URI of the workflow that was started, with its reference.
    BuildConfigUri = 18,
    /// The commit of the workflow that was started.
    BuildConfigDigest = 19,
    /// The event that started the workflow, as in `workflow_dispatch`.
    BuildTrigger = 20,
    /// The URI of the workflow run and its attempt.
    RunInvocationUri = 21,
    /// The visibility of the repository when it signed, as in `public`.
    SourceRepositoryVisibility = 22,
}

/// The claims of a Fulcio certificate, by the last number of their OID. Unchecked ones are included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims(pub BTreeMap<u32, String>);

impl Claims {
    /// Returns the value of a claim. Returns `None` if the certificate does not have it.
    #[must_use]
    pub fn get(&self, claim: FulcioClaim) -> Option<&str> {
        self.0.get(&(claim as u32)).map(String::as_str)
    }
}

/// A bundle whose signature, certificate, log entries and timestamps were verified against a trusted root. Its content
/// is authentic: it is what the signer signed. Whether that signer is trusted is decided by an [`AttestationPolicy`].
#[derive(Debug, Clone)]
pub struct VerifiedBundle {
    /// The certificate of the signer. `None` for a signature by a managed key.
    pub signer: Option<SignerCertificate>,
    /// The signed statement. `None` if the artifact itself was signed.
    pub statement: Option<Statement>,
    /// The signing times, as stated by logs and timestamp authorities, in seconds since 1970. Empty only for a managed
    /// key.
    pub timestamps: Vec<i64>,
    /// The kind of proof that a log has the entry. `None` if no log was required.
    pub log_proof: Option<LogProof>,
}

/// The kind of proof that a transparency log has an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogProof {
    /// An inclusion proof: a Merkle path to a signed tree head.
    InclusionProof,
    /// An inclusion promise: the log signed that it will include the entry. Does not prove that it did.
    InclusionPromise,
}

/// The signer, as named by a Fulcio certificate.
#[derive(Debug, Clone)]
pub struct SignerCertificate {
    /// The subject alternative name (RFC 5280, 4.2.1.6), of which the certificate has exactly one.
    pub san: String,
    /// Whether that name is a URI, as it is for workflows. If not, it is an e-mail address.
    pub san_is_uri: bool,
    /// The Fulcio claims.
    pub claims: Claims,
    /// Whether GitHub's Sigstore instance issued it, which serves private repositories and immutable releases.
    pub github_instance: bool,
}

/// An in-toto statement: subjects, and a predicate about them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The statement's type, with its version (`_type`).
    pub statement_type: String,
    /// The subjects: what the statement is about.
    pub subjects: Vec<Subject>,
    /// The type of the predicate, a URI.
    pub predicate_type: String,
    /// The predicate, as far as its type is supported.
    pub predicate: Predicate,
}

/// A subject of a statement (in-toto `ResourceDescriptor`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The name. Empty if it has none.
    pub name: String,
    /// The URI. Empty if it has none.
    pub uri: String,
    /// The digests in hexadecimal digits, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// Whether its digest is that of the artifact to verify.
    pub matches_artifact: bool,
}

/// The predicate of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// SLSA provenance of a workflow run (`actions/attest`, build type `workflow/v1`).
    Provenance(Box<Provenance>),
    /// SLSA provenance of another build type or version: only the fields that every builder writes.
    GenericProvenance(GenericProvenance),
    /// GitHub's statement about an immutable release.
    Release(ReleasePredicate),
    /// The type is supported, but the content is malformed. The text is the cause.
    Malformed(String),
    /// A predicate of an unsupported type.
    Other,
}

/// SLSA provenance v1, as `actions/attest` writes it. A missing field is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The reference that the workflow ran on.
    pub workflow_ref: String,
    /// The URL of the workflow's repository.
    pub workflow_repository: String,
    /// The path of the workflow in its repository.
    pub workflow_path: String,
    /// The names of other external parameters, whose meaning is unknown.
    pub unknown_parameters: Vec<String>,
    /// The event that started the workflow.
    pub event_name: String,
    /// The id of the repository.
    pub repository_id: String,
    /// The id of the repository's owner.
    pub repository_owner_id: String,
    /// The kind of runner: `github-hosted` or `self-hosted`.
    pub runner_environment: String,
    /// The sources of the build: URI and commit of each.
    pub resolved_dependencies: Vec<(String, String)>,
    /// The URI of the workflow that signed.
    pub builder_id: String,
    /// The URL of the run and its attempt.
    pub invocation_id: String,
}

/// The fields of SLSA provenance that every builder writes (SLSA v0.2, v1). A missing field is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenericProvenance {
    /// The type of the build, a URI.
    pub build_type: String,
    /// The id of the builder, a URI.
    pub builder_id: String,
    /// The sources of the build: URI and commit of each, in no particular order.
    pub resolved_dependencies: Vec<(String, String)>,
}

/// GitHub's predicate for an immutable release (`https://in-toto.io/attestation/release/v0.1` and `v0.2`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleasePredicate {
    /// The name of the repository, `OWNER/NAME`.
    pub repository: String,
    /// The id of the repository.
    pub repository_id: String,
    /// The package URL, `pkg:github/OWNER/NAME@TAG`.
    pub purl: String,
    /// The name of the tag.
    pub tag: String,
}

/// Why a bundle does not satisfy a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Refuted, or unproven if the bundle could not be checked.
    pub verdict: Verdict,
    /// The reason, the evidence and the hint.
    pub explanation: Explanation,
}

impl Rejection {
    /// Returns a rejection for a bundle that was checked and is not valid.
    #[must_use]
    pub fn refuted(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Refuted, explanation: Explanation::new(reason, evidence) }
    }

    /// Returns a rejection for a bundle that could not be checked, or that has nothing to check.
    #[must_use]
    pub fn unproven(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unproven, explanation: Explanation::new(reason, evidence) }
    }
}

/// A bundle with its origin and the result of the cryptographic verification.
#[derive(Debug, Clone)]
pub struct BundleCheck {
    /// Where the bundle came from, as in `bundle.jsonl, 3`.
    pub origin: String,
    /// The id of the repository that GitHub stores it for. `None` if it did not come from GitHub.
    pub repository_id: Option<u64>,
    /// The verified content, or why the verification failed.
    pub result: Result<VerifiedBundle, Rejection>,
}

/// The policy that an attestation is checked against.
#[derive(Debug, Clone)]
pub struct AttestationPolicy {
    /// The expected signer.
    pub signer: ExpectedSigner,
    /// The name that the statement must give the artifact. `None` if any name is accepted.
    pub subject_name: Option<String>,
    /// The accepted predicate types. Empty if every type is accepted, and also a signature of the artifact itself.
    pub predicate_types: Vec<String>,
    /// The current time, in seconds since 1970. A bundle signed later is refuted.
    pub now: i64,
}

/// The expected signer of an attestation.
#[derive(Debug, Clone)]
pub enum ExpectedSigner {
    /// A workflow of GitHub Actions.
    Workflow(Box<WorkflowPolicy>),
    /// A reusable workflow of another repository, which built a given repository.
    Builder(Box<BuilderPolicy>),
    /// An identity in a certificate, checked as cosign does.
    Identity {
        /// The expected subject alternative name.
        name: IdentityMatcher,
        /// The expected issuer of the identity token, compared exactly.
        issuer: String,
    },
    /// The holder of a key. The verifier has checked the signature with that key.
    Key,
    /// GitHub itself, for its attestation of an immutable release.
    GitHubRelease(ReleaseAttestationPolicy),
}

/// The policy for GitHub's attestation of an immutable release.
#[derive(Debug, Clone)]
pub struct ReleaseAttestationPolicy {
    /// The accepted names of the repository, each `OWNER/NAME`.
    pub repositories: Vec<String>,
    /// The name of the tag.
    pub tag: String,
    /// The object that the tag must point to.
    pub object: crate::ObjectId,
}

/// How an identity is compared.
#[derive(Debug, Clone)]
pub enum IdentityMatcher {
    /// The identity equals this text.
    Exact(String),
    /// This regular expression matches anywhere in the identity (unanchored), as in cosign.
    Regexp(String),
}

/// The policy for a workflow of GitHub Actions that signs for the repository that it builds.
#[derive(Debug, Clone)]
pub struct WorkflowPolicy {
    /// The repositories that the workflow may belong to.
    pub repositories: Vec<AcceptedRepository>,
    /// The workflow that must have signed.
    pub workflow: Workflow,
    /// The reference that it must have run on. `None` accepts any.
    pub reference: Option<String>,
    /// The commit that it must have run on. `None` accepts any.
    pub commit: Option<String>,
    /// The event that must have started it, as in `workflow_dispatch`. `None` accepts any.
    pub trigger: Option<String>,
    /// The expected issuer of the identity token.
    pub issuer: String,
    /// Whether to reject self-hosted runners.
    pub deny_self_hosted: bool,
}

/// The policy for a builder: a reusable workflow of GitHub Actions that other repositories call. It states the builder
/// and the source that it must have built (as slsa-verifier checks them).
#[derive(Debug, Clone)]
pub struct BuilderPolicy {
    /// The URL of the builder's workflow, without its reference.
    pub workflow: String,
    /// The reference of the builder's workflow. `None` requires the tag of a final version.
    pub reference: Option<String>,
    /// The URL of the repository that must have been built, as in `https://github.com/acme/widgets`.
    pub source_uri: String,
    /// The reference that must have been built. `None` accepts any.
    pub source_ref: Option<String>,
    /// The commit that must have been built. `None` accepts any.
    pub source_digest: Option<String>,
    /// The expected issuer of the identity token.
    pub issuer: String,
    /// Whether to reject self-hosted runners.
    pub deny_self_hosted: bool,
}

/// The workflow that may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workflow {
    /// Any workflow of the repository.
    Any,
    /// This file under the repository's `.github/workflows/`.
    File(String),
    /// The workflow with this URL, as in `https://github.com/acme/widgets/.github/workflows/release.yml`.
    Uri(String),
}

/// A repository that a signing workflow may belong to, under one of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedRepository {
    /// The repository's URL, as in `https://github.com/acme/widgets`.
    pub url: String,
    /// The repository's id. `None` if it is not pinned.
    pub repository_id: Option<u64>,
    /// The owner's id. `None` if it is not pinned.
    pub owner_id: Option<u64>,
    /// The time from which the repository has this name, in seconds since 1970. `None` for its first name.
    pub since: Option<i64>,
}

/// The verdicts on all bundles for one artifact.
#[derive(Debug, Clone)]
pub struct BundleVerdicts {
    /// Each bundle with its verdict, in the order of the input.
    pub bundles: Vec<BundleVerdict>,
    /// The first bundle that satisfies the policy: its index in `bundles`, and its content.
    pub proven: Option<(usize, VerifiedBundle)>,
}

/// A bundle with its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct BundleVerdict {
    /// Where the bundle came from.
    pub origin: String,
    /// The verdict on the bundle.
    pub verdict: Verdict,
    /// The reason, the evidence and the hint.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// Warnings: worth showing, without effect on the verdict.
    #[serde(rename = "notes")]
    pub warnings: Vec<String>,
}
