//! The signatures of a NuGet registry: CMS signed data over the digest of a package, with a timestamp, in an entry that is
//! added to the package (NuGet documentation, "Package signatures technical specification").

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use model::Digest;

use crate::error::{EmulatorError, failed_to};
use crate::sigstore::der::{integer, octet_string, oid, sequence, set, tlv};
use crate::sigstore::timestamp::{CONTENT_TYPE, MESSAGE_DIGEST, SHA256, SIGNED_DATA, TimestampAuthority};

/// `id-data` (RFC 5652, 4).
const DATA: &[u32] = &[1, 2, 840, 113_549, 1, 7, 1];
const RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
const SHA256_WITH_RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 11];
const SIGNING_CERTIFICATE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 2, 47];
const COMMITMENT_TYPE: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 2, 16];
const PROOF_OF_ORIGIN: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 6, 1];
const PROOF_OF_RECEIPT: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 6, 2];
const TIMESTAMP_TOKEN: &[u32] = &[1, 2, 840, 113_549, 1, 9, 16, 2, 14];
const SERVICE_INDEX: &[u32] = &[1, 3, 6, 1, 4, 1, 311, 84, 2, 1, 1, 1];
const COMMON_NAME: &[u32] = &[2, 5, 4, 3];
const EXTENDED_KEY_USAGE: &[u32] = &[2, 5, 29, 37];
const CODE_SIGNING: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 3];
/// The name of the entry with the signature.
const ENTRY_NAME: &[u8] = b".signature.p7s";
/// The size of the end of central directory record, in bytes (PKWARE APPNOTE 4.3.16).
const END_BYTES: usize = 22;
/// The validity of the signer's certificate before and after its creation, in seconds.
const LIFETIME_SECONDS: i64 = 365 * 86_400;

/// What a signature states. A test changes it.
#[derive(Debug, Clone)]
pub struct PackageSigning {
    /// The address of the registry. `None` leaves the attribute out.
    pub service_index: Option<String>,
    /// The digest of the package that is signed, in hexadecimal digits. `None` for the right one.
    pub digest: Option<String>,
    /// Whether the signer states that it is the author of the package.
    pub is_author: bool,
    /// The time of the timestamp, in seconds since 1970. `None` leaves the timestamp out.
    pub signed_at: Option<i64>,
}

/// The key and the certificate that a registry signs packages with.
pub(super) struct PackageSigner {
    key: KeyPair,
    /// The certificate in DER. It is signed by its own key: its fingerprint is what counts.
    certificate: Vec<u8>,
    timestamps: TimestampAuthority,
}

impl std::fmt::Debug for PackageSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PackageSigner(***)")
    }
}

fn failed(what: &str) -> EmulatorError {
    failed_to("sign a package")(std::io::Error::other(what.to_owned()))
}

fn algorithm(numbers: &[u32]) -> Vec<u8> {
    // With an explicit null, as NuGet writes it.
    sequence(&[oid(numbers), tlv(5, &[])])
}

fn sign(key: &KeyPair, bytes: &[u8]) -> Result<Vec<u8>, EmulatorError> {
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes, &mut signature)
        .map_err(|_| failed("RSA failed"))?;
    Ok(signature)
}

/// Returns a distinguished name with one common name.
fn name(common_name: &str) -> Vec<u8> {
    sequence(&[set(vec![sequence(&[oid(COMMON_NAME), tlv(12, common_name.as_bytes())])])])
}

/// Returns a time as `GeneralizedTime` (RFC 5280, 4.1.2.5.2).
fn time(seconds: i64) -> Vec<u8> {
    let digits: String =
        model::base::time::format_rfc3339(seconds).chars().filter(char::is_ascii_digit).collect();
    tlv(0x18, format!("{digits}Z").as_bytes())
}

impl PackageSigner {
    /// Creates a key and a certificate that is valid around `now`, in seconds since 1970.
    pub(super) fn new(now: i64) -> Result<Self, EmulatorError> {
        let key = KeyPair::generate(KeySize::Rsa2048).map_err(|_| failed("no RSA key"))?;
        let public_key = [&[0][..], key.public_key().as_ref()].concat();
        let usage = sequence(&[oid(EXTENDED_KEY_USAGE), octet_string(&sequence(&[oid(CODE_SIGNING)]))]);
        let certificate = sequence(&[
            // Version 3.
            tlv(0xa0, &integer(&[2])),
            integer(&[7]),
            algorithm(SHA256_WITH_RSA),
            name("Packages of the rehearsal"),
            sequence(&[time(now - LIFETIME_SECONDS), time(now + LIFETIME_SECONDS)]),
            name("Packages of the rehearsal"),
            sequence(&[algorithm(RSA), tlv(3, &public_key)]),
            tlv(0xa3, &sequence(&[usage])),
        ]);
        let signature = [&[0][..], &sign(&key, &certificate)?].concat();
        let certificate = sequence(&[certificate, algorithm(SHA256_WITH_RSA), tlv(3, &signature)]);
        let timestamps = TimestampAuthority::new("rehearsal.invalid", now)?;
        Ok(Self { key, certificate, timestamps })
    }

    /// Returns the SHA-256 of the certificate in hexadecimal digits.
    pub(super) fn fingerprint(&self) -> String {
        Digest::of(&self.certificate).hex()
    }

    /// Returns the signature of a package, in DER.
    pub(super) fn signature(
        &self,
        package: &[u8],
        signing: &PackageSigning,
    ) -> Result<Vec<u8>, EmulatorError> {
        let digest = match &signing.digest {
            Some(hex) => Digest::from_hex(hex).ok_or_else(|| failed("the digest is not valid"))?,
            None => Digest::of(package),
        };
        let digest = BASE64_STANDARD.encode(digest.bytes());
        let content = format!("Version:1\n\n2.16.840.1.101.3.4.2.1-Hash:{digest}\n\n").into_bytes();
        let attribute = |numbers: &[u32], it: Vec<u8>| sequence(&[oid(numbers), set(vec![it])]);
        let named = sequence(&[algorithm(SHA256), octet_string(&Digest::of(&self.certificate).bytes())]);
        let commitment = if signing.is_author { PROOF_OF_ORIGIN } else { PROOF_OF_RECEIPT };
        let mut attributes = vec![
            attribute(CONTENT_TYPE, oid(DATA)),
            attribute(MESSAGE_DIGEST, octet_string(&Digest::of(&content).bytes())),
            attribute(SIGNING_CERTIFICATE, sequence(&[sequence(&[named])])),
            attribute(COMMITMENT_TYPE, sequence(&[oid(commitment)])),
        ];
        if let Some(address) = &signing.service_index {
            attributes.push(attribute(SERVICE_INDEX, tlv(0x16, address.as_bytes())));
        }
        let attributes = set(attributes);
        let signature = sign(&self.key, &attributes)?;
        let mut signer = vec![
            integer(&[1]),
            sequence(&[name("Packages of the rehearsal"), integer(&[7])]),
            algorithm(SHA256),
            // RFC 5652, 5.4: the attributes are signed as a SET OF, but stored under the tag [0].
            [&[0xa0][..], &attributes[1..]].concat(),
            algorithm(RSA),
            octet_string(&signature),
        ];
        if let Some(time) = signing.signed_at {
            let token = self.timestamps.issue_token(&signature, time)?;
            signer.push(tlv(0xa1, &attribute(TIMESTAMP_TOKEN, token)));
        }
        let data = sequence(&[
            integer(&[1]),
            set(vec![algorithm(SHA256)]),
            sequence(&[oid(DATA), tlv(0xa0, &octet_string(&content))]),
            tlv(0xa0, &self.certificate),
            set(vec![sequence(&signer)]),
        ]);
        Ok(sequence(&[oid(SIGNED_DATA), tlv(0xa0, &data)]))
    }
}

/// Returns a package with its signature in a last entry, without compression (`NuGet.Packaging/Signing/Archive`,
/// `SignedPackageArchiveIOUtility`). The package has no comment at its end.
pub(super) fn with_signature(package: &[u8], signature: &[u8]) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|it| package[at + it]));
    let end = package.len() - END_BYTES;
    let (size, start) = (number(end + 12), number(end + 16));
    let count = u16::from_le_bytes([package[end + 10], package[end + 11]]) + 1;
    let length = u32::try_from(signature.len()).unwrap_or(u32::MAX);
    let crc = crc32(signature);
    // From "version needed" to "length of the extra field": deflate is not used, and the time is 1980-01-01.
    let mut common = vec![20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
    for value in [crc, length, length] {
        common.extend_from_slice(&value.to_le_bytes());
    }
    common.extend_from_slice(&[14, 0, 0, 0]);
    let local = [b"PK\x03\x04", &common[..], ENTRY_NAME, signature].concat();
    let record = [b"PK\x01\x02\x14\0", &common[..], &[0; 10], &start.to_le_bytes(), ENTRY_NAME].concat();
    let grown = |value: u32, by: usize| (value + u32::try_from(by).unwrap_or(u32::MAX)).to_le_bytes();
    let start_offset = start as usize;
    [
        &package[..start_offset],
        &local,
        &package[start_offset..end],
        &record,
        b"PK\x05\x06\0\0\0\0",
        &count.to_le_bytes(),
        &count.to_le_bytes(),
        &grown(size, record.len()),
        &grown(start, local.len()),
        &[0, 0],
    ]
    .concat()
}

/// Returns the CRC-32 of bytes (PKWARE APPNOTE 4.4.7).
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksums_are_those_of_zip() {
        // printf 123456789 | gzip | tail -c 8 | head -c 4 | xxd -p, with the bytes reversed
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
    }
}
