//! The inputs of an audit.

use forge::Forge;
use model::evidence::attestation::AcceptedRepository;
use model::{Catalog, ReleaseTag, RepoSlug};

use crate::context::{ForgeClients, OpsContext};
use crate::package_registries::PackageRegistries;

/// The inputs of an audit.
#[derive(Debug, Clone, Copy)]
pub struct AuditRequest<'a> {
    /// The clients of GitHub.
    pub clients: ForgeClients<'a>,
    /// The client for metadata, if it is not the anonymous one.
    pub metadata: Option<&'a Forge>,
    /// The name of the repository on GitHub.
    pub slug: &'a RepoSlug,
    /// Whether attestations must contain this repository name; else its former names are accepted, too.
    pub current_name_only: bool,
    /// The release configuration.
    pub catalog: &'a Catalog,
    /// The local clone. `None` skips the checks of the tag object and of the tree.
    pub clone: Option<OpsContext<'a>>,
    /// The current time, in seconds since 1970 in UTC.
    pub now: i64,
    /// Whether the source release is audited.
    pub source: bool,
    /// The packages that are audited. `None` if none are.
    pub packages: Option<PackageScope<'a>>,
}

impl AuditRequest<'_> {
    /// Returns the client that reads tags, branches, releases and lists of attestations.
    pub(super) fn metadata(&self) -> &Forge {
        self.metadata.unwrap_or(self.clients.anonymous)
    }

    /// Returns the repositories whose workflows may sign.
    pub(super) fn accepted_repositories(&self) -> Vec<AcceptedRepository> {
        rules::accepted_repositories(self.catalog, self.slug, self.current_name_only)
    }
}

/// The packages that an audit covers.
#[derive(Debug, Clone, Copy)]
pub struct PackageScope<'a> {
    /// The registries that are asked.
    pub registries: &'a PackageRegistries,
    /// The tag.
    pub tag: &'a ReleaseTag,
}
