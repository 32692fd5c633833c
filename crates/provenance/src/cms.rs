//! A reader for CMS signed data (RFC 5652, 5) in DER, as registries and timestamp authorities write it. The types of the
//! library refuse genuine messages with two equal members of a SET OF, and encode the signed attributes again; this
//! reader keeps the bytes that were signed.

use sigstore_verify::crypto::{SigningScheme, sha256, sha384, sha512, verify_signature};
use sigstore_verify::types::{DerPublicKey, SignatureBytes};
use x509_cert::Certificate;
use x509_cert::der::asn1::{AnyRef, ObjectIdentifier};
use x509_cert::der::{Decode, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use x509_cert::ext::pkix::{ExtendedKeyUsage, SubjectKeyIdentifier};

pub(crate) const fn id(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const SIGNED_DATA: ObjectIdentifier = id("1.2.840.113549.1.7.2");
const CONTENT_TYPE: ObjectIdentifier = id("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = id("1.2.840.113549.1.9.4");
const RSA: ObjectIdentifier = id("1.2.840.113549.1.1.1");
const EXTENDED_KEY_USAGE: ObjectIdentifier = id("2.5.29.37");
const SUBJECT_KEY_ID: ObjectIdentifier = id("2.5.29.14");
/// The tag of a signer that is named by the identifier of its key.
const KEY_ID: Tag = Tag::ContextSpecific { constructed: false, number: TagNumber::N0 };

/// The most certificates in a message.
const MAX_CERTIFICATES: usize = 32;
/// The most members of any other list in a message.
const MAX_MEMBERS: usize = 64;

/// A digest algorithm, with the signature algorithms that may be used with it (RFC 5754, 2 and 3).
pub(crate) struct DigestAlgorithm {
    pub(crate) id: ObjectIdentifier,
    pub(crate) hash: fn(&[u8]) -> Vec<u8>,
    rsa_id: ObjectIdentifier,
    rsa: SigningScheme,
    ecdsa_id: ObjectIdentifier,
    ecdsa: SigningScheme,
}

pub(crate) const DIGEST_ALGORITHMS: [DigestAlgorithm; 3] = [
    DigestAlgorithm {
        id: id("2.16.840.1.101.3.4.2.1"),
        hash: |bytes| sha256(bytes).as_bytes().to_vec(),
        rsa_id: id("1.2.840.113549.1.1.11"),
        rsa: SigningScheme::RsaPkcs1Sha256,
        ecdsa_id: id("1.2.840.10045.4.3.2"),
        ecdsa: SigningScheme::EcdsaP256Sha256,
    },
    DigestAlgorithm {
        id: id("2.16.840.1.101.3.4.2.2"),
        hash: |bytes| sha384(bytes).as_bytes().to_vec(),
        rsa_id: id("1.2.840.113549.1.1.12"),
        rsa: SigningScheme::RsaPkcs1Sha384,
        ecdsa_id: id("1.2.840.10045.4.3.3"),
        ecdsa: SigningScheme::EcdsaP384Sha384,
    },
    DigestAlgorithm {
        id: id("2.16.840.1.101.3.4.2.3"),
        hash: |bytes| sha512(bytes).as_bytes().to_vec(),
        rsa_id: id("1.2.840.113549.1.1.13"),
        rsa: SigningScheme::RsaPkcs1Sha512,
        ecdsa_id: id("1.2.840.10045.4.3.4"),
        ecdsa: SigningScheme::EcdsaP384Sha384,
    },
];

/// Returns the digest algorithm with this id.
pub(crate) fn digest_algorithm(wanted: ObjectIdentifier) -> Option<&'static DigestAlgorithm> {
    DIGEST_ALGORITHMS.iter().find(|it| it.id == wanted)
}

/// A message.
pub(crate) struct SignedMessage<'a> {
    pub(crate) content_type: ObjectIdentifier,
    pub(crate) content: &'a [u8],
    pub(crate) certificates: Vec<Certificate>,
    pub(crate) signers: Vec<SignerRecord<'a>>,
}

/// A signer of a message.
pub(crate) struct SignerRecord<'a> {
    /// The signer's certificate: its issuer and serial number, or the identifier of its key under the tag [0].
    certificate_id: AnyRef<'a>,
    digest_id: ObjectIdentifier,
    /// The content of the signed attributes, without their tag and length.
    signed_attributes: &'a [u8],
    signature_id: ObjectIdentifier,
    pub(crate) signature: &'a [u8],
    /// The content of the unsigned attributes.
    unsigned_attributes: &'a [u8],
}

/// The error of a message: what is wrong.
pub(crate) type CmsResult<T> = Result<T, String>;

fn malformed(error: x509_cert::der::Error) -> String {
    format!("it is not CMS signed data in DER: {error}")
}

/// Reads the members of a SEQUENCE, a SET or a tagged value.
struct Fields<'a>(SliceReader<'a>);

impl<'a> Fields<'a> {
    fn of(content: &'a [u8]) -> CmsResult<Self> {
        SliceReader::new(content).map(Self).map_err(malformed)
    }

    /// Returns the next member with the tag `wanted`. `None` if there is none, or if it has another tag.
    fn optional(&mut self, wanted: Tag) -> CmsResult<Option<AnyRef<'a>>> {
        if self.0.is_finished() || self.0.peek_tag().map_err(malformed)? != wanted {
            return Ok(None);
        }
        AnyRef::decode(&mut self.0).map(Some).map_err(malformed)
    }

    fn required(&mut self, wanted: Tag) -> CmsResult<AnyRef<'a>> {
        let missing = || format!("it is not CMS signed data in DER: expected {wanted}");
        self.optional(wanted)?.ok_or_else(missing)
    }

    fn object_id(&mut self) -> CmsResult<ObjectIdentifier> {
        self.required(Tag::ObjectIdentifier)?.decode_as().map_err(malformed)
    }

    /// Returns the id of an algorithm, which must have no parameters but NULL (RFC 5754, 2 and 3).
    fn algorithm(&mut self) -> CmsResult<ObjectIdentifier> {
        let mut fields = Self::of(self.required(Tag::Sequence)?.value())?;
        let id = fields.object_id()?;
        if fields.optional(Tag::Null)?.is_some_and(|it| !it.value().is_empty()) {
            return Err(format!("the algorithm {id} has parameters"));
        }
        fields.finish()?;
        Ok(id)
    }

    /// Returns all remaining members. At most `limit` are read.
    fn rest(mut self, limit: usize) -> CmsResult<Vec<AnyRef<'a>>> {
        let mut members = Vec::new();
        while !self.0.is_finished() {
            if members.len() == limit {
                return Err(format!("it has a list of more than {limit} members"));
            }
            members.push(AnyRef::decode(&mut self.0).map_err(malformed)?);
        }
        Ok(members)
    }

    fn finish(self) -> CmsResult<()> {
        self.0.finish(()).map_err(malformed)
    }
}

/// The tag of an optional field with this number.
fn context(number: TagNumber) -> Tag {
    Tag::ContextSpecific { constructed: true, number }
}

impl<'a> SignedMessage<'a> {
    /// Reads a `ContentInfo` with signed data. The content must be in the message.
    pub(crate) fn read(der: &'a [u8]) -> CmsResult<Self> {
        let info = AnyRef::from_der(der).map_err(malformed)?;
        if info.tag() != Tag::Sequence {
            return Err("it is not CMS signed data".to_owned());
        }
        let mut info = Fields::of(info.value())?;
        if info.object_id()? != SIGNED_DATA {
            return Err("it is not CMS signed data".to_owned());
        }
        let content = info.required(context(TagNumber::N0))?;
        info.finish()?;
        Self::read_signed_data(AnyRef::from_der(content.value()).map_err(malformed)?)
    }

    /// Reads the fields of `SignedData` (RFC 5652, 5.1).
    fn read_signed_data(data: AnyRef<'a>) -> CmsResult<Self> {
        let mut fields = Fields::of(data.value())?;
        fields.required(Tag::Integer)?;
        fields.required(Tag::Set)?;
        let mut content = Fields::of(fields.required(Tag::Sequence)?.value())?;
        let content_type = content.object_id()?;
        let wrapped = content.optional(context(TagNumber::N0))?.ok_or("it contains no data")?;
        content.finish()?;
        let content = AnyRef::from_der(wrapped.value()).map_err(malformed)?;
        if content.tag() != Tag::OctetString {
            return Err("its content is not an octet string".to_owned());
        }
        let certificates = fields.optional(context(TagNumber::N0))?.map_or(&[][..], |it| it.value());
        let certificates = Fields::of(certificates)?.rest(MAX_CERTIFICATES)?;
        let parse =
            |it: AnyRef<'_>| Certificate::from_der(&it.to_der().map_err(malformed)?).map_err(malformed);
        fields.optional(context(TagNumber::N1))?;
        let signers = Fields::of(fields.required(Tag::Set)?.value())?.rest(MAX_MEMBERS)?;
        fields.finish()?;
        Ok(Self {
            content_type,
            content: content.value(),
            certificates: certificates.into_iter().map(parse).collect::<CmsResult<_>>()?,
            signers: signers.into_iter().map(SignerRecord::read).collect::<CmsResult<_>>()?,
        })
    }
}

impl<'a> SignerRecord<'a> {
    /// Reads the fields of a `SignerInfo` (RFC 5652, 5.3).
    pub(crate) fn read(info: AnyRef<'a>) -> CmsResult<Self> {
        let mut fields = Fields::of(info.value())?;
        fields.required(Tag::Integer)?;
        let key_id = fields.optional(KEY_ID)?;
        let certificate_id = key_id.map_or_else(|| fields.required(Tag::Sequence), Ok)?;
        let digest_id = fields.algorithm()?;
        let signed_attributes =
            fields.optional(context(TagNumber::N0))?.ok_or("it has no signed attributes")?;
        let signature_id = fields.algorithm()?;
        let signature = fields.required(Tag::OctetString)?.value();
        let unsigned_attributes = fields.optional(context(TagNumber::N1))?.map_or(&[][..], |it| it.value());
        fields.finish()?;
        let signed_attributes = signed_attributes.value();
        Ok(Self {
            certificate_id,
            digest_id,
            signed_attributes,
            signature_id,
            signature,
            unsigned_attributes,
        })
    }

    /// Returns the only value of a signed attribute. `None` if there is no such attribute.
    pub(crate) fn signed(&self, wanted: ObjectIdentifier) -> CmsResult<Option<AnyRef<'a>>> {
        only_value(self.signed_attributes, wanted)
    }

    /// Returns the only value of an unsigned attribute. `None` if there is no such attribute.
    pub(crate) fn unsigned(&self, wanted: ObjectIdentifier) -> CmsResult<Option<AnyRef<'a>>> {
        only_value(self.unsigned_attributes, wanted)
    }

    /// Verifies that the signer signed `content`, and returns the signer's certificate. The signer must state one of
    /// these content types. `None` means that it may state none.
    pub(crate) fn verify<'c>(
        &self,
        certificates: &'c [Certificate],
        content: &[u8],
        content_types: &[Option<ObjectIdentifier>],
    ) -> CmsResult<&'c Certificate> {
        let certificate = certificates.iter().find(|it| self.is_by(it));
        let certificate = certificate.ok_or("it lacks its signer's certificate")?;
        let unsupported = || format!("its digest algorithm {} is not supported", self.digest_id);
        let algorithm = digest_algorithm(self.digest_id).ok_or_else(unsupported)?;
        let stated_type = self.signed(CONTENT_TYPE)?;
        let stated_type = stated_type.map(|it| it.decode_as::<ObjectIdentifier>().map_err(malformed));
        if !content_types.contains(&stated_type.transpose()?) {
            return Err("its signer states another content type".to_owned());
        }
        let digest = self.signed(MESSAGE_DIGEST)?.filter(|it| it.tag() == Tag::OctetString);
        if digest.ok_or("it has no message digest")?.value() != (algorithm.hash)(content) {
            return Err("its signer signed other content".to_owned());
        }
        let key = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(malformed)?;
        let signature = SignatureBytes::from_bytes(self.signature);
        let signed = self.signed_bytes();
        verify_signature(&DerPublicKey::new(key), &signed, &signature, self.scheme(algorithm)?)
            .map_err(|error| format!("its signature is not valid: {error}"))?;
        Ok(certificate)
    }

    /// Returns whether the signer is named by a certificate's key, or by its issuer and serial number.
    fn is_by(&self, certificate: &Certificate) -> bool {
        let certificate = &certificate.tbs_certificate;
        if self.certificate_id.tag() == KEY_ID {
            let extension = certificate.extensions.iter().flatten().find(|it| it.extn_id == SUBJECT_KEY_ID);
            let stated =
                extension.and_then(|it| SubjectKeyIdentifier::from_der(it.extn_value.as_bytes()).ok());
            return stated.is_some_and(|it| it.0.as_bytes() == self.certificate_id.value());
        }
        let encoded = [certificate.issuer.to_der(), certificate.serial_number.to_der()];
        encoded
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .is_ok_and(|it| it.concat() == self.certificate_id.value())
    }

    fn scheme(&self, algorithm: &DigestAlgorithm) -> CmsResult<SigningScheme> {
        match self.signature_id {
            it if it == RSA || it == algorithm.rsa_id => Ok(algorithm.rsa),
            it if it == algorithm.ecdsa_id => Ok(algorithm.ecdsa),
            other => Err(format!("its signature algorithm {other} is not supported")),
        }
    }

    /// Returns the bytes that are signed: the attributes under the tag of a SET OF (RFC 5652, 5.4).
    fn signed_bytes(&self) -> Vec<u8> {
        let set = AnyRef::new(Tag::Set, self.signed_attributes).and_then(|it| it.to_der());
        set.unwrap_or_default()
    }
}

/// Returns the only value of an attribute in the content of a list of attributes. `None` if there is no such attribute.
fn only_value(attributes: &[u8], wanted: ObjectIdentifier) -> CmsResult<Option<AnyRef<'_>>> {
    let mut found = None;
    for attribute in Fields::of(attributes)?.rest(MAX_MEMBERS)? {
        let mut fields = Fields::of(attribute.value())?;
        if fields.object_id()? != wanted {
            continue;
        }
        let values = Fields::of(fields.required(Tag::Set)?.value())?.rest(MAX_MEMBERS)?;
        fields.finish()?;
        match (values[..].first(), values.len(), &found) {
            (Some(value), 1, None) => found = Some(*value),
            _ => return Err(format!("it has the attribute {wanted} more than once")),
        }
    }
    Ok(found)
}

/// Checks that a certificate is for a use, and was valid at a time, in seconds since 1970.
pub(crate) fn check_certificate_use(
    certificate: &Certificate,
    wanted: ObjectIdentifier,
    at: i64,
) -> CmsResult<()> {
    let certificate = &certificate.tbs_certificate;
    let extension = certificate.extensions.iter().flatten().find(|it| it.extn_id == EXTENDED_KEY_USAGE);
    let uses = extension.and_then(|it| ExtendedKeyUsage::from_der(it.extn_value.as_bytes()).ok());
    if !uses.is_some_and(|it| it.0.contains(&wanted)) {
        return Err("its certificate is for another use".to_owned());
    }
    let seconds =
        |time: x509_cert::time::Time| i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity;
    if at < seconds(validity.not_before) || at > seconds(validity.not_after) {
        return Err("its certificate was not valid at that time".to_owned());
    }
    Ok(())
}
