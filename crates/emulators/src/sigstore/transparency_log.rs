//! A transparency log like Rekor v1: a Merkle tree (RFC 6962), signed checkpoints and signed inclusion promises.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::{Value, json};

use super::key::EcdsaKey;
use crate::error::EmulatorError;

/// The origin line of checkpoints (C2SP `tlog-checkpoint`).
const CHECKPOINT_ORIGIN: &str = "rekor.rehearsal.invalid - 1";
/// The number of unrelated entries in a new log, so that inclusion proofs are not empty.
const PRIOR_ENTRY_COUNT: u8 = 5;

/// A SHA-256 hash.
type Sha256Hash = [u8; 32];

/// A transparency log in memory.
#[derive(Debug)]
pub(crate) struct TransparencyLog {
    key: EcdsaKey,
    /// The leaf hashes of the Merkle tree.
    leaves: Vec<Sha256Hash>,
}

/// Returns the SHA-256 of the bytes. For the SPKI of a log's public key it is the ID of the log (RFC 6962, 3.2).
pub(crate) fn sha256(spki: &[u8]) -> Sha256Hash {
    hash_parts(&[spki])
}

/// Returns the SHA-256 of the concatenated parts.
fn hash_parts(parts: &[&[u8]]) -> Sha256Hash {
    let mut hasher = model::base::id::Hasher::default();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish().bytes()
}

impl TransparencyLog {
    /// Creates a log with a new key and a few unrelated entries.
    pub(crate) fn new() -> Self {
        let leaves = (0..PRIOR_ENTRY_COUNT).map(|it| hash_parts(&[&[0], &[it]])).collect();
        Self { key: EcdsaKey::new(), leaves }
    }

    pub(crate) fn key(&self) -> &EcdsaKey {
        &self.key
    }

    /// Adds a DSSE signature (Rekor type `dsse`, version 0.0.1), and returns the log entry for the bundle. `verifier`
    /// is a certificate or a public key in PEM, `time` the integrated time in seconds since 1970 in UTC. The body is
    /// canonical JSON (RFC 8785): sorted keys, no spaces.
    pub(crate) fn add_dsse(
        &mut self,
        payload: &[u8],
        signature: &[u8],
        verifier: &str,
        time: i64,
    ) -> Result<Value, EmulatorError> {
        let sha256 = |bytes: &[u8]| json!({ "algorithm": "sha256", "value": Digest::of(bytes).hex() });
        let signature = BASE64.encode(signature);
        let envelope = json!({
            "payload": BASE64.encode(payload),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{ "sig": signature }],
        });
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "dsse",
            "spec": {
                "envelopeHash": sha256(envelope.to_string().as_bytes()),
                "payloadHash": sha256(payload),
                "signatures": [{ "signature": signature, "verifier": BASE64.encode(verifier) }],
            },
        });
        self.append("dsse", body.to_string().as_bytes(), time)
    }

    /// Adds a signature of bytes with this digest (Rekor type `hashedrekord`, version 0.0.1), and returns the log
    /// entry. `verifier` is a certificate or a public key in PEM.
    pub(crate) fn add_hashedrekord(
        &mut self,
        digest: &Digest,
        signature: &[u8],
        verifier: &str,
        time: i64,
    ) -> Result<Value, EmulatorError> {
        let body = json!({
            "apiVersion": "0.0.1",
            "kind": "hashedrekord",
            "spec": {
                "data": { "hash": { "algorithm": "sha256", "value": digest.hex() } },
                "signature": {
                    "content": BASE64.encode(signature),
                    "publicKey": { "content": BASE64.encode(verifier) },
                },
            },
        });
        self.append("hashedrekord", body.to_string().as_bytes(), time)
    }

    /// Adds the same as an entry of Rekor v2 (`hashedrekord` 0.0.2). Its tile-backed log has no inclusion promises and
    /// no integrated times. `certificate` is in DER.
    pub(crate) fn add_hashedrekord_v2(
        &mut self,
        digest: &Digest,
        signature: &[u8],
        certificate: &[u8],
    ) -> Result<Value, EmulatorError> {
        let body = json!({
            "apiVersion": "0.0.2",
            "kind": "hashedrekord",
            "spec": { "hashedRekordV002": {
                "data": { "algorithm": "SHA2_256", "digest": BASE64.encode(digest.bytes()) },
                "signature": {
                    "content": BASE64.encode(signature),
                    "verifier": {
                        "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                        "x509Certificate": { "rawBytes": BASE64.encode(certificate) },
                    },
                },
            } },
        });
        let mut entry = self.append("hashedrekord", body.to_string().as_bytes(), 0)?;
        if let Some(fields) = entry.as_object_mut() {
            fields.remove("inclusionPromise");
            fields.remove("integratedTime");
            fields.insert("kindVersion".to_owned(), json!({ "kind": "hashedrekord", "version": "0.0.2" }));
        }
        Ok(entry)
    }

    /// Adds a leaf and returns its log entry with an inclusion promise, an inclusion proof and a checkpoint.
    fn append(&mut self, kind: &str, body: &[u8], time: i64) -> Result<Value, EmulatorError> {
        let index = self.leaves.len();
        self.leaves.push(hash_parts(&[&[0], body]));
        let (log_id, body) = (sha256(&self.key.spki()?), BASE64.encode(body));
        let hex: String = Digest::from_bytes(log_id).hex();
        // The promise is a signature over canonical JSON: serde_json keeps keys sorted.
        let promise = json!({ "body": body, "integratedTime": time, "logID": hex, "logIndex": index });
        let root = tree_root(&self.leaves);
        let path: Vec<String> = audit_path(index, &self.leaves).iter().map(|it| BASE64.encode(it)).collect();
        Ok(json!({
            "logIndex": index.to_string(),
            "logId": { "keyId": BASE64.encode(log_id) },
            "kindVersion": { "kind": kind, "version": "0.0.1" },
            "integratedTime": time.to_string(),
            "inclusionPromise": {
                "signedEntryTimestamp": BASE64.encode(self.key.sign(promise.to_string().as_bytes())),
            },
            "inclusionProof": {
                "logIndex": index.to_string(),
                "rootHash": BASE64.encode(root),
                "treeSize": self.leaves.len().to_string(),
                "hashes": path,
                "checkpoint": { "envelope": self.checkpoint(&root, &log_id) },
            },
            "canonicalizedBody": body,
        }))
    }

    /// Returns a signed note (C2SP `signed-note`, `tlog-checkpoint`) with the size and the root hash of the tree. `log`
    /// is the log ID; its first four bytes are the key hint.
    fn checkpoint(&self, root: &Sha256Hash, log: &Sha256Hash) -> String {
        let text = format!("{CHECKPOINT_ORIGIN}\n{}\n{}\n", self.leaves.len(), BASE64.encode(root));
        let signature = [&log[..4], &self.key.sign(text.as_bytes())].concat();
        format!("{text}\n— rekor.rehearsal.invalid {}\n", BASE64.encode(signature))
    }
}

/// Returns the Merkle tree hash of the leaves (RFC 6962, 2.1).
fn tree_root(leaves: &[Sha256Hash]) -> Sha256Hash {
    match leaves {
        [] => hash_parts(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split_point(leaves.len()));
            hash_parts(&[&[1], &tree_root(left), &tree_root(right)])
        }
    }
}

/// Returns the audit path from a leaf to the root (RFC 6962, 2.1.1). It is empty for a tree of one leaf.
fn audit_path(index: usize, leaves: &[Sha256Hash]) -> Vec<Sha256Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let split_index = split_point(leaves.len());
    let (left, right) = leaves.split_at(split_index);
    let (mut path, sibling) = if index < split_index {
        (audit_path(index, left), tree_root(right))
    } else {
        (audit_path(index - split_index, right), tree_root(left))
    };
    path.push(sibling);
    path
}

/// Returns the largest power of two less than `length`, for a length of at least 2 (RFC 6962, 2.1).
fn split_point(length: usize) -> usize {
    length.next_power_of_two() / 2
}

/// Encodes bytes as PEM in lines of 64 characters, as Go does (RFC 7468, strict form). sigstore-python compares the
/// text of the PEM, so the form matters.
pub(crate) fn encode_pem(label: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let mut out = format!("-----BEGIN {label}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    format!("{out}-----END {label}-----\n")
}
