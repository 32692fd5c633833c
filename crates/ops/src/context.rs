//! What every operation works with: the repository, the release configuration, the release host and the environment.

use std::path::PathBuf;
use std::time::Duration;

use forge::Forge;
use model::Catalog;
use repo::Repo;

use crate::cache::CacheDir;
use crate::local_repository::LocalRepository;
use crate::operator_forge::OperatorForge;
use crate::prove::trust_root::TrustRootSource;

/// What every operation works with.
#[derive(Debug, Clone, Copy)]
pub struct OpsContext<'a> {
    /// The repository.
    pub repository: &'a LocalRepository,
    /// The catalog.
    pub catalog: &'a Catalog,
    /// What lies around them.
    pub env: &'a OpsEnvironment,
    /// The world; none where nothing is to be published.
    pub clients: Option<ForgeClients<'a>>,
}

impl<'a> OpsContext<'a> {
    /// The repository, as the adapter knows it.
    pub(crate) fn repo(&self) -> &'a Repo {
        self.repository.repo()
    }
}

/// The release host, twice.
#[derive(Debug, Clone, Copy)]
pub struct ForgeClients<'a> {
    /// As the operator.
    pub authenticated: &'a OperatorForge<'a>,
    /// As anybody.
    pub anonymous: &'a Forge,
    /// Where trust in attestations begins.
    pub trust_root: &'a TrustRootSource,
    /// Whether this is a run of a workflow of GitHub Actions.
    pub in_actions: bool,
}

/// What an operation depends on, beside the repository and the catalog.
#[derive(Debug, Clone)]
pub struct OpsEnvironment {
    /// The folder that the catalog's files are relative to; none for the catalog that is built in.
    pub policy_root: Option<PathBuf>,
    /// The folder that `~` stands for.
    pub home: Option<PathBuf>,
    /// The cache.
    pub cache: CacheDir,
    /// Where trust in Sigstore's certificates begins, as it is known here.
    pub trust_root: TrustRootSource,
    /// How long nothing may move on a connection.
    pub idle_timeout: Duration,
    /// The time at the beginning, in seconds since 1970 in UTC.
    pub now: i64,
    /// The time now: a release takes a while.
    pub clock: fn() -> i64,
}
