//! What a Sigstore bundle says of an artifact, and what it is held against.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::evidence::reason::{Explanation, Reason};
use crate::evidence::verdict::Verdict;

/// Where GitHub Actions gets its identity tokens.
pub const GITHUB_ACTIONS_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// The predicate type of SLSA provenance.
pub const SLSA_PROVENANCE_V1: &str = "https://slsa.dev/provenance/v1";
/// The predicate type of SLSA provenance before version 1.
pub const SLSA_PROVENANCE_V02: &str = "https://slsa.dev/provenance/v0.2";
/// The type of in-toto statements (in-toto attestation framework, v1).
pub const IN_TOTO_STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
/// The same before version 1 (in-toto attestation framework, v0.1).
pub const IN_TOTO_STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";

/// A Fulcio extension that is looked at (`fulcio:docs/oid-info.md`); its number under 1.3.6.1.4.1.57264.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FulcioClaim {
    /// Who issued the token.
    Issuer = 8,
    /// The workflow that signed, with its reference.
    BuildSignerUri = 9,
    /// The commit of that workflow.
    BuildSignerDigest = 10,
    /// `github-hosted` or `self-hosted`.
    RunnerEnvironment = 11,
    /// The repository's address.
    SourceRepositoryUri = 12,
    /// The commit that was built.
    SourceRepositoryDigest = 13,
    /// The reference that was built.
    SourceRepositoryRef = 14,
    /// The repository's number.
    SourceRepositoryId = 15,
    /// The owner's address.
    SourceRepositoryOwnerUri = 16,
    /// The owner's number.
    SourceRepositoryOwnerId = 17,
    /// The workflow that was started.
    BuildConfigUri = 18,
    /// The commit of that workflow.
    BuildConfigDigest = 19,
    /// What started it.
    BuildTrigger = 20,
    /// The run and its attempt.
    RunInvocationUri = 21,
    /// Whether the repository was public.
    SourceRepositoryVisibility = 22,
}

/// What a certificate claims, by the number of the extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims(pub BTreeMap<u32, String>);

impl Claims {
    /// The text of a claim; none where the certificate does not make it.
    #[must_use]
    pub fn get(&self, claim: FulcioClaim) -> Option<&str> {
        self.0.get(&(claim as u32)).map(String::as_str)
    }
}

/// A bundle whose signature, certificate, log entries and times were checked against a trusted root: what it says is
/// what its signer said. Whether that signer may say so is a policy's affair.
#[derive(Debug, Clone)]
pub struct VerifiedBundle {
    /// Who signed; none for a managed key.
    pub signer: Option<SignerCertificate>,
    /// What was signed; none where it was the artifact itself.
    pub statement: Option<Statement>,
    /// When, as a log or a timestamp authority says, in seconds since 1970; empty only for a managed key.
    pub timestamps: Vec<i64>,
    /// What shows that a log has it; `None` if no log was asked for.
    pub log_proof: Option<LogProof>,
}

/// What shows that a transparency log has an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogProof {
    /// A path to a signed tree head.
    InclusionProof,
    /// The log's signed promise to include it, without a proof that it did.
    InclusionPromise,
}

/// Who signed, as a certificate has it.
#[derive(Debug, Clone)]
pub struct SignerCertificate {
    /// The one subject alternative name.
    pub san: String,
    /// Whether that is a URI.
    pub san_is_uri: bool,
    /// What else it claims.
    pub claims: Claims,
    /// Whether it is of GitHub's own instance, which serves repositories that are not public.
    pub github_instance: bool,
}

/// An in-toto statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its type.
    pub statement_type: String,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// The type of what it says.
    pub predicate_type: String,
    /// What it says, where that is known here.
    pub predicate: Predicate,
}

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its address; empty where it has none.
    pub uri: String,
    /// Its digests in hexadecimal digits, by algorithm.
    pub digests: BTreeMap<String, String>,
    /// Whether it is the artifact that was looked for, by its digest.
    pub matches_artifact: bool,
}

/// What a statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// SLSA provenance of a workflow run (`actions/attest`, build type `workflow/v1`).
    Provenance(Box<Provenance>),
    /// SLSA provenance of another build type, or from before version 1: what every builder says.
    GenericProvenance(GenericProvenance),
    /// What GitHub says of an immutable release.
    Release(ReleasePredicate),
    /// It is of a known type and has another form: why.
    Malformed(String),
    /// Something else.
    Other,
}

/// SLSA provenance v1 as `actions/attest` writes it. What is missing is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance {
    /// The reference of the workflow.
    pub workflow_ref: String,
    /// The repository's address.
    pub workflow_repository: String,
    /// The workflow's path.
    pub workflow_path: String,
    /// Further external parameters, of which nothing is known.
    pub unknown_parameters: Vec<String>,
    /// What started it.
    pub event_name: String,
    /// The repository's number.
    pub repository_id: String,
    /// The owner's number.
    pub repository_owner_id: String,
    /// `github-hosted` or `self-hosted`.
    pub runner_environment: String,
    /// What it was built from: address, and commit.
    pub resolved_dependencies: Vec<(String, String)>,
    /// The workflow that signed.
    pub builder_id: String,
    /// The run and its attempt.
    pub invocation_id: String,
}

/// What SLSA provenance says whoever made it (SLSA v0.2, v1).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GenericProvenance {
    /// The kind of build.
    pub build_type: String,
    /// The builder.
    pub builder_id: String,
    /// What it was built from: address, and commit. Without an order.
    pub resolved_dependencies: Vec<(String, String)>,
}

/// What GitHub attests of an immutable release (`https://in-toto.io/attestation/release/v0.1` and `v0.2`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReleasePredicate {
    /// `OWNER/NAME`.
    pub repository: String,
    /// Its number.
    pub repository_id: String,
    /// `pkg:github/OWNER/NAME@TAG`.
    pub purl: String,
    /// The tag.
    pub tag: String,
}

/// Why a bundle does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Refuted, or unproven if it could not be checked.
    pub verdict: Verdict,
    /// Why.
    pub explanation: Explanation,
}

impl Rejection {
    /// It was checked, and it is not valid.
    #[must_use]
    pub fn refuted(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Refuted, explanation: Explanation::new(reason, evidence) }
    }

    /// It could not be checked, or there is nothing to check.
    #[must_use]
    pub fn unproven(reason: Reason, evidence: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unproven, explanation: Explanation::new(reason, evidence) }
    }
}

/// A bundle, where it came from, and what came of checking it.
#[derive(Debug, Clone)]
pub struct BundleCheck {
    /// Where it came from, as in `bundle.jsonl, 3`.
    pub origin: String,
    /// The number of the repository that GitHub keeps it for.
    pub repository_id: Option<u64>,
    /// What its cryptography proves.
    pub result: Result<VerifiedBundle, Rejection>,
}

/// What an attestation must be.
#[derive(Debug, Clone)]
pub struct AttestationPolicy {
    /// Who must have signed.
    pub signer: ExpectedSigner,
    /// The name of the artifact; none where it has none.
    pub subject_name: Option<String>,
    /// The predicate types, any of them; empty if any at all will do, the artifact's own signature too.
    pub predicate_types: Vec<String>,
    /// The time, in seconds since 1970.
    pub now: i64,
}

/// Who must have signed.
#[derive(Debug, Clone)]
pub enum ExpectedSigner {
    /// A workflow of GitHub Actions.
    Workflow(Box<WorkflowPolicy>),
    /// A reusable workflow of another repository, which built from a repository.
    Builder(Box<BuilderPolicy>),
    /// Somebody of this identity, as cosign knows them.
    Identity {
        /// The name.
        name: IdentityMatcher,
        /// Who issued the token.
        issuer: String,
    },
    /// The owner of a key.
    Key,
    /// GitHub itself, for a release that nobody can change any more.
    GitHubRelease(ReleaseAttestationPolicy),
}

/// An immutable release, as GitHub attests it.
#[derive(Debug, Clone)]
pub struct ReleaseAttestationPolicy {
    /// The repository's names, each `OWNER/NAME`.
    pub repositories: Vec<String>,
    /// The tag.
    pub tag: String,
    /// The object that the tag names.
    pub object: crate::ObjectId,
}

/// How a name is compared.
#[derive(Debug, Clone)]
pub enum IdentityMatcher {
    /// It is this.
    Exact(String),
    /// This regular expression is found in it, anywhere, as cosign does it.
    Regexp(String),
}

/// A workflow run that may sign.
#[derive(Debug, Clone)]
pub struct WorkflowPolicy {
    /// The repositories that it may be of.
    pub repositories: Vec<AcceptedRepository>,
    /// The workflow that it must be of.
    pub workflow: Workflow,
    /// The reference that it must have run on; none for any.
    pub reference: Option<String>,
    /// The commit that it must have run on; none for any.
    pub commit: Option<String>,
    /// What must have started it, as in `workflow_dispatch`; none for anything.
    pub trigger: Option<String>,
    /// Who issued the token.
    pub issuer: String,
    /// Whether only GitHub's own runners may sign.
    pub deny_self_hosted: bool,
}

/// A builder: a reusable workflow of GitHub Actions that other repositories call, and what it must have built from (SLSA's
/// verification by builder and source, as slsa-verifier does it).
#[derive(Debug, Clone)]
pub struct BuilderPolicy {
    /// The address of the workflow, without its reference.
    pub workflow: String,
    /// The reference that the workflow must be of; `None` for a tag that is a released version.
    pub reference: Option<String>,
    /// The address of the repository that was built from, as in `https://github.com/acme/widgets`.
    pub source_uri: String,
    /// The reference that was built; `None` for any.
    pub source_ref: Option<String>,
    /// The commit that was built; `None` for any.
    pub source_digest: Option<String>,
    /// Who issued the token.
    pub issuer: String,
    /// Whether only GitHub's own runners may sign.
    pub deny_self_hosted: bool,
}

/// Which workflow may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workflow {
    /// Any of the repository.
    Any,
    /// This file under the repository's `.github/workflows/`.
    File(String),
    /// The one at this address, as in `https://github.com/acme/widgets/.github/workflows/release.yml`.
    Uri(String),
}

/// A repository that a signing workflow may be of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedRepository {
    /// Its address, as in `https://github.com/acme/widgets`.
    pub url: String,
    /// Its number; none where it is not pinned.
    pub repository_id: Option<u64>,
    /// The owner's number; none where it is not pinned.
    pub owner_id: Option<u64>,
    /// The first second from which it carries this name; none from the beginning.
    pub since: Option<i64>,
}

/// What came of all bundles for an artifact.
#[derive(Debug, Clone)]
pub struct BundleVerdicts {
    /// Each bundle with its verdict, in their order.
    pub bundles: Vec<BundleVerdict>,
    /// The one that proves it: its place among them, and what it says.
    pub proven: Option<(usize, VerifiedBundle)>,
}

/// A bundle with its verdict.
#[derive(Debug, Clone, Serialize)]
pub struct BundleVerdict {
    /// Where it came from.
    pub origin: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, and what to do about it.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// What does not stand against it and should be known.
    #[serde(rename = "notes")]
    pub warnings: Vec<String>,
}
