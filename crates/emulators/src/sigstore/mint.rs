//! Bundles of every kind, right or wrong.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::{Value, json};

use super::log::pem;
use super::{Claims, Key, Sigstore, pae};
use crate::RehearsalError;

/// The type of in-toto statements in an envelope.
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// What a bundle is to be.
#[derive(Debug, Clone, Copy)]
pub struct Mint<'a> {
    /// Who signs.
    pub signer: Signer<'a>,
    /// What is signed.
    pub content: Content<'a>,
    /// The log that it is written down in.
    pub log: Option<LogKind>,
    /// When it is written down, in seconds after the certificate's first second.
    pub logged: i64,
    /// When a timestamp authority saw it, likewise; none where nobody is asked.
    pub stamped: Option<i64>,
}

/// Who signs.
#[derive(Debug, Clone, Copy)]
pub enum Signer<'a> {
    /// A key of the moment, with a certificate of these claims.
    Certificate(&'a Claims),
    /// A key that somebody keeps.
    Key(&'a ManagedKey),
}

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub enum Content<'a> {
    /// An in-toto statement.
    Statement(&'a Value),
    /// An envelope of this type around these bytes.
    Payload(&'a str, &'a [u8]),
    /// The artifact itself.
    Artifact(&'a [u8]),
}

/// The kinds of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// Rekor v1, with promises and times.
    V1,
    /// Rekor v2, with neither.
    V2,
}

/// A key that somebody keeps.
#[derive(Debug)]
pub struct ManagedKey(Key);

impl ManagedKey {
    /// A new key.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "a default that differs each time would surprise")]
    pub fn new() -> Self {
        Self(Key::new())
    }

    /// The public key, in PEM.
    ///
    /// # Errors
    /// [`RehearsalError`] where it cannot be encoded.
    pub fn public(&self) -> Result<String, RehearsalError> {
        Ok(pem("PUBLIC KEY", &self.0.spki()?))
    }
}

impl<'a> Mint<'a> {
    /// What is usual: written down in Rekor v1 a second after the certificate was issued, and not stamped.
    #[must_use]
    pub fn new(signer: Signer<'a>, content: Content<'a>) -> Self {
        Self { signer, content, log: Some(LogKind::V1), logged: 1, stamped: None }
    }
}

impl Sigstore {
    /// A bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`), as it was asked for.
    ///
    /// # Errors
    /// [`RehearsalError`] where something cannot be encoded.
    pub fn mint(&mut self, mint: &Mint<'_>) -> Result<Value, RehearsalError> {
        let own = Key::new();
        let (key, certificate) = match mint.signer {
            Signer::Certificate(claims) => (&own, Some(self.authority.issue(&own, claims, self.now)?)),
            Signer::Key(key) => (&key.0, None),
        };
        let text;
        let (kind, payload): (&str, &[u8]) = match mint.content {
            Content::Statement(statement) => {
                text = statement.to_string();
                (IN_TOTO, text.as_bytes())
            }
            Content::Payload(kind, bytes) => (kind, bytes),
            Content::Artifact(bytes) => ("", bytes),
        };
        let is_artifact = matches!(mint.content, Content::Artifact(_));
        let signed = if is_artifact { payload.to_vec() } else { pae(kind, payload) };
        let signature = key.sign(&signed);
        let digest = Digest::of(&signed);
        let verifier = match &certificate {
            Some(it) => pem("CERTIFICATE", it),
            None => pem("PUBLIC KEY", &key.spki()?),
        };
        let time = self.now + mint.logged;
        let entry = match (mint.log, &certificate) {
            (None, _) => None,
            (Some(LogKind::V1), _) if !is_artifact => {
                Some(self.log.dsse(payload, &signature, &verifier, time)?)
            }
            (Some(LogKind::V2), Some(it)) => Some(self.log.hashedrekord_v2(&digest, &signature, it)?),
            _ => Some(self.log.hashedrekord(&digest, &signature, &verifier, time)?),
        };
        let stamp = mint.stamped.map(|it| self.stamper.stamp(&signature, self.now + it)).transpose()?;
        let stamps: Vec<Value> =
            stamp.iter().map(|it| json!({ "signedTimestamp": BASE64.encode(it) })).collect();
        let mut material = json!({
            "tlogEntries": entry.into_iter().collect::<Vec<_>>(),
            "timestampVerificationData": { "rfc3161Timestamps": stamps },
        });
        match &certificate {
            Some(it) => material["certificate"] = json!({ "rawBytes": BASE64.encode(it) }),
            None => material["publicKey"] = json!({ "hint": "invented" }),
        }
        let mut bundle = json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": material,
        });
        if is_artifact {
            bundle["messageSignature"] = json!({
                "messageDigest": { "algorithm": "SHA2_256", "digest": BASE64.encode(digest.bytes()) },
                "signature": BASE64.encode(&signature),
            });
        } else {
            bundle["dsseEnvelope"] = json!({
                "payload": BASE64.encode(payload),
                "payloadType": kind,
                "signatures": [{ "sig": BASE64.encode(&signature) }],
            });
        }
        Ok(bundle)
    }
}
