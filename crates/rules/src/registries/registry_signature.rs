//! The signature of an npm registry over a version (npm documentation, "About registry signatures"). It proves that the
//! registry served these bytes under this name. It says nothing about who built them.

use crate::no_answer::no_answer;
use model::Digest;
use model::base::{base64, time};
use model::evidence::lookup::Lookup;
use model::evidence::package::SignatureCheck;
use model::evidence::reason::Reason;
use model::evidence::verdict::Finding;
use model::package::registry::{PublishedPackage, RegistryKey, RegistrySignatures};

const CHECK: &str = "registry-signature";

/// Returns the finding about the registry's signatures. `trusted_keys` are the ids of the keys that may sign; if it is
/// empty, every key that the registry lists may. Each signature must be valid.
pub(super) fn finding(
    purl: &str,
    trusted_keys: &[String],
    package: &PublishedPackage,
    checks: &[SignatureCheck],
) -> Finding {
    let Some(signatures) = &package.signatures else {
        let evidence = "the registry states no signature";
        return Finding::unproven(CHECK, purl, Reason::RegistryUnsigned, evidence);
    };
    match &signatures.keys {
        Lookup::Unavailable(unavailable) => return no_answer(CHECK, purl, unavailable),
        Lookup::Absent => {
            let evidence = "the registry signs versions, but lists no keys";
            return Finding::unproven(CHECK, purl, Reason::RegistryKey, evidence);
        }
        Lookup::Found(_) => {}
    }
    let results: Vec<Finding> =
        checks.iter().map(|it| signature(purl, trusted_keys, signatures, it)).collect();
    let worst = results.into_iter().max_by_key(|it| it.verdict);
    worst.unwrap_or_else(|| {
        Finding::unproven(CHECK, purl, Reason::RegistryUnsigned, "the registry states no signature")
    })
}

fn signature(
    purl: &str,
    trusted_keys: &[String],
    signatures: &RegistrySignatures,
    check: &SignatureCheck,
) -> Finding {
    let key_id = &check.key_id;
    let untrusted = |evidence: String| Finding::unproven(CHECK, purl, Reason::RegistryKey, evidence);
    let refuted = |evidence: String| Finding::refuted(CHECK, purl, Reason::RegistrySignature, evidence);
    let Some(key) = &check.key else {
        return untrusted(format!("the registry does not list the key {key_id}"));
    };
    if !trusted_keys.is_empty() && !trusted_keys.iter().any(|it| it == key_id && is_id_of(it, key)) {
        return untrusted(format!(
            "the key {key_id} is not one of those that npm_keys in release.toml lists"
        ));
    }
    if !check.is_valid {
        return refuted(format!("the key {key_id} did not sign {}", shortened(&signatures.message)));
    }
    if let Some(expired_at) = key.expires_at.filter(|it| *it <= signatures.published_at) {
        let (expired, published) =
            (time::format_rfc3339(expired_at), time::format_rfc3339(signatures.published_at));
        return refuted(format!(
            "the key {key_id} expired on {expired}, and the version was published on {published}"
        ));
    }
    let pinned = if trusted_keys.is_empty() { "that the registry lists" } else { "that release.toml trusts" };
    Finding::proven(CHECK, purl, format!("signed by the key {key_id}, {pinned}"))
}

/// Returns whether an id is that of a key: `SHA256:` and the SHA-256 of the key in base64.
fn is_id_of(id: &str, key: &RegistryKey) -> bool {
    let digest = base64::encode(&Digest::of(&key.spki).bytes());
    id.strip_prefix("SHA256:").is_some_and(|it| it.trim_end_matches('=') == digest.trim_end_matches('='))
}

/// Returns the first characters of a signed message.
fn shortened(message: &str) -> String {
    let message: String = model::UntrustedText::new(message).escaped().chars().take(100).collect();
    format!("{message}…")
}
