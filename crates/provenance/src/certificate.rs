//! Strict parser for the certificate of a signer.
//!
//! The format is Fulcio's profile: RFC 5280 with the extensions of `fulcio:docs/oid-info.md`. A lenient parser ignores
//! a second name, a duplicate extension or a claim that is not text. They are rejected here, because two parsers could
//! otherwise report two different signers.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use model::evidence::attestation::{Claims, Rejection, SignerCertificate};
use model::evidence::reason::Reason;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString, Utf8StringRef};
use x509_cert::der::{Decode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::time::Time;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const FULCIO_OID_PREFIX: &str = "1.3.6.1.4.1.57264.1.";
/// The issuer organization of GitHub's own Sigstore instance.
const GITHUB_ORGANIZATION: &str = "GitHub, Inc.";

/// The fields of a leaf certificate that verification uses.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) signer: SignerCertificate,
    /// The first and the last second of its validity, counted from 1970 in UTC (RFC 5280, 4.1.2.5).
    pub(crate) validity: RangeInclusive<i64>,
    /// The organization (`O`) of its issuer.
    pub(crate) issuer_organization: String,
    /// The key identifier of its issuer's key (RFC 5280, 4.2.1.1); empty if the certificate has none.
    pub(crate) authority_key_id: Vec<u8>,
}

fn refused(reason: impl Into<String>) -> Rejection {
    Rejection::refuted(Reason::CertificateProfile, reason)
}

impl Leaf {
    /// Parses a certificate in DER. Any deviation from the profile is refuted as `cert-profile`.
    pub(crate) fn read(der: &[u8]) -> Result<Self, Rejection> {
        let certificate = Certificate::from_der(der)
            .map_err(|error| refused(format!("the certificate cannot be read: {error}")))?;
        let tbs = certificate.tbs_certificate;
        let extensions = tbs.extensions.unwrap_or_default();
        let mut seen = BTreeSet::new();
        let mut claims = BTreeMap::new();
        let mut names = None;
        let mut authority_key_id = Vec::new();
        for extension in &extensions {
            if !seen.insert(extension.extn_id) {
                return Err(refused(format!("duplicate extension {}", extension.extn_id)));
            }
            let value = extension.extn_value.as_bytes();
            if extension.extn_id == SUBJECT_ALT_NAME {
                names = SubjectAltName::from_der(value).ok();
            } else if extension.extn_id == AUTHORITY_KEY_ID {
                let key = AuthorityKeyIdentifier::from_der(value).ok().and_then(|it| it.key_identifier);
                authority_key_id = key.map(OctetString::into_bytes).unwrap_or_default();
            } else if let Some((number, text)) = parse_claim(&extension.extn_id.to_string(), value)? {
                claims.insert(number, text);
            }
        }
        // The issuer has an old and a new extension. If both are present, they must be equal.
        if let (Some(old), Some(new)) = (claims.get(&1), claims.get(&8))
            && old != new
        {
            return Err(refused(format!("it names two issuers, {old} and {new}")));
        }
        let (san, san_is_uri) =
            single_san(&names.ok_or_else(|| refused("it has no readable subject alternative name"))?)?;
        let issuer_organization = organization(&tbs.issuer)
            .ok_or_else(|| refused("its issuer's name does not have exactly one organization"))?;
        let github_instance = issuer_organization == GITHUB_ORGANIZATION;
        let signer = SignerCertificate { san, san_is_uri, claims: Claims(claims), github_instance };
        let seconds = |it: Time| i64::try_from(it.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
        let validity = seconds(tbs.validity.not_before)..=seconds(tbs.validity.not_after);
        Ok(Self { signer, validity, issuer_organization, authority_key_id })
    }
}

/// Returns the number and the text of a Fulcio claim; `None` for another extension. The value of the claims 1 to 6 is
/// the text itself, that of the later ones a `UTF8String` in DER.
fn parse_claim(id: &str, value: &[u8]) -> Result<Option<(u32, String)>, Rejection> {
    let Some(number) = id.strip_prefix(FULCIO_OID_PREFIX).and_then(|it| it.parse::<u32>().ok()) else {
        return Ok(None);
    };
    let malformed = || refused(format!("the claim {FULCIO_OID_PREFIX}{number} is not text"));
    let text = match number {
        1..=6 => String::from_utf8(value.to_vec()).map_err(|_| malformed())?,
        8..=24 => Utf8StringRef::from_der(value).map_err(|_| malformed())?.as_str().to_owned(),
        _ => return Ok(None),
    };
    Ok(Some((number, text)))
}

/// Returns the only subject alternative name, and whether it is a URI.
fn single_san(names: &SubjectAltName) -> Result<(String, bool), Rejection> {
    match &names.0[..] {
        [GeneralName::UniformResourceIdentifier(it)] => Ok((it.to_string(), true)),
        [GeneralName::Rfc822Name(it)] => Ok((it.to_string(), false)),
        [GeneralName::OtherName(it)] if it.value.tag() == Tag::Utf8String => {
            let text = it.value.decode_as::<Utf8StringRef<'_>>();
            Ok((text.map_err(|_| refused("its alternative name is not text"))?.as_str().to_owned(), false))
        }
        [_] => Err(refused("the type of its subject alternative name is not supported")),
        all => Err(refused(format!("expected 1 subject alternative name, found {}", all.len()))),
    }
}

/// Returns the organization of a name; `None` if it does not have exactly one.
pub(crate) fn organization(name: &Name) -> Option<String> {
    let mut found = name.0.iter().flat_map(|it| it.0.iter()).filter(|it| it.oid == ORGANIZATION);
    let value = &found.next()?.value;
    let text = std::str::from_utf8(value.value()).ok()?.to_owned();
    found.next().is_none().then_some(text)
}

/// Returns the subject's organization and the subject key identifier of an authority's certificate in DER. The key
/// identifier is empty if the certificate has none. Returns `None` if the certificate cannot be parsed.
pub(crate) fn authority_identity(der: &[u8]) -> Option<(Option<String>, Vec<u8>)> {
    let tbs = Certificate::from_der(der).ok()?.tbs_certificate;
    let key_extension = tbs.extensions.iter().flatten().find(|it| it.extn_id == SUBJECT_KEY_ID);
    let key = key_extension.and_then(|it| SubjectKeyIdentifier::from_der(it.extn_value.as_bytes()).ok());
    Some((organization(&tbs.subject), key.map(|it| it.0.into_bytes()).unwrap_or_default()))
}
