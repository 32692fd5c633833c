//! A timestamp authority (RFC 3161), which signs the time of a signature.

use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};

use super::certificate::{self, EncodeResult};
use super::der::{integer, octet_string, oid, sequence, set, tlv};
use super::key::EcdsaKey;
use super::key::encoding_error;
use super::transparency_log;

pub(crate) const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
pub(crate) const ECDSA_WITH_SHA256: &[u32] = &[1, 2, 840, 10045, 4, 3, 2];
pub(crate) const SIGNED_DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 2];
/// The content type of a timestamp, `id-ct-TSTInfo` (RFC 3161, 2.4.2).
const TST_INFO: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 1, 4];
pub(crate) const CONTENT_TYPE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 3];
pub(crate) const MESSAGE_DIGEST: &[u32] = &[1, 2, 840, 113_549, 1, 9, 4];
/// The attribute `signingCertificateV2` (RFC 5816).
const SIGNING_CERTIFICATE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 2, 47];
/// The policy OID of Sigstore's timestamp authority (`timestamp-authority:pkg/signer`).
const TSA_POLICY: &[u32] = &[1, 3, 6, 1, 4, 1, 57264, 2];

/// A timestamp authority with its certificates.
#[derive(Debug)]
pub(crate) struct TimestampAuthority {
    key: EcdsaKey,
    /// The certificate of the authority, then that of its root, in DER.
    chain: [Vec<u8>; 2],
}

impl TimestampAuthority {
    /// Creates an authority with new keys. Its certificates are valid from one day before `now`.
    pub(crate) fn new(organization: &str, now: i64) -> EncodeResult<Self> {
        let (key, root) = (EcdsaKey::new(), EcdsaKey::new());
        let chain = certificate::timestamp_certificates(&key, &root, organization, now)?;
        Ok(Self { key, chain })
    }

    /// Returns the certificate of the authority, then that of its root, in DER.
    pub(crate) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// Returns the `TimeStampResp` for a signature (`bytes`) in DER (RFC 3161, 2.4.2). `time` is in seconds since 1970
    /// in UTC.
    pub(crate) fn issue_timestamp(&self, bytes: &[u8], time: i64) -> EncodeResult<Vec<u8>> {
        // PKIStatus 0: granted.
        let status = sequence(&[integer(&[0])]);
        Ok(sequence(&[status, self.issue_token(bytes, time)?]))
    }

    /// Returns the token in such a response: a CMS message.
    pub(crate) fn issue_token(&self, bytes: &[u8], time: i64) -> EncodeResult<Vec<u8>> {
        let hash = |bytes: &[u8]| octet_string(&transparency_log::sha256(bytes));
        let algorithm = |numbers: &[u32]| sequence(&[oid(numbers)]);
        let digits: String =
            model::base::time::format_rfc3339(time).chars().filter(char::is_ascii_digit).collect();
        let tst_info = sequence(&[
            integer(&[1]),
            oid(TSA_POLICY),
            sequence(&[algorithm(SHA256), hash(bytes)]),
            // The serial number. RFC 3161 requires a unique one; a constant is enough here.
            integer(&[7]),
            tlv(0x18, format!("{digits}Z").as_bytes()),
            // A nonce of 64 bits, as clients send it. It is a constant because there is no request.
            integer(&[0x5e, 1, 2, 3, 4, 5, 6, 7]),
        ]);
        let attribute = |numbers: &[u32], it: Vec<u8>| sequence(&[oid(numbers), set(vec![it])]);
        let signing_certificate = sequence(&[sequence(&[sequence(&[hash(&self.chain[0])])])]);
        let attributes = set(vec![
            attribute(CONTENT_TYPE, oid(TST_INFO)),
            attribute(MESSAGE_DIGEST, hash(&tst_info)),
            attribute(SIGNING_CERTIFICATE, signing_certificate),
        ]);
        let certificate = Certificate::from_der(&self.chain[0]).map_err(|error| encoding_error(&error))?;
        let tbs = certificate.tbs_certificate;
        let issuer = tbs.issuer.to_der().map_err(|error| encoding_error(&error))?;
        let signer = sequence(&[
            integer(&[1]),
            sequence(&[issuer, integer(tbs.serial_number.as_bytes())]),
            algorithm(SHA256),
            // RFC 5652, 5.4: the attributes are signed as a SET OF, but stored under the tag [0].
            [&[0xa0][..], &attributes[1..]].concat(),
            algorithm(ECDSA_WITH_SHA256),
            octet_string(&self.key.sign(&attributes)),
        ]);
        let content = sequence(&[
            integer(&[3]),
            set(vec![algorithm(SHA256)]),
            sequence(&[oid(TST_INFO), tlv(0xa0, &octet_string(&tst_info))]),
            tlv(0xa0, &self.chain[0]),
            set(vec![signer]),
        ]);
        Ok(sequence(&[oid(SIGNED_DATA), tlv(0xa0, &content)]))
    }
}
