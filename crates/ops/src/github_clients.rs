//! The clients of GitHub: one with the operator's token and one without credentials.

use forge::{Forge, ForgeSettings};
use model::RepoSlug;
use model::base::http::{RetryPolicy, Token};

use crate::context::ForgeClients;
use crate::error::OpsError;
use crate::operator_forge::OperatorForge;
use crate::prove::trust_root::TrustRootSource;
use crate::recording::RecordingFolder;

/// The settings for connecting to a repository on GitHub.
#[derive(Debug, Clone)]
pub struct GitHubConnection {
    /// The root of the REST API, as in `https://api.github.com`.
    pub api_url: String,
    /// The name of the repository.
    pub slug: RepoSlug,
    /// Time-outs and retries.
    pub retry_policy: RetryPolicy,
    /// The source of the trusted roots for attestations.
    pub trust_root: TrustRootSource,
    /// Whether the process runs in GitHub Actions.
    pub in_actions: bool,
}

/// The clients of a repository on GitHub, which [`ForgeClients`] borrows.
#[derive(Debug)]
pub struct GitHubClients {
    authenticated: OperatorForge<'static>,
    anonymous: Forge,
    trust_root: TrustRootSource,
    in_actions: bool,
}

impl GitHubClients {
    /// Creates the clients. A recording keeps the responses, or replaces the requests. Sends no request, and calls `find_token` only when a request first needs a token.
    ///
    /// # Errors
    /// [`OpsError::Forge`] if the API URL is not valid, or a client cannot be set up.
    pub fn new(
        settings: GitHubConnection,
        recording: Option<&RecordingFolder>,
        find_token: impl Fn() -> Option<Token> + 'static,
    ) -> Result<Self, OpsError> {
        let GitHubConnection { api_url, slug, retry_policy, trust_root, in_actions } = settings;
        let settings = ForgeSettings { api_url, slug, token: None, retry_policy };
        let recording = recording.map(RecordingFolder::recording);
        let anonymous = Forge::connect(settings.clone())?.with_recording(recording.clone());
        let authenticated = OperatorForge::new(settings, find_token).with_recording(recording);
        Ok(Self { authenticated, anonymous, trust_root, in_actions })
    }

    /// Borrows the clients, for an [`OpsContext`](crate::OpsContext) or a request.
    #[must_use]
    pub fn clients(&self) -> ForgeClients<'_> {
        ForgeClients {
            authenticated: &self.authenticated,
            anonymous: &self.anonymous,
            trust_root: &self.trust_root,
            in_actions: self.in_actions,
        }
    }
}
