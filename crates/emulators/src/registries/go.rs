//! The Go module proxy (<https://go.dev/ref/mod#goproxy-protocol>).

use serde_json::json;

use super::checksum_log::{GoModuleHashes, escaped};
use super::registry_server::RegistryServer;
use crate::error::EmulatorError;

impl RegistryServer {
    /// Returns the address of the module proxy.
    #[must_use]
    pub fn go_proxy(&self) -> String {
        self.server.url("/go")
    }

    /// Publishes a version of a module, and records it in the checksum database. `zip` is the module's zip file,
    /// `go_mod` its `go.mod`, and `commit` the commit that the proxy fetched.
    ///
    /// # Errors
    /// [`EmulatorError`] if the tree of the database cannot be extended.
    pub fn publish_go(
        &mut self,
        hashes: &GoModuleHashes,
        zip: &[u8],
        go_mod: &[u8],
        commit: &str,
    ) -> Result<(), EmulatorError> {
        let GoModuleHashes { module, version, .. } = hashes;
        let path = |ending: &str| format!("/go/{}/@v/{ending}", escaped(module));
        let info = json!({
            "Version": version,
            "Time": "2026-06-01T00:00:00Z",
            "Origin": { "VCS": "git", "Hash": commit },
        });
        self.set_document(&path("list"), "text/plain", format!("{version}\n").into_bytes());
        self.set_document(
            &path(&format!("{version}.info")),
            "application/json",
            info.to_string().into_bytes(),
        );
        self.set_document(&path(&format!("{version}.mod")), "text/plain", go_mod.to_vec());
        self.set_document(&path(&format!("{version}.zip")), "application/zip", zip.to_vec());
        self.record_checksums(hashes)
    }
}
