//! SSH: whose signature it is (`PROTOCOL.sshsig` of OpenSSH).

use model::evidence::signature::{RevocationStatus, SignatureCheck, SignerKey};
use ssh_key::public::KeyData;
use ssh_key::{Certificate, Error, HashAlg, LineEnding, PublicKey, SshSig};

use crate::allowed::{AllowedSigners, PolicyError, keys};
use crate::certified::{self, Unread};
use crate::{NAMESPACE, RSA_BITS};

/// The policy of SSH signatures.
#[derive(Debug, Clone)]
pub struct SshTrust {
    allowed: AllowedSigners,
    revoked: Result<Vec<KeyData>, String>,
}

impl Default for SshTrust {
    /// The policy that takes nobody.
    fn default() -> Self {
        Self { allowed: AllowedSigners::default(), revoked: Ok(Vec::new()) }
    }
}

impl SshTrust {
    /// The policy of these keys. `revoked` is the name and content of the revocation file, or why it cannot be read.
    ///
    /// # Errors
    /// [`PolicyError`] where a line of the revocation file is no public key.
    pub fn new(
        allowed: AllowedSigners,
        revoked: Option<(&str, Result<Vec<u8>, String>)>,
    ) -> Result<Self, PolicyError> {
        let revoked = match revoked {
            None => Ok(Vec::new()),
            Some((_, Err(said))) => Err(said),
            Some((_, Ok(bytes))) if bytes.starts_with(b"SSHKRL\n\0") => {
                Err("it is a binary revocation list: want one public key a line".to_owned())
            }
            Some((file, Ok(bytes))) => Ok(keys(file, &String::from_utf8_lossy(&bytes))?),
        };
        Ok(Self { allowed, revoked })
    }

    /// What the policy says of a public key, given as a line of an OpenSSH `.pub` file. `None` for what is no key.
    pub(crate) fn of(&self, public: &str) -> Option<SignerKey> {
        Some(self.signer(PublicKey::from_openssh(public).ok()?.key_data()))
    }

    fn signer(&self, key: &KeyData) -> SignerKey {
        SignerKey {
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            revocation: self.revoked(&[key]),
            policy_entries: self.allowed.grants(key),
        }
    }

    /// What the policy says of a key through its certificate's authority.
    fn certified(&self, certificate: &Certificate) -> SignerKey {
        let (key, authority) = (certificate.public_key(), certificate.signature_key());
        let [own, above] = [key, authority].map(|it| it.fingerprint(HashAlg::Sha256).to_string());
        SignerKey {
            fingerprint: format!("{own}, certified by {above},"),
            revocation: self.revoked(&[key, authority]),
            policy_entries: self.allowed.certified(certificate),
        }
    }

    fn revoked(&self, keys: &[&KeyData]) -> RevocationStatus {
        match &self.revoked {
            Err(said) => RevocationStatus::Unreadable(said.clone()),
            Ok(revoked) if keys.iter().any(|it| revoked.contains(it)) => RevocationStatus::Revoked,
            Ok(_) => RevocationStatus::NotRevoked,
        }
    }
}

/// Looks at a signature in its armor: whether it is one of `payload`, for git, by modern means, and by which key.
pub(crate) fn check(payload: &[u8], armor: &[u8], trust: &SshTrust) -> SignatureCheck {
    let bad = |reason, evidence: String| SignatureCheck::Bad { reason, evidence };
    let (signature, armor, certificate) = match certified::read(armor) {
        Ok(read) => read,
        Err(Unread::Certificate(said)) => {
            return SignatureCheck::Unknown { reason: "unsupported", evidence: said.to_owned() };
        }
        Err(Unread::Signature(error @ (Error::AlgorithmUnknown | Error::AlgorithmUnsupported { .. }))) => {
            let evidence = format!("the kind of key is not supported: {error}");
            return SignatureCheck::Unknown { reason: "unsupported", evidence };
        }
        // RSA over SHA-1 ends here too: the parser takes no such signature.
        Err(Unread::Signature(error)) => {
            return bad("signature", format!("no SSH signature that counts: {error}"));
        }
    };
    if !is_canonical(&signature, &armor) {
        return bad(
            "signature",
            "the signature says the same in another form than it is written in".to_owned(),
        );
    }
    if signature.namespace() != NAMESPACE {
        return bad("namespace", format!("it was made for '{}' and not for git", signature.namespace()));
    }
    let authority = certificate.as_ref().map(Certificate::signature_key);
    let keys = [Some(signature.public_key()), authority].into_iter().flatten();
    if let Some(bits) = keys.filter_map(|it| it.rsa()).map(rsa_bits).find(|it| *it < RSA_BITS) {
        return bad("weak-key", format!("its RSA key has {bits} bits: want {RSA_BITS}"));
    }
    match PublicKey::from(signature.public_key().clone()).verify(NAMESPACE, payload, &signature) {
        Ok(()) => match certificate {
            None => SignatureCheck::ByKey(trust.signer(signature.public_key())),
            Some(certificate) => match certified::flaw(&certificate) {
                Some(said) => bad("certificate", said.to_owned()),
                None => SignatureCheck::ByKey(trust.certified(&certificate)),
            },
        },
        Err(error) => bad("signature", format!("it is not a signature of this tag: {error}")),
    }
}

/// Whether the armor, but for its line ends, is what would be written for the signature. The parser lets lengths pass
/// that do not add up, which `ssh-keygen` refuses.
fn is_canonical(signature: &SshSig, armor: &[u8]) -> bool {
    let flat = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b'\n').collect::<Vec<u8>>();
    signature.to_pem(LineEnding::LF).is_ok_and(|it| flat(it.as_bytes()) == flat(armor))
}

fn rsa_bits(key: &ssh_key::public::RsaPublicKey) -> usize {
    let bytes = key.n.as_positive_bytes().unwrap_or_default();
    let leading = bytes.first().map_or(0, |it| it.leading_zeros() as usize);
    bytes.len() * 8 - leading
}
