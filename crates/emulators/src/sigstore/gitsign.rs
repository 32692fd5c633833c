//! Signatures of git objects as `gitsign` creates them (`gitsign:docs/bundle-cms.md`): detached CMS messages (RFC 5652)
//! that embed the log entry.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::claims::CertificateClaims;
use super::der::{integer, octet_string, oid, sequence, set, tlv};
use super::instance::Sigstore;
use super::key::EcdsaKey;
use super::key::encoding_error;
use super::timestamp::{CONTENT_TYPE, ECDSA_WITH_SHA256, MESSAGE_DIGEST, SHA256, SIGNED_DATA};
use super::transparency_log::encode_pem;
use crate::error::EmulatorError;

/// `id-data` (RFC 5652, 4).
const PKCS7_DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 1];
/// The unsigned attribute with the log entry (`gitsign:docs/bundle-cms.md`).
const REKOR_LOG_ENTRY: &[u32] = &[1, 3, 6, 1, 4, 1, 57264, 3, 1];

impl Sigstore {
    /// Returns an armored signature of a payload, with a certificate that has these claims. Older versions of gitsign
    /// did not embed the log entry, as with `with_log_entry` set to false.
    ///
    /// # Errors
    /// [`EmulatorError`] if a part of the signature cannot be encoded.
    pub fn gitsign(
        &mut self,
        claims: &CertificateClaims,
        payload: &[u8],
        with_log_entry: bool,
    ) -> Result<String, EmulatorError> {
        let key = EcdsaKey::new();
        let certificate = self.certificate_authority.issue(&key, claims, self.now)?;
        let algorithm = |numbers: &[u32]| sequence(&[oid(numbers)]);
        let attribute = |numbers: &[u32], it: Vec<u8>| sequence(&[oid(numbers), set(vec![it])]);
        let attributes = set(vec![
            attribute(CONTENT_TYPE, oid(PKCS7_DATA)),
            attribute(MESSAGE_DIGEST, octet_string(&Digest::of(payload).bytes())),
        ]);
        let signature = key.sign(&attributes);
        let verifier = encode_pem("CERTIFICATE", &certificate);
        let entry = self.transparency_log.add_hashedrekord(
            &Digest::of(&attributes),
            &signature,
            &verifier,
            self.now + 1,
        )?;
        let tbs =
            Certificate::from_der(&certificate).map_err(|error| encoding_error(&error))?.tbs_certificate;
        let issuer = tbs.issuer.to_der().map_err(|error| encoding_error(&error))?;
        let mut signer = vec![
            integer(&[1]),
            sequence(&[issuer, integer(tbs.serial_number.as_bytes())]),
            algorithm(SHA256),
            // RFC 5652, 5.4: the attributes are signed as a SET OF, but stored under the tag [0].
            [&[0xa0][..], &attributes[1..]].concat(),
            algorithm(ECDSA_WITH_SHA256),
            octet_string(&signature),
        ];
        if with_log_entry {
            signer.push(tlv(0xa1, &attribute(REKOR_LOG_ENTRY, octet_string(&encode_log_entry(&entry)))));
        }
        let content = sequence(&[
            integer(&[1]),
            set(vec![algorithm(SHA256)]),
            sequence(&[oid(PKCS7_DATA)]),
            tlv(0xa0, &certificate),
            set(vec![sequence(&signer)]),
        ]);
        Ok(encode_pem("SIGNED MESSAGE", &sequence(&[oid(SIGNED_DATA), tlv(0xa0, &content)])))
    }
}

/// Encodes a protobuf varint.
fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
    out
}

/// Encodes a protobuf field of bytes, text or a message.
fn length_delimited(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// Encodes a protobuf integer field. In the JSON mapping of protobuf a 64-bit integer is a string. The default 0 is
/// left out.
fn varint_field(number: u64, json: &Value) -> Vec<u8> {
    let value = json.as_str().and_then(|it| it.parse().ok()).unwrap_or(0);
    if value == 0 { Vec::new() } else { [varint(number << 3), varint(value)].concat() }
}

/// Encodes a log entry without its canonicalized body as protobuf (`TransparencyLogEntry` in `sigstore_rekor.proto`).
fn encode_log_entry(entry: &Value) -> Vec<u8> {
    let bytes = |it: &Value| BASE64.decode(it.as_str().unwrap_or_default()).unwrap_or_default();
    let text = |it: &Value| it.as_str().unwrap_or_default().as_bytes().to_vec();
    let (kind, proof) = (&entry["kindVersion"], &entry["inclusionProof"]);
    let hashes = proof["hashes"].as_array().into_iter().flatten();
    let hashes: Vec<u8> = hashes.flat_map(|it| length_delimited(4, &bytes(it))).collect();
    let checkpoint = length_delimited(1, &text(&proof["checkpoint"]["envelope"]));
    let proof = [
        varint_field(1, &proof["logIndex"]),
        length_delimited(2, &bytes(&proof["rootHash"])),
        varint_field(3, &proof["treeSize"]),
        hashes,
        length_delimited(5, &checkpoint),
    ];
    [
        varint_field(1, &entry["logIndex"]),
        length_delimited(2, &length_delimited(1, &bytes(&entry["logId"]["keyId"]))),
        length_delimited(
            3,
            &[length_delimited(1, &text(&kind["kind"])), length_delimited(2, &text(&kind["version"]))]
                .concat(),
        ),
        varint_field(4, &entry["integratedTime"]),
        length_delimited(5, &length_delimited(1, &bytes(&entry["inclusionPromise"]["signedEntryTimestamp"]))),
        length_delimited(6, &proof.concat()),
    ]
    .concat()
}
