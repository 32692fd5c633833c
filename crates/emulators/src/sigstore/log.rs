//! A transparency log in the manner of Rekor v1: a Merkle tree (RFC 6962), signed checkpoints, signed promises.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use model::Digest;
use serde_json::{Value, json};

use super::Key;
use crate::RehearsalError;

/// What checkpoints are signed under.
const ORIGIN: &str = "rekor.rehearsal.invalid - 1";
/// How many entries of others are there before the first of ours.
const OTHERS: u8 = 5;

type Hash = [u8; 32];

/// A log.
#[derive(Debug)]
pub(crate) struct Log {
    key: Key,
    leaves: Vec<Hash>,
}

/// The name of a log: the SHA-256 of its public key.
pub(crate) fn id(spki: &[u8]) -> Hash {
    hash(&[spki])
}

fn hash(parts: &[&[u8]]) -> Hash {
    let mut hasher = model::base::id::Hasher::default();
    for part in parts {
        hasher.update(part);
    }
    hasher.finish().bytes()
}

impl Log {
    pub(crate) fn new() -> Self {
        let leaves = (0..OTHERS).map(|it| hash(&[&[0], &[it]])).collect();
        Self { key: Key::new(), leaves }
    }

    pub(crate) fn key(&self) -> &Key {
        &self.key
    }

    /// Writes a DSSE signature down (Rekor's type `dsse`, version 0.0.1), and gives the bundle's entry. `verifier` is the PEM of a
    /// certificate or a key. The body is
    /// canonical JSON (RFC 8785): sorted keys, no spaces.
    pub(crate) fn dsse(
        &mut self,
        payload: &[u8],
        signature: &[u8],
        verifier: &str,
        time: i64,
    ) -> Result<Value, RehearsalError> {
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
        self.entry("dsse", body.to_string().as_bytes(), time)
    }

    /// Writes a signature over bytes of this digest down (Rekor's type `hashedrekord`, version 0.0.1). `verifier` is the PEM of
    /// a certificate or a key.
    pub(crate) fn hashedrekord(
        &mut self,
        digest: &Digest,
        signature: &[u8],
        verifier: &str,
        time: i64,
    ) -> Result<Value, RehearsalError> {
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
        self.entry("hashedrekord", body.to_string().as_bytes(), time)
    }

    /// The same in the manner of Rekor v2 (`hashedrekord` 0.0.2): a tile-backed log that makes no promises and tells no time.
    pub(crate) fn hashedrekord_v2(
        &mut self,
        digest: &Digest,
        signature: &[u8],
        certificate: &[u8],
    ) -> Result<Value, RehearsalError> {
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
        let mut entry = self.entry("hashedrekord", body.to_string().as_bytes(), 0)?;
        if let Some(fields) = entry.as_object_mut() {
            fields.remove("inclusionPromise");
            fields.remove("integratedTime");
            fields.insert("kindVersion".to_owned(), json!({ "kind": "hashedrekord", "version": "0.0.2" }));
        }
        Ok(entry)
    }

    fn entry(&mut self, kind: &str, body: &[u8], time: i64) -> Result<Value, RehearsalError> {
        let index = self.leaves.len();
        self.leaves.push(hash(&[&[0], body]));
        let (log, body) = (id(&self.key.spki()?), BASE64.encode(body));
        let hex: String = Digest::from_bytes(log).hex();
        // Canonical JSON again: serde_json keeps keys sorted.
        let promise = json!({ "body": body, "integratedTime": time, "logID": hex, "logIndex": index });
        let root = root(&self.leaves);
        let path: Vec<String> = path(index, &self.leaves).iter().map(|it| BASE64.encode(it)).collect();
        Ok(json!({
            "logIndex": index.to_string(),
            "logId": { "keyId": BASE64.encode(log) },
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
                "checkpoint": { "envelope": self.checkpoint(&root, &log) },
            },
            "canonicalizedBody": body,
        }))
    }

    /// A signed note (C2SP `signed-note`, `tlog-checkpoint`) over the tree's size and root.
    fn checkpoint(&self, root: &Hash, log: &Hash) -> String {
        let text = format!("{ORIGIN}\n{}\n{}\n", self.leaves.len(), BASE64.encode(root));
        let signature = [&log[..4], &self.key.sign(text.as_bytes())].concat();
        format!("{text}\n— rekor.rehearsal.invalid {}\n", BASE64.encode(signature))
    }
}

/// The hash of a tree (RFC 6962, 2.1).
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => hash(&[]),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            hash(&[&[1], &root(left), &root(right)])
        }
    }
}

/// The path from a leaf to the root (RFC 6962, 2.1.1).
fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut below, beside) =
        if index < at { (path(index, left), root(right)) } else { (path(index - at, right), root(left)) };
    below.push(beside);
    below
}

/// The largest power of two below a length.
fn split(length: usize) -> usize {
    length.next_power_of_two() / 2
}

/// Bytes as Go writes them in PEM (RFC 7468, strict form): sigstore-python compares the text.
pub(crate) fn pem(what: &str, bytes: &[u8]) -> String {
    let text = BASE64.encode(bytes);
    let mut out = format!("-----BEGIN {what}-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    format!("{out}-----END {what}-----\n")
}
