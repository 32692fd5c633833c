//! A file or a digest, and what the bundles for it prove.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use forge::{Forge, ForgeError, Told};
use model::Digest;
use model::attestation::{Candidate, Expected, Judged, JudgedBundle, Rejection};
use model::hosting::HostedAttestation;
use model::id::Hasher;
use model::verdict::{Finding, Verdict};
use provenance::{Artifact, Checker, Key, Refresh, Roots, Split};

use crate::{OpsError, World};

/// What is verified.
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

/// Where trust begins.
#[derive(Debug, Clone)]
pub enum Trusted {
    /// A file with trusted roots.
    File(PathBuf),
    /// What is published over TUF; if it cannot be reached, what was fetched before; without a cache, what is built in.
    Published(Refresh),
}

/// What is to be verified, by what, against what.
#[derive(Debug)]
pub struct Verification<'a> {
    /// What is verified.
    pub subject: Verified,
    /// The bundles.
    pub bundles: Bundles<'a>,
    /// What they are held against.
    pub expected: Expected,
    /// Where trust begins.
    pub trusted: Trusted,
    /// The key that must have signed; none where a certificate says whose it was.
    pub key: Option<Key>,
}

/// What came of it.
#[derive(Debug)]
pub struct Verdicts {
    /// The digest of what was verified.
    pub digest: Digest,
    /// Which trusted roots there were, and how old.
    pub roots: String,
    /// Each bundle.
    pub bundles: Vec<JudgedBundle>,
    /// What all of it proves.
    pub findings: Vec<Finding>,
}

/// Verifies. What cannot be looked at is a finding.
///
/// # Errors
/// [`OpsError`] where the file, the bundles or the trusted roots that were named cannot be read.
pub fn verify(it: &Verification<'_>, tell: &mut dyn FnMut(Told)) -> Result<Verdicts, OpsError> {
    let (digest, subject) = match &it.subject {
        Verified::Digest(digest) => (*digest, digest.to_string()),
        Verified::File(path) => (digest_of(path)?, path.display().to_string()),
    };
    let listed = match &it.bundles {
        Bundles::File(path) => Ok(Source::File(path)),
        Bundles::GitHub(world) => listed(*world, digest, tell).map(Source::Listed),
    };
    let unproven = |reason, evidence: String, hint: &str| Finding {
        check: "attestation",
        subject: subject.clone(),
        verdict: Verdict::Unproven,
        reason,
        evidence,
        hint: hint.to_owned(),
    };
    let nothing =
        |roots: String, finding| Ok(Verdicts { digest, roots, bundles: Vec::new(), findings: vec![finding] });
    let roots = match trusted(&it.trusted) {
        Ok(roots) => roots,
        Err(error @ OpsError::Refresh(_)) => {
            let hint = error.hint().unwrap_or_default();
            return nothing("none".to_owned(), unproven("trust-root", error.to_string(), hint));
        }
        Err(error) => return Err(error),
    };
    let about = roots.about(it.expected.now);
    let source = match listed {
        Ok(source) => source,
        Err(error) => return nothing(about, unproven("unreachable", error.to_string(), error.hint())),
    };
    let open = || -> io::Result<Box<dyn Read>> {
        match &it.subject {
            Verified::File(path) => Ok(Box::new(File::open(path)?)),
            Verified::Digest(_) => Err(io::Error::other("only its digest is known")),
        }
    };
    let is_file = matches!(it.subject, Verified::File(_));
    let artifact = Artifact { sha256: digest, open: is_file.then_some(&open) };
    let checker = Checker::new(&roots, it.key.clone());
    let judged = judge(&checker, &artifact, &it.expected, source)?;
    let findings = vec![rules::attestation(&subject, &judged)];
    Ok(Verdicts { digest, roots: about, bundles: judged.bundles, findings })
}

/// Bundles, one after the other.
pub(crate) enum Source<'a> {
    File(&'a Path),
    Listed(Vec<HostedAttestation>),
}

/// Every bundle with its verdict. One is in memory at a time.
pub(crate) fn judge(
    checker: &Checker<'_>,
    artifact: &Artifact<'_>,
    expected: &Expected,
    source: Source<'_>,
) -> Result<Judged, OpsError> {
    let mut judged = Judged { bundles: Vec::new(), proven: None };
    let mut take = |origin: String, repository_id: Option<u64>, text: Result<String, Rejection>| {
        let came = text.and_then(|it| checker.check(&it, artifact));
        let (bundle, attested) = rules::judge(expected, Candidate { origin, repository_id, checked: came });
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
            let mut each = |it: Split| {
                count = it.number;
                take(format!("{name}, {}", it.number), None, it.text);
            };
            provenance::split(file, &mut each).map_err(failed)?;
            if count > 1 && !several {
                // Which of them counts, another reader may see otherwise.
                let said = "something follows the bundle; a file with several of them is called .jsonl";
                let rejected = Err(Rejection::refuted("parse", said));
                judged = Judged { bundles: Vec::new(), proven: None };
                let candidate = Candidate { origin: name, repository_id: None, checked: rejected };
                judged.bundles.push(rules::judge(expected, candidate).0);
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
) -> Result<Vec<HostedAttestation>, ForgeError> {
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

/// The trusted roots, the freshest that are to be had.
pub(crate) fn trusted(from: &Trusted) -> Result<Roots, OpsError> {
    match from {
        Trusted::File(path) => {
            let text = archive::read_named(path, MAX_ROOT_BYTES).map_err(OpsError::TrustedRoot)?;
            Ok(Roots::read(&text, &path.display().to_string())?)
        }
        Trusted::Published(refresh) => provenance::trusted_roots(refresh).map_err(OpsError::Refresh),
    }
}

/// The longest file of trusted roots that is read, in bytes.
const MAX_ROOT_BYTES: u64 = 16 << 20;

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
