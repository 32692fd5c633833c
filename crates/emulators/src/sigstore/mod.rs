//! A Sigstore instance of our own: certificate authority, certificate log, transparency log and the trusted root that
//! names them. It mints bundles with any claims, right or wrong, in this process; verifiers that nobody here wrote accept
//! the right ones.
//!
//! Its keys are made when it is, and live as long as it does.

mod certificate;
mod claims;
mod der;
mod gitsign;
mod log;
mod mint;
mod stamp;
mod tuf;

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};

pub use claims::{CertificateLog, Claims, Name, Run};
pub use mint::{Content, LogKind, ManagedKey, Mint, Signer};
pub use tuf::Tuf;

use crate::RehearsalError;
use certificate::Authority;
use log::Log;
use stamp::Stamper;

/// A Sigstore instance.
#[derive(Debug)]
pub struct Sigstore {
    authority: Authority,
    log: Log,
    stamper: Stamper,
    organization: String,
    /// The time, in seconds since 1970 in UTC, at which everything is signed.
    now: i64,
}

/// A key of the instance, or of one signature.
pub(crate) struct Key(SigningKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

impl Key {
    fn new() -> Self {
        Self(SigningKey::random(&mut p256::elliptic_curve::rand_core::OsRng))
    }

    /// An ECDSA signature over the SHA-256 of the bytes, in DER.
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(bytes);
        signature.as_bytes().to_vec()
    }

    /// The public key, as SPKI in DER (RFC 5280, 4.1.2.7).
    fn spki(&self) -> Result<Vec<u8>, RehearsalError> {
        let document = VerifyingKey::from(&self.0).to_public_key_der();
        document.map(|it| it.as_bytes().to_vec()).map_err(|error| unencodable(&error))
    }
}

pub(crate) fn unencodable(error: &dyn std::fmt::Display) -> RehearsalError {
    crate::failed("encode a certificate")(std::io::Error::other(error.to_string()))
}

impl Sigstore {
    /// A new instance, at this time.
    ///
    /// # Errors
    /// [`RehearsalError`] where a certificate cannot be encoded, which a time before 1970 would bring about.
    pub fn new(now: i64) -> Result<Self, RehearsalError> {
        Self::of("sigstore.dev", now)
    }

    /// The same, of an authority of this organization: `sigstore.dev` is the public one, `GitHub, Inc.` that of GitHub.
    ///
    /// # Errors
    /// As [`Sigstore::new`].
    pub fn of(organization: &str, now: i64) -> Result<Self, RehearsalError> {
        Ok(Self {
            authority: Authority::new(organization, now)?,
            log: Log::new(),
            stamper: Stamper::new(organization, now)?,
            organization: organization.to_owned(),
            now,
        })
    }

    /// Goes on in time: what is signed from now on is signed at this time.
    pub fn set_time(&mut self, now: i64) {
        self.now = now;
    }

    /// The trusted root, as a document of `application/vnd.dev.sigstore.trustedroot+json;version=0.1`.
    ///
    /// # Errors
    /// [`RehearsalError`] where a key cannot be encoded.
    pub fn trusted_root(&self) -> Result<Value, RehearsalError> {
        let since = json!({ "start": model::base::time::format_rfc3339(self.now - 86_400) });
        let log = |key: &Key, url: &str| -> Result<Value, RehearsalError> {
            let spki = key.spki()?;
            Ok(json!({
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": BASE64.encode(&spki),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": since,
                },
                "logId": { "keyId": BASE64.encode(log::id(&spki)) },
            }))
        };
        let chain = |chain: &[Vec<u8>]| -> Vec<Value> {
            chain.iter().map(|it| json!({ "rawBytes": BASE64.encode(it) })).collect()
        };
        Ok(json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.log.key(), "https://rekor.rehearsal.invalid")?],
            "certificateAuthorities": [{
                "subject": { "organization": self.organization, "commonName": "sigstore" },
                "uri": "https://fulcio.rehearsal.invalid",
                "certChain": { "certificates": chain(self.authority.chain()) },
                "validFor": since,
            }],
            "ctlogs": [log(self.authority.ct_key(), "https://ctfe.rehearsal.invalid")?],
            "timestampAuthorities": [{
                "subject": { "organization": self.organization, "commonName": "tsa" },
                "uri": "https://tsa.rehearsal.invalid",
                "certChain": { "certificates": chain(self.stamper.chain()) },
                "validFor": since,
            }],
        }))
    }

    /// The trusted root with a signing configuration that names no service, as sigstore's clients take both in one file
    /// (`application/vnd.dev.sigstore.clienttrustconfig.v0.1+json`).
    ///
    /// # Errors
    /// [`RehearsalError`] where a key cannot be encoded.
    pub fn trust_config(&self) -> Result<Value, RehearsalError> {
        Ok(json!({
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": self.trusted_root()?,
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [],
                "oidcUrls": [],
                "rekorTlogUrls": [],
                "tsaUrls": [],
                "rekorTlogConfig": { "selector": "ANY" },
                "tsaConfig": { "selector": "ANY" },
            },
        }))
    }

    /// A bundle (`application/vnd.dev.sigstore.bundle.v0.3+json`) over an in-toto statement, signed with a certificate of
    /// these claims and written down in the log.
    ///
    /// # Errors
    /// [`RehearsalError`] where the claims cannot be encoded.
    pub fn attest(&mut self, claims: &Claims, statement: &Value) -> Result<Value, RehearsalError> {
        self.mint(&Mint::new(Signer::Certificate(claims), Content::Statement(statement)))
    }
}

/// What a DSSE signature is over (DSSE protocol v1.0.0, "PAE").
fn pae(kind: &str, payload: &[u8]) -> Vec<u8> {
    [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), payload].concat()
}
