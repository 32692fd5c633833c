//! The certificate of a signer, read strictly.
//!
//! Fulcio's profile: RFC 5280 with the extensions of `fulcio:docs/oid-info.md`. What a lenient reader passes over (a second
//! name, an extension that stands twice, a claim that is no text) is refused here: two readers would see two signers.

use std::collections::{BTreeMap, BTreeSet};

use model::evidence::attestation::{Claims, Rejection, SignerCertificate};
use model::evidence::reason::Reason;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString, Utf8StringRef};
use x509_cert::der::{Decode as _, Tag, Tagged as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, SubjectAltName, SubjectKeyIdentifier};
use x509_cert::name::Name;

const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
const AUTHORITY_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.35");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const FULCIO_OID_PREFIX: &str = "1.3.6.1.4.1.57264.1.";
/// The organization of the authority of GitHub's own instance.
const GITHUB_ORGANIZATION: &str = "GitHub, Inc.";

/// A leaf as far as it is looked at.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) signer: SignerCertificate,
    /// The organization of its issuer.
    pub(crate) issuer_organization: String,
    /// The key that its issuer says it has; empty where it does not say.
    pub(crate) authority_key_id: Vec<u8>,
}

fn refused(reason: impl Into<String>) -> Rejection {
    Rejection::refuted(Reason::CertificateProfile, reason)
}

impl Leaf {
    /// Reads a leaf.
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
                return Err(refused(format!("the extension {} stands twice", extension.extn_id)));
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
        if let (Some(old), Some(new)) = (claims.get(&1), claims.get(&8))
            && old != new
        {
            return Err(refused(format!("it names two issuers, {old} and {new}")));
        }
        let (san, san_is_uri) = single_san(&names.ok_or_else(|| refused("it has no readable name"))?)?;
        let issuer_organization = organization(&tbs.issuer)
            .ok_or_else(|| refused("its issuer's name has not exactly one organization"))?;
        let github_instance = issuer_organization == GITHUB_ORGANIZATION;
        let signer = SignerCertificate { san, san_is_uri, claims: Claims(claims), github_instance };
        Ok(Self { signer, issuer_organization, authority_key_id })
    }
}

/// The number and the text of one of Fulcio's claims; none for another extension.
fn parse_claim(id: &str, value: &[u8]) -> Result<Option<(u32, String)>, Rejection> {
    let Some(number) = id.strip_prefix(FULCIO_OID_PREFIX).and_then(|it| it.parse::<u32>().ok()) else {
        return Ok(None);
    };
    let malformed = || refused(format!("the claim .{number} is no text"));
    let text = match number {
        1..=6 => String::from_utf8(value.to_vec()).map_err(|_| malformed())?,
        8..=24 => Utf8StringRef::from_der(value).map_err(|_| malformed())?.as_str().to_owned(),
        _ => return Ok(None),
    };
    Ok(Some((number, text)))
}

/// The one name, and whether it is a URI.
fn single_san(names: &SubjectAltName) -> Result<(String, bool), Rejection> {
    match &names.0[..] {
        [GeneralName::UniformResourceIdentifier(it)] => Ok((it.to_string(), true)),
        [GeneralName::Rfc822Name(it)] => Ok((it.to_string(), false)),
        [GeneralName::OtherName(it)] if it.value.tag() == Tag::Utf8String => {
            let text = it.value.decode_as::<Utf8StringRef<'_>>();
            Ok((text.map_err(|_| refused("its name is no text"))?.as_str().to_owned(), false))
        }
        [_] => Err(refused("its name is of an unknown kind")),
        all => Err(refused(format!("it has {} names; one is wanted", all.len()))),
    }
}

/// The organization of a name that has exactly one.
pub(crate) fn organization(name: &Name) -> Option<String> {
    let mut found = name.0.iter().flat_map(|it| it.0.iter()).filter(|it| it.oid == ORGANIZATION);
    let value = &found.next()?.value;
    let text = std::str::from_utf8(value.value()).ok()?.to_owned();
    found.next().is_none().then_some(text)
}

/// Whose certificate this is, as trusted roots hold them: the subject's organization, and the name of its key.
pub(crate) fn authority_identity(der: &[u8]) -> Option<(Option<String>, Vec<u8>)> {
    let tbs = Certificate::from_der(der).ok()?.tbs_certificate;
    let key_extension = tbs.extensions.iter().flatten().find(|it| it.extn_id == SUBJECT_KEY_ID);
    let key = key_extension.and_then(|it| SubjectKeyIdentifier::from_der(it.extn_value.as_bytes()).ok());
    Some((organization(&tbs.subject), key.map(|it| it.0.into_bytes()).unwrap_or_default()))
}
