//! A certificate authority like Fulcio: a root, an intermediate, leaves that are valid for ten minutes, and the signed
//! certificate timestamps of a certificate transparency log (RFC 6962).

use std::str::FromStr;
use std::time::Duration;

use x509_cert::Certificate;
use x509_cert::certificate::{TbsCertificate, Version};
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::{BitString, GeneralizedTime, Ia5String, ObjectIdentifier, OctetString, UtcTime};
use x509_cert::der::flagset::FlagSet;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
    SubjectKeyIdentifier,
};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::{Time, Validity};

use super::claims::CertificateClaims;
use super::claims::{CertificateLog, SubjectAlternativeName as Called};
use super::key::EcdsaKey;
use super::key::encoding_error;
use super::transparency_log;
use crate::error::EmulatorError;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
/// The OID arc of Fulcio's extensions (`fulcio:docs/oid-info.md`).
const FULCIO_OID_PREFIX: &str = "1.3.6.1.4.1.57264.1";
/// The validity of a leaf certificate, in seconds.
const LEAF_LIFETIME_SECONDS: i64 = 600;
/// The validity of root, intermediate and timestamp certificates after their creation, in seconds.
const CA_LIFETIME_SECONDS: i64 = 10 * 365 * 86_400;

/// A certificate authority with its certificate log.
#[derive(Debug)]
pub(crate) struct CertificateAuthority {
    intermediate: EcdsaKey,
    /// The intermediate certificate, then the root certificate, in DER.
    chain: [Vec<u8>; 2],
    issuer: Name,
    /// The key of the certificate log that the trusted root lists.
    ct_log_key: EcdsaKey,
    /// The key of a certificate log that the trusted root does not list.
    unlisted_log_key: EcdsaKey,
}

/// The result of encoding a DER structure.
pub(crate) type EncodeResult<T> = Result<T, EmulatorError>;

impl CertificateAuthority {
    /// Creates an authority with new keys. Its certificates are valid from one day before `now`.
    pub(crate) fn new(organization: &str, now: i64) -> EncodeResult<Self> {
        let (root, intermediate) = (EcdsaKey::new(), EcdsaKey::new());
        // RFC 4514, 2.4: a comma in an attribute value is escaped.
        let organization = organization.replace(',', "\\,");
        let root_name = parse_name(&format!("CN=sigstore,O={organization}"))?;
        let issuer = parse_name(&format!("CN=sigstore-intermediate,O={organization}"))?;
        let validity = validity(now - 86_400, now + CA_LIFETIME_SECONDS)?;
        let certify = |key: &EcdsaKey, subject: &Name, extensions| {
            let tbs = tbs_certificate(&key.spki()?, &root_name, subject, validity, extensions)?;
            sign_certificate(tbs, &root)
        };
        let root_certificate = certify(&root, &root_name, ca_extensions(&root, &root)?)?;
        let certificate = certify(&intermediate, &issuer, ca_extensions(&intermediate, &root)?)?;
        Ok(Self {
            intermediate,
            chain: [certificate, root_certificate],
            issuer,
            ct_log_key: EcdsaKey::new(),
            unlisted_log_key: EcdsaKey::new(),
        })
    }

    /// Returns the intermediate certificate, then the root certificate, in DER.
    pub(crate) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    pub(crate) fn ct_log_key(&self) -> &EcdsaKey {
        &self.ct_log_key
    }

    /// Returns a leaf certificate for a key, with these claims, in DER. It is valid from `now`.
    pub(crate) fn issue(
        &self,
        key: &EcdsaKey,
        claims: &CertificateClaims,
        now: i64,
    ) -> EncodeResult<Vec<u8>> {
        let extensions = leaf_extensions(key, &self.intermediate, claims)?;
        let subject = Name::default();
        let validity = validity(now, now + LEAF_LIFETIME_SECONDS)?;
        let mut tbs = tbs_certificate(&key.spki()?, &self.issuer, &subject, validity, extensions)?;
        let log = match claims.certificate_log {
            CertificateLog::Listed => Some(&self.ct_log_key),
            CertificateLog::Unlisted => Some(&self.unlisted_log_key),
            CertificateLog::None => None,
        };
        if let Some(log) = log {
            let list = self.sct_list(log, &encode_der(&tbs)?, now)?;
            tbs.extensions.get_or_insert_default().push(extension(
                SCT_LIST,
                false,
                &encode_der(&octet_string(&list)?)?,
            )?);
        }
        if claims.forged {
            sign_certificate(tbs, &EcdsaKey::new())
        } else {
            sign_certificate(tbs, &self.intermediate)
        }
    }

    /// Returns a list with one signed certificate timestamp for a TBS certificate without the SCT extension (RFC 6962,
    /// 3.2 and 3.3). `log` is the key of the log that signs.
    fn sct_list(&self, log: &EcdsaKey, tbs: &[u8], now: i64) -> EncodeResult<Vec<u8>> {
        let millis = u64::try_from(now * 1000).map_err(|error| encoding_error(&error))?;
        let length = u32::try_from(tbs.len()).map_err(|error| encoding_error(&error))?.to_be_bytes();
        let issuer = transparency_log::sha256(&self.intermediate.spki()?);
        let signed_prefix = [&[0, 0][..], &millis.to_be_bytes(), &[0, 1], &issuer, &length[1..]].concat();
        let signature = log.sign(&[&signed_prefix[..], tbs, &[0, 0]].concat());
        let length_prefixed = |bytes: &[u8]| -> EncodeResult<Vec<u8>> {
            let length = u16::try_from(bytes.len()).map_err(|error| encoding_error(&error))?;
            Ok([&length.to_be_bytes()[..], bytes].concat())
        };
        let id = transparency_log::sha256(&log.spki()?);
        let sct =
            [&[0][..], &id, &millis.to_be_bytes(), &[0, 0], &[4, 3], &length_prefixed(&signature)?].concat();
        length_prefixed(&length_prefixed(&sct)?)
    }
}

/// Parses a distinguished name (RFC 4514).
fn parse_name(text: &str) -> EncodeResult<Name> {
    Name::from_str(text).map_err(|error| encoding_error(&error))
}

fn encode_der(value: &impl x509_cert::der::Encode) -> EncodeResult<Vec<u8>> {
    value.to_der().map_err(|error| encoding_error(&error))
}

fn octet_string(bytes: &[u8]) -> EncodeResult<OctetString> {
    OctetString::new(bytes).map_err(|error| encoding_error(&error))
}

fn extension(id: ObjectIdentifier, critical: bool, value: &[u8]) -> EncodeResult<Extension> {
    Ok(Extension { extn_id: id, critical, extn_value: octet_string(value)? })
}

/// Encodes a time as `UTCTime` before 2050, and as `GeneralizedTime` from then on (RFC 5280, 4.1.2.5).
fn encode_time(seconds: i64) -> EncodeResult<Time> {
    let seconds = u64::try_from(seconds).map_err(|error| encoding_error(&error))?;
    let duration = Duration::from_secs(seconds);
    let time = UtcTime::from_unix_duration(duration).map(Time::UtcTime);
    let time = time.or_else(|_| GeneralizedTime::from_unix_duration(duration).map(Time::GeneralTime));
    time.map_err(|error| encoding_error(&error))
}

fn validity(from: i64, until: i64) -> EncodeResult<Validity> {
    Ok(Validity { not_before: encode_time(from)?, not_after: encode_time(until)? })
}

fn ecdsa_algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None }
}

/// Returns a certificate that is to be signed. Its serial number is derived from the public key.
fn tbs_certificate(
    spki: &[u8],
    issuer: &Name,
    subject: &Name,
    validity: Validity,
    extensions: Vec<Extension>,
) -> EncodeResult<TbsCertificate> {
    let spki_info = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|error| encoding_error(&error))?;
    let mut serial = transparency_log::sha256(spki)[..16].to_vec();
    // The serial number must be positive (RFC 5280, 4.1.2.2).
    serial[0] &= 0x7f;
    Ok(TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial).map_err(|error| encoding_error(&error))?,
        signature: ecdsa_algorithm(),
        issuer: issuer.clone(),
        validity,
        subject: subject.clone(),
        subject_public_key_info: spki_info,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    })
}

/// Signs a certificate and returns it in DER.
fn sign_certificate(tbs: TbsCertificate, key: &EcdsaKey) -> EncodeResult<Vec<u8>> {
    let signature =
        BitString::from_bytes(&key.sign(&encode_der(&tbs)?)).map_err(|error| encoding_error(&error))?;
    encode_der(&Certificate { tbs_certificate: tbs, signature_algorithm: ecdsa_algorithm(), signature })
}

/// Returns the first 20 bytes of the SHA-256 of the public key.
fn key_identifier(key: &EcdsaKey) -> EncodeResult<OctetString> {
    octet_string(&transparency_log::sha256(&key.spki()?)[..20])
}

fn key_usage(usages: FlagSet<KeyUsages>) -> EncodeResult<Extension> {
    extension(ObjectIdentifier::new_unwrap("2.5.29.15"), true, &encode_der(&KeyUsage(usages))?)
}

/// Returns the extensions with the key identifiers of the subject and of the issuer (RFC 5280, 4.2.1.1 and 4.2.1.2).
fn key_identifiers(key: &EcdsaKey, issuer: &EcdsaKey) -> EncodeResult<[Extension; 2]> {
    let own = SubjectKeyIdentifier(key_identifier(key)?);
    let above =
        AuthorityKeyIdentifier { key_identifier: Some(key_identifier(issuer)?), ..Default::default() };
    Ok([
        extension(ObjectIdentifier::new_unwrap("2.5.29.14"), false, &encode_der(&own)?)?,
        extension(ObjectIdentifier::new_unwrap("2.5.29.35"), false, &encode_der(&above)?)?,
    ])
}

fn extended_key_usage(purpose_id: ObjectIdentifier, critical: bool) -> EncodeResult<Extension> {
    extension(
        ObjectIdentifier::new_unwrap("2.5.29.37"),
        critical,
        &encode_der(&ExtendedKeyUsage(vec![purpose_id]))?,
    )
}

/// Returns the certificate of a timestamp authority (RFC 3161, 2.3) for a key, then that of its root, in DER.
pub(crate) fn timestamp_certificates(
    key: &EcdsaKey,
    root: &EcdsaKey,
    organization: &str,
    now: i64,
) -> EncodeResult<[Vec<u8>; 2]> {
    let organization = organization.replace(',', "\\,");
    let root_name = parse_name(&format!("CN=tsa-root,O={organization}"))?;
    let subject = parse_name(&format!("CN=tsa,O={organization}"))?;
    let validity = validity(now - 86_400, now + CA_LIFETIME_SECONDS)?;
    let mut extensions =
        vec![key_usage(KeyUsages::DigitalSignature.into())?, extended_key_usage(TIME_STAMPING, true)?];
    extensions.extend(key_identifiers(key, root)?);
    let leaf =
        sign_certificate(tbs_certificate(&key.spki()?, &root_name, &subject, validity, extensions)?, root)?;
    let extensions = ca_extensions(root, root)?;
    Ok([
        leaf,
        sign_certificate(
            tbs_certificate(&root.spki()?, &root_name, &root_name, validity, extensions)?,
            root,
        )?,
    ])
}

/// Returns the extensions of a CA certificate: key usage, basic constraints, key identifiers.
fn ca_extensions(key: &EcdsaKey, issuer: &EcdsaKey) -> EncodeResult<Vec<Extension>> {
    let constraints = BasicConstraints { ca: true, path_len_constraint: None };
    let mut extensions = vec![
        key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        extension(ObjectIdentifier::new_unwrap("2.5.29.19"), true, &encode_der(&constraints)?)?,
    ];
    extensions.extend(key_identifiers(key, issuer)?);
    Ok(extensions)
}

/// Returns the extensions of a leaf certificate without the SCT list.
fn leaf_extensions(
    key: &EcdsaKey,
    issuer: &EcdsaKey,
    claims: &CertificateClaims,
) -> EncodeResult<Vec<Extension>> {
    let purpose = extended_key_usage(if claims.code_signing { CODE_SIGNING } else { TIME_STAMPING }, false)?;
    let mut extensions = vec![key_usage(KeyUsages::DigitalSignature.into())?, purpose];
    extensions.extend(key_identifiers(key, issuer)?);
    let mut names = Vec::new();
    for name in &claims.subject_alternative_names {
        let text = Ia5String::new(name.as_str()).map_err(|error| encoding_error(&error))?;
        names.push(match name {
            Called::Uri(_) => GeneralName::UniformResourceIdentifier(text),
            Called::Email(_) => GeneralName::Rfc822Name(text),
        });
    }
    extensions.push(extension(
        ObjectIdentifier::new_unwrap("2.5.29.17"),
        true,
        &encode_der(&SubjectAltName(names))?,
    )?);
    for (number, text) in &claims.extensions {
        let id = ObjectIdentifier::new(&format!("{FULCIO_OID_PREFIX}.{number}"))
            .map_err(|error| encoding_error(&error))?;
        // Fulcio wrote its first extensions as raw text, without DER (`fulcio:docs/oid-info.md`).
        let value = if *number < 8 { text.as_bytes().to_vec() } else { encode_der(text)? };
        extensions.push(extension(id, false, &value)?);
    }
    for (number, bytes) in &claims.raw_extensions {
        let id = ObjectIdentifier::new(&format!("{FULCIO_OID_PREFIX}.{number}"))
            .map_err(|error| encoding_error(&error))?;
        extensions.push(extension(id, false, bytes)?);
    }
    Ok(extensions)
}
