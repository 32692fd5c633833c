//! ECDSA keys of the authorities, of the logs and of single signatures.

use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::EncodePublicKey as _;

use crate::error::EmulatorError;

/// An ECDSA key on the curve P-256. Its debug output does not contain the secret.
pub(crate) struct EcdsaKey(pub(super) SigningKey);

impl std::fmt::Debug for EcdsaKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EcdsaKey(***)")
    }
}

impl EcdsaKey {
    /// Creates a random key.
    pub(crate) fn new() -> Self {
        Self(SigningKey::random(&mut p256::elliptic_curve::rand_core::OsRng))
    }

    /// Returns an ECDSA signature over the SHA-256 of the bytes, in DER.
    pub(crate) fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(bytes);
        signature.as_bytes().to_vec()
    }

    /// Returns the public key as `SubjectPublicKeyInfo` in DER (RFC 5280, 4.1.2.7).
    pub(crate) fn spki(&self) -> Result<Vec<u8>, EmulatorError> {
        let document = VerifyingKey::from(&self.0).to_public_key_der();
        document.map(|it| it.as_bytes().to_vec()).map_err(|error| encoding_error(&error))
    }
}

/// Wraps an error of an encoder.
pub(crate) fn encoding_error(error: &dyn std::fmt::Display) -> EmulatorError {
    crate::error::failed_to("encode a key or certificate")(std::io::Error::other(error.to_string()))
}
