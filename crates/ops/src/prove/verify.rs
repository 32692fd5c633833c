//! A file or a digest, and what the bundles for it prove.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use forge::{Forge, ForgeError, Told};
use model::Digest;
use model::base::id::Hasher;
use model::evidence::attestation::{
    AttestationPolicy, BundleCheck, BundleVerdict, BundleVerdicts, Rejection,
};
use model::evidence::verdict::{Finding, Verdict, overall};
use model::release::host::GitHubAttestation;
use provenance::{Artifact, BundleVerifier, RawBundle, SelfManagedKey, TrustedRootSet};

use crate::context::World;
use crate::error::OpsError;
use crate::prove::trust_root::{Trusted, trusted};

/// What is verified.
#[derive(Debug, Clone)]
pub struct Subject {
    /// What reports call it.
    pub shown: String,
    /// The artifact.
    pub artifact: Verified,
    /// The name that the statement must give it; `None` for any.
    pub name: Option<String>,
    /// The digest that a list of sums gives it; `None` without a list.
    pub listed: Option<Digest>,
}

/// An artifact.
#[derive(Debug, Clone)]
pub enum Verified {
    /// A file.
    File(PathBuf),
    /// A SHA-256 digest of something that is not here.
    Digest(Digest),
}

/// Where bundles come from.
#[derive(Debug, Clone)]
pub enum Bundles<'a> {
    /// A file of them.
    File(PathBuf),
    /// GitHub, in this repository.
    GitHub(World<'a>),
}

/// What is to be verified, by what, against what.
#[derive(Debug)]
pub struct Verification<'a> {
    /// What is verified, at least one.
    pub subjects: Vec<Subject>,
    /// The bundles.
    pub bundles: Bundles<'a>,
    /// What they are held against; each subject brings its own name.
    pub expected: AttestationPolicy,
    /// Where trust begins.
    pub trusted: Trusted,
    /// The key that must have signed; none where a certificate says whose it was.
    pub key: Option<SelfManagedKey>,
}

/// What came of all of it.
#[derive(Debug)]
pub struct Verdicts {
    /// Which trusted roots there were, and how old.
    pub roots: String,
    /// Each subject, in the order in which they were given.
    pub subjects: Vec<SubjectVerdict>,
}

/// What came of a subject.
#[derive(Debug)]
pub struct SubjectVerdict {
    /// What reports call it.
    pub shown: String,
    /// The digest of what was verified; `None` if the file could not be read.
    pub digest: Option<Digest>,
    /// Each bundle.
    pub bundles: Vec<BundleVerdict>,
    /// What all of it proves.
    pub findings: Vec<Finding>,
}

impl Verdicts {
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
pub fn verify(it: &Verification<'_>, tell: &mut dyn FnMut(Told)) -> Result<Verdicts, OpsError> {
    // Each file is read before anything is asked: a wrong name must not cost a request.
    let digests = it.subjects.iter().map(digest_of_subject).collect::<Result<Vec<_>, _>>()?;
    let roots = match trusted(&it.trusted) {
        Ok(roots) => Ok(roots),
        Err(OpsError::Refresh(error)) => Err(OpsError::Refresh(error)),
        Err(error) => return Err(error),
    };
    let about = roots.as_ref().map_or("none".to_owned(), |roots| roots.describe(it.expected.now));
    let mut subjects = Vec::new();
    for (subject, digest) in it.subjects.iter().zip(digests) {
        subjects.push(verify_one(it, subject, digest, roots.as_ref(), tell)?);
    }
    Ok(Verdicts { roots: about, subjects })
}

/// The digest of a subject. Returns `None` for a file of a list of sums that cannot be read: the others are verified all
/// the same.
fn digest_of_subject(subject: &Subject) -> Result<Option<Digest>, OpsError> {
    match &subject.artifact {
        Verified::Digest(digest) => Ok(Some(*digest)),
        Verified::File(path) => match digest_of(path) {
            Ok(digest) => Ok(Some(digest)),
            Err(_) if subject.listed.is_some() => Ok(None),
            Err(error) => Err(error),
        },
    }
}

fn verify_one(
    it: &Verification<'_>,
    subject: &Subject,
    digest: Option<Digest>,
    roots: Result<&TrustedRootSet, &OpsError>,
    tell: &mut dyn FnMut(Told),
) -> Result<SubjectVerdict, OpsError> {
    let shown = subject.shown.clone();
    let done = |bundles, findings| Ok(SubjectVerdict { shown: shown.clone(), digest, bundles, findings });
    let unproven = |reason, evidence: String, hint: &str| Finding {
        check: "attestation",
        subject: shown.clone(),
        verdict: Verdict::Unproven,
        reason,
        evidence,
        hint: hint.to_owned(),
    };
    let mut findings: Vec<Finding> = subject
        .listed
        .map(|listed| rules::listed_digest_finding(&shown, listed, digest))
        .into_iter()
        .collect();
    let Some(sha256) = digest else { return done(Vec::new(), findings) };
    let roots = match roots {
        Ok(roots) => roots,
        Err(error) => {
            findings.push(unproven("trust-root", error.to_string(), error.hint().unwrap_or_default()));
            return done(Vec::new(), findings);
        }
    };
    let source = match &it.bundles {
        Bundles::File(path) => Source::File(path),
        Bundles::GitHub(world) => match listed(*world, sha256, tell) {
            Ok(all) => Source::Listed(all),
            Err(error) => {
                findings.push(unproven("unreachable", error.to_string(), error.hint()));
                return done(Vec::new(), findings);
            }
        },
    };
    let open = || -> io::Result<Box<dyn Read>> {
        match &subject.artifact {
            Verified::File(path) => Ok(Box::new(File::open(path)?)),
            Verified::Digest(_) => Err(io::Error::other("only its digest is known")),
        }
    };
    let is_file = matches!(subject.artifact, Verified::File(_));
    let artifact = Artifact { sha256, open: is_file.then_some(&open) };
    let checker = BundleVerifier::new(roots, it.key.clone());
    let expected = AttestationPolicy { subject_name: subject.name.clone(), ..it.expected.clone() };
    let judged = judge(&checker, &artifact, &expected, source)?;
    findings.push(rules::attestation_finding(&shown, &judged));
    done(judged.bundles, findings)
}

/// Bundles, one after the other.
pub(crate) enum Source<'a> {
    File(&'a Path),
    Listed(Vec<GitHubAttestation>),
}

/// Every bundle with its verdict. One is in memory at a time.
pub(crate) fn judge(
    checker: &BundleVerifier<'_>,
    artifact: &Artifact<'_>,
    expected: &AttestationPolicy,
    source: Source<'_>,
) -> Result<BundleVerdicts, OpsError> {
    let mut judged = BundleVerdicts { bundles: Vec::new(), proven: None };
    let mut take = |origin: String, repository_id: Option<u64>, text: Result<String, Rejection>| {
        let came = text.and_then(|it| checker.verify(&it, artifact));
        let (bundle, attested) =
            rules::check_bundle(expected, BundleCheck { origin, repository_id, result: came });
        if let Some(attested) = attested {
            judged.proven.get_or_insert((judged.bundles.len(), attested));
        }
        judged.bundles.push(bundle);
    };
    match source {
        Source::Listed(all) => {
            for (at, it) in all.into_iter().enumerate() {
                let text = it.bundle.map_err(|said| Rejection::unproven("unreachable", said));
                take(format!("GitHub, {}", at + 1), Some(it.repository_id), text);
            }
        }
        Source::File(path) => {
            let failed = |source| OpsError::Bundle { path: path.to_owned(), source };
            let file = BufReader::new(File::open(path).map_err(failed)?);
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let several = path.extension().is_some_and(|it| it == "jsonl");
            let mut count = 0;
            let mut each = |it: RawBundle| {
                count = it.number;
                take(format!("{name}, {}", it.number), None, it.text);
            };
            provenance::read_bundles(file, &mut each).map_err(failed)?;
            if count > 1 && !several {
                // Which of them counts, another reader may see otherwise.
                let said = "something follows the bundle; a file with several of them is called .jsonl";
                let rejected = Err(Rejection::refuted("parse", said));
                judged = BundleVerdicts { bundles: Vec::new(), proven: None };
                let candidate = BundleCheck { origin: name, repository_id: None, result: rejected };
                judged.bundles.push(rules::check_bundle(expected, candidate).0);
            }
        }
    }
    Ok(judged)
}

/// The attestations that GitHub keeps for a digest: as anybody sees them, and where that is not allowed, with the token.
pub(crate) fn listed(
    world: World<'_>,
    digest: Digest,
    tell: &mut dyn FnMut(Told),
) -> Result<Vec<GitHubAttestation>, ForgeError> {
    let ask = |forge: &Forge, tell: &mut dyn FnMut(Told)| forge.attestations(&digest.to_string(), None, tell);
    match ask(world.outsider, tell) {
        Err(error @ (ForgeError::Refused { status: 401 | 403 | 404, .. } | ForgeError::Limited { .. })) => {
            match world.own.forge()? {
                own if own.has_token() => ask(own, tell),
                _ => Err(error),
            }
        }
        other => other,
    }
}

fn digest_of(path: &Path) -> Result<Digest, OpsError> {
    let failed = |source| OpsError::Artifact { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let mut hasher = Hasher::default();
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece).map_err(failed)? {
            0 => return Ok(hasher.finish()),
            length => hasher.update(&piece[..length]),
        }
    }
}
