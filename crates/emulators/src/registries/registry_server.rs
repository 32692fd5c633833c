//! The registries on one server, and what a test changes on them.

use super::checksum_log::ChecksumLog;
use super::package_signer::PackageSigner;
use super::server::{Document, DocumentServer, Refusal, decoded};
use crate::error::EmulatorError;
use crate::sigstore::key::EcdsaKey;

/// The registries, on one server.
#[derive(Debug)]
pub struct RegistryServer {
    pub(super) server: DocumentServer,
    pub(super) npm_key: EcdsaKey,
    pub(super) checksum_log: ChecksumLog,
    pub(super) package_signer: PackageSigner,
}

/// The time of publications, in seconds since 1970: 2026-06-01.
pub(super) const PUBLICATION_TIME: i64 = 1_780_272_000;

impl RegistryServer {
    /// Starts a server for empty registries.
    ///
    /// # Errors
    /// [`EmulatorError`] if no port can be used, or a key cannot be created.
    pub fn start() -> Result<Self, EmulatorError> {
        let registries = Self {
            server: DocumentServer::start()?,
            npm_key: EcdsaKey::new(),
            checksum_log: ChecksumLog::new()?,
            package_signer: PackageSigner::new(PUBLICATION_TIME)?,
        };
        registries.publish_npm_keys(None)?;
        Ok(registries)
    }

    /// Returns the `[registries]` table of `release.toml` for these registries.
    ///
    /// # Errors
    /// [`EmulatorError`] if a key cannot be encoded.
    pub fn configuration(&self) -> Result<String, EmulatorError> {
        Ok(format!(
            "[registries]\npypi = \"{}\"\nnpm = \"{}\"\nnpm_keys = [\"{}\"]\ngo = \"{}\"\ngo_checksum_database = \"{}\"\n\
             nuget = \"{}\"\nmaven = \"{}\"\nopenpgp_keyserver = \"{}\"\n",
            self.pypi_index(),
            self.npm_registry(),
            self.npm_key_id()?,
            self.go_proxy(),
            self.checksum_database(),
            self.nuget_index(),
            self.maven_repository(),
            self.key_server(),
        ))
    }

    /// Replaces or adds the document under a path of the server, as in `/simple/widgets/`.
    pub fn set_document(&self, path: &str, content_type: &'static str, bytes: Vec<u8>) {
        self.server.state().documents.insert(decoded(path), Document { content_type, bytes });
    }

    /// Replaces or adds the document that a path has for requests with this header `Accept`.
    pub fn set_variant(&self, path: &str, accept: &str, bytes: Vec<u8>) {
        self.set_document(&format!("{path} {accept}"), "application/json", bytes);
    }

    /// Returns the document under a path. `None` if there is none.
    #[must_use]
    pub fn document(&self, path: &str) -> Option<Vec<u8>> {
        self.server.state().documents.get(&decoded(path)).map(|it| it.bytes.clone())
    }

    /// Removes all documents whose path contains `part`.
    pub fn remove_documents(&self, part: &str) {
        self.server.state().documents.retain(|path, _| !path.contains(part));
    }

    /// Refuses the next `times` requests whose path contains `path`, with this status and these headers.
    pub fn refuse(&self, path: &str, status: u16, headers: Vec<(&'static str, String)>, times: u32) {
        let refusal = Refusal { path: path.to_owned(), status, headers, times };
        self.server.state().refusals.push(refusal);
    }

    /// Ends all refusals.
    pub fn accept_all(&self) {
        self.server.state().refusals.clear();
    }

    /// Returns the path of every request since the last call, each with its headers `Accept`, `Authorization`,
    /// `Disable-Module-Fetch` and `User-Agent`, and forgets them.
    #[must_use]
    pub fn take_requests(&self) -> Vec<(String, Vec<String>)> {
        std::mem::take(&mut self.server.state().requests)
    }
}
