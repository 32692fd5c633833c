//! Signatures of package registries: ECDSA over P-256 with SHA-256 (FIPS 186-5; npm documentation, "About registry
//! signatures").

use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{DerSignature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;

/// Returns whether a signature, an ECDSA-Sig-Value in DER (RFC 3279, 2.2.3), is one over a message by a key, a
/// `SubjectPublicKeyInfo` in DER (RFC 5280). A key or signature of another form is not.
#[must_use]
pub fn is_p256_signature(spki: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let (Ok(key), Ok(signature)) =
        (VerifyingKey::from_public_key_der(spki), DerSignature::from_bytes(signature))
    else {
        return false;
    };
    key.verify(message, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use p256::ecdsa::SigningKey;
    use p256::ecdsa::signature::Signer as _;
    use p256::pkcs8::EncodePublicKey as _;

    use super::*;

    #[test]
    fn only_the_signed_message_is_accepted() {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        let spki = key.verifying_key().to_public_key_der().unwrap().into_vec();
        let signature: DerSignature = key.sign(b"message");
        let signature = signature.to_bytes();
        assert!(is_p256_signature(&spki, b"message", &signature));
        assert!(!is_p256_signature(&spki, b"another message", &signature));
        for at in 0..signature.len() {
            let mut changed = signature.to_vec();
            changed[at] ^= 1;
            assert!(!is_p256_signature(&spki, b"message", &changed), "byte {at}");
        }
        assert!(!is_p256_signature(&spki[1..], b"message", &signature));
        assert!(!is_p256_signature(&spki, b"message", &[&signature[..], b"x"].concat()));
    }
}
