//! A Maven repository and a key server (Maven documentation, "Repository Layout"; <https://keys.openpgp.org/about/api>).

use model::base::id::encode_hex;
use model::package::file_digest::FileHasher;

use super::registry_server::RegistryServer;

/// A file of a version, with its signature.
#[derive(Debug, Clone)]
pub struct MavenFile {
    /// What follows the artifact and the version in the name, as in `-sources.jar`.
    pub ending: String,
    /// The content.
    pub bytes: Vec<u8>,
    /// The armored signature. `None` if there is none.
    pub signature: Option<Vec<u8>>,
}

impl RegistryServer {
    /// Returns the address of the repository.
    #[must_use]
    pub fn maven_repository(&self) -> String {
        self.server.url("/maven")
    }

    /// Returns the address of the key server.
    #[must_use]
    pub fn key_server(&self) -> String {
        self.server.url("/keys")
    }

    /// Publishes a version of an artifact with its checksums, as Gradle writes them. Replaces the list of versions: it then
    /// has this version only.
    pub fn publish_maven(&self, group: &str, artifact: &str, version: &str, files: &[MavenFile]) {
        let folder = format!("/maven/{}/{artifact}", group.replace('.', "/"));
        for file in files {
            let path = format!("{folder}/{version}/{artifact}-{version}{}", file.ending);
            let mut hasher = FileHasher::with_weak_digests();
            hasher.update(&file.bytes);
            let digests = hasher.finish();
            let (md5, sha1) = digests.weak.unwrap_or_default();
            for (kind, hex) in [
                ("md5", encode_hex(&md5)),
                ("sha1", encode_hex(&sha1)),
                ("sha256", digests.sha256.hex()),
                ("sha512", encode_hex(&digests.sha512)),
            ] {
                self.set_document(&format!("{path}.{kind}"), "text/plain", hex.into_bytes());
            }
            if let Some(signature) = &file.signature {
                self.set_document(&format!("{path}.asc"), "text/plain", signature.clone());
            }
            self.set_document(&path, "application/octet-stream", file.bytes.clone());
        }
        let metadata = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<metadata>\n  <groupId>{group}</groupId>\n  \
             <artifactId>{artifact}</artifactId>\n  <versioning>\n    <latest>{version}</latest>\n    \
             <release>{version}</release>\n    <versions>\n      <version>{version}</version>\n    </versions>\n    \
             <lastUpdated>20260601000000</lastUpdated>\n  </versioning>\n</metadata>\n"
        );
        self.set_document(&format!("{folder}/maven-metadata.xml"), "text/xml", metadata.into_bytes());
    }

    /// Uploads a public key to the key server, under the fingerprints and the ids of its keys.
    pub fn upload_key(&self, fingerprints: &[String], armored: &[u8]) {
        for fingerprint in fingerprints {
            let id = &fingerprint[fingerprint.len() - 16..];
            for path in [format!("by-fingerprint/{fingerprint}"), format!("by-keyid/{id}")] {
                self.set_document(&format!("/keys/vks/v1/{path}"), "application/pgp-keys", armored.to_vec());
            }
        }
    }
}
