//! A Sigstore instance: its authorities, its log, its clock and its trusted root.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use serde_json::{Value, json};

use super::certificate::CertificateAuthority;
use super::key::EcdsaKey;
use super::timestamp::TimestampAuthority;
use super::transparency_log::{self, TransparencyLog};
use crate::error::EmulatorError;

/// A Sigstore instance with a certificate authority, a transparency log and a timestamp authority.
#[derive(Debug)]
pub struct Sigstore {
    pub(super) certificate_authority: CertificateAuthority,
    pub(super) transparency_log: TransparencyLog,
    pub(super) timestamp_authority: TimestampAuthority,
    organization: String,
    /// The current time of the instance, in seconds since 1970 in UTC.
    pub(super) now: i64,
}

impl Sigstore {
    /// Creates an instance of the organization `sigstore.dev`. `now` is its time, in seconds since 1970 in UTC.
    ///
    /// # Errors
    /// [`EmulatorError`] if a certificate cannot be encoded, for example because its time is before 1970.
    pub fn new(now: i64) -> Result<Self, EmulatorError> {
        Self::for_organization("sigstore.dev", now)
    }

    /// Creates an instance whose authorities belong to this organization: `sigstore.dev` for the public-good instance,
    /// `GitHub, Inc.` for GitHub's.
    ///
    /// # Errors
    /// The same as for [`Sigstore::new`].
    pub fn for_organization(organization: &str, now: i64) -> Result<Self, EmulatorError> {
        Ok(Self {
            certificate_authority: CertificateAuthority::new(organization, now)?,
            transparency_log: TransparencyLog::new(),
            timestamp_authority: TimestampAuthority::new(organization, now)?,
            organization: organization.to_owned(),
            now,
        })
    }

    /// Sets the current time, in seconds since 1970 in UTC. Later signatures use it; existing ones do not change.
    pub fn set_time(&mut self, now: i64) {
        self.now = now;
    }

    /// Returns the trusted root, as a document of type `application/vnd.dev.sigstore.trustedroot+json;version=0.1`.
    ///
    /// # Errors
    /// [`EmulatorError`] if a key cannot be encoded.
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

    /// Returns the trusted root with a signing configuration that lists no services. Sigstore clients read both from
    /// one file (`application/vnd.dev.sigstore.clienttrustconfig.v0.1+json`).
    ///
    /// # Errors
    /// [`EmulatorError`] if a key cannot be encoded.
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
}
