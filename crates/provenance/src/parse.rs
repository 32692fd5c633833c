//! Parses a bundle, and checks the parts that the library does not verify.

use std::collections::BTreeSet;

use model::evidence::attestation::{LogProof, Rejection};
use model::evidence::reason::Reason;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sigstore_verify::types::bundle::InclusionProof;
use sigstore_verify::types::checkpoint::CheckpointSignature;
use sigstore_verify::types::{Bundle, KindVersion, TransparencyLogEntry};

use crate::bundle::MAX_BUNDLE_BYTES;
use crate::json::reject_duplicate_keys;
use crate::timestamp;
use crate::trusted_root::PreparedRoot;

/// Maximum number of log entries, and of timestamps, in a bundle. One of each is usual.
const MAX_LOG_ENTRIES: usize = 32;

/// The keys of a bundle (protobuf-specs, `sigstore_bundle.proto` and its imports, in the JSON form of protobuf). Other
/// keys are rejected, as in `gh`: a field that is ignored here may be used by another verifier.
const BUNDLE_KEYS: [&str; 39] = [
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

/// The outer fields of a bundle, to count its contents and its kinds of signer. Their values are not kept.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct BundleFields {
    media_type: Option<IgnoredAny>,
    verification_material: MaterialFields,
    dsse_envelope: Option<EnvelopeFields>,
    message_signature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MaterialFields {
    certificate: Option<IgnoredAny>,
    #[serde(rename = "x509CertificateChain")]
    chain: Option<IgnoredAny>,
    public_key: Option<IgnoredAny>,
    #[serde(default)]
    #[expect(dead_code, reason = "a bundle may have it; only the library reads it")]
    tlog_entries: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "a bundle may have it; only the library reads it")]
    timestamp_verification_data: IgnoredAny,
}

#[derive(Deserialize)]
struct EnvelopeFields {
    #[serde(default)]
    signatures: Vec<IgnoredAny>,
}

/// Parses a bundle within limits, and checks its structure before any cryptography.
pub(crate) fn parse_bundle(text: &str) -> Result<Bundle, Rejection> {
    let parse = |reason: String| Rejection::refuted(Reason::ParseError, reason);
    if text.len() > MAX_BUNDLE_BYTES {
        let reason = format!("the bundle is longer than {} MiB", MAX_BUNDLE_BYTES >> 20);
        return Err(Rejection::unproven(Reason::Limit, reason));
    }
    reject_duplicate_keys(text.as_bytes(), Some(&BUNDLE_KEYS))
        .map_err(|error| parse(format!("cannot parse the bundle: {error}")))?;
    let outer: BundleFields = serde_json::from_str(text)
        .map_err(|error| parse(format!("the bundle does not have the expected fields: {error}")))?;
    let material = &outer.verification_material;
    let signers =
        [&material.certificate, &material.chain, &material.public_key].into_iter().flatten().count();
    if outer.media_type.is_none() || signers != 1 {
        return Err(parse("expected a media type and exactly one signer in the bundle".to_owned()));
    }
    if outer.dsse_envelope.is_some() == outer.message_signature.is_some() {
        return Err(parse("expected exactly one content in the bundle".to_owned()));
    }
    // A wrong number of signatures has another reason: the bundle is well-formed, but not valid.
    let has_one_signature = outer.dsse_envelope.as_ref().is_none_or(|it| it.signatures.len() == 1);
    let bundle = Bundle::from_json(text).map_err(|error| {
        Rejection::refuted(
            if has_one_signature { Reason::ParseError } else { Reason::InvalidBundle },
            format!("the bundle cannot be read: {error}"),
        )
    })?;
    check_entry_limits(&bundle)?;
    Ok(bundle)
}

/// Checks that there are at most [`MAX_LOG_ENTRIES`] log entries and timestamps and at least one of either, and that no
/// log entry occurs twice.
fn check_entry_limits(bundle: &Bundle) -> Result<(), Rejection> {
    let material = &bundle.verification_material;
    let timestamps = &material.timestamp_verification_data.rfc3161_timestamps;
    let count = material.tlog_entries.len().max(timestamps.len());
    if count > MAX_LOG_ENTRIES {
        let reason = format!("it has {count} log entries or timestamps, expected at most {MAX_LOG_ENTRIES}");
        return Err(Rejection::unproven(Reason::Limit, reason));
    }
    let mut seen = BTreeSet::new();
    for entry in &material.tlog_entries {
        if !seen.insert(entry.canonicalized_body.as_bytes()) {
            let reason = format!("duplicate log entry {}", entry.log_index.get());
            return Err(Rejection::refuted(Reason::LogProof, reason));
        }
    }
    if count == 0 {
        let reason = "it has neither a log entry nor a timestamp, so the signing time is unknown";
        return Err(Rejection::refuted(Reason::NoTrustedTime, reason));
    }
    Ok(())
}

/// Checks what the library leaves open about log entries: each must be of a log of this root, its proof must be
/// consistent, and that same log must have signed the checkpoint. Returns [`LogProof::InclusionProof`] if every entry
/// has an inclusion proof, [`LogProof::InclusionPromise`] if one has only a promise (media type version 0.1).
pub(crate) fn check_log_entries(bundle: &Bundle, root: &PreparedRoot) -> Result<LogProof, Rejection> {
    let mut proof = LogProof::InclusionProof;
    for entry in &bundle.verification_material.tlog_entries {
        let index = entry.log_index.get();
        let refuted = |reason: String| {
            Err(Rejection::refuted(Reason::LogProof, format!("log entry {index}: {reason}")))
        };
        let log = entry.log_id.key_id.as_bytes();
        if !root.log_ids.iter().any(|it| it == log) {
            return refuted("its log is not in the trusted root".to_owned());
        }
        match &entry.inclusion_proof {
            Some(inclusion_proof) => {
                if let Err(reason) = check_inclusion_proof(entry, inclusion_proof, log) {
                    return refuted(reason);
                }
            }
            None if entry.inclusion_promise.is_some() => proof = LogProof::InclusionPromise,
            None => return refuted("it has neither an inclusion proof nor an inclusion promise".to_owned()),
        }
    }
    Ok(proof)
}

/// Returns the signing times that the timestamps and log entries of a bundle state, in seconds since 1970 in UTC.
/// Nothing is verified.
pub(crate) fn stated_times(bundle: &Bundle) -> Vec<i64> {
    let material = &bundle.verification_material;
    let stamps = material.timestamp_verification_data.rfc3161_timestamps.iter();
    let stamped = stamps.filter_map(|it| timestamp::stated_time(it.signed_timestamp.as_bytes()));
    // An entry of Rekor v2 has no time.
    let logged = material.tlog_entries.iter().filter_map(|it| Some(it.integrated_time?.as_second()));
    stamped.chain(logged).collect()
}

/// Checks what the library leaves open about timestamps: their unsigned parts.
pub(crate) fn check_timestamps(bundle: &Bundle, root: &PreparedRoot) -> Result<(), Rejection> {
    let timestamps = &bundle.verification_material.timestamp_verification_data.rfc3161_timestamps;
    for (index, stamp) in timestamps.iter().enumerate() {
        let checked =
            timestamp::check_timestamp(stamp.signed_timestamp.as_bytes(), &root.timestamp_certificates);
        checked.map_err(|what| {
            Rejection::refuted(Reason::Timestamp, format!("timestamp {}: {what}", index + 1))
        })?;
    }
    Ok(())
}

/// Checks that a proof belongs to its entry, and its checkpoint to the log. For a Rekor v2 entry, the library takes the
/// index, size and root from the checkpoint and ignores the copies in the proof. Differing copies are rejected here,
/// because other verifiers read them (sigstore-python rejects them too).
fn check_inclusion_proof(
    entry: &TransparencyLogEntry,
    proof: &InclusionProof,
    log: &[u8],
) -> Result<(), String> {
    // A signed note consists of lines that end in a newline, without other control characters (C2SP, signed-note).
    let note = proof.checkpoint.envelope();
    if !note.ends_with('\n') || note.contains(|c: char| c.is_control() && c != '\n') {
        return Err("the checkpoint is not a signed note".to_owned());
    }
    let Some(checkpoint) = proof.checkpoint.checkpoint() else {
        return Err("the checkpoint cannot be read".to_owned());
    };
    // The key id of a signature is a prefix of the log's id (C2SP, signed-note). Its name is the name of the log, and
    // the origin begins with it ("rekor.sigstore.dev - 2605736670972794746", "log2025-1.rekor.sigstore.dev").
    let origin = checkpoint.origin();
    let matches_origin =
        |name: &str| origin == name || origin.strip_prefix(name).is_some_and(|it| it.starts_with(" - "));
    let is_log_signature =
        |it: &CheckpointSignature| log.starts_with(it.key_id.as_bytes()) && matches_origin(&it.name);
    if !checkpoint.signatures().iter().any(is_log_signature) {
        return Err(format!("the checkpoint of {origin} is not signed by the log of the entry"));
    }
    let is_v2 = entry.kind_version == KindVersion::HashedRekordV002;
    let (size, root) = (checkpoint.tree_size(), checkpoint.root_hash());
    if proof.tree_size != size {
        return Err(format!("its proof has tree size {}, the checkpoint has {size}", proof.tree_size));
    }
    if proof.root_hash != *root {
        return Err("its proof has another root hash than the checkpoint".to_owned());
    }
    // In Rekor v1, the index of an entry counts across all shards of the log, that of its proof within one shard.
    if is_v2 && proof.log_index != entry.log_index {
        return Err(format!("its proof is for entry {}", proof.log_index.get()));
    }
    if proof.log_index.get() >= size {
        return Err(format!("its proof is for entry {} in a tree of size {size}", proof.log_index.get()));
    }
    Ok(())
}
