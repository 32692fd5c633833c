//! Verification of files and digests against Sigstore bundles.

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
use model::evidence::package::RestoredPackage;
use model::evidence::reason::Reason;
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::host::GitHubAttestation;
use provenance::{Artifact, BundleVerifier, RawBundle, TrustedRootSet};

use crate::context::ForgeClients;
use crate::error::OpsError;
use crate::identities::PublicKey;
use crate::prove::package_download::FileReader;
use crate::prove::restored_package::restore;
use crate::prove::trust_root::{TrustRootSource, load_trust_root};

/// An artifact to verify, and what must be true of it.
#[derive(Debug, Clone)]
pub struct VerifySubject {
    /// The name of the subject in reports.
    pub display_name: String,
    /// The artifact.
    pub artifact: SubjectArtifact,
    /// The name that the statement must give to the artifact. `None` accepts any name.
    pub name: Option<String>,
    /// The digest that `SHA256SUMS` lists for the artifact. `None` if no such list was given.
    pub listed_digest: Option<Digest>,
}

/// An artifact to verify.
#[derive(Debug, Clone)]
pub enum SubjectArtifact {
    /// A local file.
    File(PathBuf),
    /// The SHA-256 digest of an artifact whose content is not available.
    Digest(Digest),
}

/// The source of the bundles.
#[derive(Debug, Clone)]
pub enum BundleSource<'a> {
    /// A file of bundles, in JSON or JSON lines.
    File(PathBuf),
    /// The attestations of the clients' repository on GitHub.
    GitHub(ForgeClients<'a>),
}

/// The inputs of a verification.
#[derive(Debug)]
pub struct VerifyRequest<'a> {
    /// The subjects, at least one.
    pub subjects: Vec<VerifySubject>,
    /// The source of the bundles.
    pub bundles: BundleSource<'a>,
    /// The policy for the bundles. Its `subject_name` is replaced by the name of each subject.
    pub policy: AttestationPolicy,
    /// The source of the trusted roots.
    pub trust_root: TrustRootSource,
    /// The public key that must have signed. `None` if a certificate identifies the signer.
    pub key: Option<PublicKey>,
    /// The folder for nameless files.
    pub temporary_folder: PathBuf,
}

/// The result of a verification.
#[derive(Debug)]
pub struct VerificationReport {
    /// A description of the trusted roots and their age; `none` if there are none.
    pub trust_root: String,
    /// The result for each subject, in the order of the request.
    pub subjects: Vec<SubjectVerdict>,
}

/// The result for a subject.
#[derive(Debug)]
pub struct SubjectVerdict {
    /// The name of the subject in reports.
    pub display_name: String,
    /// The digest of the artifact. `None` if the file could not be read.
    pub digest: Option<Digest>,
    /// The verdict of each bundle.
    pub bundles: Vec<BundleVerdict>,
    /// The findings for the subject as a whole.
    pub findings: Vec<Finding>,
}

impl VerificationReport {
    /// Returns the worst verdict of all subjects. Without subjects it is unproven, because nothing was verified.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let all = self.subjects.iter().map(|it| overall(&it.findings));
        all.max().unwrap_or(Verdict::Unproven)
    }
}

/// Verifies each subject. A failed request is a finding, not an error. The trusted roots are loaded once.
///
/// # Errors
/// [`OpsError`] if a given file, the file of bundles or the file of trusted roots cannot be read. A file that only
/// `SHA256SUMS` lists is a finding instead.
pub fn verify(
    request: &VerifyRequest<'_>,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<VerificationReport, OpsError> {
    // Each file is read before the first request, so that a misspelled name costs no request.
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

/// Returns the digest of a subject. `None` if a file that `SHA256SUMS` lists cannot be read: the other files are still
/// verified.
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
    let open = || -> io::Result<Box<dyn Read>> {
        match &subject.artifact {
            SubjectArtifact::File(path) => Ok(Box::new(File::open(path)?)),
            SubjectArtifact::Digest(_) => Err(io::Error::other("only its digest is known")),
        }
    };
    let is_file = matches!(subject.artifact, SubjectArtifact::File(_));
    let artifact = Artifact { sha256, open: is_file.then_some(&open) };
    let (mut bundles, mut finding) = verify_artifact(request, subject, &artifact, roots, on_event)?;
    if finding.verdict != Verdict::Proven
        && let Some((file, package)) = signed_package(request, &subject.artifact)
    {
        let open = || -> io::Result<Box<dyn Read>> { Ok(Box::new(FileReader::new(&file)?)) };
        let artifact = Artifact { sha256: package.digests.sha256, open: Some(&open) };
        (bundles, finding) = verify_artifact(request, subject, &artifact, roots, on_event)?;
        findings.extend(rules::restored_package_finding(&display_name, &package));
        finding.explanation.evidence.push_str("; verified without the registry's signature in the package");
    }
    findings.push(finding);
    subject_verdict(bundles, findings)
}

/// Verifies the bundles of an artifact. Returns the verdict of each, and the finding.
fn verify_artifact(
    request: &VerifyRequest<'_>,
    subject: &VerifySubject,
    artifact: &Artifact<'_>,
    roots: &TrustedRootSet,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<(Vec<BundleVerdict>, Finding), OpsError> {
    let name = &subject.display_name;
    let source = match &request.bundles {
        BundleSource::File(path) => BundleStream::File(path),
        BundleSource::GitHub(clients) => match fetch_attestations(*clients, artifact.sha256, on_event) {
            Ok((all, _)) => BundleStream::Attestations(all),
            Err(error) => {
                let finding = Finding::unproven("attestation", name, Reason::Unreachable, error.to_string());
                return Ok((Vec::new(), finding));
            }
        },
    };
    let verifier = BundleVerifier::new(roots, request.key.clone().map(|it| it.0));
    let expected = AttestationPolicy { subject_name: subject.name.clone(), ..request.policy.clone() };
    let verdicts = verify_bundles(&verifier, artifact, &expected, source)?;
    let finding = rules::attestation_finding(name, &verdicts);
    Ok((verdicts.bundles, finding))
}

/// Returns a NuGet package without the registry's signature. `None` for another file, and for a package that is not signed
/// or that is malformed: it is then verified as it is.
fn signed_package(
    request: &VerifyRequest<'_>,
    artifact: &SubjectArtifact,
) -> Option<(File, RestoredPackage)> {
    let SubjectArtifact::File(path) = artifact else { return None };
    if path.extension().is_none_or(|it| !it.eq_ignore_ascii_case("nupkg")) {
        return None;
    }
    restore(&File::open(path).ok()?, &request.temporary_folder).ok()?
}

/// The bundles of one subject.
pub(crate) enum BundleStream<'a> {
    File(&'a Path),
    Attestations(Vec<GitHubAttestation>),
    /// A registry's document of attestations. Empty if it serves none.
    Registry(&'a str),
}

impl BundleStream<'_> {
    /// Returns whether there are certainly no bundles.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::File(_) => false,
            Self::Attestations(all) => all.is_empty(),
            Self::Registry(document) => document.is_empty(),
        }
    }
}

/// Verifies every bundle. Bundles in a file are read one at a time, so that a long file needs little memory.
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
        BundleStream::Registry(document) => {
            for (origin, bundle) in bundles_of("registry", Ok(document.to_owned())) {
                check_one(origin, None, bundle);
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
                for (origin, bundle) in bundles_of(&format!("{name}, {}", it.number), it.text) {
                    check_one(origin, None, bundle);
                }
            };
            provenance::read_bundles(file, &mut each).map_err(failed)?;
            if count > 1 && !is_json_lines {
                // Another program may read only the first or the last bundle, so the file is ambiguous.
                let reason = "data follows the bundle; a file with several bundles must be named .jsonl";
                let rejected = Err(Rejection::refuted(Reason::ParseError, reason));
                verdicts = BundleVerdicts { bundles: Vec::new(), proven: None };
                let candidate = BundleCheck { origin: name, repository_id: None, result: rejected };
                verdicts.bundles.push(rules::check_bundle(policy, candidate).0);
            }
        }
    }
    Ok(verdicts)
}

/// Returns the bundles in a text, each with its origin: those of a registry's document, else the text itself.
fn bundles_of(origin: &str, text: Result<String, Rejection>) -> Vec<(String, Result<String, Rejection>)> {
    match text.and_then(|it| Ok((provenance::bundles_of_document(&it)?, it))) {
        Ok((Some(bundles), _)) => {
            let numbered = bundles.into_iter().enumerate();
            numbered.map(|(index, bundle)| (format!("{origin}, {}", index + 1), Ok(bundle))).collect()
        }
        Ok((None, text)) => vec![(origin.to_owned(), Ok(text))],
        Err(rejection) => vec![(origin.to_owned(), Err(rejection))],
    }
}

/// Fetches the attestations of a digest from GitHub, first without credentials. If that is refused, for a private
/// repository or because of the rate limit, the request is repeated with the token. Returns also whether it was.
pub(crate) fn fetch_attestations(
    clients: ForgeClients<'_>,
    digest: Digest,
    on_event: &mut dyn FnMut(HttpEvent),
) -> Result<(Vec<GitHubAttestation>, bool), ForgeError> {
    let ask = |forge: &Forge, on_event: &mut dyn FnMut(HttpEvent)| {
        forge.attestations(&digest.to_string(), None, on_event)
    };
    match ask(clients.anonymous, on_event) {
        Err(
            error @ (ForgeError::Status { status: 401 | 403 | 404, .. } | ForgeError::RateLimited { .. }),
        ) => match clients.authenticated.forge()? {
            authenticated if authenticated.has_token() => Ok((ask(authenticated, on_event)?, true)),
            _ => Err(error),
        },
        other => Ok((other?, false)),
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
