//! The signature that a NuGet registry adds to a package: CMS signed data (RFC 5652) with a timestamp (RFC 3161).
//!
//! The format is that of the NuGet documentation, "Package signatures technical specification", and of its reference
//! implementation (`NuGet.Packaging/Signing`). The signed content is the digest of the package without the signature.
//! The certificate is not judged by its chain: the caller compares its fingerprint with those that the registry lists.
//! The authority of the timestamp is not judged either: its certificate is the one in the token.

use model::base::base64;
use model::base::id::encode_hex;
use model::evidence::package::PackageSignature;
use model::package::file_digest::FileDigest;
use model::{Digest, UntrustedText};
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, Ia5String, ObjectIdentifier, OctetStringRef};
use x509_cert::der::{Decode as _, Encode as _, SliceReader, Tag, Tagged as _};

use crate::cms::{CmsResult, SignedMessage, SignerRecord, check_certificate_use, digest_algorithm, id};
use crate::timestamp::generation_time;

const DATA: ObjectIdentifier = id("1.2.840.113549.1.7.1");
/// `id-ct-TSTInfo` (RFC 3161, 2.4.2).
const TIMESTAMP_INFO: ObjectIdentifier = id("1.2.840.113549.1.9.16.1.4");
const COUNTERSIGNATURE: ObjectIdentifier = id("1.2.840.113549.1.9.6");
/// `id-aa-signingCertificateV2` (RFC 5035).
const SIGNING_CERTIFICATE: ObjectIdentifier = id("1.2.840.113549.1.9.16.2.47");
/// `id-aa-ets-commitmentType` (RFC 5126, 5.11.1).
const COMMITMENT_TYPE: ObjectIdentifier = id("1.2.840.113549.1.9.16.2.16");
/// `id-cti-ets-proofOfReceipt`: what a repository signs. An author signs `proofOfOrigin`.
const PROOF_OF_RECEIPT: ObjectIdentifier = id("1.2.840.113549.1.9.16.6.2");
/// `id-aa-timeStampToken` (RFC 3161, appendix A).
const TIMESTAMP_TOKEN: ObjectIdentifier = id("1.2.840.113549.1.9.16.2.14");
/// `nuget-v3-service-index-url` (NuGet documentation, "Package signatures technical specification").
const SERVICE_INDEX: ObjectIdentifier = id("1.3.6.1.4.1.311.84.2.1.1.1");
const CODE_SIGNING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.3");
const TIME_STAMPING: ObjectIdentifier = id("1.3.6.1.5.5.7.3.8");
/// The digest algorithm of an `ESSCertIDv2` that names none (RFC 5035, 4).
const SHA256: ObjectIdentifier = id("2.16.840.1.101.3.4.2.1");

/// The content types of a countersignature. RFC 5652, 11.4, allows none, and NuGet writes one.
const COUNTERSIGNED: [Option<ObjectIdentifier>; 2] = [None, Some(DATA)];

/// The longest signature, in bytes. Those of nuget.org have some 12 KiB.
const MAX_SIGNATURE_BYTES: usize = 1 << 20;

/// Verifies the signature that a registry added to a package, and returns what it states. It is the primary signature,
/// or the countersignature of an author's signature.
///
/// # Errors
/// A message that says what is wrong. No signature by a registry is an error, too.
pub fn read_package_signature(der: &[u8]) -> Result<PackageSignature, String> {
    if der.len() > MAX_SIGNATURE_BYTES {
        return Err(format!("it has {} bytes, expected at most {MAX_SIGNATURE_BYTES}", der.len()));
    }
    let message = SignedMessage::read(der)?;
    if message.content_type != DATA {
        return Err("its content is not plain data".to_owned());
    }
    let [primary] = message.signers.as_slice() else {
        return Err(format!("it has {} signers, expected 1", message.signers.len()));
    };
    let signer = Signer::verify(primary, &message.certificates, message.content, &[Some(DATA)])?;
    let repository = if signer.is_repository {
        signer
    } else {
        let countersignature = primary.unsigned(COUNTERSIGNATURE)?;
        let countersignature = countersignature
            .ok_or("the author signed the package, and the registry did not countersign it")?;
        let countersignature = SignerRecord::read(countersignature)?;
        Signer::verify(&countersignature, &message.certificates, primary.signature, &COUNTERSIGNED)?
    };
    if !repository.is_repository {
        return Err("the signer states that it is the author, not the registry".to_owned());
    }
    Ok(PackageSignature {
        package_digest: stated_digest(message.content)?,
        fingerprint: repository.fingerprint,
        subject: UntrustedText::new(repository.subject),
        service_index: UntrustedText::new(repository.service_index.ok_or("it names no registry")?),
        signed_at: repository.signed_at,
    })
}

/// A verified signer.
struct Signer {
    /// Whether the signer states that it received the package, as a registry does.
    is_repository: bool,
    /// The SHA-256 of the certificate, in hexadecimal digits.
    fingerprint: String,
    subject: String,
    service_index: Option<String>,
    /// The time of the timestamp, in seconds since 1970.
    signed_at: i64,
}

impl Signer {
    /// Verifies that a signer signed `content`, with a certificate that was valid at the time of the timestamp.
    fn verify(
        signer: &SignerRecord<'_>,
        certificates: &[Certificate],
        content: &[u8],
        content_types: &[Option<ObjectIdentifier>],
    ) -> CmsResult<Self> {
        let certificate = signer.verify(certificates, content, content_types)?;
        let der = certificate.to_der().map_err(|error| error.to_string())?;
        check_named_certificate(signer, &der)?;
        let signed_at =
            timestamp(signer).map_err(|reason| format!("its timestamp is not valid: {reason}"))?;
        check_certificate_use(certificate, CODE_SIGNING, signed_at)?;
        let service_index = signer.signed(SERVICE_INDEX)?;
        let service_index =
            service_index.map(|it| it.decode_as::<Ia5String>().map_err(|error| error.to_string()));
        Ok(Self {
            is_repository: commitment(signer)? == PROOF_OF_RECEIPT,
            fingerprint: Digest::of(&der).hex(),
            subject: certificate.tbs_certificate.subject.to_string(),
            service_index: service_index.transpose()?.map(|it| it.to_string()),
            signed_at,
        })
    }
}

/// Returns what a signer commits to: `CommitmentTypeIndication ::= SEQUENCE { commitmentTypeId OBJECT IDENTIFIER, … }`
/// (RFC 5126, 5.11.1).
fn commitment(signer: &SignerRecord<'_>) -> CmsResult<ObjectIdentifier> {
    let value = signer.signed(COMMITMENT_TYPE)?.ok_or("its signer states no commitment")?;
    let id = SliceReader::new(value.value()).and_then(|mut it| ObjectIdentifier::decode(&mut it));
    id.map_err(|error| error.to_string())
}

/// Checks that the signer named its certificate, so that no other certificate of the key can take its place.
fn check_named_certificate(signer: &SignerRecord<'_>, der: &[u8]) -> CmsResult<()> {
    let value = signer.signed(SIGNING_CERTIFICATE)?.ok_or("its signer does not name its certificate")?;
    let named = first_certificate_hash(value).and_then(|(id, hash)| Some((digest_algorithm(id)?, hash)));
    match named {
        Some((algorithm, hash)) if (algorithm.hash)(der) == hash => Ok(()),
        _ => Err("its signer names another certificate".to_owned()),
    }
}

/// Returns the algorithm and the hash of the first certificate in a `SigningCertificateV2` (RFC 5035, 3): a list of
/// `ESSCertIDv2 ::= SEQUENCE { hashAlgorithm AlgorithmIdentifier DEFAULT sha256, certHash OCTET STRING, … }`.
fn first_certificate_hash(value: AnyRef<'_>) -> Option<(ObjectIdentifier, Vec<u8>)> {
    let first_in =
        |it: AnyRef<'_>| AnyRef::decode(&mut SliceReader::new(it.value()).ok()?).ok().map(encoded)?;
    let list = first_in(value)?;
    let first = first_in(AnyRef::from_der(&list).ok()?)?;
    let first = AnyRef::from_der(&first).ok()?;
    let mut fields = SliceReader::new(first.value()).ok()?;
    let field = AnyRef::decode(&mut fields).ok()?;
    if field.tag() == Tag::OctetString {
        return Some((SHA256, field.value().to_vec()));
    }
    let algorithm = ObjectIdentifier::decode(&mut SliceReader::new(field.value()).ok()?).ok()?;
    Some((algorithm, OctetStringRef::decode(&mut fields).ok()?.as_bytes().to_vec()))
}

fn encoded(value: AnyRef<'_>) -> Option<Vec<u8>> {
    value.to_der().ok()
}

/// Verifies the timestamp over a signature, and returns its time in seconds since 1970.
fn timestamp(signer: &SignerRecord<'_>) -> CmsResult<i64> {
    let token = signer.unsigned(TIMESTAMP_TOKEN)?.ok_or("there is none")?;
    let token = token.to_der().map_err(|error| error.to_string())?;
    let message = SignedMessage::read(&token)?;
    let [authority] = message.signers.as_slice() else {
        return Err(format!("it has {} signers, expected 1", message.signers.len()));
    };
    if message.content_type != TIMESTAMP_INFO {
        return Err("its content is not a timestamp".to_owned());
    }
    let certificate = authority.verify(&message.certificates, message.content, &[Some(TIMESTAMP_INFO)])?;
    let (algorithm, imprint) = message_imprint(message.content).ok_or("its content is malformed")?;
    let algorithm = digest_algorithm(algorithm).ok_or("its digest algorithm is not supported")?;
    if (algorithm.hash)(signer.signature) != imprint {
        return Err("it is for another signature".to_owned());
    }
    let time = generation_time(message.content).ok_or("its content is malformed")?;
    check_certificate_use(certificate, TIME_STAMPING, time)?;
    Ok(time)
}

/// Returns the algorithm and the digest in a `TSTInfo`: `SEQUENCE { version, policy, messageImprint SEQUENCE {
/// hashAlgorithm, hashedMessage }, … }` (RFC 3161, 2.4.2).
fn message_imprint(info: &[u8]) -> Option<(ObjectIdentifier, Vec<u8>)> {
    let info = AnyRef::from_der(info).ok()?;
    let mut fields = SliceReader::new(info.value()).ok()?;
    for _ in 0..2 {
        AnyRef::decode(&mut fields).ok()?;
    }
    let imprint = AnyRef::decode(&mut fields).ok()?;
    let mut fields = SliceReader::new(imprint.value()).ok()?;
    let algorithm = AnyRef::decode(&mut fields).ok()?;
    let algorithm = ObjectIdentifier::decode(&mut SliceReader::new(algorithm.value()).ok()?).ok()?;
    Some((algorithm, OctetStringRef::decode(&mut fields).ok()?.as_bytes().to_vec()))
}

/// Returns the digest of the package in the signed content: `Version:1`, an empty line, and `OID-Hash:BASE64` (NuGet
/// documentation, "Signature content").
fn stated_digest(content: &[u8]) -> Result<FileDigest, String> {
    let wrong = || "its content does not have the form of version 1".to_owned();
    let text = std::str::from_utf8(content).map_err(|_| wrong())?.replace("\r\n", "\n");
    let line = text.strip_prefix("Version:1\n\n").and_then(|it| it.strip_suffix("\n\n")).ok_or_else(wrong)?;
    let (algorithm, hash) = line.split_once("-Hash:").ok_or_else(wrong)?;
    let hash = base64::decode(hash).ok_or_else(wrong)?;
    let kind = match algorithm {
        "2.16.840.1.101.3.4.2.1" => "sha256",
        "2.16.840.1.101.3.4.2.3" => "sha512",
        other => return Err(format!("the digest algorithm {other} is not supported")),
    };
    FileDigest::from_hex(kind, &encode_hex(&hash)).ok_or_else(wrong)
}
