//! OpenPGP through gpg, and CMS (X.509) through gpgsm: made with the operator's keys, checked with the policy's keys in a
//! home of its own that is thrown away. An exit code is no verdict (gpg's is 0 for a revoked key): what gpgme reports of
//! each signature is. Of a certificate, the pin counts and not the chain: nobody else's root can vouch for a signer.

mod key;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gpgme::{
    Context, HashAlgorithm, KeyAlgorithm, Protocol, Signature, SignatureSummary, VerificationResult,
};
use model::evidence::signature::{AllowedSigner, RevocationStatus, SignatureCheck, SignerKey};

use crate::RSA_BITS;
use crate::home::Home;

pub(crate) use key::GpgKey;

/// The policy of OpenPGP or X.509 signatures: public keys or certificates, and which of them count.
#[derive(Debug, Clone)]
pub struct PinnedKeys {
    kind: Kind,
    keyring: Vec<u8>,
    fingerprints: Vec<String>,
    /// The home that holds the keyring, where one was made beforehand.
    home: Option<Arc<Home>>,
}

/// What gpgme calls a protocol, of the two that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OpenPgp,
    X509,
}

impl Kind {
    fn protocol(self) -> Protocol {
        match self {
            Self::OpenPgp => Protocol::OpenPgp,
            Self::X509 => Protocol::Cms,
        }
    }

    fn program(self) -> &'static str {
        match self {
            Self::OpenPgp => "gpg",
            Self::X509 => "gpgsm",
        }
    }

    /// The configuration of a home in which signatures are only checked. Public keys need no agent, and one that was
    /// started here would outlive the home.
    fn configuration(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenPgp => ("gpg.conf", "no-autostart\ntrust-model always\n"),
            Self::X509 => ("gpgsm.conf", "no-autostart\ndisable-crl-checks\n"),
        }
    }
}

impl PinnedKeys {
    /// The policy of an OpenPGP keyring, armored or not, and of the fingerprints of those of its primary keys that count.
    #[must_use]
    pub fn openpgp(keyring: Vec<u8>, fingerprints: &[String]) -> Self {
        Self::new(Kind::OpenPgp, keyring, fingerprints)
    }

    /// The policy of certificates, in PEM or DER, and of the SHA-1 fingerprints, as gpgsm tells them, of those that count.
    #[must_use]
    pub fn x509(certificates: Vec<u8>, fingerprints: &[String]) -> Self {
        Self::new(Kind::X509, certificates, fingerprints)
    }

    fn new(kind: Kind, keyring: Vec<u8>, fingerprints: &[String]) -> Self {
        let fingerprints = fingerprints.iter().map(|it| it.to_ascii_uppercase()).collect();
        Self { kind, keyring, fingerprints, home: None }
    }

    /// The same policy with its keyring in a home already. Where that fails, the check that follows says so.
    pub(crate) fn prepared(&self) -> Self {
        Self { home: self.new_home().ok().map(Arc::new), ..self.clone() }
    }

    /// A home that holds the keyring, and a configuration to check with.
    fn new_home(&self) -> Result<Home, Box<dyn std::error::Error>> {
        let home = Home::new()?;
        let (file, text) = self.kind.configuration();
        std::fs::write(home.path().join(file), text)?;
        self.context(&home)?.import(&self.keyring[..])?;
        Ok(home)
    }

    /// gpg or gpgsm in a home, without the network.
    fn context(&self, home: &Home) -> gpgme::Result<Context> {
        let mut context = Context::from_protocol(self.kind.protocol())?;
        // Not `set_engine_home_dir`: gpgme 0.11 takes the path of the first engine there, which is gpg's, for gpgsm too.
        context.set_engine_info(None::<String>, Some(home.path().to_string_lossy().into_owned()))?;
        context.set_offline(true);
        Ok(context)
    }

    /// What the policy says of a key of the operator's.
    pub(crate) fn of(&self, key: &GpgKey) -> SignerKey {
        self.signer(&key.fingerprint, RevocationStatus::NotRevoked, key.created, key.expires)
    }

    /// A pinned key counts for everybody and everything: OpenPGP binds names to it, and the pin is the policy.
    fn signer(
        &self,
        primary: &str,
        revoked: RevocationStatus,
        created: Option<i64>,
        expires: Option<i64>,
    ) -> SignerKey {
        let pinned = self.fingerprints.iter().any(|it| it == primary);
        let grant = AllowedSigner {
            certificate_principals: None,
            principals: vec!["*".to_owned()],
            namespaces: Vec::new(),
            valid_after: created,
            valid_before: expires,
        };
        SignerKey {
            fingerprint: primary.to_owned(),
            revocation: revoked,
            policy_entries: if pinned { vec![grant] } else { Vec::new() },
        }
    }
}

/// Looks at a detached signature in its armor.
pub(crate) fn check(payload: &[u8], armor: &[u8], trust: &PinnedKeys) -> SignatureCheck {
    match look(payload, armor, trust) {
        Ok(looked) => looked,
        Err(error) => SignatureCheck::Unknown {
            reason: "gpg",
            evidence: format!("{} cannot tell: {error}", trust.kind.program()),
        },
    }
}

fn look(
    payload: &[u8],
    armor: &[u8],
    trust: &PinnedKeys,
) -> Result<SignatureCheck, Box<dyn std::error::Error>> {
    let home = match &trust.home {
        Some(home) => Arc::clone(home),
        None => Arc::new(trust.new_home()?),
    };
    let mut context = trust.context(&home)?;
    let result = match context.verify_detached(armor, payload) {
        Ok(result) => result,
        Err(error) => {
            return Ok(bad(
                "signature",
                format!("no signature that {} reads: {error}", trust.kind.program()),
            ));
        }
    };
    judge(&mut context, &result, trust, &home)
}

fn bad(reason: &'static str, evidence: String) -> SignatureCheck {
    SignatureCheck::Bad { reason, evidence }
}

fn judge(
    context: &mut Context,
    result: &VerificationResult,
    trust: &PinnedKeys,
    home: &Home,
) -> Result<SignatureCheck, Box<dyn std::error::Error>> {
    let mut signatures = result.signatures();
    let (Some(signature), None) = (signatures.next(), signatures.next()) else {
        return Ok(bad("two-signatures", "the armor does not hold exactly one signature".to_owned()));
    };
    let by = signature.fingerprint().unwrap_or("an unknown key").to_owned();
    let summary = signature.summary();
    if summary.contains(SignatureSummary::KEY_MISSING) {
        return Ok(bad("unknown-key", format!("{by} is not in the keyring of [signers]")));
    }
    if summary.contains(SignatureSummary::SIG_EXPIRED) {
        return Ok(bad(
            "signature-expired",
            format!("the signature of {by} was good for a time that is over"),
        ));
    }
    if matches!(
        signature.hash_algorithm(),
        HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::RipeMd160
    ) {
        return Ok(bad("weak-hash", format!("it is a signature over {}", signature.hash_algorithm())));
    }
    if signature.is_wrong_key_usage() {
        return Ok(bad("key-usage", format!("{by} is no key to sign with")));
    }
    let revoked = summary.contains(SignatureSummary::KEY_REVOKED);
    let expired = summary.contains(SignatureSummary::KEY_EXPIRED);
    match signature.status() {
        Ok(()) => {}
        Err(_) if revoked || expired => {}
        Err(error) => return Ok(bad("signature", format!("it is not a signature of this tag: {error}"))),
    }
    match trust.kind {
        Kind::X509 => judge_certificate(signature, &by, trust, home),
        Kind::OpenPgp => {
            let key = context.get_key(by.as_str())?;
            Ok(judge_key(&key, signature, &by, revoked, trust))
        }
    }
}

/// Judges the certificate that a signature, good by itself, was made with.
fn judge_certificate(
    signature: Signature<'_>,
    by: &str,
    trust: &PinnedKeys,
    home: &Home,
) -> Result<SignatureCheck, Box<dyn std::error::Error>> {
    if let Some(bits) = certificate_length(home, by)?.filter(|it| *it < RSA_BITS) {
        return Ok(weak(by, bits));
    }
    // gpgsm lists no certificate without an agent; until when this one counts, it says with the signature.
    let until = seconds(signature.expiration_time());
    Ok(SignatureCheck::ByKey(trust.signer(
        &by.to_ascii_uppercase(),
        RevocationStatus::NotRevoked,
        None,
        until,
    )))
}

/// Judges the OpenPGP key that a signature, good by itself, was made with.
fn judge_key(
    key: &gpgme::Key,
    signature: Signature<'_>,
    by: &str,
    revoked: bool,
    trust: &PinnedKeys,
) -> SignatureCheck {
    let subkey = key.subkeys().find(|it| it.fingerprint() == Ok(by));
    let (Some(primary), Some(subkey)) = (key.primary_key(), subkey) else {
        return bad("unknown-key", format!("{by} belongs to no key of the keyring"));
    };
    let factored = [&primary, &subkey].into_iter().filter(|it| is_factored(it.algorithm()));
    if let Some(bits) = factored.map(gpgme::Subkey::length).min().filter(|it| *it < RSA_BITS) {
        return weak(by, bits);
    }
    let created = seconds(subkey.creation_time());
    let made = seconds(signature.creation_time());
    if made < created {
        return bad("key-newer", format!("{by} was made after the signature that it is said to have made"));
    }
    let revoked = revoked || key.is_revoked() || subkey.is_revoked();
    let revoked = if revoked { RevocationStatus::Revoked } else { RevocationStatus::NotRevoked };
    let until = [primary.expiration_time(), subkey.expiration_time()].into_iter().flatten().min();
    let primary = primary.fingerprint().unwrap_or(by).to_owned();
    SignatureCheck::ByKey(trust.signer(&primary, revoked, created, seconds(until)))
}

/// A key that is too short to count, whoever pinned it.
fn weak(by: &str, bits: usize) -> SignatureCheck {
    bad("weak-key", format!("{by} is an RSA or DSA key of {bits} bits, expected at least {RSA_BITS}"))
}

/// Whether the strength of a key of this kind is its length in bits.
fn is_factored(algorithm: KeyAlgorithm) -> bool {
    matches!(
        algorithm,
        KeyAlgorithm::Rsa | KeyAlgorithm::RsaEncrypt | KeyAlgorithm::RsaSign | KeyAlgorithm::Dsa
    )
}

/// The length in bits of the RSA or DSA key of a certificate, as gpgsm lists it (`doc/DETAILS` of `GnuPG`, "Format of the
/// colon listings": field 3 is the length, field 4 the algorithm: 1 for RSA, 17 for DSA). gpgme cannot list certificates
/// without an agent. Returns `None` for other keys.
fn certificate_length(home: &Home, fingerprint: &str) -> std::io::Result<Option<usize>> {
    let mut gpgsm = Command::new("gpgsm");
    gpgsm.arg("--homedir").arg(home.path()).args(["--batch", "--with-colons", "--list-keys", fingerprint]);
    let listed = gpgsm.stdin(Stdio::null()).stderr(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let line = text.lines().find(|it| it.starts_with("crt:"));
    let fields: Vec<&str> = line.unwrap_or_default().split(':').collect();
    match fields[..] {
        [_, _, bits, "1" | "17", ..] => Ok(bits.parse().ok()),
        [_, _, _, _, ..] => Ok(None),
        _ => Err(std::io::Error::other(format!("gpgsm does not list {fingerprint}"))),
    }
}

fn seconds(time: Option<SystemTime>) -> Option<i64> {
    i64::try_from(time?.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}
