//! A bundle as it is read, before any cryptography.

use std::collections::BTreeSet;

use model::attestation::Rejection;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sigstore_verify::types::{Bundle, KindVersion};

use crate::bundle::BUNDLE_LIMIT;
use crate::json::unambiguous;
use crate::root::Root;

/// How many log entries or timestamps a bundle may have. One of each is usual.
const MOST_WITNESSES: usize = 32;

/// The keys of a bundle (protobuf-specs, `sigstore_bundle.proto` and what it imports, in the JSON form of protobuf). Others are
/// refused, as `gh` does: a field that is passed over may be one that somebody else reads.
const KEYS: [&str; 39] = [
    "algorithm",
    "canonicalizedBody",
    "certificate",
    "certificates",
    "checkpoint",
    "digest",
    "dsseEnvelope",
    "envelope",
    "hashes",
    "hint",
    "inclusionPromise",
    "inclusionProof",
    "integratedTime",
    "keyId",
    "keyid",
    "kind",
    "kindVersion",
    "logId",
    "logIndex",
    "mediaType",
    "messageDigest",
    "messageSignature",
    "payload",
    "payloadType",
    "publicKey",
    "rawBytes",
    "rfc3161Timestamps",
    "rootHash",
    "sig",
    "signature",
    "signatures",
    "signedEntryTimestamp",
    "signedTimestamp",
    "timestampVerificationData",
    "tlogEntries",
    "treeSize",
    "verificationMaterial",
    "version",
    "x509CertificateChain",
];

/// The outer form of a bundle: exactly one content and one kind of signer. Nothing of it is kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Outer {
    media_type: Option<IgnoredAny>,
    verification_material: Material,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Material {
    certificate: Option<IgnoredAny>,
    #[serde(rename = "x509CertificateChain")]
    chain: Option<IgnoredAny>,
    public_key: Option<IgnoredAny>,
    #[serde(default)]
    #[expect(dead_code, reason = "it may be there; the library reads it")]
    tlog_entries: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "it may be there; the library reads it")]
    timestamp_verification_data: IgnoredAny,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    signatures: Vec<IgnoredAny>,
}

/// Reads a bundle, within limits, and looks at what must be there before any cryptography.
pub(crate) fn bundle(text: &str) -> Result<Bundle, Rejection> {
    let parse = |said: String| Rejection::refuted("parse", said);
    if text.len() > BUNDLE_LIMIT {
        let said = format!("the bundle is longer than {} MiB", BUNDLE_LIMIT >> 20);
        return Err(Rejection::unproven("limit", said));
    }
    unambiguous(text.as_bytes(), Some(&KEYS))
        .map_err(|error| parse(format!("the bundle is ambiguous or no JSON: {error}")))?;
    let outer: Outer = serde_json::from_str(text)
        .map_err(|error| parse(format!("the bundle is of another form: {error}")))?;
    let it = &outer.verification_material;
    let signers = [&it.certificate, &it.chain, &it.public_key].into_iter().flatten().count();
    if outer.media_type.is_none() || signers != 1 {
        return Err(parse(
            "the bundle does not say of which version it is, or has not exactly one signer".to_owned(),
        ));
    }
    if outer.dsse_envelope.is_some() == outer.message_signature.is_some() {
        return Err(parse("the bundle has not exactly one content".to_owned()));
    }
    // JSON of the right shape with a content that no bundle may have is told apart.
    let single = outer.dsse_envelope.as_ref().is_none_or(|it| it.signatures.len() == 1);
    let bundle = Bundle::from_json(text).map_err(|error| {
        Rejection::refuted(
            if single { "parse" } else { "bundle" },
            format!("the bundle cannot be read: {error}"),
        )
    })?;
    witnesses(&bundle)?;
    Ok(bundle)
}

/// Not too many log entries and timestamps, none of them twice, and at least one.
fn witnesses(bundle: &Bundle) -> Result<(), Rejection> {
    let material = &bundle.verification_material;
    let stamps = &material.timestamp_verification_data.rfc3161_timestamps;
    let count = material.tlog_entries.len().max(stamps.len());
    if count > MOST_WITNESSES {
        let said = format!("it has {count} log entries or timestamps, and {MOST_WITNESSES} are looked at");
        return Err(Rejection::unproven("limit", said));
    }
    let mut seen = BTreeSet::new();
    for entry in &material.tlog_entries {
        if !seen.insert(entry.canonicalized_body.as_bytes()) {
            let said = format!("the log entry {} stands twice", entry.log_index.get());
            return Err(Rejection::refuted("tlog", said));
        }
    }
    if count == 0 {
        let said = "it has neither a log entry nor a timestamp: nobody knows when it was signed";
        return Err(Rejection::refuted("no-trusted-time", said));
    }
    Ok(())
}

/// Every log entry has its proof, and is of a log that is trusted. (Rekor v2 names a log that nothing binds to its key.)
pub(crate) fn logged(bundle: &Bundle, root: &Root) -> Result<(), Rejection> {
    let entries = &bundle.verification_material.tlog_entries;
    for entry in entries {
        let index = entry.log_index.get();
        let Some(proof) = &entry.inclusion_proof else {
            return Err(Rejection::refuted("tlog", format!("the log entry {index} has no proof")));
        };
        // A note is lines that each end in a newline, without other control characters (C2SP, signed-note).
        let note = proof.checkpoint.envelope();
        if !note.ends_with('\n') || note.contains(|c: char| c.is_control() && c != '\n') {
            return Err(Rejection::refuted(
                "tlog",
                format!("the checkpoint of the log entry {index} is no signed note"),
            ));
        }
        let named = root.logs.iter().any(|it| it == entry.log_id.key_id.as_bytes());
        if entry.kind_version != KindVersion::HashedRekordV002 && !named {
            return Err(Rejection::refuted("tlog", format!("the log entry {index} is of an unknown log")));
        }
    }
    Ok(())
}
