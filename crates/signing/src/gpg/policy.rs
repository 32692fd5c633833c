//! Policies of pinned keys: gpg verifies OpenPGP signatures, and gpgsm verifies CMS (X.509) signatures, with the keys
//! of the policy in a temporary `GNUPGHOME`.
//!
//! The result is what gpgme reports for each signature. Exit codes are not used, because gpg exits with 0 for a revoked
//! key. A certificate is trusted by its pinned fingerprint and not by its chain, so that no CA can add a signer.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::process::{Command, Stdio};
use std::sync::Arc;

use gpgme::{Context, Data, HashAlgorithm, KeyAlgorithm, Signature, SignatureSummary, VerificationResult};
use model::evidence::package::OpenPgpCheck;
use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{AllowedSigner, RevocationStatus, SignatureCheck, SignerKey};

use super::engine::{GpgEngine, seconds};
use super::gnupg_home::GnupgHome;
use crate::kind::{KeyDescription, KindPolicy, MIN_RSA_BITS};

/// The policy of OpenPGP or X.509 signatures: public keys or certificates, and the fingerprints of the trusted ones.
#[derive(Debug, Clone)]
pub(crate) struct PinnedKeys {
    engine: GpgEngine,
    keyring: Vec<u8>,
    fingerprints: Vec<String>,
    /// A `GNUPGHOME` with the keyring. `None` if the policy is not prepared.
    home: Option<Arc<GnupgHome>>,
}

/// The result for a text with its signature, and the text if the signature is valid.
pub(super) type CheckedText = (OpenPgpCheck, Option<Vec<u8>>);

impl PinnedKeys {
    /// Returns whether `home` has the key with this fingerprint.
    pub(super) fn has_key(&self, home: &GnupgHome, fingerprint: &str) -> bool {
        self.context(home).and_then(|mut it| it.get_key(fingerprint)).is_ok()
    }

    /// Verifies a detached OpenPGP signature of a file in `home`. An `Err` means that the verification itself failed.
    pub(super) fn check_file(
        &self,
        home: &GnupgHome,
        armor: &[u8],
        file: &File,
    ) -> Result<OpenPgpCheck, Box<dyn std::error::Error>> {
        let mut context = self.context(home)?;
        let bad = |reason, evidence: &str| Ok(OpenPgpCheck::Bad(Explanation::new(reason, evidence)));
        let mut signed = Data::from_seekable_stream(file.try_clone()?).map_err(|error| error.error())?;
        signed.seek(SeekFrom::Start(0))?;
        let Ok(result) = context.verify_detached(armor, signed) else {
            return bad(Reason::BadSignature, "gpg cannot read the signature");
        };
        self.classify_openpgp(&mut context, &result)
    }

    /// Verifies a text with its signature in `home`, and returns the text. An `Err` means that the verification itself
    /// failed.
    pub(super) fn check_text(
        &self,
        home: &GnupgHome,
        signed: &[u8],
    ) -> Result<CheckedText, Box<dyn std::error::Error>> {
        let mut context = self.context(home)?;
        let mut text = Vec::new();
        let Ok(result) = context.verify_opaque(signed, &mut text) else {
            let evidence = "gpg cannot read the signature";
            return Ok((OpenPgpCheck::Bad(Explanation::new(Reason::BadSignature, evidence)), None));
        };
        let check = self.classify_openpgp(&mut context, &result)?;
        let is_valid = matches!(check, OpenPgpCheck::Valid { .. });
        Ok((check, is_valid.then_some(text)))
    }

    /// Classifies what gpgme reports about a signature of a file or a text.
    fn classify_openpgp(
        &self,
        context: &mut Context,
        result: &VerificationResult,
    ) -> Result<OpenPgpCheck, Box<dyn std::error::Error>> {
        let bad = |reason, evidence: &str| Ok(OpenPgpCheck::Bad(Explanation::new(reason, evidence)));
        let mut signatures = result.signatures();
        let (Some(signature), None) = (signatures.next(), signatures.next()) else {
            return bad(Reason::TwoSignatures, "it is not exactly one signature");
        };
        let fingerprint = signature.fingerprint().unwrap_or("an unknown key").to_owned();
        if signature.summary().contains(SignatureSummary::KEY_MISSING) {
            return Ok(OpenPgpCheck::MissingKey(fingerprint));
        }
        if let Some(flaw) = signature_flaw(signature, "this file") {
            return Ok(OpenPgpCheck::Bad(flaw));
        }
        let key = context.get_key(fingerprint.as_str())?;
        let revoked = signature.summary().contains(SignatureSummary::KEY_REVOKED);
        let signed_at = seconds(signature.creation_time()).unwrap_or_default();
        Ok(match classify_key(&key, signature, &fingerprint, revoked, self) {
            SignatureCheck::ByKey(signer) => OpenPgpCheck::Valid { signer, signed_at },
            SignatureCheck::Bad(explanation) => OpenPgpCheck::Bad(explanation),
            SignatureCheck::Unknown(explanation) => OpenPgpCheck::Unknown(explanation),
            SignatureCheck::ByIdentity { .. } => return Err("a certificate in an OpenPGP signature".into()),
        })
    }

    /// Returns a policy of public keys or certificates. Those with these fingerprints are trusted.
    pub(crate) fn new(engine: GpgEngine, keyring: Vec<u8>, fingerprints: &[String]) -> Self {
        let fingerprints = fingerprints.iter().map(|it| it.to_ascii_uppercase()).collect();
        Self { engine, keyring, fingerprints, home: None }
    }

    /// Creates a temporary `GNUPGHOME`, writes its configuration and imports the keyring.
    pub(super) fn new_home(&self) -> Result<GnupgHome, Box<dyn std::error::Error>> {
        let home = GnupgHome::new()?;
        let (file, text) = self.engine.configuration();
        std::fs::write(home.path().join(file), text)?;
        self.context(&home)?.import(&self.keyring[..])?;
        Ok(home)
    }

    /// Returns a gpgme context that runs gpg or gpgsm in `home`, without network access.
    fn context(&self, home: &GnupgHome) -> gpgme::Result<Context> {
        let mut context = Context::from_protocol(self.engine.protocol())?;
        // Not `set_engine_home_dir`: in gpgme 0.11 it runs the program of the first engine, which is gpg, for gpgsm
        // too.
        context.set_engine_info(None::<String>, Some(home.path().to_string_lossy().into_owned()))?;
        context.set_offline(true);
        Ok(context)
    }

    /// Returns a key with its policy entry. A pinned key may sign for every principal and namespace: the policy is a
    /// list of fingerprints and has no names.
    fn signer_key(
        &self,
        primary: &str,
        revoked: RevocationStatus,
        created: Option<i64>,
        expires: Option<i64>,
    ) -> SignerKey {
        let pinned = self.fingerprints.iter().any(|it| it == primary);
        let grant = AllowedSigner {
            certificate_principals: None,
            principals: vec!["*".to_owned()],
            namespaces: Vec::new(),
            valid_after: created,
            valid_before: expires,
        };
        SignerKey {
            fingerprint: primary.to_owned(),
            revocation: revoked,
            policy_entries: if pinned { vec![grant] } else { Vec::new() },
        }
    }
}

impl KindPolicy for PinnedKeys {
    fn check(&self, payload: &[u8], armor: &[u8]) -> SignatureCheck {
        match verify(payload, armor, self) {
            Ok(result) => result,
            Err(error) => {
                let evidence = format!("{} cannot verify the signature: {error}", self.engine.program());
                SignatureCheck::Unknown(Explanation::new(Reason::GpgFailed, evidence))
            }
        }
    }

    fn lookup(&self, key: &KeyDescription) -> Option<SignerKey> {
        Some(self.signer_key(&key.identity, RevocationStatus::NotRevoked, key.created, key.expires))
    }

    /// Returns the same policy with its keyring imported into a `GNUPGHOME`. `None` if that fails; `check` then tries
    /// it again and reports the error.
    fn prepared(&self) -> Option<Arc<dyn KindPolicy>> {
        let home = Arc::new(self.new_home().ok()?);
        Some(Arc::new(Self { home: Some(home), ..self.clone() }))
    }
}

/// Verifies a signature in the prepared `GNUPGHOME`, or in a new one. An `Err` means that the verification itself
/// failed.
fn verify(
    payload: &[u8],
    armor: &[u8],
    policy: &PinnedKeys,
) -> Result<SignatureCheck, Box<dyn std::error::Error>> {
    let home = match &policy.home {
        Some(home) => Arc::clone(home),
        None => Arc::new(policy.new_home()?),
    };
    let mut context = policy.context(&home)?;
    let result = match context.verify_detached(armor, payload) {
        Ok(result) => result,
        Err(error) => {
            return Ok(bad_signature(
                Reason::BadSignature,
                format!("{} cannot read the signature: {error}", policy.engine.program()),
            ));
        }
    };
    classify(&mut context, &result, policy, &home)
}

/// Returns the result for a signature that is not valid.
fn bad_signature(reason: Reason, evidence: String) -> SignatureCheck {
    SignatureCheck::Bad(Explanation::new(reason, evidence))
}

/// Classifies what gpgme reports: exactly one valid signature by a known key, with a strong hash and a signing key.
fn classify(
    context: &mut Context,
    result: &VerificationResult,
    policy: &PinnedKeys,
    home: &GnupgHome,
) -> Result<SignatureCheck, Box<dyn std::error::Error>> {
    let mut signatures = result.signatures();
    let (Some(signature), None) = (signatures.next(), signatures.next()) else {
        return Ok(bad_signature(
            Reason::TwoSignatures,
            "the armor does not contain exactly one signature".to_owned(),
        ));
    };
    let fingerprint = signature.fingerprint().unwrap_or("an unknown key").to_owned();
    let summary = signature.summary();
    if summary.contains(SignatureSummary::KEY_MISSING) {
        return Ok(bad_signature(
            Reason::UnknownKey,
            format!("{fingerprint} is not in the keyring of [signers]"),
        ));
    }
    if let Some(flaw) = signature_flaw(signature, "this tag") {
        return Ok(SignatureCheck::Bad(flaw));
    }
    let revoked = summary.contains(SignatureSummary::KEY_REVOKED);
    match policy.engine {
        GpgEngine::X509 => classify_certificate(signature, &fingerprint, policy, home),
        GpgEngine::OpenPgp => {
            let key = context.get_key(fingerprint.as_str())?;
            Ok(classify_key(&key, signature, &fingerprint, revoked, policy))
        }
    }
}

/// Returns what makes a signature invalid: its expiry, a weak hash, the use of its key, or other bytes. A valid signature by
/// a revoked or expired key has no flaw here: the caller evaluates revocation and expiry. `subject` names what is signed.
pub(super) fn signature_flaw(signature: Signature<'_>, subject: &str) -> Option<Explanation> {
    let fingerprint = signature.fingerprint().unwrap_or("an unknown key");
    let summary = signature.summary();
    let flaw = |reason, evidence: String| Some(Explanation::new(reason, evidence));
    if summary.contains(SignatureSummary::SIG_EXPIRED) {
        return flaw(Reason::SignatureExpired, format!("the signature by {fingerprint} has expired"));
    }
    if matches!(
        signature.hash_algorithm(),
        HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::RipeMd160
    ) {
        let evidence = format!("the signature uses the weak hash {}", signature.hash_algorithm());
        return flaw(Reason::WeakHash, evidence);
    }
    if signature.is_wrong_key_usage() {
        return flaw(Reason::KeyUsage, format!("{fingerprint} is not a signing key"));
    }
    match signature.status() {
        Ok(()) => None,
        Err(_) if summary.intersects(SignatureSummary::KEY_REVOKED | SignatureSummary::KEY_EXPIRED) => None,
        Err(error) => {
            flaw(Reason::BadSignature, format!("the signature is not valid for {subject}: {error}"))
        }
    }
}

/// Checks the certificate of a valid signature, and returns it with its policy entry.
fn classify_certificate(
    signature: Signature<'_>,
    fingerprint: &str,
    policy: &PinnedKeys,
    home: &GnupgHome,
) -> Result<SignatureCheck, Box<dyn std::error::Error>> {
    if let Some(bits) = certificate_key_bits(home, fingerprint)?.filter(|it| *it < MIN_RSA_BITS) {
        return Ok(weak_key(fingerprint, bits));
    }
    // gpgme cannot list certificates without an agent, so the expiry comes from the result of the verification.
    let expires = seconds(signature.expiration_time());
    Ok(SignatureCheck::ByKey(policy.signer_key(
        &fingerprint.to_ascii_uppercase(),
        RevocationStatus::NotRevoked,
        None,
        expires,
    )))
}

/// Checks the OpenPGP key of a valid signature, and returns it with its policy entry. The signing subkey and the
/// primary key must both be strong enough; the earlier expiry of the two applies.
fn classify_key(
    key: &gpgme::Key,
    signature: Signature<'_>,
    fingerprint: &str,
    revoked: bool,
    policy: &PinnedKeys,
) -> SignatureCheck {
    let subkey = key.subkeys().find(|it| it.fingerprint() == Ok(fingerprint));
    let (Some(primary), Some(subkey)) = (key.primary_key(), subkey) else {
        return bad_signature(
            Reason::UnknownKey,
            format!("{fingerprint} is not a key or subkey of the keyring"),
        );
    };
    let factored = [&primary, &subkey].into_iter().filter(|it| is_rsa_or_dsa(it.algorithm()));
    if let Some(bits) = factored.map(gpgme::Subkey::length).min().filter(|it| *it < MIN_RSA_BITS) {
        return weak_key(fingerprint, bits);
    }
    // A key cannot sign before it exists, so one of the two times is false.
    let created = seconds(subkey.creation_time());
    let signed_at = seconds(signature.creation_time());
    if signed_at < created {
        return bad_signature(
            Reason::KeyNewer,
            format!("the signature is older than the key {fingerprint} that made it"),
        );
    }
    let revoked = revoked || key.is_revoked() || subkey.is_revoked();
    let revoked = if revoked { RevocationStatus::Revoked } else { RevocationStatus::NotRevoked };
    let expires = [primary.expiration_time(), subkey.expiration_time()].into_iter().flatten().min();
    let primary = primary.fingerprint().unwrap_or(fingerprint).to_owned();
    SignatureCheck::ByKey(policy.signer_key(&primary, revoked, created, seconds(expires)))
}

/// Returns the result for a key that is too short. A pinned fingerprint does not make an exception.
fn weak_key(fingerprint: &str, bits: usize) -> SignatureCheck {
    bad_signature(
        Reason::WeakKey,
        format!(
            "{fingerprint}: expected an RSA or DSA key of at least {MIN_RSA_BITS} bits, found {bits} bits"
        ),
    )
}

/// Returns true for the algorithms whose minimum length is [`MIN_RSA_BITS`]. Curves have a fixed length.
fn is_rsa_or_dsa(algorithm: KeyAlgorithm) -> bool {
    matches!(
        algorithm,
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaEncrypt | KeyAlgorithm::RsaSign | KeyAlgorithm::Dsa
    )
}

/// Returns the length of the RSA or DSA key of a certificate, in bits, or `None` for other keys. It is read from
/// gpgsm's list (`doc/DETAILS` of `GnuPG`, "Format of the colon listings": field 3 is the length, field 4 the
/// algorithm, with 1 for RSA and 17 for DSA), because gpgme cannot list certificates without an agent.
fn certificate_key_bits(home: &GnupgHome, fingerprint: &str) -> std::io::Result<Option<usize>> {
    let mut gpgsm = Command::new("gpgsm");
    gpgsm.arg("--homedir").arg(home.path()).args(["--batch", "--with-colons", "--list-keys", fingerprint]);
    let listed = gpgsm.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let line = text.lines().find(|it| it.starts_with("crt:"));
    let fields: Vec<&str> = line.unwrap_or_default().split(':').collect();
    match fields[..] {
        [_, _, bits, "1" | "17", ..] => Ok(bits.parse().ok()),
        [_, _, _, _, ..] => Ok(None),
        _ => Err(std::io::Error::other(format!("gpgsm does not list {fingerprint}"))),
    }
}
