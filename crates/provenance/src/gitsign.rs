//! Verifies signatures of `gitsign`: a detached CMS message (RFC 5652) with a certificate of Fulcio and a log entry
//! (`gitsign:docs/bundle-cms.md`, `internal/rekor/oid/oid.go`).
//!
//! The signature covers the signed attributes, one of which is the digest of the payload. The log entry in the message
//! lacks its body, which is reconstructed from the message. The message and the entry form a Sigstore bundle and are
//! verified as one.

use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use model::Digest;
use model::evidence::attestation::{Rejection, VerifiedBundle};
use model::evidence::reason::Reason;
use serde_json::{Value, json};
use sigstore_verify::types::{DerCertificate, SignatureBytes};
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode as _, Encode as _, pem};

use crate::protobuf;
use crate::verifier::{Artifact, BundleVerifier};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const LOG_ENTRY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.3.1");
const FULCIO_OID_PREFIX: &str = "1.3.6.1.4.1.57264.1.";
/// Maximum size of an armored signature, in bytes.
const MAX_SIGNATURE_BYTES: usize = 64 << 10;

fn refused(reason: impl Into<String>) -> Rejection {
    Rejection::refuted(Reason::Cms, reason)
}

/// Returns whether an armored CMS signature has a certificate with Fulcio's extensions, from any instance of Fulcio.
#[must_use]
pub fn is_gitsign(armored: &[u8]) -> bool {
    let Ok(signed) = CmsMessage::read(armored) else { return false };
    let extensions = signed.certificate.tbs_certificate.extensions;
    extensions.iter().flatten().any(|it| it.extn_id.to_string().starts_with(FULCIO_OID_PREFIX))
}

impl BundleVerifier<'_> {
    /// Verifies an armored CMS signature of a payload. Returns who signed it, and when.
    ///
    /// # Errors
    /// [`Rejection`] if the signature is not valid, or contains no log entry (unproven).
    pub fn verify_gitsign(&self, payload: &[u8], armored: &[u8]) -> Result<VerifiedBundle, Rejection> {
        let message = CmsMessage::read(armored)?;
        let attributes = message.signed_attributes(payload)?;
        let bundle = message.to_bundle(&attributes)?;
        self.verify(&bundle.to_string(), &Artifact { sha256: Digest::of(&attributes), open: None })
    }
}

/// A CMS message: its only signer, and the certificate of that signer.
struct CmsMessage {
    signer: SignerInfo,
    certificate: Certificate,
}

impl CmsMessage {
    fn read(armored: &[u8]) -> Result<Self, Rejection> {
        let wrong = |what: &str| refused(format!("the signature is not a CMS message of gitsign: {what}"));
        if armored.len() > MAX_SIGNATURE_BYTES {
            return Err(Rejection::unproven(Reason::Limit, "the signature is longer than 64 KiB"));
        }
        let (label, der) = pem::decode_vec(armored.trim_ascii()).map_err(|_| wrong("not PEM"))?;
        if label != "SIGNED MESSAGE" {
            return Err(wrong("expected PEM with the label SIGNED MESSAGE"));
        }
        let info = ContentInfo::from_der(&der).map_err(|_| wrong("not a CMS content info"))?;
        if info.content_type != SIGNED_DATA {
            return Err(wrong("not CMS signed data"));
        }
        let data: SignedData = info.content.decode_as().map_err(|_| wrong("not CMS signed data"))?;
        if data.encap_content_info.econtent.is_some() || data.encap_content_info.econtent_type != DATA {
            return Err(wrong("expected detached data"));
        }
        let signers = data.signer_infos.0.as_slice();
        let [signer] = signers else { return Err(refused(format!("{} signers, expected 1", signers.len()))) };
        // The signature does not cover these fields, and no later check reads them: only gitsign's values are allowed.
        let digests: Vec<ObjectIdentifier> = data.digest_algorithms.iter().map(|it| it.oid).collect();
        if data.version != CmsVersion::V1 || signer.version != CmsVersion::V1 || digests != [SHA256] {
            return Err(wrong("expected version 1 with SHA-256 digests"));
        }
        if signer.digest_alg.oid != SHA256 || signer.signature_algorithm.oid != ECDSA_WITH_SHA256 {
            return Err(wrong("expected ECDSA with SHA-256"));
        }
        let certificates = data.certificates.iter().flat_map(|it| it.0.iter());
        let certificate = certificates
            .filter_map(|it| match it {
                cms::cert::CertificateChoices::Certificate(it) => Some(it),
                cms::cert::CertificateChoices::Other(_) => None,
            })
            .find(|it| is_signer_certificate(&signer.sid, it))
            .ok_or_else(|| wrong("it lacks its signer's certificate"))?;
        Ok(Self { signer: signer.clone(), certificate: certificate.clone() })
    }

    /// Returns the signed attributes in the encoding that was signed (RFC 5652, 5.4: a SET OF, in DER). They must
    /// contain the digest of the payload.
    fn signed_attributes(&self, payload: &[u8]) -> Result<Vec<u8>, Rejection> {
        let attributes =
            self.signer.signed_attrs.as_ref().ok_or_else(|| refused("it has no signed attributes"))?;
        let one = |id: ObjectIdentifier| -> Option<&Attribute> {
            let mut all = attributes.iter().filter(|it| it.oid == id);
            let first = all.next().filter(|it| it.values.len() == 1)?;
            all.next().is_none().then_some(first)
        };
        let kind = one(CONTENT_TYPE).and_then(|it| it.values.get(0)?.decode_as::<ObjectIdentifier>().ok());
        if kind != Some(DATA) {
            return Err(refused("it has no signed content type, or another than data"));
        }
        let digest = one(MESSAGE_DIGEST).and_then(|it| it.values.get(0));
        let digest =
            digest.and_then(|it| it.decode_as::<OctetStringRef<'_>>().ok().map(|it| it.as_bytes().to_vec()));
        if digest.as_deref() != Some(&Digest::of(payload).bytes()[..]) {
            return Err(Rejection::refuted(Reason::Payload, "the signed digest is not that of the payload"));
        }
        attributes.to_der().map_err(|error| refused(error.to_string()))
    }

    /// Returns the message as a Sigstore bundle: the certificate, the signature of the attributes, and the log entry.
    fn to_bundle(&self, attributes: &[u8]) -> Result<Value, Rejection> {
        let entry = self.signer.unsigned_attrs.iter().flat_map(|it| it.iter()).find(|it| it.oid == LOG_ENTRY);
        let missing = || {
            Rejection::unproven(
                Reason::NoLogEntry,
                "the signature contains no log entry: sign with gitsign 0.10 or later",
            )
        };
        let value = entry.ok_or_else(missing)?.values.get(0);
        let entry = value.and_then(|it| it.decode_as::<OctetStringRef<'_>>().ok());
        let mut entry = protobuf::log_entry_json(
            entry.ok_or_else(|| refused("the log entry is not an octet string"))?.as_bytes(),
        )
        .ok_or_else(|| refused("the log entry is malformed"))?;
        let certificate = self.certificate.to_der().map_err(|error| refused(error.to_string()))?;
        let certificate = DerCertificate::new(certificate);
        let signature = SignatureBytes::from_bytes(self.signer.signature.as_bytes());
        let digest = Digest::of(attributes);
        // The body is Rekor's `hashedrekord` 0.0.1 in canonical JSON; `serde_json` writes the keys in sorted order.
        let pem = format!("{}\n", certificate.to_pem().replace("\r\n", "\n").trim_end());
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": digest.hex() } },
                "signature": {
                    "content": signature.to_base64(),
                    "publicKey": { "content": SignatureBytes::from_bytes(pem.as_bytes()).to_base64() },
                },
            },
        });
        entry["canonicalizedBody"] =
            SignatureBytes::from_bytes(body.to_string().as_bytes()).to_base64().into();
        Ok(json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {
                "certificate": { "rawBytes": certificate.to_base64() },
                "tlogEntries": [entry],
            },
            "messageSignature": {
                "messageDigest": {
                    "algorithm": "SHA2_256",
                    "digest": SignatureBytes::from_bytes(&digest.bytes()).to_base64(),
                },
                "signature": signature.to_base64(),
            },
        }))
    }
}

/// Returns whether a signer is identified by the issuer and serial number of a certificate. Gitsign does not use the
/// other form, a subject key identifier.
fn is_signer_certificate(signer: &SignerIdentifier, certificate: &Certificate) -> bool {
    match signer {
        SignerIdentifier::IssuerAndSerialNumber(issuer_and_serial) => {
            issuer_and_serial.issuer == certificate.tbs_certificate.issuer
                && issuer_and_serial.serial_number == certificate.tbs_certificate.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(_) => false,
    }
}
