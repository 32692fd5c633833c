//! A file or a digest, and what the bundles for it prove.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use forge::{Forge, ForgeError};
use model::Digest;
use model::base::http::HttpEvent;
use model::base::id::Hasher;
use model::evidence::attestation::{
    AttestationPolicy, BundleCheck, BundleVerdict, BundleVerdicts, Rejection,
};
use model::evidence::reason::Reason;
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::host::GitHubAttestation;
use provenance::{Artifact, BundleVerifier, RawBundle, TrustedRootSet};

use crate::context::ForgeClients;
use crate::error::OpsError;
use crate::identities::PublicKey;
use crate::prove::trust_root::{TrustRootSource, load_trust_root};

/// What is verified.
#[derive(Debug, Clone)]
pub struct VerifySubject {
    /// What reports call it.
    pub display_name: String,
    /// The artifact.
    pub artifact: SubjectArtifact,
    /// The name that the statement must give it; `None` for any.
    pub name: Option<String>,
    /// The digest that a list of sums gives it; `None` without a list.
    pub listed_digest: Option<Digest>,
}

/// An artifact.
#[derive(Debug, Clone)]
pub enum SubjectArtifact {
    /// A file.
    File(PathBuf),
    /// A SHA-256 digest of something that is not here.
    Digest(Digest),
}

/// Where bundles come from.
#[derive(Debug, Clone)]
pub enum BundleSource<'a> {
    /// A file of them.
    File(PathBuf),
    /// GitHub, in this repository.
    GitHub(ForgeClients<'a>),
}

/// What is to be verified, by what, against what.
#[derive(Debug)]
pub struct VerifyRequest<'a> {
    /// What is verified, at least one.
    pub subjects: Vec<VerifySubject>,
    /// The bundles.
    pub bundles: BundleSource<'a>,
    /// What they are held against; each subject brings its own name.
    pub policy: AttestationPolicy,
    /// Where trust begins.
    pub trust_root: TrustRootSource,
    /// The key that must have signed; none where a certificate says whose it was.
    pub key: Option<PublicKey>,
}

/// What came of all of it.
#[derive(Debug)]
pub struct VerificationReport {
    /// Which trusted roots there were, and how old.
    pub trust_root: String,
    /// Each subject, in the order in which they were given.
    pub subjects: Vec<SubjectVerdict>,
}

/// What came of a subject.
#[derive(Debug)]
pub struct SubjectVerdict {
    /// What reports call it.
    pub display_name: String,
    /// The digest of what was verified; `None` if the file could not be read.
    pub digest: Option<Digest>,
    /// Each bundle.
    pub bundles: Vec<BundleVerdict>,
    /// What all of it proves.
    pub findings: Vec<Finding>,
}

impl VerificationReport {
    /// The worst of all subjects. Nothing verified proves nothing.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let all = self.subjects.iter().map(|it| overall(&it.findings));
        all.max().unwrap_or(Verdict::Unproven)
    }
}

/// Verifies each subject. What cannot be looked at is a finding. Trusted roots are fetched once.
///
/// # Errors
/// [`OpsError`] where a file that was named by itself, the bundles or the trusted roots that were named cannot be read.
pub fn verify(
    request: &VerifyRequest<'_>,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<VerificationReport, OpsError> {
    // Each file is read before anything is asked: a wrong name must not cost a request.
    let digests = request.subjects.iter().map(digest_subject).collect::<Result<Vec<_>, _>>()?;
    let roots = match load_trust_root(&request.trust_root) {
        Ok(roots) => Ok(roots),
        Err(OpsError::FetchTrustedRoot(error)) => Err(OpsError::FetchTrustedRoot(error)),
        Err(error) => return Err(error),
    };
    let trust_root = roots.as_ref().map_or("none".to_owned(), |roots| roots.describe(request.policy.now));
    let mut subjects = Vec::new();
    for (subject, digest) in request.subjects.iter().zip(digests) {
        subjects.push(verify_subject(request, subject, digest, roots.as_ref(), on_event)?);
    }
    Ok(VerificationReport { trust_root, subjects })
}

/// The digest of a subject. Returns `None` for a file of a list of sums that cannot be read: the others are verified all
/// the same.
fn digest_subject(subject: &VerifySubject) -> Result<Option<Digest>, OpsError> {
    match &subject.artifact {
        SubjectArtifact::Digest(digest) => Ok(Some(*digest)),
        SubjectArtifact::File(path) => match digest_file(path) {
            Ok(digest) => Ok(Some(digest)),
            Err(_) if subject.listed_digest.is_some() => Ok(None),
            Err(error) => Err(error),
        },
    }
}

fn verify_subject(
    request: &VerifyRequest<'_>,
    subject: &VerifySubject,
    digest: Option<Digest>,
    roots: Result<&TrustedRootSet, &OpsError>,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<SubjectVerdict, OpsError> {
    let display_name = subject.display_name.clone();
    let subject_verdict = |bundles, findings| {
        Ok(SubjectVerdict { display_name: display_name.clone(), digest, bundles, findings })
    };
    let unproven =
        |reason, evidence: String| Finding::unproven("attestation", &subject.display_name, reason, evidence);
    let mut findings: Vec<Finding> = subject
        .listed_digest
        .map(|listed| rules::listed_digest_finding(&display_name, listed, digest))
        .into_iter()
        .collect();
    let Some(sha256) = digest else { return subject_verdict(Vec::new(), findings) };
    let roots = match roots {
        Ok(roots) => roots,
        Err(error) => {
            findings.push(unproven(Reason::TrustRoot, error.to_string()));
            return subject_verdict(Vec::new(), findings);
        }
    };
    let source = match &request.bundles {
        BundleSource::File(path) => BundleStream::File(path),
        BundleSource::GitHub(clients) => match fetch_attestations(*clients, sha256, on_event) {
            Ok(all) => BundleStream::Attestations(all),
            Err(error) => {
                findings.push(unproven(Reason::Unreachable, error.to_string()));
                return subject_verdict(Vec::new(), findings);
            }
        },
    };
    let open = || -> io::Result<Box<dyn Read>> {
        match &subject.artifact {
            SubjectArtifact::File(path) => Ok(Box::new(File::open(path)?)),
            SubjectArtifact::Digest(_) => Err(io::Error::other("only its digest is known")),
        }
    };
    let is_file = matches!(subject.artifact, SubjectArtifact::File(_));
    let artifact = Artifact { sha256, open: is_file.then_some(&open) };
    let verifier = BundleVerifier::new(roots, request.key.clone().map(|it| it.0));
    let expected = AttestationPolicy { subject_name: subject.name.clone(), ..request.policy.clone() };
    let verdicts = verify_bundles(&verifier, &artifact, &expected, source)?;
    findings.push(rules::attestation_finding(&display_name, &verdicts));
    subject_verdict(verdicts.bundles, findings)
}

/// Bundles, one after the other.
pub(crate) enum BundleStream<'a> {
    File(&'a Path),
    Attestations(Vec<GitHubAttestation>),
}

/// Every bundle with its verdict. One is in memory at a time.
pub(crate) fn verify_bundles(
    verifier: &BundleVerifier<'_>,
    artifact: &Artifact<'_>,
    policy: &AttestationPolicy,
    source: BundleStream<'_>,
) -> Result<BundleVerdicts, OpsError> {
    let mut verdicts = BundleVerdicts { bundles: Vec::new(), proven: None };
    let mut check_one = |origin: String, repository_id: Option<u64>, text: Result<String, Rejection>| {
        let result = text.and_then(|it| verifier.verify(&it, artifact));
        let (bundle, attested) = rules::check_bundle(policy, BundleCheck { origin, repository_id, result });
        if let Some(attested) = attested {
            verdicts.proven.get_or_insert((verdicts.bundles.len(), attested));
        }
        verdicts.bundles.push(bundle);
    };
    match source {
        BundleStream::Attestations(all) => {
            for (index, attestation) in all.into_iter().enumerate() {
                let text =
                    attestation.bundle.map_err(|reason| Rejection::unproven(Reason::Unreachable, reason));
                check_one(format!("GitHub, {}", index + 1), Some(attestation.repository_id), text);
            }
        }
        BundleStream::File(path) => {
            let failed = |source| OpsError::Bundle { path: path.to_owned(), source };
            let file = BufReader::new(File::open(path).map_err(failed)?);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let is_json_lines = path.extension().is_some_and(|it| it == "jsonl");
            let mut count = 0;
            let mut each = |it: RawBundle| {
                count = it.number;
                check_one(format!("{name}, {}", it.number), None, it.text);
            };
            provenance::read_bundles(file, &mut each).map_err(failed)?;
            if count > 1 && !is_json_lines {
                // Which of them counts, another reader may see otherwise.
                let reason = "something follows the bundle; a file with several of them is called .jsonl";
                let rejected = Err(Rejection::refuted(Reason::ParseError, reason));
                verdicts = BundleVerdicts { bundles: Vec::new(), proven: None };
                let candidate = BundleCheck { origin: name, repository_id: None, result: rejected };
                verdicts.bundles.push(rules::check_bundle(policy, candidate).0);
            }
        }
    }
    Ok(verdicts)
}

/// The attestations that GitHub keeps for a digest: as anybody sees them, and where that is not allowed, with the token.
pub(crate) fn fetch_attestations(
    clients: ForgeClients<'_>,
    digest: Digest,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<Vec<GitHubAttestation>, ForgeError> {
    let ask = |forge: &Forge, on_event: &mut dyn FnMut(HttpEvent)| {
        forge.attestations(&digest.to_string(), None, on_event)
    };
    match ask(clients.anonymous, on_event) {
        Err(
            error @ (ForgeError::Status { status: 401 | 403 | 404, .. } | ForgeError::RateLimited { .. }),
        ) => match clients.authenticated.forge()? {
            authenticated if authenticated.has_token() => ask(authenticated, on_event),
            _ => Err(error),
        },
        other => other,
    }
}

fn digest_file(path: &Path) -> Result<Digest, OpsError> {
    let failed = |source| OpsError::Artifact { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Hasher::default();
    let mut chunk = vec![0; 64 << 10];
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&chunk[..length]),
        }
    }
}
