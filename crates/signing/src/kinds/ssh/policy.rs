//! The policy of SSH signatures, and their verification (`PROTOCOL.sshsig` of OpenSSH).

use model::evidence::reason::{Explanation, Reason};
use model::evidence::signature::{RevocationStatus, SignatureCheck, SignerKey};
use ssh_key::public::KeyData;
use ssh_key::{Certificate, Error, HashAlg, LineEnding, PublicKey, SshSig};

use super::allowed_signers::{AllowedSigners, parse_keys};
use super::certificate::{self as ssh_certificate, SshReadError};
use crate::error::PolicyError;
use crate::kind::{KeyDescription, KindPolicy, MIN_RSA_BITS, SSHSIG_NAMESPACE};

/// The policy of SSH signatures: the allowed signers, and the revoked keys or why they cannot be read.
#[derive(Debug, Clone)]
pub(crate) struct SshPolicy {
    allowed: AllowedSigners,
    revoked_keys: Result<Vec<KeyData>, String>,
}

impl Default for SshPolicy {
    /// Returns a policy without allowed signers.
    fn default() -> Self {
        Self { allowed: AllowedSigners::default(), revoked_keys: Ok(Vec::new()) }
    }
}

impl SshPolicy {
    /// Returns the policy of these allowed signers. `revoked_keys` is the name of the revocation file, with its content
    /// or the reason why it cannot be read.
    ///
    /// An unreadable revocation file is not an error: every key then has an unknown revocation status, so signatures
    /// are unproven and not refuted.
    ///
    /// # Errors
    /// [`PolicyError`] if a line of the revocation file is not a public key.
    pub(crate) fn new(
        allowed: AllowedSigners,
        revoked_keys: Option<(&str, Result<Vec<u8>, String>)>,
    ) -> Result<Self, PolicyError> {
        let revoked_keys = match revoked_keys {
            None => Ok(Vec::new()),
            Some((_, Err(reason))) => Err(reason),
            Some((_, Ok(bytes))) if bytes.starts_with(b"SSHKRL\n\0") => {
                Err("expected one public key per line, found a binary revocation list (KRL)".to_owned())
            }
            Some((file, Ok(bytes))) => Ok(parse_keys(file, &String::from_utf8_lossy(&bytes))?),
        };
        Ok(Self { allowed, revoked_keys })
    }

    /// Returns a key with its revocation status and its policy entries.
    fn signer_key(&self, key: &KeyData) -> SignerKey {
        SignerKey {
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            revocation: self.revocation_status(&[key]),
            policy_entries: self.allowed.grants(key),
        }
    }

    /// Returns the key of a certificate, with the policy entries of the authority that issued the certificate.
    fn certificate_signer(&self, certificate: &Certificate) -> SignerKey {
        let (key, authority) = (certificate.public_key(), certificate.signature_key());
        let [key_fingerprint, authority_fingerprint] =
            [key, authority].map(|it| it.fingerprint(HashAlg::Sha256).to_string());
        SignerKey {
            fingerprint: format!("{key_fingerprint}, certified by {authority_fingerprint},"),
            revocation: self.revocation_status(&[key, authority]),
            policy_entries: self.allowed.certificate_grants(certificate),
        }
    }

    /// Returns the revocation status of a key and its authority. If either is revoked, the result is `Revoked`.
    fn revocation_status(&self, keys: &[&KeyData]) -> RevocationStatus {
        match &self.revoked_keys {
            Err(reason) => RevocationStatus::Unreadable(reason.clone()),
            Ok(revoked_keys) if keys.iter().any(|it| revoked_keys.contains(it)) => RevocationStatus::Revoked,
            Ok(_) => RevocationStatus::NotRevoked,
        }
    }
}

impl KindPolicy for SshPolicy {
    fn check(&self, payload: &[u8], armor: &[u8]) -> SignatureCheck {
        check(payload, armor, self)
    }

    fn lookup(&self, key: &KeyDescription) -> Option<SignerKey> {
        Some(self.signer_key(PublicKey::from_openssh(&key.identity).ok()?.key_data()))
    }
}

/// Verifies an armored signature of `payload` in the namespace `git`, and returns the key that made it. Weak algorithms
/// and short keys make the signature invalid.
fn check(payload: &[u8], armor: &[u8], policy: &SshPolicy) -> SignatureCheck {
    let bad = |reason, evidence: String| SignatureCheck::Bad(Explanation::new(reason, evidence));
    let (signature, armor, certificate) = match ssh_certificate::read_signature(armor) {
        Ok(read) => read,
        Err(SshReadError::Certificate(message)) => {
            return SignatureCheck::Unknown(Explanation::new(Reason::Unsupported, message));
        }
        Err(SshReadError::Signature(
            error @ (Error::AlgorithmUnknown | Error::AlgorithmUnsupported { .. }),
        )) => {
            let evidence = format!("the key type is not supported: {error}");
            return SignatureCheck::Unknown(Explanation::new(Reason::Unsupported, evidence));
        }
        // Signatures with RSA and SHA-1 end here too, because the parser rejects them.
        Err(SshReadError::Signature(error)) => {
            return bad(Reason::BadSignature, format!("not a valid SSH signature: {error}"));
        }
    };
    if !is_canonical(&signature, &armor) {
        return bad(Reason::BadSignature, "the encoding of the signature is not canonical".to_owned());
    }
    if signature.namespace() != SSHSIG_NAMESPACE {
        return bad(
            Reason::WrongNamespace,
            format!("expected the namespace '{SSHSIG_NAMESPACE}', found '{}'", signature.namespace()),
        );
    }
    // A short key of the authority is as weak as a short key of the signer.
    let authority = certificate.as_ref().map(Certificate::signature_key);
    let keys = [Some(signature.public_key()), authority].into_iter().flatten();
    if let Some(bits) = keys.filter_map(|it| it.rsa()).map(rsa_bits).find(|it| *it < MIN_RSA_BITS) {
        return bad(
            Reason::WeakKey,
            format!("expected an RSA key of at least {MIN_RSA_BITS} bits, found {bits} bits"),
        );
    }
    match PublicKey::from(signature.public_key().clone()).verify(SSHSIG_NAMESPACE, payload, &signature) {
        Ok(()) => match certificate {
            None => SignatureCheck::ByKey(policy.signer_key(signature.public_key())),
            Some(certificate) => match ssh_certificate::rejection(&certificate) {
                Some(message) => bad(Reason::SshCertificate, message.to_owned()),
                None => SignatureCheck::ByKey(policy.certificate_signer(&certificate)),
            },
        },
        Err(error) => bad(Reason::BadSignature, format!("the signature is not valid for this tag: {error}")),
    }
}

/// Returns true if the armor is the canonical encoding of the signature, apart from line breaks. The check is needed
/// because the parser accepts inconsistent lengths, which `ssh-keygen` rejects.
fn is_canonical(signature: &SshSig, armor: &[u8]) -> bool {
    let flat = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\n').collect::<Vec<u8>>();
    signature.to_pem(LineEnding::LF).is_ok_and(|it| flat(it.as_bytes()) == flat(armor))
}

/// Returns the length of the modulus in bits, without leading zeros.
fn rsa_bits(key: &ssh_key::public::RsaPublicKey) -> usize {
    let bytes = key.n.as_positive_bytes().unwrap_or_default();
    let leading = bytes.first().map_or(0, |it| it.leading_zeros() as usize);
    bytes.len() * 8 - leading
}
