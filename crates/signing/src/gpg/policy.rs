//! OpenPGP through gpg, and CMS (X.509) through gpgsm: made with the operator's keys, checked with the policy's keys in a
//! home of its own that is thrown away. An exit code is no verdict (gpg's is 0 for a revoked key): what gpgme reports of
//! each signature is. Of a certificate, the pin counts and not the chain: nobody else's root can vouch for a signer.

use std::process::{Command, Stdio};
use std::sync::Arc;

use gpgme::{Context, HashAlgorithm, KeyAlgorithm, Signature, SignatureSummary, VerificationResult};
use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{AllowedSigner, RevocationStatus, SignatureCheck, SignerKey};

use super::engine::{GpgEngine, seconds};
use super::gnupg_home::GnupgHome;
use crate::kind::{KeyDescription, KindPolicy, MIN_RSA_BITS};

/// The policy of OpenPGP or X.509 signatures: public keys or certificates, and which of them count.
#[derive(Debug, Clone)]
pub(crate) struct PinnedKeys {
    engine: GpgEngine,
    keyring: Vec<u8>,
    fingerprints: Vec<String>,
    /// The home that holds the keyring, where one was made beforehand.
    home: Option<Arc<GnupgHome>>,
}

impl PinnedKeys {
    /// A policy of public keys or certificates, of which those with these fingerprints are allowed.
    pub(crate) fn new(engine: GpgEngine, keyring: Vec<u8>, fingerprints: &[String]) -> Self {
        let fingerprints = fingerprints.iter().map(|it| it.to_ascii_uppercase()).collect();
        Self { engine, keyring, fingerprints, home: None }
    }

    /// A home that holds the keyring, and a configuration to check with.
    fn new_home(&self) -> Result<GnupgHome, Box<dyn std::error::Error>> {
        let home = GnupgHome::new()?;
        let (file, text) = self.engine.configuration();
        std::fs::write(home.path().join(file), text)?;
        self.context(&home)?.import(&self.keyring[..])?;
        Ok(home)
    }

    /// gpg or gpgsm in a home, without the network.
    fn context(&self, home: &GnupgHome) -> gpgme::Result<Context> {
        let mut context = Context::from_protocol(self.engine.protocol())?;
        // Not `set_engine_home_dir`: gpgme 0.11 takes the path of the first engine there, which is gpg's, for gpgsm too.
        context.set_engine_info(None::<String>, Some(home.path().to_string_lossy().into_owned()))?;
        context.set_offline(true);
        Ok(context)
    }

    /// A pinned key counts for everybody and everything: OpenPGP binds names to it, and the pin is the policy.
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
                let evidence = format!("{} cannot check it: {error}", self.engine.program());
                SignatureCheck::Unknown(Explanation::new(Reason::GpgFailed, evidence))
            }
        }
    }

    fn lookup(&self, key: &KeyDescription) -> Option<SignerKey> {
        Some(self.signer_key(&key.identity, RevocationStatus::NotRevoked, key.created, key.expires))
    }

    /// The same policy with its keyring imported into a home. If that fails, the check that follows reports it.
    fn prepared(&self) -> Option<Arc<dyn KindPolicy>> {
        let home = Arc::new(self.new_home().ok()?);
        Some(Arc::new(Self { home: Some(home), ..self.clone() }))
    }
}

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
                format!("no signature that {} reads: {error}", policy.engine.program()),
            ));
        }
    };
    classify(&mut context, &result, policy, &home)
}

fn bad_signature(reason: Reason, evidence: String) -> SignatureCheck {
    SignatureCheck::Bad(Explanation::new(reason, evidence))
}

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
            "the armor does not hold exactly one signature".to_owned(),
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
    if summary.contains(SignatureSummary::SIG_EXPIRED) {
        return Ok(bad_signature(
            Reason::SignatureExpired,
            format!("the signature of {fingerprint} was good for a time that is over"),
        ));
    }
    if matches!(
        signature.hash_algorithm(),
        HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::RipeMd160
    ) {
        return Ok(bad_signature(
            Reason::WeakHash,
            format!("it is a signature over {}", signature.hash_algorithm()),
        ));
    }
    if signature.is_wrong_key_usage() {
        return Ok(bad_signature(Reason::KeyUsage, format!("{fingerprint} is no key to sign with")));
    }
    let revoked = summary.contains(SignatureSummary::KEY_REVOKED);
    let expired = summary.contains(SignatureSummary::KEY_EXPIRED);
    match signature.status() {
        Ok(()) => {}
        Err(_) if revoked || expired => {}
        Err(error) => {
            return Ok(bad_signature(
                Reason::BadSignature,
                format!("it is not a signature of this tag: {error}"),
            ));
        }
    }
    match policy.engine {
        GpgEngine::X509 => classify_certificate(signature, &fingerprint, policy, home),
        GpgEngine::OpenPgp => {
            let key = context.get_key(fingerprint.as_str())?;
            Ok(classify_key(&key, signature, &fingerprint, revoked, policy))
        }
    }
}

/// Judges the certificate that a signature, good by itself, was made with.
fn classify_certificate(
    signature: Signature<'_>,
    fingerprint: &str,
    policy: &PinnedKeys,
    home: &GnupgHome,
) -> Result<SignatureCheck, Box<dyn std::error::Error>> {
    if let Some(bits) = certificate_key_bits(home, fingerprint)?.filter(|it| *it < MIN_RSA_BITS) {
        return Ok(weak_key(fingerprint, bits));
    }
    // gpgsm lists no certificate without an agent; until when this one counts, it says with the signature.
    let expires = seconds(signature.expiration_time());
    Ok(SignatureCheck::ByKey(policy.signer_key(
        &fingerprint.to_ascii_uppercase(),
        RevocationStatus::NotRevoked,
        None,
        expires,
    )))
}

/// Judges the OpenPGP key that a signature, good by itself, was made with.
fn classify_key(
    key: &gpgme::Key,
    signature: Signature<'_>,
    fingerprint: &str,
    revoked: bool,
    policy: &PinnedKeys,
) -> SignatureCheck {
    let subkey = key.subkeys().find(|it| it.fingerprint() == Ok(fingerprint));
    let (Some(primary), Some(subkey)) = (key.primary_key(), subkey) else {
        return bad_signature(Reason::UnknownKey, format!("{fingerprint} belongs to no key of the keyring"));
    };
    let factored = [&primary, &subkey].into_iter().filter(|it| is_rsa_or_dsa(it.algorithm()));
    if let Some(bits) = factored.map(gpgme::Subkey::length).min().filter(|it| *it < MIN_RSA_BITS) {
        return weak_key(fingerprint, bits);
    }
    let created = seconds(subkey.creation_time());
    let signed_at = seconds(signature.creation_time());
    if signed_at < created {
        return bad_signature(
            Reason::KeyNewer,
            format!("{fingerprint} was made after the signature that it is said to have made"),
        );
    }
    let revoked = revoked || key.is_revoked() || subkey.is_revoked();
    let revoked = if revoked { RevocationStatus::Revoked } else { RevocationStatus::NotRevoked };
    let expires = [primary.expiration_time(), subkey.expiration_time()].into_iter().flatten().min();
    let primary = primary.fingerprint().unwrap_or(fingerprint).to_owned();
    SignatureCheck::ByKey(policy.signer_key(&primary, revoked, created, seconds(expires)))
}

/// A key that is too short to count, whoever pinned it.
fn weak_key(fingerprint: &str, bits: usize) -> SignatureCheck {
    bad_signature(
        Reason::WeakKey,
        format!("{fingerprint} is an RSA or DSA key of {bits} bits, expected at least {MIN_RSA_BITS}"),
    )
}

/// Whether the strength of a key of this kind is its length in bits.
fn is_rsa_or_dsa(algorithm: KeyAlgorithm) -> bool {
    matches!(
        algorithm,
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaEncrypt | KeyAlgorithm::RsaSign | KeyAlgorithm::Dsa
    )
}

/// The length in bits of the RSA or DSA key of a certificate, as gpgsm lists it (`doc/DETAILS` of `GnuPG`, "Format of the
/// colon listings": field 3 is the length, field 4 the algorithm: 1 for RSA, 17 for DSA). gpgme cannot list certificates
/// without an agent. Returns `None` for other keys.
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
