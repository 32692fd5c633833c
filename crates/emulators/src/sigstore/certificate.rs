//! A certificate authority in the manner of Fulcio: a root, an intermediate, leaves for ten minutes, and a certificate log that
//! promises to list them (RFC 6962).

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

use super::claims::{CertificateLog, Name as Called};
use super::{Claims, Key, log, unencodable};
use crate::RehearsalError;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const TIME_STAMPING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8");
const CODE_SIGNING: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3");
const SCT_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");
const FULCIO: &str = "1.3.6.1.4.1.57264.1";
/// How long a leaf is valid, in seconds.
const LEAF: i64 = 600;
/// How long the authority is.
const AUTHORITY: i64 = 10 * 365 * 86_400;

/// An authority.
#[derive(Debug)]
pub(crate) struct Authority {
    intermediate: Key,
    /// The intermediate certificate, then the root.
    chain: [Vec<u8>; 2],
    issuer: Name,
    ct: Key,
    /// A certificate log that nobody lists.
    unlisted: Key,
}

pub(crate) type Encoded<T> = Result<T, RehearsalError>;

impl Authority {
    pub(crate) fn new(organization: &str, now: i64) -> Encoded<Self> {
        let (root, intermediate) = (Key::new(), Key::new());
        let organization = organization.replace(',', "\\,");
        let root_name = name(&format!("CN=sigstore,O={organization}"))?;
        let issuer = name(&format!("CN=sigstore-intermediate,O={organization}"))?;
        let validity = validity(now - 86_400, now + AUTHORITY)?;
        let certify = |key: &Key, subject: &Name, extensions| {
            let tbs = tbs(&key.spki()?, (&root_name, subject), validity, extensions)?;
            sign(tbs, &root)
        };
        let root_certificate = certify(&root, &root_name, authority_extensions(&root, &root)?)?;
        let certificate = certify(&intermediate, &issuer, authority_extensions(&intermediate, &root)?)?;
        Ok(Self {
            intermediate,
            chain: [certificate, root_certificate],
            issuer,
            ct: Key::new(),
            unlisted: Key::new(),
        })
    }

    pub(crate) fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    pub(crate) fn ct_key(&self) -> &Key {
        &self.ct
    }

    /// A certificate for a key, with these claims.
    pub(crate) fn issue(&self, key: &Key, claims: &Claims, now: i64) -> Encoded<Vec<u8>> {
        let extensions = leaf_extensions(key, &self.intermediate, claims)?;
        let subject = Name::default();
        let validity = validity(now, now + LEAF)?;
        let mut tbs = tbs(&key.spki()?, (&self.issuer, &subject), validity, extensions)?;
        let log = match claims.log {
            CertificateLog::Listed => Some(&self.ct),
            CertificateLog::Unlisted => Some(&self.unlisted),
            CertificateLog::None => None,
        };
        if let Some(log) = log {
            let list = self.sct_list(log, &der(&tbs)?, now)?;
            tbs.extensions.get_or_insert_default().push(extension(SCT_LIST, false, &der(&octets(&list)?)?)?);
        }
        if claims.forged { sign(tbs, &Key::new()) } else { sign(tbs, &self.intermediate) }
    }

    /// One promise to list a certificate without this extension (RFC 6962, 3.2 and 3.3).
    fn sct_list(&self, log: &Key, tbs: &[u8], now: i64) -> Encoded<Vec<u8>> {
        let millis = u64::try_from(now * 1000).map_err(|error| unencodable(&error))?;
        let length = u32::try_from(tbs.len()).map_err(|error| unencodable(&error))?.to_be_bytes();
        let issuer = log::id(&self.intermediate.spki()?);
        let head = [&[0, 0][..], &millis.to_be_bytes(), &[0, 1], &issuer, &length[1..]].concat();
        let signature = log.sign(&[&head[..], tbs, &[0, 0]].concat());
        let sized = |bytes: &[u8]| -> Encoded<Vec<u8>> {
            let length = u16::try_from(bytes.len()).map_err(|error| unencodable(&error))?;
            Ok([&length.to_be_bytes()[..], bytes].concat())
        };
        let id = log::id(&log.spki()?);
        let sct = [&[0][..], &id, &millis.to_be_bytes(), &[0, 0], &[4, 3], &sized(&signature)?].concat();
        sized(&sized(&sct)?)
    }
}

fn name(text: &str) -> Encoded<Name> {
    Name::from_str(text).map_err(|error| unencodable(&error))
}

fn der(value: &impl x509_cert::der::Encode) -> Encoded<Vec<u8>> {
    value.to_der().map_err(|error| unencodable(&error))
}

fn octets(bytes: &[u8]) -> Encoded<OctetString> {
    OctetString::new(bytes).map_err(|error| unencodable(&error))
}

fn extension(id: ObjectIdentifier, critical: bool, value: &[u8]) -> Encoded<Extension> {
    Ok(Extension { extn_id: id, critical, extn_value: octets(value)? })
}

fn time(seconds: i64) -> Encoded<Time> {
    let seconds = u64::try_from(seconds).map_err(|error| unencodable(&error))?;
    let since = Duration::from_secs(seconds);
    let time = UtcTime::from_unix_duration(since).map(Time::UtcTime);
    let time = time.or_else(|_| GeneralizedTime::from_unix_duration(since).map(Time::GeneralTime));
    time.map_err(|error| unencodable(&error))
}

fn validity(from: i64, until: i64) -> Encoded<Validity> {
    Ok(Validity { not_before: time(from)?, not_after: time(until)? })
}

fn algorithm() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ECDSA_WITH_SHA256, parameters: None }
}

fn tbs(
    spki: &[u8],
    (issuer, subject): (&Name, &Name),
    validity: Validity,
    extensions: Vec<Extension>,
) -> Encoded<TbsCertificate> {
    let spki_info = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|error| unencodable(&error))?;
    let mut serial = log::id(spki)[..16].to_vec();
    serial[0] &= 0x7f;
    Ok(TbsCertificate {
        version: Version::V3,
        serial_number: SerialNumber::new(&serial).map_err(|error| unencodable(&error))?,
        signature: algorithm(),
        issuer: issuer.clone(),
        validity,
        subject: subject.clone(),
        subject_public_key_info: spki_info,
        issuer_unique_id: None,
        subject_unique_id: None,
        extensions: Some(extensions),
    })
}

fn sign(tbs: TbsCertificate, key: &Key) -> Encoded<Vec<u8>> {
    let signature = BitString::from_bytes(&key.sign(&der(&tbs)?)).map_err(|error| unencodable(&error))?;
    der(&Certificate { tbs_certificate: tbs, signature_algorithm: algorithm(), signature })
}

fn key_id(key: &Key) -> Encoded<OctetString> {
    octets(&log::id(&key.spki()?)[..20])
}

fn usage(usages: FlagSet<KeyUsages>) -> Encoded<Extension> {
    extension(ObjectIdentifier::new_unwrap("2.5.29.15"), true, &der(&KeyUsage(usages))?)
}

fn ids(key: &Key, issuer: &Key) -> Encoded<[Extension; 2]> {
    let own = SubjectKeyIdentifier(key_id(key)?);
    let above = AuthorityKeyIdentifier { key_identifier: Some(key_id(issuer)?), ..Default::default() };
    Ok([
        extension(ObjectIdentifier::new_unwrap("2.5.29.14"), false, &der(&own)?)?,
        extension(ObjectIdentifier::new_unwrap("2.5.29.35"), false, &der(&above)?)?,
    ])
}

fn purpose(of: ObjectIdentifier, critical: bool) -> Encoded<Extension> {
    extension(ObjectIdentifier::new_unwrap("2.5.29.37"), critical, &der(&ExtendedKeyUsage(vec![of]))?)
}

/// The certificate of a timestamp authority (RFC 3161, 2.3) for a key, and that of its root.
pub(crate) fn stamping(key: &Key, root: &Key, organization: &str, now: i64) -> Encoded<[Vec<u8>; 2]> {
    let organization = organization.replace(',', "\\,");
    let root_name = name(&format!("CN=tsa-root,O={organization}"))?;
    let subject = name(&format!("CN=tsa,O={organization}"))?;
    let validity = validity(now - 86_400, now + AUTHORITY)?;
    let mut extensions = vec![usage(KeyUsages::DigitalSignature.into())?, purpose(TIME_STAMPING, true)?];
    extensions.extend(ids(key, root)?);
    let leaf = sign(tbs(&key.spki()?, (&root_name, &subject), validity, extensions)?, root)?;
    let extensions = authority_extensions(root, root)?;
    Ok([leaf, sign(tbs(&root.spki()?, (&root_name, &root_name), validity, extensions)?, root)?])
}

fn authority_extensions(key: &Key, issuer: &Key) -> Encoded<Vec<Extension>> {
    let constraints = BasicConstraints { ca: true, path_len_constraint: None };
    let mut extensions = vec![
        usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        extension(ObjectIdentifier::new_unwrap("2.5.29.19"), true, &der(&constraints)?)?,
    ];
    extensions.extend(ids(key, issuer)?);
    Ok(extensions)
}

fn leaf_extensions(key: &Key, issuer: &Key, claims: &Claims) -> Encoded<Vec<Extension>> {
    let purpose = purpose(if claims.code_signing { CODE_SIGNING } else { TIME_STAMPING }, false)?;
    let mut extensions = vec![usage(KeyUsages::DigitalSignature.into())?, purpose];
    extensions.extend(ids(key, issuer)?);
    let mut names = Vec::new();
    for name in &claims.names {
        let text = Ia5String::new(name.as_str()).map_err(|error| unencodable(&error))?;
        names.push(match name {
            Called::Uri(_) => GeneralName::UniformResourceIdentifier(text),
            Called::Email(_) => GeneralName::Rfc822Name(text),
        });
    }
    extensions.push(extension(
        ObjectIdentifier::new_unwrap("2.5.29.17"),
        true,
        &der(&SubjectAltName(names))?,
    )?);
    for (number, text) in &claims.extensions {
        let id = ObjectIdentifier::new(&format!("{FULCIO}.{number}")).map_err(|error| unencodable(&error))?;
        let value = if *number < 8 { text.as_bytes().to_vec() } else { der(text)? };
        extensions.push(extension(id, false, &value)?);
    }
    for (number, bytes) in &claims.raw {
        let id = ObjectIdentifier::new(&format!("{FULCIO}.{number}")).map_err(|error| unencodable(&error))?;
        extensions.push(extension(id, false, bytes)?);
    }
    Ok(extensions)
}
