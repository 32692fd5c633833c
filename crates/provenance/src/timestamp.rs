//! Strict checks of timestamps (RFC 3161, 2.4.2; the token is a CMS message, RFC 5652, 5).
//!
//! The library verifies the signature and what it covers: the signed attributes and, through them, the stamped digest
//! and the time. The signature does not cover all parts of a CMS message: certificates, lists of algorithms and further
//! attributes are unsigned. This module accepts them only as an authority of the trusted root writes them, so that two
//! accepted timestamps never differ only in unverified parts.

use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, GeneralizedTime, ObjectIdentifier, OctetString};
use x509_cert::der::{Decode, Encode, Reader, SliceReader, Tag, Tagged as _};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// Digest algorithms, each with the signature algorithms that may be used with it (RFC 5754, 2 and 3; RFC 8419, 3.1 for
/// Ed25519, which names no digest).
const ALGORITHM_PAIRS: [(&str, [&str; 4]); 3] = [
    ("2.16.840.1.101.3.4.2.1", ["1.2.840.10045.4.3.2", "1.2.840.113549.1.1.11", RSA, ED25519]),
    ("2.16.840.1.101.3.4.2.2", ["1.2.840.10045.4.3.3", "1.2.840.113549.1.1.12", RSA, ED25519]),
    ("2.16.840.1.101.3.4.2.3", ["1.2.840.10045.4.3.4", "1.2.840.113549.1.1.13", RSA, ED25519]),
];
const RSA: &str = "1.2.840.113549.1.1.1";
const ED25519: &str = "1.3.101.112";
/// DER of a `PKIStatusInfo` with the status `granted` and without a text (RFC 3161, 2.4.2).
const GRANTED: [u8; 5] = [0x30, 0x03, 0x02, 0x01, 0x00];

/// Checks that a timestamp response names one of the authorities as its signer, and that its unsigned parts are as
/// they write them. `authorities` are certificates in DER.
///
/// # Errors
/// A message that names the part that is not as expected.
pub(crate) fn check_timestamp(response: &[u8], authorities: &[Vec<u8>]) -> Result<(), String> {
    let token = granted_token(response).ok_or("it is not a granted timestamp response")?;
    let info = ContentInfo::from_der(token).map_err(|_| "its token is not a CMS message")?;
    let data: SignedData = info.content.decode_as().map_err(|_| "its token is not CMS signed data")?;
    if info.content_type != SIGNED_DATA || info.to_der().ok().as_deref() != Some(token) {
        return Err("its token is not signed data in DER".to_owned());
    }
    let [signer] = data.signer_infos.0.as_slice() else {
        return Err("its token does not have exactly one signer".to_owned());
    };
    let certificates = authorities.iter().filter_map(|it| Certificate::from_der(it).ok());
    let known: Vec<Certificate> = certificates.collect();
    if !is_signed_by(signer, &known) {
        return Err("its signer is not a timestamp authority of the trusted root".to_owned());
    }
    check_unsigned_parts(&data, signer, authorities).map_err(|what| format!("its token has {what}"))
}

/// Returns the time that a timestamp response states, in seconds since 1970 in UTC (`genTime`, RFC 3161, 2.4.2). Nothing
/// is verified. Returns `None` if the response cannot be read.
pub(crate) fn stated_time(response: &[u8]) -> Option<i64> {
    let data: SignedData = ContentInfo::from_der(granted_token(response)?).ok()?.content.decode_as().ok()?;
    let info = OctetString::from_der(&data.encap_content_info.econtent?.to_der().ok()?).ok()?;
    generation_time(info.as_bytes())
}

/// Returns the time in a `TSTInfo` in DER, in seconds since 1970 in UTC.
pub(crate) fn generation_time(info: &[u8]) -> Option<i64> {
    let info = AnyRef::from_der(info).ok()?;
    let mut fields = SliceReader::new(info.value()).ok()?;
    // Before the time come the version, the policy, the digest and the serial number.
    for _ in 0..4 {
        AnyRef::decode(&mut fields).ok()?;
    }
    // Fractions of a second may follow the first 14 digits. They are cut off, because the decoder accepts none.
    let digits = AnyRef::decode(&mut fields).ok()?.value().get(..14)?;
    let time = GeneralizedTime::from_der(&[&[0x18, 15], digits, b"Z"].concat()).ok()?;
    i64::try_from(time.to_unix_duration().as_secs()).ok()
}

/// Returns the token of a response whose status is `granted`; `None` for any other response.
fn granted_token(response: &[u8]) -> Option<&[u8]> {
    let mut reader = SliceReader::new(response).ok()?;
    let sequence = AnyRef::decode(&mut reader).ok()?;
    reader.finish(()).ok()?;
    if response.first() != Some(&0x30) {
        return None;
    }
    sequence.value().strip_prefix(&GRANTED)
}

/// Returns whether the signer is identified by the issuer and serial number of one of these certificates.
fn is_signed_by(signer: &SignerInfo, known: &[Certificate]) -> bool {
    let SignerIdentifier::IssuerAndSerialNumber(sid) = &signer.sid else { return false };
    known
        .iter()
        .map(|it| &it.tbs_certificate)
        .any(|it| it.issuer == sid.issuer && it.serial_number == sid.serial_number)
}

/// Checks the parts of a message that its signature does not cover. The error names the part that is not allowed.
fn check_unsigned_parts(
    data: &SignedData,
    signer: &SignerInfo,
    authorities: &[Vec<u8>],
) -> Result<(), &'static str> {
    if data.version != CmsVersion::V3 || signer.version != CmsVersion::V1 {
        return Err("a version that does not match its content");
    }
    // The digest covers the value of the content without its tag (RFC 5652, 5.4), so the tag is checked here.
    if data.encap_content_info.econtent.as_ref().is_none_or(|it| it.tag() != Tag::OctetString) {
        return Err("content that is not an octet string");
    }
    if data.crls.is_some() || signer.unsigned_attrs.is_some() {
        return Err("revocation lists or unsigned attributes");
    }
    if data.digest_algorithms.iter().any(|it| *it != signer.digest_alg) || data.digest_algorithms.len() != 1 {
        return Err("digest algorithms that its signer did not use");
    }
    let (digest, signature) = (signer.digest_alg.oid.to_string(), signer.signature_algorithm.oid.to_string());
    if !ALGORITHM_PAIRS.iter().any(|it| it.0 == digest && it.1.contains(&signature.as_str())) {
        return Err("a signature algorithm that does not match its digest algorithm");
    }
    let parameters = [&signer.digest_alg.parameters, &signer.signature_algorithm.parameters];
    if parameters.into_iter().flatten().any(|it| !it.is_null()) {
        return Err("algorithm parameters other than null");
    }
    for certificate in data.certificates.iter().flat_map(|it| it.0.iter()) {
        let der = certificate.to_der().map_err(|_| "an unreadable certificate")?;
        if !authorities.contains(&der) {
            return Err("a certificate that is not in the trusted root");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::generation_time;

    /// Returns a `TSTInfo` with this time: version 1, policy 1.2.3, an empty digest, serial number 1.
    fn info(time: &str) -> Vec<u8> {
        let mut fields =
            vec![2, 1, 1, 6, 2, 0x2a, 3, 0x30, 0, 2, 1, 1, 0x18, u8::try_from(time.len()).unwrap()];
        fields.extend_from_slice(time.as_bytes());
        [&[0x30, u8::try_from(fields.len()).unwrap()], &fields[..]].concat()
    }

    #[test]
    fn stated_time_may_have_fractions() {
        // date -u -d 2024-01-01 +%s
        for time in ["20240101000000Z", "20240101000000.5Z"] {
            assert_eq!(generation_time(&info(time)), Some(1_704_067_200), "{time}");
        }
        for time in ["202401010000Z", "20241301000000Z", ""] {
            assert_eq!(generation_time(&info(time)), None, "{time}");
        }
        assert_eq!(generation_time(&info("20240101000000Z")[..20]), None);
    }
}
