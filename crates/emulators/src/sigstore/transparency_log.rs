//! A transparency log in the manner of Rekor v1: a Merkle tree (RFC 6962), signed checkpoints, signed promises.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::{Value, json};

use super::key::EcdsaKey;
use crate::error::EmulatorError;

/// What checkpoints are signed under.
const CHECKPOINT_ORIGIN: &str = "rekor.rehearsal.invalid - 1";
/// How many entries of others are there before the first of ours.
const PRIOR_ENTRY_COUNT: u8 = 5;

type Sha256Hash = [u8; 32];

/// A log.
#[derive(Debug)]
pub(crate) struct TransparencyLog {
    key: EcdsaKey,
    leaves: Vec<Sha256Hash>,
}

/// The name of a log: the SHA-256 of its public key.
pub(crate) fn sha256(spki: &[u8]) -> Sha256Hash {
    hash_parts(&[spki])
}

fn hash_parts(parts: &[&[u8]]) -> Sha256Hash {
    let mut hasher = model::base::id::Hasher::default();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish().bytes()
}

impl TransparencyLog {
    pub(crate) fn new() -> Self {
        let leaves = (0..PRIOR_ENTRY_COUNT).map(|it| hash_parts(&[&[0], &[it]])).collect();
        Self { key: EcdsaKey::new(), leaves }
    }

    pub(crate) fn key(&self) -> &EcdsaKey {
        &self.key
    }

    /// Writes a DSSE signature down (Rekor's type `dsse`, version 0.0.1), and gives the bundle's entry. `verifier` is the PEM of a
    /// certificate or a key. The body is
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

    /// Writes a signature over bytes of this digest down (Rekor's type `hashedrekord`, version 0.0.1). `verifier` is the PEM of
    /// a certificate or a key.
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

    /// The same in the manner of Rekor v2 (`hashedrekord` 0.0.2): a tile-backed log that makes no promises and tells no time.
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

    fn append(&mut self, kind: &str, body: &[u8], time: i64) -> Result<Value, EmulatorError> {
        let index = self.leaves.len();
        self.leaves.push(hash_parts(&[&[0], body]));
        let (log_id, body) = (sha256(&self.key.spki()?), BASE64.encode(body));
        let hex: String = Digest::from_bytes(log_id).hex();
        // Canonical JSON again: serde_json keeps keys sorted.
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

    /// A signed note (C2SP `signed-note`, `tlog-checkpoint`) over the tree's size and root.
    fn checkpoint(&self, root: &Sha256Hash, log: &Sha256Hash) -> String {
        let text = format!("{CHECKPOINT_ORIGIN}\n{}\n{}\n", self.leaves.len(), BASE64.encode(root));
        let signature = [&log[..4], &self.key.sign(text.as_bytes())].concat();
        format!("{text}\n— rekor.rehearsal.invalid {}\n", BASE64.encode(signature))
    }
}

/// The hash of a tree (RFC 6962, 2.1).
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

/// The path from a leaf to the root (RFC 6962, 2.1.1).
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

/// The largest power of two below a length.
fn split_point(length: usize) -> usize {
    length.next_power_of_two() / 2
}

/// Bytes as Go writes them in PEM (RFC 7468, strict form): sigstore-python compares the text.
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
