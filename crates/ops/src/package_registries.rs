//! The package registries that an audit asks, with the client for them.

use std::path::PathBuf;

use channels::RegistryClient;
use model::base::http::RetryPolicy;
use model::package::registry::{Registry, RegistryKind};

use crate::error::OpsError;
use crate::recording::RecordingFolder;

/// Package registries, and where packages are kept while they are compared.
#[derive(Debug)]
pub struct PackageRegistries {
    pub(crate) client: RegistryClient,
    registries: Vec<Registry>,
    /// The folder for files without a name.
    pub(crate) temporary_folder: PathBuf,
}

impl PackageRegistries {
    /// Returns the registries, at most one of each kind. No request is sent yet. A recording keeps the responses, or
    /// replaces the requests.
    ///
    /// # Errors
    /// [`OpsError::RegistryClient`] if the system's certificates or proxy settings cannot be read.
    pub fn new(
        registries: Vec<Registry>,
        temporary_folder: PathBuf,
        retry_policy: RetryPolicy,
        recording: Option<&RecordingFolder>,
    ) -> Result<Self, OpsError> {
        let client = RegistryClient::new(retry_policy).map_err(OpsError::RegistryClient)?;
        let client = client.with_recording(recording.map(RecordingFolder::recording));
        Ok(Self { client, registries, temporary_folder })
    }

    /// Returns the kinds of the registries.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = RegistryKind> {
        self.registries.iter().map(|it| it.kind)
    }

    /// Returns the registry of a kind. `None` if this kind is not asked.
    pub(crate) fn registry(&self, kind: RegistryKind) -> Option<&Registry> {
        self.registries.iter().find(|it| it.kind == kind)
    }
}
