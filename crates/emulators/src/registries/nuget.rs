//! A NuGet registry with the API v3: the service index, the flat container, the registration, the catalog, and the list of
//! the certificates that it signs packages with (Microsoft documentation, "NuGet Server API").

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};

use super::package_signer::{PackageSigning, with_signature};
use super::registry_server::{PUBLICATION_TIME, RegistryServer};
use crate::error::EmulatorError;

impl RegistryServer {
    /// Returns the address of the service index.
    #[must_use]
    pub fn nuget_index(&self) -> String {
        self.server.url("/nuget/index.json")
    }

    /// Returns what the registry's signature of a package states.
    #[must_use]
    pub fn package_signing(&self) -> PackageSigning {
        PackageSigning {
            service_index: Some(self.nuget_index()),
            digest: None,
            is_author: false,
            signed_at: Some(PUBLICATION_TIME),
        }
    }

    /// Returns the registry's signature of a package.
    ///
    /// # Errors
    /// [`EmulatorError`] if it cannot be encoded.
    pub fn package_signature(
        &self,
        package: &[u8],
        signing: &PackageSigning,
    ) -> Result<Vec<u8>, EmulatorError> {
        self.package_signer.signature(package, signing)
    }

    /// Publishes a version, with the registry's signature, and returns the signed package. Replaces the package's lists: they
    /// then have this version only.
    ///
    /// # Errors
    /// [`EmulatorError`] if the signature cannot be encoded.
    pub fn publish_nuget(&self, name: &str, version: &str, package: &[u8]) -> Result<Vec<u8>, EmulatorError> {
        let signature = self.package_signature(package, &self.package_signing())?;
        let signed = with_signature(package, &signature);
        self.publish_nupkg(name, version, &signed);
        Ok(signed)
    }

    /// Returns a package with this signature.
    #[must_use]
    pub fn signed_package(&self, package: &[u8], signature: &[u8]) -> Vec<u8> {
        with_signature(package, signature)
    }

    /// Publishes a version with these bytes.
    pub fn publish_nupkg(&self, name: &str, version: &str, signed: &[u8]) {
        let id = name.to_lowercase();
        let url = |path: &str| self.server.url(path);
        let set = |path: &str, document: &Value| {
            self.set_document(path, "application/json", document.to_string().into_bytes());
        };
        set(
            "/nuget/index.json",
            &json!({
                "version": "3.0.0",
                "resources": [
                    { "@id": url("/nuget/flat/"), "@type": "PackageBaseAddress/3.0.0" },
                    { "@id": url("/nuget/registration/"), "@type": "RegistrationsBaseUrl/3.6.0" },
                    { "@id": url("/nuget/signatures.json"), "@type": "RepositorySignatures/5.0.0" },
                ],
            }),
        );
        let fingerprints = json!({ "2.16.840.1.101.3.4.2.1": self.package_signer.fingerprint() });
        set(
            "/nuget/signatures.json",
            &json!({
                "allRepositorySigned": true,
                "signingCertificates": [{ "fingerprints": fingerprints, "subject": "CN=Packages of the rehearsal" }],
            }),
        );
        set(&format!("/nuget/flat/{id}/index.json"), &json!({ "versions": [version] }));
        let file = format!("/nuget/flat/{id}/{version}/{id}.{version}.nupkg");
        self.set_document(&file, "application/octet-stream", signed.to_vec());
        let mut hasher = model::base::id::Sha512Hasher::default();
        hasher.update(signed);
        set(
            &format!("/nuget/catalog/{id}.{version}.json"),
            &json!({
                "packageHash": BASE64_STANDARD.encode(hasher.finish()),
                "packageHashAlgorithm": "SHA512",
                "packageSize": signed.len(),
            }),
        );
        let entry = json!({
            "@id": url(&format!("/nuget/catalog/{id}.{version}.json")),
            "id": name,
            "version": version,
            "listed": true,
        });
        let page = json!({ "@id": url("/nuget/page"), "count": 1, "items": [{ "catalogEntry": entry }] });
        set(&format!("/nuget/registration/{id}/index.json"), &json!({ "count": 1, "items": [page] }));
    }
}
