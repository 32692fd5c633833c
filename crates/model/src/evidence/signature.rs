//! Tag objects, their signatures, and the policy entries of the keys that made them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evidence::reason::{Explanation, Reason};
use crate::release::changelog::PersonIdent;
use crate::{CommitId, ObjectId};

/// The signature formats that git supports, by the values of `gpg.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureFormat {
    /// OpenPGP: a detached, armored signature (RFC 9580).
    OpenPgp,
    /// X.509: Cryptographic Message Syntax (RFC 5652).
    X509,
    /// SSH: a signature as in OpenSSH's `PROTOCOL.sshsig`.
    Ssh,
}

impl SignatureFormat {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::OpenPgp, Self::X509, Self::Ssh];

    /// Returns the format for a value of `gpg.format`. Returns `None` if git has no such format.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Returns the value of `gpg.format`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenPgp => "openpgp",
            Self::X509 => "x509",
            Self::Ssh => "ssh",
        }
    }

    /// Returns the label of the armor, which follows `BEGIN` and `END`.
    #[must_use]
    pub fn armor_label(self) -> &'static str {
        match self {
            Self::OpenPgp => "PGP SIGNATURE",
            Self::X509 => "SIGNED MESSAGE",
            Self::Ssh => "SSH SIGNATURE",
        }
    }
}

impl fmt::Display for SignatureFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenPgp => "OpenPGP",
            Self::X509 => "X.509",
            Self::Ssh => "SSH",
        })
    }
}

/// A tag object, parsed strictly (`git help hash-object`, type tag; `tag.c` and `gpg-interface.c` of git).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagObject {
    /// The object that the tag points to.
    pub target: ObjectId,
    /// The type of that object, as stated in the tag object.
    pub target_type: String,
    /// The tag's name in the object. Git itself never compares it with the reference.
    pub name: String,
    /// The tagger, as stated by the signer.
    pub tagger: PersonIdent,
    /// The tag's date as stated by the signer, in seconds since 1970 (UTC).
    pub time: i64,
    /// The signed bytes: everything before the signature.
    pub payload: Vec<u8>,
    /// The signature. `None` for an unsigned tag object.
    pub signature: Option<ArmoredSignature>,
}

/// An armored signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmoredSignature {
    /// The format of the signature.
    pub format: SignatureFormat,
    /// The armored text, from its first line to its last.
    pub text: Vec<u8>,
}

/// The error for bytes that are not a well-formed tag object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.evidence)]
pub struct TagObjectError(pub Explanation);

/// The longest tag object that is read, in bytes.
pub const MAX_TAG_OBJECT_BYTES: usize = 1 << 20;

impl TagObject {
    /// Returns the message, without the signature. What is not UTF-8 is replaced.
    #[must_use]
    pub fn message(&self) -> String {
        let start =
            self.payload.windows(2).position(|it| it == b"\n\n").map_or(self.payload.len(), |it| it + 2);
        String::from_utf8_lossy(&self.payload[start..]).into_owned()
    }

    /// Parses a tag object. It must have exactly the headers `object`, `type`, `tag` and `tagger`, and at most one
    /// signature, which must be at its end.
    ///
    /// # Errors
    /// [`TagObjectError`] for every form that could hide something: an additional or missing header, a second
    /// signature, text after the signature, or another armor than that of a detached signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, TagObjectError> {
        let fail = |reason, message: &str| Err(TagObjectError(Explanation::new(reason, message)));
        if bytes.len() > MAX_TAG_OBJECT_BYTES {
            return fail(Reason::TagTooLong, "the tag object is longer than 1 MiB");
        }
        let Some(end) = bytes.windows(2).position(|it| it == b"\n\n") else {
            return fail(Reason::MalformedTag, "the tag object has no empty line after its headers");
        };
        let Ok(headers) = std::str::from_utf8(&bytes[..end]) else {
            return fail(Reason::MalformedTag, "the headers of the tag object are not UTF-8");
        };
        let lines: Vec<(&str, &str)> =
            headers.split('\n').map(|it| it.split_once(' ').unwrap_or((it, ""))).collect();
        let (object, target_type, name, tagger) = match lines[..] {
            [("object", object), ("type", kind), ("tag", name), ("tagger", tagger)] => {
                (object, kind, name, tagger)
            }
            [("object", _), ("type", _), ("tag", _)] => {
                return fail(Reason::MalformedTag, "the tag object names no tagger");
            }
            _ => {
                return fail(
                    Reason::MalformedTag,
                    "the tag object has other headers than object, type, tag and tagger",
                );
            }
        };
        let Some(target) = ObjectId::from_hex(object) else {
            return fail(Reason::MalformedTag, "the object header of the tag object is not a full object id");
        };
        let Some((tagger, time)) = parse_tagger(tagger) else {
            return fail(Reason::MalformedTag, "the tagger line is not 'Name <address> seconds zone'");
        };
        let (payload, signature) = split_signature(bytes, end + 2)?;
        Ok(Self {
            target,
            target_type: target_type.to_owned(),
            name: name.to_owned(),
            tagger,
            time,
            payload: payload.to_vec(),
            signature,
        })
    }
}

fn parse_tagger(line: &str) -> Option<(PersonIdent, i64)> {
    let (person, when) = line.rsplit_once("> ")?;
    let (name, email) = person.split_once(" <").or_else(|| person.strip_prefix('<').map(|it| ("", it)))?;
    let (seconds, zone) = when.split_once(' ')?;
    let signed =
        zone.len() == 5 && zone.starts_with(['+', '-']) && zone[1..].bytes().all(|it| it.is_ascii_digit());
    if !signed || email.contains(['<', '>']) || !seconds.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    Some((PersonIdent::new(name, email), seconds.parse().ok()?))
}

/// Splits a tag object into the signed bytes and the signature. Git takes the last line that starts an armor. Here only
/// one is accepted; otherwise a message could contain text that looks signed.
fn split_signature(
    bytes: &[u8],
    body_start: usize,
) -> Result<(&[u8], Option<ArmoredSignature>), TagObjectError> {
    let fail = |reason, message: &str| Err(TagObjectError(Explanation::new(reason, message)));
    let mut starts = Vec::new();
    let mut offset = body_start;
    while offset < bytes.len() {
        let line_end =
            bytes[offset..].iter().position(|it| *it == b'\n').map_or(bytes.len(), |it| offset + it + 1);
        if bytes[offset..line_end].starts_with(b"-----BEGIN ") {
            starts.push(offset);
        }
        offset = line_end;
    }
    let start = match starts[..] {
        [] => return Ok((bytes, None)),
        [start] => start,
        _ => return fail(Reason::TwoSignatures, "the tag object has more than one armored block"),
    };
    let text = &bytes[start..];
    let framed = |it: &SignatureFormat| {
        text.starts_with(format!("-----BEGIN {}-----\n", it.armor_label()).as_bytes())
            && text.ends_with(format!("\n-----END {}-----\n", it.armor_label()).as_bytes())
    };
    let ends = text.split(|it| *it == b'\n').filter(|line| line.starts_with(b"-----END ")).count();
    match SignatureFormat::ALL.into_iter().find(framed) {
        Some(format) if ends == 1 => {
            Ok((&bytes[..start], Some(ArmoredSignature { format, text: text.to_vec() })))
        }
        _ => fail(
            Reason::MalformedTag,
            "the tag object does not end with the detached signature that it starts",
        ),
    }
}

/// The result of verifying a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureCheck {
    /// A valid signature of the payload by this key. Whether the key is trusted is evaluated separately.
    ByKey(SignerKey),
    /// A valid signature of the payload with a Sigstore certificate, recorded in a transparency log.
    ByIdentity {
        /// The identity in the certificate.
        signer: SigstoreIdentity,
        /// The time of the log entry, in seconds since 1970.
        logged_at: i64,
        /// The identities that the policy allows.
        allowed: Vec<SigstoreIdentity>,
    },
    /// The signature is not valid.
    Bad(Explanation),
    /// The signature could not be checked.
    Unknown(Explanation),
}

/// An identity that signs tags with Sigstore certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreIdentity {
    /// The subject alternative name of the certificate, as in `ada@example.com`.
    pub name: String,
    /// The issuer of the identity token.
    pub issuer: String,
}

/// The key of a signature, with its entries in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerKey {
    /// The fingerprint, as the format's tools print it.
    pub fingerprint: String,
    /// Whether the policy's revocation file lists the key.
    pub revocation: RevocationStatus,
    /// The policy entries for the key. Empty if it is not trusted.
    pub policy_entries: Vec<AllowedSigner>,
}

/// The result of looking up a key in the policy before it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyLookup {
    /// No trusted signers are configured.
    NoPolicy,
    /// Trusted signers are configured, but none for this kind of key, or its public half is unknown.
    KindNotConfigured,
    /// The key, with its entries. Without entries it is not allowed.
    Key(SignerKey),
}

/// Whether a key is revoked, by the policy's revocation file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationStatus {
    /// There is no revocation file, or it does not list the key.
    NotRevoked,
    /// The revocation file lists the key.
    Revoked,
    /// The revocation file could not be read, so the key may be revoked. The text is the cause.
    Unreadable(String),
}

/// A policy entry that allows a key (`ssh-keygen(1)`, ALLOWED SIGNERS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigner {
    /// The patterns of the allowed e-mail addresses. A `!` before a pattern excludes its addresses.
    pub principals: Vec<String>,
    /// The principals of the signer's SSH certificate, one of which must also match. `None` if the entry is for the key
    /// itself.
    pub certificate_principals: Option<Vec<String>>,
    /// The allowed namespaces, as in `git`. Empty allows all.
    pub namespaces: Vec<String>,
    /// The start of validity, in seconds since 1970 (UTC). `None` if it is unlimited.
    pub valid_after: Option<i64>,
    /// The end of validity, inclusive, in seconds since 1970 (UTC). `None` if it is unlimited.
    pub valid_before: Option<i64>,
}

/// The evidence for evaluating a tag.
#[derive(Debug, Clone)]
pub struct TagEvidence {
    /// The name of the reference, without `refs/tags/`.
    pub name: String,
    /// The commit that the tag must point to.
    pub expected_commit: CommitId,
    /// The time of that commit, in seconds since 1970. A tag cannot be older than its commit.
    pub commit_time: i64,
    /// The tag object, or why it is malformed. `None` for a lightweight tag.
    pub object: Option<Result<TagObject, TagObjectError>>,
    /// The result of verifying the signature. `None` if there is no signature, or no policy to verify it with.
    pub signature_check: Option<SignatureCheck>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object(headers: &str, rest: &str) -> Result<TagObject, TagObjectError> {
        TagObject::parse(format!("{headers}\n\n{rest}").as_bytes())
    }

    fn headers() -> String {
        format!("object {}\ntype commit\ntag server/v1\ntagger A B <a@x> 12 +0000", "1".repeat(40))
    }

    const SSH_SIGNATURE: &str = "-----BEGIN SSH SIGNATURE-----\nU1NI\n-----END SSH SIGNATURE-----\n";

    #[test]
    fn reads_signed_and_unsigned_tags() {
        let signed = object(&headers(), &format!("message\n{SSH_SIGNATURE}")).unwrap();
        assert_eq!(signed.payload, format!("{}\n\nmessage\n", headers()).as_bytes());
        assert_eq!(signed.signature.unwrap().text, SSH_SIGNATURE.as_bytes());
        assert_eq!(
            (signed.tagger.name.as_str(), signed.tagger.email.as_str(), signed.time),
            ("A B", "a@x", 12)
        );
        assert_eq!(object(&headers(), "message\n").unwrap().signature, None);
    }

    #[test]
    fn ambiguous_tag_objects_are_rejected() {
        let good = headers();
        let reason = |headers: &str, rest: &str| object(headers, rest).unwrap_err().0.reason;
        assert_eq!(reason(&good, &format!("m\n{SSH_SIGNATURE}{SSH_SIGNATURE}")), Reason::TwoSignatures);
        assert_eq!(
            reason(&good, &format!("-----BEGIN PGP MESSAGE-----\nx\n{SSH_SIGNATURE}")),
            Reason::TwoSignatures
        );
        assert_eq!(reason(&good, &format!("m\n{SSH_SIGNATURE}more\n")), Reason::MalformedTag);
        assert_eq!(reason(&good, &format!("m\n{}", SSH_SIGNATURE.trim_end())), Reason::MalformedTag);
        assert_eq!(
            reason(&good, "m\n-----BEGIN PGP MESSAGE-----\nx\n-----END PGP MESSAGE-----\n"),
            Reason::MalformedTag
        );
        assert_eq!(reason(good.rsplit_once('\n').unwrap().0, "m\n"), Reason::MalformedTag);
        assert_eq!(reason(&format!("{good}\nextra x"), "m\n"), Reason::MalformedTag);
        assert_eq!(reason(&good.replace("<a@x>", "a@x"), "m\n"), Reason::MalformedTag);
        assert_eq!(reason(&good.replace(" 12 ", " 1x "), "m\n"), Reason::MalformedTag);
        assert_eq!(reason(&good.replace("+0000", "UTC"), "m\n"), Reason::MalformedTag);
        assert_eq!(
            TagObject::parse(&vec![b'x'; MAX_TAG_OBJECT_BYTES + 1]).unwrap_err().0.reason,
            Reason::TagTooLong
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), offset in 0usize..400) {
            let mut tag_bytes = format!("{}\n\nm\n{SSH_SIGNATURE}", headers()).into_bytes();
            let offset = offset.min(tag_bytes.len());
            tag_bytes.splice(offset..offset, bytes);
            if let Ok(tag) = TagObject::parse(&tag_bytes) {
                let again = [tag.payload, tag.signature.map(|it| it.text).unwrap_or_default()].concat();
                prop_assert_eq!(again, tag_bytes);
            }
        }
    }
}
