//! A TUF repository (The Update Framework, specification 1.0) for a trusted root. One key signs for all four roles.

use model::Digest;
use serde_json::{Value, json};

use super::key::EcdsaKey;
use super::transparency_log::encode_pem;
use crate::error::EmulatorError;

/// A TUF repository.
#[derive(Debug)]
pub struct Tuf {
    key: EcdsaKey,
    /// The public key as root metadata lists it.
    public_key: Value,
    /// The SHA-256 of the public key in canonical JSON, in hexadecimal digits.
    key_id: String,
}

impl Tuf {
    /// Creates a repository with a new key.
    ///
    /// # Errors
    /// [`EmulatorError`] if the key cannot be encoded.
    pub fn new() -> Result<Self, EmulatorError> {
        let key = EcdsaKey::new();
        let public = json!({
            "keytype": "ecdsa",
            "scheme": "ecdsa-sha2-nistp256",
            "keyval": { "public": encode_pem("PUBLIC KEY", &key.spki()?) },
        });
        let id = Digest::of(&canonical_json(&public)).hex();
        Ok(Self { key, public_key: public, key_id: id })
    }

    /// Returns the paths and contents of the repository's files, with `trusted_root` as the only target. `version` is
    /// that of all roles but the root, `expires` the expiry of the timestamp metadata in RFC 3339. Clients start with
    /// `1.root.json`.
    #[must_use]
    pub fn files(&self, version: u32, trusted_root: &str, expires: &str) -> Vec<(String, Vec<u8>)> {
        const FAR_EXPIRY: &str = "2099-01-01T00:00:00Z";
        let meta = |bytes: &[u8]| {
            let hashes = json!({ "sha256": Digest::of(bytes).hex() });
            json!({ "version": version, "length": bytes.len(), "hashes": hashes })
        };
        let role = |kind: &str, version: u32, expires: &str, rest: Value| {
            let mut signed = json!({
                "_type": kind,
                "spec_version": "1.0.0",
                "version": version,
                "expires": expires,
            });
            if let (Some(signed), Value::Object(rest)) = (signed.as_object_mut(), rest) {
                signed.extend(rest);
            }
            self.sign(&signed)
        };
        let hex = Digest::of(trusted_root.as_bytes()).hex();
        let target = json!({ "length": trusted_root.len(), "hashes": { "sha256": hex } });
        let targets =
            role("targets", version, FAR_EXPIRY, json!({ "targets": { "trusted_root.json": target } }));
        let snapshot =
            role("snapshot", version, FAR_EXPIRY, json!({ "meta": { "targets.json": meta(&targets) } }));
        let timestamp =
            role("timestamp", version, expires, json!({ "meta": { "snapshot.json": meta(&snapshot) } }));
        let role_keys = json!({ "keyids": [self.key_id], "threshold": 1 });
        let roles =
            json!({ "root": role_keys, "timestamp": role_keys, "snapshot": role_keys, "targets": role_keys });
        let keys = json!({ self.key_id.clone(): self.public_key });
        let root =
            role("root", 1, FAR_EXPIRY, json!({ "consistent_snapshot": true, "keys": keys, "roles": roles }));
        vec![
            ("1.root.json".to_owned(), root),
            ("timestamp.json".to_owned(), timestamp),
            (format!("{version}.snapshot.json"), snapshot),
            (format!("{version}.targets.json"), targets),
            (format!("targets/{hex}.trusted_root.json"), trusted_root.as_bytes().to_vec()),
        ]
    }

    /// Returns the metadata file for a `signed` object.
    fn sign(&self, signed: &Value) -> Vec<u8> {
        let signature = self.key.sign(&canonical_json(signed));
        let signature = json!({ "keyid": self.key_id, "sig": model::base::id::encode_hex(&signature) });
        json!({ "signed": signed, "signatures": [signature] }).to_string().into_bytes()
    }
}

/// Returns the canonical JSON that TUF signs (the OLPC form): sorted keys, no spaces, and only quotes and backslashes
/// escaped. In this metadata the newlines of PEM are the only other characters that `serde_json` escapes.
fn canonical_json(value: &Value) -> Vec<u8> {
    value.to_string().replace("\\n", "\n").into_bytes()
}
