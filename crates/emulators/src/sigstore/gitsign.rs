//! Signatures of git objects in the manner of `gitsign` (`gitsign:docs/bundle-cms.md`): a detached CMS message (RFC 5652) with the log
//! entry in it.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::Value;
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::der::{number, octets, oid, sequence, set, value};
use super::log::pem;
use super::stamp::{CONTENT_TYPE, ECDSA_WITH_SHA256, MESSAGE_DIGEST, SHA256, SIGNED_DATA};
use super::{Claims, Key, Sigstore, unencodable};
use crate::RehearsalError;

const DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 1];
const LOG_ENTRY: &[u32] = &[1, 3, 6, 1, 4, 1, 57264, 3, 1];

impl Sigstore {
    /// An armored signature of a payload, with a certificate of these claims; with its log entry, or without, as older versions made
    /// it.
    ///
    /// # Errors
    /// [`RehearsalError`] where something cannot be encoded.
    pub fn gitsign(
        &mut self,
        claims: &Claims,
        payload: &[u8],
        logged: bool,
    ) -> Result<String, RehearsalError> {
        let key = Key::new();
        let certificate = self.authority.issue(&key, claims, self.now)?;
        let algorithm = |numbers: &[u32]| sequence(&[oid(numbers)]);
        let attribute = |numbers: &[u32], it: Vec<u8>| sequence(&[oid(numbers), set(vec![it])]);
        let attributes = set(vec![
            attribute(CONTENT_TYPE, oid(DATA)),
            attribute(MESSAGE_DIGEST, octets(&Digest::of(payload).bytes())),
        ]);
        let signature = key.sign(&attributes);
        let verifier = pem("CERTIFICATE", &certificate);
        let entry = self.log.hashedrekord(&Digest::of(&attributes), &signature, &verifier, self.now + 1)?;
        let tbs = Certificate::from_der(&certificate).map_err(|error| unencodable(&error))?.tbs_certificate;
        let issuer = tbs.issuer.to_der().map_err(|error| unencodable(&error))?;
        let mut signer = vec![
            number(&[1]),
            sequence(&[issuer, number(tbs.serial_number.as_bytes())]),
            algorithm(SHA256),
            [&[0xa0][..], &attributes[1..]].concat(),
            algorithm(ECDSA_WITH_SHA256),
            octets(&signature),
        ];
        if logged {
            signer.push(value(0xa1, &attribute(LOG_ENTRY, octets(&protobuf(&entry)))));
        }
        let content = sequence(&[
            number(&[1]),
            set(vec![algorithm(SHA256)]),
            sequence(&[oid(DATA)]),
            value(0xa0, &certificate),
            set(vec![sequence(&signer)]),
        ]);
        Ok(pem("SIGNED MESSAGE", &sequence(&[oid(SIGNED_DATA), value(0xa0, &content)])))
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push((number & 0x7f) as u8);
    out
}

fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A number in JSON's form of protobuf: a text.
fn count(number: u64, json: &Value) -> Vec<u8> {
    let found = json.as_str().and_then(|it| it.parse().ok()).unwrap_or(0);
    if found == 0 { Vec::new() } else { [varint(number << 3), varint(found)].concat() }
}

/// A log entry without its body, as protobuf writes it (`sigstore_rekor.proto`).
fn protobuf(entry: &Value) -> Vec<u8> {
    let bytes = |it: &Value| BASE64.decode(it.as_str().unwrap_or_default()).unwrap_or_default();
    let text = |it: &Value| it.as_str().unwrap_or_default().as_bytes().to_vec();
    let (kind, proof) = (&entry["kindVersion"], &entry["inclusionProof"]);
    let hashes = proof["hashes"].as_array().into_iter().flatten();
    let hashes: Vec<u8> = hashes.flat_map(|it| field(4, &bytes(it))).collect();
    let checkpoint = field(1, &text(&proof["checkpoint"]["envelope"]));
    let proof = [
        count(1, &proof["logIndex"]),
        field(2, &bytes(&proof["rootHash"])),
        count(3, &proof["treeSize"]),
        hashes,
        field(5, &checkpoint),
    ];
    [
        count(1, &entry["logIndex"]),
        field(2, &field(1, &bytes(&entry["logId"]["keyId"]))),
        field(3, &[field(1, &text(&kind["kind"])), field(2, &text(&kind["version"]))].concat()),
        count(4, &entry["integratedTime"]),
        field(5, &field(1, &bytes(&entry["inclusionPromise"]["signedEntryTimestamp"]))),
        field(6, &proof.concat()),
    ]
    .concat()
}
