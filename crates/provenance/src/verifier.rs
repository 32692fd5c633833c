//! Verification of one bundle.

use std::io::{self, Read};

use model::Digest;
use model::evidence::attestation::{LogProof, Rejection, VerifiedBundle};
use model::evidence::reason::Reason;
use sigstore_verify::types::bundle::VerificationMaterialContent;
use sigstore_verify::types::{Bundle, DerPublicKey, Sha256Hash, SignatureContent};
use sigstore_verify::{
    CertificateError, Error, PublicKeyVerificationPolicy, TimestampError, TransparencyLogError,
    VerificationPolicy, VerificationResult,
};

use crate::certificate::Leaf;
use crate::parse;
use crate::statement;
use crate::trusted_root::{PreparedRoot, TrustedRootSet};

/// Maximum size of an artifact that is read into memory, in bytes. Only a signature over the bytes themselves (Ed25519)
/// requires that.
const MAX_ARTIFACT_BYTES: u64 = 256 << 20;

/// The artifact that a bundle is verified for.
pub struct Artifact<'a> {
    /// Its SHA-256.
    pub sha256: Digest,
    /// Opens the artifact at its beginning; `None` if only the digest is known.
    pub open: Option<&'a dyn Fn() -> io::Result<Box<dyn Read>>>,
}

impl std::fmt::Debug for Artifact<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Artifact").field("sha256", &self.sha256).finish_non_exhaustive()
    }
}

/// A public key that the signer manages, instead of a certificate.
#[derive(Debug, Clone)]
pub struct SelfManagedKey(DerPublicKey);

/// The reason why a key cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("expected a public key in PEM (-----BEGIN PUBLIC KEY-----): {0}")]
pub struct KeyError(String);

impl SelfManagedKey {
    /// Reads the key in a PEM file (RFC 7468, 13).
    ///
    /// # Errors
    /// [`KeyError`] if the text is not such a file, or the algorithm of the key is not supported.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let key = DerPublicKey::from_pem(text).map_err(|error| KeyError(error.to_string()))?;
        sigstore_verify::crypto::KeyAlgorithm::from_spki(&key)
            .map_err(|error| KeyError(error.to_string()))?;
        Ok(Self(key))
    }
}

/// Verifies bundles against trusted roots.
#[derive(Debug)]
pub struct BundleVerifier<'r> {
    trusted_roots: &'r TrustedRootSet,
    key: Option<SelfManagedKey>,
}

impl<'r> BundleVerifier<'r> {
    /// Creates a verifier for bundles that are signed with `key`, or with a certificate if there is no key.
    #[must_use]
    pub fn new(trusted_roots: &'r TrustedRootSet, key: Option<SelfManagedKey>) -> Self {
        Self { trusted_roots, key }
    }

    /// Verifies a bundle for an artifact. Returns its signer, statement and timestamps.
    ///
    /// # Errors
    /// [`Rejection`] if the bundle is not valid (refuted), or cannot be checked (unproven).
    pub fn verify(&self, text: &str, artifact: &Artifact<'_>) -> Result<VerifiedBundle, Rejection> {
        let bundle = parse::parse_bundle(text)?;
        let leaf = match (&self.key, bundle.signing_certificate()) {
            (None, Some(certificate)) => Some(Leaf::read(certificate.as_bytes())?),
            (None, None) => {
                return Err(Rejection::refuted(
                    Reason::WrongSigner,
                    "it is signed with a key, expected a certificate",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Rejection::refuted(
                    Reason::WrongSigner,
                    "it is signed with a certificate, expected the given key",
                ));
            }
            (Some(_), None) => None,
        };
        let (result, log_proof) = match (&leaf, &self.key) {
            (Some(leaf), _) => self.verify_keyless(&bundle, leaf, artifact)?,
            (None, Some(key)) => self.verify_with_key(&bundle, key, artifact)?,
            (None, None) => unreachable!("the match above requires a certificate or a key"),
        };
        let statement = match &bundle.content {
            SignatureContent::DsseEnvelope(envelope) => {
                let mut statement = statement::parse_statement(envelope.payload.as_bytes())?;
                statement::mark_matching_subjects(&mut statement, &artifact.sha256.hex());
                Some(statement)
            }
            _ => None,
        };
        let timestamps = result.verified_timestamps().iter().map(|it| it.as_second()).collect();
        Ok(VerifiedBundle { signer: leaf.map(|it| it.signer), statement, timestamps, log_proof })
    }

    /// Verifies a bundle that is signed with a certificate. The rules depend on the Sigstore instance that issued it:
    /// - The public-good instance always requires an SCT, a log entry with an inclusion proof or promise, and a
    ///   timestamp. A custom trusted root does not relax this.
    /// - GitHub's instance has no logs and requires only a timestamp.
    /// - Another instance of a custom trusted root requires a timestamp, and those logs that its root names.
    fn verify_keyless(
        &self,
        bundle: &Bundle,
        leaf: &Leaf,
        artifact: &Artifact<'_>,
    ) -> Result<(VerificationResult, Option<LogProof>), Rejection> {
        let root = self.trusted_roots.for_issuer(leaf)?;
        let is_custom_instance = self.trusted_roots.custom && leaf.issuer_organization != "sigstore.dev";
        let skip_sct = leaf.signer.github_instance || is_custom_instance && !root.has_ct_logs;
        let skip_log = leaf.signer.github_instance || is_custom_instance && !root.has_logs;
        let mut policy = VerificationPolicy::any_identity();
        if skip_sct {
            policy = policy.skip_sct();
        }
        if skip_log {
            policy = policy.skip_tlog_unsafe();
        }
        let log_proof = if skip_log { None } else { Some(parse::check_log_entries(bundle, root)?) };
        let valid_when_signed = parse::stated_times(bundle).iter().all(|it| leaf.validity.contains(it));
        let result = run_verifier(root, bundle, &policy, artifact, valid_when_signed)?;
        parse::check_timestamps(bundle, root)?;
        // The library reports which checks it ran. A required check that it did not run never counts as passed.
        let is_complete = result.certificate_verified()
            && (skip_sct || result.sct_verified())
            && (skip_log || result.tlog_verified())
            && !result.verified_timestamps().is_empty();
        if is_complete {
            Ok((result, log_proof))
        } else {
            Err(Rejection::unproven(Reason::InvalidBundle, "the library did not run every required check"))
        }
    }

    /// Verifies a bundle that is signed with a self-managed key. It requires a log entry with an inclusion proof or
    /// promise.
    fn verify_with_key(
        &self,
        bundle: &Bundle,
        key: &SelfManagedKey,
        artifact: &Artifact<'_>,
    ) -> Result<(VerificationResult, Option<LogProof>), Rejection> {
        if !matches!(bundle.verification_material.content, VerificationMaterialContent::PublicKey(_)) {
            return Err(Rejection::refuted(Reason::WrongSigner, "it carries no public key hint"));
        }
        // A key belongs to no root, so the log of the first entry selects the root.
        let Some(root) = self.trusted_roots.all.iter().find(|it| it.has_log_of(bundle)) else {
            return Err(Rejection::refuted(Reason::LogProof, "no trusted root contains its log"));
        };
        let log_proof = parse::check_log_entries(bundle, root)?;
        let policy = PublicKeyVerificationPolicy::new(key.0.clone());
        let result = run_verifier(root, bundle, &policy, artifact, true)?;
        parse::check_timestamps(bundle, root)?;
        if result.tlog_verified() {
            Ok((result, Some(log_proof)))
        } else {
            Err(Rejection::refuted(Reason::LogProof, "it has no verified log entry"))
        }
    }
}

/// Runs the library on the artifact's digest. Reads the artifact only if the SHA-256 is not enough.
fn run_verifier(
    root: &PreparedRoot,
    bundle: &Bundle,
    policy: &impl sigstore_verify::Policy,
    artifact: &Artifact<'_>,
    valid_when_signed: bool,
) -> Result<VerificationResult, Rejection> {
    let rejection = |error: &Error| rejection(error, valid_when_signed);
    let first = root.verifier.verify(Sha256Hash::new(artifact.sha256.bytes()), bundle, policy);
    let (Err(error), Some(open)) = (&first, artifact.open) else {
        let has_other_digest = matches!(first, Err(Error::ArtifactMismatch(_))) && wants_other_digest(bundle);
        if has_other_digest {
            let reason = "the statement has a subject without a SHA-256 digest";
            return Err(Rejection::unproven(Reason::Unsupported, reason));
        }
        return first.map_err(|error| rejection(&error));
    };
    let unreadable = |error: io::Error| {
        Rejection::unproven(Reason::Unreadable, format!("cannot read the artifact: {error}"))
    };
    // The statement has another digest than SHA-256, or the signature is over the artifact's bytes themselves.
    match error {
        Error::ArtifactMismatch(_) if wants_other_digest(bundle) => {
            let result = root.verifier.verify_reader(open().map_err(unreadable)?, bundle, policy);
            result.map_err(|error| rejection(&error))
        }
        Error::UnsupportedArtifact(_) => {
            let mut bytes = Vec::new();
            open()
                .and_then(|it| it.take(MAX_ARTIFACT_BYTES + 1).read_to_end(&mut bytes))
                .map_err(unreadable)?;
            if bytes.len() as u64 > MAX_ARTIFACT_BYTES {
                let reason = format!(
                    "the artifact is larger than {} MiB, the limit for signatures of its bytes",
                    MAX_ARTIFACT_BYTES >> 20
                );
                return Err(Rejection::unproven(Reason::Limit, reason));
            }
            root.verifier.verify(&bytes, bundle, policy).map_err(|error| rejection(&error))
        }
        other => Err(rejection(other)),
    }
}

/// Returns whether the statement has a subject without a SHA-256 digest.
fn wants_other_digest(bundle: &Bundle) -> bool {
    let SignatureContent::DsseEnvelope(envelope) = &bundle.content else { return false };
    let statement = statement::parse_statement(envelope.payload.as_bytes());
    statement.is_ok_and(|it| it.subjects.iter().any(|it| !it.digests.contains_key("sha256")))
}

/// Maps an error of the library to a reason. Unknown errors are refuted as `bundle`. `valid_when_signed` is false if the
/// certificate was not valid at a time that the bundle states.
fn rejection(error: &Error, valid_when_signed: bool) -> Rejection {
    let message = error.to_string();
    let reason = match error {
        Error::ArtifactMismatch(_) => Reason::SubjectDigest,
        Error::Certificate(CertificateError::Malformed(_)) => Reason::CertificateProfile,
        // If the trusted root is unusable, nothing is known about the bundle: unproven.
        Error::Certificate(CertificateError::NoValidAuthority { .. })
        | Error::InvalidTrustRoot(_)
        | Error::TrustRoot(_)
        | Error::TrustedCertificate(_) => return Rejection::unproven(Reason::TrustRoot, message),
        // The chain is validated at the signing time, and the library reports no cause as a type.
        Error::Certificate(CertificateError::ChainInvalid(_)) if !valid_when_signed => Reason::SigningTime,
        Error::Certificate(CertificateError::NotYetValid { .. } | CertificateError::Expired { .. })
        | Error::TransparencyLog(TransparencyLogError::IntegratedTime(_)) => Reason::SigningTime,
        Error::Certificate(CertificateError::Sct(_)) => Reason::CertificateLog,
        Error::Certificate(_) => Reason::CertificateChain,
        Error::TransparencyLog(TransparencyLogError::EntryMismatch(_)) => Reason::EntryMismatch,
        Error::TransparencyLog(_) => Reason::LogProof,
        Error::Timestamp(TimestampError::NoVerifiedTimestamp(_)) => Reason::NoTrustedTime,
        Error::Timestamp(_) => Reason::Timestamp,
        Error::UnsupportedArtifact(_) | Error::ArtifactRead(_) => {
            return Rejection::unproven(Reason::Unsupported, message);
        }
        _ => Reason::InvalidBundle,
    };
    Rejection::refuted(reason, message)
}
