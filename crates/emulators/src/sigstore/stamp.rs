//! A timestamp authority (RFC 3161): it says when it saw a signature.

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::certificate::{self, Encoded};
use super::der::{number, octets, oid, sequence, set, value};
use super::{Key, log, unencodable};

pub(crate) const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
pub(crate) const ECDSA_WITH_SHA256: &[u32] = &[1, 2, 840, 10045, 4, 3, 2];
pub(crate) const SIGNED_DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 2];
const TST_INFO: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 1, 4];
pub(crate) const CONTENT_TYPE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 3];
pub(crate) const MESSAGE_DIGEST: &[u32] = &[1, 2, 840, 113_549, 1, 9, 4];
const SIGNING_CERTIFICATE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 2, 47];
/// The policy of Sigstore's own authority (`timestamp-authority:pkg/signer`).
const POLICY: &[u32] = &[1, 3, 6, 1, 4, 1, 57264, 2];

/// An authority.
#[derive(Debug)]
pub(crate) struct Stamper {
    key: Key,
    /// Its certificate, then the root.
    chain: [Vec<u8>; 2],
}

impl Stamper {
    pub(crate) fn new(organization: &str, now: i64) -> Encoded<Self> {
        let (key, root) = (Key::new(), Key::new());
        let chain = certificate::stamping(&key, &root, organization, now)?;
        Ok(Self { key, chain })
    }

    pub(crate) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// The answer to a request for a timestamp of these bytes, at this time, in DER (RFC 3161, 2.4.2).
    pub(crate) fn stamp(&self, bytes: &[u8], time: i64) -> Encoded<Vec<u8>> {
        let hash = |bytes: &[u8]| octets(&log::id(bytes));
        let algorithm = |numbers: &[u32]| sequence(&[oid(numbers)]);
        let digits: String =
            model::base::time::format_rfc3339(time).chars().filter(char::is_ascii_digit).collect();
        let info = sequence(&[
            number(&[1]),
            oid(POLICY),
            sequence(&[algorithm(SHA256), hash(bytes)]),
            number(&[7]),
            value(0x18, format!("{digits}Z").as_bytes()),
            // A nonce of 64 bits, as clients send it.
            number(&[0x5e, 1, 2, 3, 4, 5, 6, 7]),
        ]);
        let attribute = |numbers: &[u32], it: Vec<u8>| sequence(&[oid(numbers), set(vec![it])]);
        let own = sequence(&[sequence(&[sequence(&[hash(&self.chain[0])])])]);
        let attributes = set(vec![
            attribute(CONTENT_TYPE, oid(TST_INFO)),
            attribute(MESSAGE_DIGEST, hash(&info)),
            attribute(SIGNING_CERTIFICATE, own),
        ]);
        let certificate = Certificate::from_der(&self.chain[0]).map_err(|error| unencodable(&error))?;
        let tbs = certificate.tbs_certificate;
        let issuer = tbs.issuer.to_der().map_err(|error| unencodable(&error))?;
        let signer = sequence(&[
            number(&[1]),
            sequence(&[issuer, number(tbs.serial_number.as_bytes())]),
            algorithm(SHA256),
            [&[0xa0][..], &attributes[1..]].concat(),
            algorithm(ECDSA_WITH_SHA256),
            octets(&self.key.sign(&attributes)),
        ]);
        let content = sequence(&[
            number(&[3]),
            set(vec![algorithm(SHA256)]),
            sequence(&[oid(TST_INFO), value(0xa0, &octets(&info))]),
            value(0xa0, &self.chain[0]),
            set(vec![signer]),
        ]);
        let granted = sequence(&[number(&[0])]);
        Ok(sequence(&[granted, sequence(&[oid(SIGNED_DATA), value(0xa0, &content)])]))
    }
}
