//! PyPI: the simple index as JSON (PEP 691), the JSON API of a version, the files, and their attestations (PEP 740).

use serde_json::{Value, json};

use super::registry_server::RegistryServer;

/// A file of a version.
#[derive(Debug, Clone)]
pub struct PypiFile<'a> {
    /// The file name.
    pub name: &'a str,
    /// The content.
    pub bytes: &'a [u8],
    /// Whether the file is yanked, and why: `false`, `true` or a text.
    pub yanked: Value,
    /// The attestations: Sigstore bundles with an in-toto statement.
    pub bundles: Vec<Value>,
}

impl RegistryServer {
    /// Returns the address of the simple index.
    #[must_use]
    pub fn pypi_index(&self) -> String {
        self.server.url("/simple")
    }

    /// Publishes a version with its files. Replaces the project's index: it then lists this version only.
    pub fn publish_python(&self, project: &str, version: &str, files: &[PypiFile<'_>]) {
        let mut index_files = Vec::new();
        let mut urls = Vec::new();
        for file in files {
            let path = format!("/packages/{}", file.name);
            let sha256 = model::Digest::of(file.bytes).hex();
            let provenance = format!("/integrity/{project}/{version}/{}/provenance", file.name);
            index_files.push(json!({
                "filename": file.name,
                "url": self.server.url(&path),
                "hashes": { "sha256": sha256 },
                "size": file.bytes.len(),
                "yanked": file.yanked,
                "provenance": (!file.bundles.is_empty()).then(|| self.server.url(&provenance)),
            }));
            urls.push(
                json!({ "filename": file.name, "digests": { "sha256": sha256 }, "size": file.bytes.len() }),
            );
            self.set_document(&path, "application/octet-stream", file.bytes.to_vec());
            if !file.bundles.is_empty() {
                let attestations: Vec<Value> = file.bundles.iter().map(pypi_attestation).collect();
                let document = json!({
                    "version": 1,
                    "attestation_bundles": [{
                        "publisher": { "kind": "GitHub", "repository": "", "workflow": "" },
                        "attestations": attestations,
                    }],
                });
                self.set_document(
                    &provenance,
                    "application/vnd.pypi.integrity.v1+json",
                    document.to_string().into_bytes(),
                );
            }
        }
        let index = json!({
            "meta": { "api-version": "1.4" },
            "name": project,
            "versions": [version],
            "files": index_files,
        });
        self.set_document(
            &format!("/simple/{project}/"),
            "application/vnd.pypi.simple.v1+json",
            index.to_string().into_bytes(),
        );
        let document = json!({ "info": { "name": project, "version": version }, "urls": urls });
        self.set_document(
            &format!("/pypi/{project}/{version}/json"),
            "application/json",
            document.to_string().into_bytes(),
        );
    }
}

/// Returns the attestation object of a Sigstore bundle (PEP 740).
#[must_use]
pub fn pypi_attestation(bundle: &Value) -> Value {
    let (material, envelope) = (&bundle["verificationMaterial"], &bundle["dsseEnvelope"]);
    json!({
        "version": 1,
        "verification_material": {
            "certificate": material["certificate"]["rawBytes"],
            "transparency_entries": material["tlogEntries"],
        },
        "envelope": {
            "statement": envelope["payload"],
            "signature": envelope["signatures"][0]["sig"],
        },
    })
}
