//! The npm registry: packuments, tarballs, the registry's keys and signatures, and attestations.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};

use super::registry_server::RegistryServer;
use crate::error::EmulatorError;

/// A version of a package.
#[derive(Debug, Clone)]
pub struct NpmVersion<'a> {
    /// The name, with its scope.
    pub name: &'a str,
    /// The version.
    pub version: &'a str,
    /// The content of `package.json`, from which the registry's manifest is made.
    pub manifest: Value,
    /// The tarball.
    pub tarball: &'a [u8],
    /// The time of the publication (RFC 3339).
    pub published_at: &'a str,
    /// The provenance: Sigstore bundles.
    pub bundles: Vec<Value>,
}

impl RegistryServer {
    /// Returns the address of the registry.
    #[must_use]
    pub fn npm_registry(&self) -> String {
        self.server.url("/npm")
    }

    /// Returns the id of the registry's key.
    ///
    /// # Errors
    /// [`EmulatorError`] if the key cannot be encoded.
    pub fn npm_key_id(&self) -> Result<String, EmulatorError> {
        let digest = model::Digest::of(&self.npm_key.spki()?).bytes();
        Ok(format!("SHA256:{}", BASE64_STANDARD.encode(digest)))
    }

    /// Publishes the list of keys. `expires` is the expiry of the key (RFC 3339).
    ///
    /// # Errors
    /// [`EmulatorError`] if the key cannot be encoded.
    pub fn publish_npm_keys(&self, expires: Option<&str>) -> Result<(), EmulatorError> {
        let keys = json!({ "keys": [{
            "expires": expires,
            "keyid": self.npm_key_id()?,
            "keytype": "ecdsa-sha2-nistp256",
            "scheme": "ecdsa-sha2-nistp256",
            "key": BASE64_STANDARD.encode(self.npm_key.spki()?),
        }] });
        self.set_document("/npm/-/npm/v1/keys", "application/json", keys.to_string().into_bytes());
        Ok(())
    }

    /// Publishes a version. Replaces the packument: it then has this version only.
    ///
    /// # Errors
    /// [`EmulatorError`] if the key cannot be encoded.
    pub fn publish_npm(&self, version: &NpmVersion<'_>) -> Result<(), EmulatorError> {
        let NpmVersion { name, version: number, manifest, tarball, published_at, bundles } = version;
        let mut hasher = model::base::id::Sha512Hasher::default();
        hasher.update(tarball);
        let integrity = format!("sha512-{}", BASE64_STANDARD.encode(hasher.finish()));
        let path = format!("/npm/{name}/-/{}-{number}.tgz", name.rsplit('/').next().unwrap_or(name));
        self.set_document(&path, "application/octet-stream", tarball.to_vec());
        let message = format!("{name}@{number}:{integrity}");
        let signature = BASE64_STANDARD.encode(self.npm_key.sign(message.as_bytes()));
        let mut dist = json!({
            "integrity": integrity,
            "tarball": self.server.url(&path),
            "signatures": [{ "keyid": self.npm_key_id()?, "sig": signature }],
        });
        if !bundles.is_empty() {
            let path = format!("/npm/-/npm/v1/attestations/{name}@{number}");
            let attestations: Vec<Value> = bundles
                .iter()
                .map(|it| json!({ "predicateType": "https://slsa.dev/provenance/v1", "bundle": it }))
                .collect();
            dist["attestations"] = json!({ "url": self.server.url(&path), "provenance": {} });
            let document = json!({ "attestations": attestations });
            self.set_document(&path, "application/json", document.to_string().into_bytes());
        }
        let mut stated: Map<String, Value> = manifest.as_object().cloned().unwrap_or_default();
        stated.insert("_id".to_owned(), json!(format!("{name}@{number}")));
        stated.insert("dist".to_owned(), dist);
        let packument = json!({
            "_id": name,
            "name": name,
            "dist-tags": { "latest": number },
            "versions": { *number: stated },
            "time": { *number: published_at },
        });
        self.set_document(&format!("/npm/{name}"), "application/json", packument.to_string().into_bytes());
        Ok(())
    }
}
