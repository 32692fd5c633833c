//! The inputs of every operation: the repository, the release configuration, the clients of GitHub and the environment.

use std::path::PathBuf;
use std::time::Duration;

use forge::Forge;
use model::Catalog;
use repo::Repo;

use crate::cache::CacheDir;
use crate::local_repository::LocalRepository;
use crate::operator_forge::OperatorForge;
use crate::prove::trust_root::TrustRootSource;

/// The inputs of an operation.
#[derive(Debug, Clone, Copy)]
pub struct OpsContext<'a> {
    /// The local git repository.
    pub repository: &'a LocalRepository,
    /// The release configuration.
    pub catalog: &'a Catalog,
    /// The settings from the process environment.
    pub env: &'a OpsEnvironment,
    /// The clients of GitHub. `None` if nothing is to be published; then no operation uses the network.
    pub clients: Option<ForgeClients<'a>>,
}

impl<'a> OpsContext<'a> {
    /// The repository, as the crate `repo` opens it.
    pub(crate) fn repo(&self) -> &'a Repo {
        self.repository.repo()
    }
}

/// Two clients of one repository on GitHub, with and without credentials.
#[derive(Debug, Clone, Copy)]
pub struct ForgeClients<'a> {
    /// The client with the operator's token.
    pub authenticated: &'a OperatorForge<'a>,
    /// The client without credentials. An audit uses it, to see what every user sees.
    pub anonymous: &'a Forge,
    /// The source of the trusted roots for attestations.
    pub trust_root: &'a TrustRootSource,
    /// Whether the process runs in GitHub Actions.
    pub in_actions: bool,
}

/// The settings that operations take from the process environment.
#[derive(Debug, Clone)]
pub struct OpsEnvironment {
    /// The folder that paths in `[signers]` are relative to. `None` for the built-in configuration, which names no
    /// files.
    pub policy_root: Option<PathBuf>,
    /// The home directory, which replaces `~` in `user.signingKey`. `None` if `HOME` is not set.
    pub home: Option<PathBuf>,
    /// The cache directory.
    pub cache: CacheDir,
    /// The source of the trusted roots for tag signatures by Sigstore certificates. It does not use the network.
    pub trust_root: TrustRootSource,
    /// The longest time without any data on a connection.
    pub idle_timeout: Duration,
    /// The start of the run, in seconds since 1970 in UTC.
    pub now: i64,
    /// Returns the current time in the same unit, because a release may take minutes.
    pub clock: fn() -> i64,
}
