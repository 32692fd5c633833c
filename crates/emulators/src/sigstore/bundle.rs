//! Sigstore bundles of every kind, valid or invalid.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::{Value, json};

use super::claims::CertificateClaims;
use super::instance::Sigstore;
use super::key::EcdsaKey;
use super::transparency_log::encode_pem;
use crate::error::EmulatorError;

/// The `payloadType` of in-toto statements in a DSSE envelope.
const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// The contents of a bundle to create.
#[derive(Debug, Clone, Copy)]
pub struct BundleSpec<'a> {
    /// The signer.
    pub signer: BundleSigner<'a>,
    /// The signed content.
    pub content: BundleContent<'a>,
    /// The kind of log that the entry is from. `None` for a bundle without a log entry.
    pub rekor_version: Option<RekorVersion>,
    /// The time of the log entry, in seconds after the start of the certificate's validity.
    pub logged_after_seconds: i64,
    /// The time of the signed timestamp, counted in the same way. `None` for a bundle without a timestamp.
    pub timestamped_after_seconds: Option<i64>,
}

/// The signer of a bundle.
#[derive(Debug, Clone, Copy)]
pub enum BundleSigner<'a> {
    /// An ephemeral key, with a certificate that has these claims.
    Certificate(&'a CertificateClaims),
    /// A long-lived key without a certificate.
    Key(&'a ManagedKey),
}

/// The signed content of a bundle.
#[derive(Debug, Clone, Copy)]
pub enum BundleContent<'a> {
    /// An in-toto statement in a DSSE envelope.
    Statement(&'a Value),
    /// These bytes in a DSSE envelope with this payload type.
    Payload(&'a str, &'a [u8]),
    /// An artifact, as a message signature without an envelope.
    Artifact(&'a [u8]),
}

/// The version of the transparency log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RekorVersion {
    /// Rekor v1: entries have an inclusion promise and an integrated time.
    V1,
    /// Rekor v2: entries have neither. A signature by a [`ManagedKey`] is logged as in v1.
    V2,
}

/// A long-lived signing key.
#[derive(Debug)]
pub struct ManagedKey(EcdsaKey);

impl ManagedKey {
    /// Creates a random key.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(EcdsaKey::new())
    }

    /// Returns the public key in PEM.
    ///
    /// # Errors
    /// [`EmulatorError`] if the key cannot be encoded.
    pub fn public_key_pem(&self) -> Result<String, EmulatorError> {
        Ok(encode_pem("PUBLIC KEY", &self.0.spki()?))
    }
}

impl<'a> BundleSpec<'a> {
    /// Returns the usual bundle: logged in Rekor v1 one second after the certificate was issued, without a timestamp.
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
    /// Returns a bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`) for an in-toto statement, signed with a
    /// certificate that has these claims, and adds it to the log.
    ///
    /// # Errors
    /// [`EmulatorError`] if the claims cannot be encoded.
    pub fn attest(&mut self, claims: &CertificateClaims, statement: &Value) -> Result<Value, EmulatorError> {
        self.create_bundle(&BundleSpec::new(
            BundleSigner::Certificate(claims),
            BundleContent::Statement(statement),
        ))
    }

    /// Returns a bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`) as `spec` describes it.
    ///
    /// # Errors
    /// [`EmulatorError`] if a part of the bundle cannot be encoded.
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
        let timestamps = self.signed_timestamps(spec.timestamped_after_seconds, &signature)?;
        let material = verification_material(entry, &timestamps, certificate.as_deref());
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

    /// Returns RFC 3161 timestamps of a signature: one, or none without a time.
    fn signed_timestamps(
        &mut self,
        after_seconds: Option<i64>,
        signature: &[u8],
    ) -> Result<Vec<Value>, EmulatorError> {
        let Some(seconds) = after_seconds else { return Ok(Vec::new()) };
        let token = self.timestamp_authority.issue_timestamp(signature, self.now + seconds)?;
        Ok(vec![json!({ "signedTimestamp": BASE64.encode(token) })])
    }
}

/// Returns the verification material of a bundle. Without a certificate it names a key by an invented hint.
fn verification_material(entry: Option<Value>, timestamps: &[Value], certificate: Option<&[u8]>) -> Value {
    let mut material = json!({
        "tlogEntries": entry.into_iter().collect::<Vec<_>>(),
        "timestampVerificationData": { "rfc3161Timestamps": timestamps },
    });
    match certificate {
        Some(der) => material["certificate"] = json!({ "rawBytes": BASE64.encode(der) }),
        None => material["publicKey"] = json!({ "hint": "invented" }),
    }
    material
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

/// Returns the bytes that a DSSE signature covers (DSSE protocol v1.0.0, "PAE").
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    [format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).as_bytes(), payload].concat()
}
