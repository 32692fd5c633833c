//! Signatures of tags, and what is known of who made them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::evidence::reason::{Explanation, Reason};
use crate::release::changelog::PersonIdent;
use crate::{CommitId, ObjectId};

/// The kinds of signatures that git knows, by the words of `gpg.format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SignatureFormat {
    /// OpenPGP (RFC 9580), detached and armored.
    OpenPgp,
    /// Cryptographic Message Syntax (RFC 5652).
    X509,
    /// OpenSSH's `PROTOCOL.sshsig`.
    Ssh,
}

impl SignatureFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OpenPgp, Self::X509, Self::Ssh];

    /// The format of this name. Returns `None` if git knows no such format.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The value of `gpg.format`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OpenPgp => "openpgp",
            Self::X509 => "x509",
            Self::Ssh => "ssh",
        }
    }

    /// The words between `BEGIN` or `END` and the dashes of its armor.
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

/// A tag object, read strictly (`git help hash-object`, type tag; `tag.c` and `gpg-interface.c` of git).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagObject {
    /// What it points to.
    pub target: ObjectId,
    /// The type of that, as the object says.
    pub target_type: String,
    /// The name in the object. Git never compares it with the reference.
    pub name: String,
    /// Who made it, by their own word.
    pub tagger: PersonIdent,
    /// When, by their own word: seconds since 1970 in UTC.
    pub time: i64,
    /// Everything before the signature: what was signed.
    pub payload: Vec<u8>,
    /// The signature; none where there is none.
    pub signature: Option<ArmoredSignature>,
}

/// A signature in its armor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmoredSignature {
    /// The kind.
    pub format: SignatureFormat,
    /// The armor, from its first line to its last.
    pub text: Vec<u8>,
}

/// Why bytes are no tag object that anything can be proven of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.evidence)]
pub struct TagObjectError(pub Explanation);

/// The longest tag object that is read, in bytes.
pub const MAX_TAG_OBJECT_BYTES: usize = 1 << 20;

impl TagObject {
    /// The tag object that the bytes spell. Exactly the headers `object`, `type`, `tag` and `tagger`; at most one
    /// signature, which the object ends with.
    ///
    /// # Errors
    /// [`TagObjectError`], with a reason for each of the forms that hide something: a header too many or too few, a
    /// second signature, text after the signature, another armor than that of a detached signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, TagObjectError> {
        let fail = |reason, message: &str| Err(TagObjectError(Explanation::new(reason, message)));
        if bytes.len() > MAX_TAG_OBJECT_BYTES {
            return fail(Reason::TagTooLong, "the tag object is longer than 1 MiB");
        }
        let Some(end) = bytes.windows(2).position(|it| it == b"\n\n") else {
            return fail(Reason::MalformedTag, "the headers of the tag object do not end");
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
            return fail(Reason::MalformedTag, "the tag object points to no object name");
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

/// What was signed, and the signature. Git takes the last line that starts an armor; here there must be only one, or
/// text that looks signed could stand in the message.
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
        _ => return fail(Reason::TwoSignatures, "the tag object has more than one block in armor"),
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
            "the tag object does not end with the one detached signature that it starts",
        ),
    }
}

/// What looking at a signature gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignatureCheck {
    /// It is a signature of the payload by this key. Whether that key counts is another question.
    ByKey(SignerKey),
    /// It is a signature of the payload by somebody with a certificate of Sigstore's, which a log saw at a time (in seconds since
    /// 1970).
    ByIdentity {
        /// Who signed.
        signer: SigstoreIdentity,
        /// When.
        logged_at: i64,
        /// Those whom the policy allows.
        allowed: Vec<SigstoreIdentity>,
    },
    /// It is not a valid signature.
    Bad(Explanation),
    /// It could not be checked.
    Unknown(Explanation),
}

/// Somebody who may sign tags through Sigstore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreIdentity {
    /// The certificate's name, as in `ada@example.com`.
    pub name: String,
    /// Who issued the token.
    pub issuer: String,
}

/// The key that made a signature, and what the policy says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerKey {
    /// The key's fingerprint.
    pub fingerprint: String,
    /// Whether the policy's revocation file names it.
    pub revocation: RevocationStatus,
    /// The policy's lines for it.
    pub policy_entries: Vec<AllowedSigner>,
}

/// What a policy says of a key before it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyLookup {
    /// No trusted signers are configured.
    NoPolicy,
    /// Trusted signers are configured, but none for this kind of key, or its public half is unknown.
    KindNotConfigured,
    /// The key, with the entries that name it. Without entries it is not allowed.
    Key(SignerKey),
}

/// What the revocation file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevocationStatus {
    /// There is none, or it does not name the key.
    NotRevoked,
    /// It names the key.
    Revoked,
    /// It is named by the policy and cannot be read.
    Unreadable(String),
}

/// A line of the policy that allows a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigner {
    /// Whom it allows: patterns of addresses, `!` before those that it excludes.
    pub principals: Vec<String>,
    /// The addresses that the signer's certificate names, of which one must fit too; none where the key itself is allowed.
    pub certificate_principals: Option<Vec<String>>,
    /// For what; empty for everything.
    pub namespaces: Vec<String>,
    /// From when on, in seconds since 1970 in UTC.
    pub valid_after: Option<i64>,
    /// Until when, inclusive.
    pub valid_before: Option<i64>,
}

/// Everything that is looked at to judge a tag.
#[derive(Debug, Clone)]
pub struct TagEvidence {
    /// The reference's name, without `refs/tags/`.
    pub name: String,
    /// The commit that the tag should be at.
    pub expected_commit: CommitId,
    /// That commit's time: no tag is older than its commit.
    pub commit_time: i64,
    /// The tag object; none for a lightweight tag.
    pub object: Option<Result<TagObject, TagObjectError>>,
    /// What looking at the signature gave; none where there is none, or no policy to look by.
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
