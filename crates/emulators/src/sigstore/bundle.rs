//! Bundles of every kind, right or wrong.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::{Value, json};

use super::claims::CertificateClaims;
use super::instance::Sigstore;
use super::key::EcdsaKey;
use super::transparency_log::encode_pem;
use crate::error::EmulatorError;

/// The type of in-toto statements in an envelope.
const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What a bundle is to be.
#[derive(Debug, Clone, Copy)]
pub struct BundleSpec<'a> {
    /// Who signs.
    pub signer: BundleSigner<'a>,
    /// What is signed.
    pub content: BundleContent<'a>,
    /// The log that it is written down in.
    pub rekor_version: Option<RekorVersion>,
    /// When it is written down, in seconds after the certificate's first second.
    pub logged_after_seconds: i64,
    /// When a timestamp authority saw it, likewise; none where nobody is asked.
    pub timestamped_after_seconds: Option<i64>,
}

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub enum BundleSigner<'a> {
    /// A key of the moment, with a certificate of these claims.
    Certificate(&'a CertificateClaims),
    /// A key that somebody keeps.
    Key(&'a ManagedKey),
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum BundleContent<'a> {
    /// An in-toto statement.
    Statement(&'a Value),
    /// An envelope of this type around these bytes.
    Payload(&'a str, &'a [u8]),
    /// The artifact itself.
    Artifact(&'a [u8]),
}

/// The kinds of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RekorVersion {
    /// Rekor v1, with promises and times.
    V1,
    /// Rekor v2, with neither.
    V2,
}

/// A key that somebody keeps.
#[derive(Debug)]
pub struct ManagedKey(EcdsaKey);

impl ManagedKey {
    /// A new key.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(EcdsaKey::new())
    }

    /// The public key, in PEM.
    ///
    /// # Errors
    /// [`RehearsalError`] where it cannot be encoded.
    pub fn public_key_pem(&self) -> Result<String, EmulatorError> {
        Ok(encode_pem("PUBLIC KEY", &self.0.spki()?))
    }
}

impl<'a> BundleSpec<'a> {
    /// What is usual: written down in Rekor v1 a second after the certificate was issued, and not stamped.
    #[must_use]
    pub fn new(signer: BundleSigner<'a>, content: BundleContent<'a>) -> Self {
        Self {
            signer,
            content,
            rekor_version: Some(RekorVersion::V1),
            logged_after_seconds: 1,
            timestamped_after_seconds: None,
        }
    }
}

impl Sigstore {
    /// A bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`) over an in-toto statement, signed with a certificate of
    /// these claims and written down in the log.
    ///
    /// # Errors
    /// [`RehearsalError`] where the claims cannot be encoded.
    pub fn attest(&mut self, claims: &CertificateClaims, statement: &Value) -> Result<Value, EmulatorError> {
        self.create_bundle(&BundleSpec::new(
            BundleSigner::Certificate(claims),
            BundleContent::Statement(statement),
        ))
    }

    /// A bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`), as it was asked for.
    ///
    /// # Errors
    /// [`RehearsalError`] where something cannot be encoded.
    pub fn create_bundle(&mut self, spec: &BundleSpec<'_>) -> Result<Value, EmulatorError> {
        let leaf_key = EcdsaKey::new();
        let (key, certificate) = match spec.signer {
            BundleSigner::Certificate(claims) => {
                (&leaf_key, Some(self.certificate_authority.issue(&leaf_key, claims, self.now)?))
            }
            BundleSigner::Key(key) => (&key.0, None),
        };
        let text;
        let (payload_type, payload): (&str, &[u8]) = match spec.content {
            BundleContent::Statement(statement) => {
                text = statement.to_string();
                (IN_TOTO_PAYLOAD_TYPE, text.as_bytes())
            }
            BundleContent::Payload(payload_type, bytes) => (payload_type, bytes),
            BundleContent::Artifact(bytes) => ("", bytes),
        };
        let is_artifact = matches!(spec.content, BundleContent::Artifact(_));
        let signed = if is_artifact { payload.to_vec() } else { pae(payload_type, payload) };
        let signature = key.sign(&signed);
        let digest = Digest::of(&signed);
        let verifier = match &certificate {
            Some(der) => encode_pem("CERTIFICATE", der),
            None => encode_pem("PUBLIC KEY", &key.spki()?),
        };
        let time = self.now + spec.logged_after_seconds;
        let entry = match (spec.rekor_version, &certificate) {
            (None, _) => None,
            (Some(RekorVersion::V1), _) if !is_artifact => {
                Some(self.transparency_log.add_dsse(payload, &signature, &verifier, time)?)
            }
            (Some(RekorVersion::V2), Some(der)) => {
                Some(self.transparency_log.add_hashedrekord_v2(&digest, &signature, der)?)
            }
            _ => Some(self.transparency_log.add_hashedrekord(&digest, &signature, &verifier, time)?),
        };
        let timestamp = spec
            .timestamped_after_seconds
            .map(|it| self.timestamp_authority.issue_timestamp(&signature, self.now + it))
            .transpose()?;
        let timestamps: Vec<Value> =
            timestamp.iter().map(|it| json!({ "signedTimestamp": BASE64.encode(it) })).collect();
        let mut material = json!({
            "tlogEntries": entry.into_iter().collect::<Vec<_>>(),
            "timestampVerificationData": { "rfc3161Timestamps": timestamps },
        });
        match &certificate {
            Some(der) => material["certificate"] = json!({ "rawBytes": BASE64.encode(der) }),
            None => material["publicKey"] = json!({ "hint": "invented" }),
        }
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
        });
        let signature = BASE64.encode(&signature);
        if is_artifact {
            bundle["messageSignature"] = message_signature(&digest, &signature);
        } else {
            bundle["dsseEnvelope"] = dsse_envelope(payload_type, payload, &signature);
        }
        Ok(bundle)
    }
}

fn message_signature(digest: &Digest, signature: &str) -> Value {
    json!({
        "messageDigest": { "algorithm": "SHA2_256", "digest": BASE64.encode(digest.bytes()) },
        "signature": signature,
    })
}

fn dsse_envelope(payload_type: &str, payload: &[u8], signature: &str) -> Value {
    json!({
        "payload": BASE64.encode(payload),
        "payloadType": payload_type,
        "signatures": [{ "sig": signature }],
    })
}

/// What a DSSE signature is over (DSSE protocol v1.0.0, "PAE").
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    [format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).as_bytes(), payload].concat()
}
