//! A Sigstore instance of our own: certificate authority, certificate log, transparency log and the trusted root that
//! names them. It mints bundles with any claims, right or wrong, in this process; verifiers that nobody here wrote accept
//! the right ones.
//!
//! Its keys are made when it is, and live as long as it does.

mod bundle;
mod certificate;
mod claims;
mod der;
mod gitsign;
mod timestamp;
mod transparency_log;
mod tuf;

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::pkcs8::EncodePublicKey as _;
use serde_json::{Value, json};

pub use bundle::{BundleContent, BundleSigner, BundleSpec, ManagedKey, RekorVersion};
pub use claims::{ActionsRun, CertificateClaims, CertificateLog, SubjectAlternativeName};
pub use tuf::Tuf;

use crate::EmulatorError;
use certificate::CertificateAuthority;
use timestamp::TimestampAuthority;
use transparency_log::TransparencyLog;

/// A Sigstore instance.
#[derive(Debug)]
pub struct Sigstore {
    certificate_authority: CertificateAuthority,
    transparency_log: TransparencyLog,
    timestamp_authority: TimestampAuthority,
    organization: String,
    /// The time, in seconds since 1970 in UTC, at which everything is signed.
    now: i64,
}

/// A key of the instance, or of one signature.
pub(crate) struct EcdsaKey(SigningKey);

impl std::fmt::Debug for EcdsaKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(***)")
    }
}

impl EcdsaKey {
    fn new() -> Self {
        Self(SigningKey::random(&mut p256::elliptic_curve::rand_core::OsRng))
    }

    /// An ECDSA signature over the SHA-256 of the bytes, in DER.
    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.0.sign(bytes);
        signature.as_bytes().to_vec()
    }

    /// The public key, as SPKI in DER (RFC 5280, 4.1.2.7).
    fn spki(&self) -> Result<Vec<u8>, EmulatorError> {
        let document = VerifyingKey::from(&self.0).to_public_key_der();
        document.map(|it| it.as_bytes().to_vec()).map_err(|error| encoding_error(&error))
    }
}

pub(crate) fn encoding_error(error: &dyn std::fmt::Display) -> EmulatorError {
    crate::failed_to("encode a certificate")(std::io::Error::other(error.to_string()))
}

impl Sigstore {
    /// A new instance, at this time.
    ///
    /// # Errors
    /// [`RehearsalError`] where a certificate cannot be encoded, which a time before 1970 would bring about.
    pub fn new(now: i64) -> Result<Self, EmulatorError> {
        Self::for_organization("sigstore.dev", now)
    }

    /// The same, of an authority of this organization: `sigstore.dev` is the public one, `GitHub, Inc.` that of GitHub.
    ///
    /// # Errors
    /// As [`Sigstore::new`].
    pub fn for_organization(organization: &str, now: i64) -> Result<Self, EmulatorError> {
        Ok(Self {
            certificate_authority: CertificateAuthority::new(organization, now)?,
            transparency_log: TransparencyLog::new(),
            timestamp_authority: TimestampAuthority::new(organization, now)?,
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
    pub fn trusted_root(&self) -> Result<Value, EmulatorError> {
        let valid_for = json!({ "start": model::base::time::format_rfc3339(self.now - 86_400) });
        let log = |key: &EcdsaKey, url: &str| -> Result<Value, EmulatorError> {
            let spki = key.spki()?;
            Ok(json!({
                "baseUrl": url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": {
                    "rawBytes": BASE64.encode(&spki),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                    "validFor": valid_for,
                },
                "logId": { "keyId": BASE64.encode(transparency_log::sha256(&spki)) },
            }))
        };
        let chain = |chain: &[Vec<u8>]| -> Vec<Value> {
            chain.iter().map(|it| json!({ "rawBytes": BASE64.encode(it) })).collect()
        };
        Ok(json!({
            "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(self.transparency_log.key(), "https://rekor.rehearsal.invalid")?],
            "certificateAuthorities": [{
                "subject": { "organization": self.organization, "commonName": "sigstore" },
                "uri": "https://fulcio.rehearsal.invalid",
                "certChain": { "certificates": chain(self.certificate_authority.chain()) },
                "validFor": valid_for,
            }],
            "ctlogs": [log(self.certificate_authority.ct_log_key(), "https://ctfe.rehearsal.invalid")?],
            "timestampAuthorities": [{
                "subject": { "organization": self.organization, "commonName": "tsa" },
                "uri": "https://tsa.rehearsal.invalid",
                "certChain": { "certificates": chain(self.timestamp_authority.chain()) },
                "validFor": valid_for,
            }],
        }))
    }

    /// The trusted root with a signing configuration that names no service, as sigstore's clients take both in one file
    /// (`application/vnd.dev.sigstore.clienttrustconfig.v0.1+json`).
    ///
    /// # Errors
    /// [`RehearsalError`] where a key cannot be encoded.
    pub fn client_trust_config(&self) -> Result<Value, EmulatorError> {
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
    pub fn attest(&mut self, claims: &CertificateClaims, statement: &Value) -> Result<Value, EmulatorError> {
        self.create_bundle(&BundleSpec::new(
            BundleSigner::Certificate(claims),
            BundleContent::Statement(statement),
        ))
    }
}

/// What a DSSE signature is over (DSSE protocol v1.0.0, "PAE").
fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    [format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).as_bytes(), payload].concat()
}
