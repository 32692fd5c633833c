//! The OpenPGP signatures of Maven artifacts and of charts. Only a key that the release configuration names proves an
//! origin: anybody can upload a key to a key server, and name any other in a signature.

use std::collections::BTreeSet;

use model::base::time::format_rfc3339;
use model::evidence::lookup::Lookup;
use model::evidence::package::{FileEvidence, OpenPgpCheck, PackageExpectation};
use model::evidence::reason::Reason;
use model::evidence::signature::{RevocationStatus, SignerKey};
use model::evidence::verdict::Finding;

use crate::no_answer::no_answer;

/// The check of a signature.
pub(super) const CHECK: &str = "signature";

/// The largest accepted difference between clocks, in seconds.
const MAX_CLOCK_SKEW_SECONDS: i64 = 300;

/// Returns the finding about the signature of a file. `None` if files of this kind of registry have none.
pub(super) fn finding(expectation: &PackageExpectation, file: &FileEvidence) -> Option<Finding> {
    let name = &file.name;
    let pins = &expectation.registry.key_ids;
    let unproven = |reason, evidence: String| Finding::unproven(CHECK, name, reason, evidence);
    let check = match file.signature.as_ref()? {
        Lookup::Found(check) => check,
        Lookup::Absent => {
            let evidence = "the repository has no signature of the file".to_owned();
            return Some(unproven(Reason::SignatureMissing, evidence));
        }
        Lookup::Unavailable(unavailable) => return Some(no_answer(CHECK, name, unavailable)),
    };
    Some(match check {
        OpenPgpCheck::Bad(explanation) => {
            Finding::refuted(CHECK, name, explanation.reason.clone(), explanation.evidence.clone())
        }
        OpenPgpCheck::Unknown(explanation) => {
            unproven(explanation.reason.clone(), explanation.evidence.clone())
        }
        OpenPgpCheck::MissingKey(fingerprint) => {
            // It could be a new subkey of a trusted key.
            let evidence = format!("signed by the key {fingerprint}, whose public key was not found");
            unproven(Reason::UnpinnedKey { fingerprint: fingerprint.clone() }, evidence)
        }
        OpenPgpCheck::Valid { signer, signed_at } => {
            signed_by(name, pins, signer, (*signed_at, expectation.now))
        }
    })
}

/// Returns the finding for a key that is not pinned. If other keys are, it is not the publisher's.
fn unpinned(name: &str, pins: &[String], fingerprint: &str, evidence: &str) -> Finding {
    let reason = Reason::UnpinnedKey { fingerprint: fingerprint.to_owned() };
    if pins.is_empty() {
        Finding::unproven(CHECK, name, reason, format!("{evidence}, and release.toml trusts no key"))
    } else {
        let evidence = format!("{evidence}, and release.toml trusts {}", pins.join(", "));
        Finding::refuted(CHECK, name, reason, evidence)
    }
}

fn signed_by(name: &str, pins: &[String], signer: &SignerKey, (signed_at, now): (i64, i64)) -> Finding {
    let key = &signer.fingerprint;
    let refuted = |reason, evidence: String| Finding::refuted(CHECK, name, reason, evidence);
    if signer.revocation != RevocationStatus::NotRevoked {
        return refuted(Reason::Revoked, format!("the key {key} is revoked"));
    }
    if !pins.contains(key) {
        return unpinned(name, pins, key, &format!("signed by the key {key}"));
    }
    let time = format_rfc3339(signed_at);
    if signed_at > now + MAX_CLOCK_SKEW_SECONDS {
        return refuted(Reason::SigningTime, format!("signed on {time}, which is in the future"));
    }
    match signer.policy_entries.iter().filter_map(|it| it.valid_before).min() {
        Some(end) if signed_at > end => {
            let evidence = format!("signed on {time}, the key {key} expired on {}", format_rfc3339(end));
            refuted(Reason::Expired, evidence)
        }
        // Only the signer states the time, and a stolen key could sign with any.
        Some(end) if now > end => {
            let evidence = format!(
                "the key {key} expired on {}, and only the signer states that the signature is of {time}",
                format_rfc3339(end)
            );
            refuted(Reason::ExpiredNoTrustedTime, evidence)
        }
        _ => Finding::proven(CHECK, name, format!("signed by the key {key}, which release.toml trusts")),
    }
}

/// Returns the finding that the files of a version are signed by different keys. `None` if they are not.
pub(super) fn several_keys(purl: &str, files: &[FileEvidence]) -> Option<Finding> {
    let keys: BTreeSet<&str> = files
        .iter()
        .filter_map(|file| match file.signature.as_ref()?.found()? {
            OpenPgpCheck::Valid { signer, .. } => Some(signer.fingerprint.as_str()),
            OpenPgpCheck::MissingKey(key) => Some(key.as_str()),
            OpenPgpCheck::Bad(_) | OpenPgpCheck::Unknown(_) => None,
        })
        .collect();
    if keys.len() < 2 {
        return None;
    }
    let named: Vec<&str> = keys.into_iter().collect();
    let evidence = format!("signed by {}", named.join(" and "));
    Some(Finding::refuted(CHECK, purl, Reason::SeveralKeys, evidence))
}
