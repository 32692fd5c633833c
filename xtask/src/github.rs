//! Creates the clients of GitHub from the environment: API URL, token and retry policy.

use model::RepoSlug;
use model::base::http::RetryPolicy;
use ops::{GitHubClients, GitHubConnection, RecordingFolder, TrustRootSource};

use crate::environment::{self, non_empty};
use crate::error::CliError;
use crate::github_host::api_url;
use crate::token::find_token;

/// The repository to connect to. `host_is_explicit` is set if the operator selected its host, so that the host does not
/// only come from the URL of a remote.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RepositoryHost<'a> {
    pub(crate) slug: &'a RepoSlug,
    pub(crate) host_is_explicit: bool,
}

/// Returns the clients for a repository. Sends no request yet, and looks up no token. A recording keeps the responses, or
/// replaces the requests.
pub(crate) fn connect(
    repository: RepositoryHost<'_>,
    retry_policy: RetryPolicy,
    trust_root: TrustRootSource,
    recording: Option<&RecordingFolder>,
) -> Result<GitHubClients, CliError> {
    let RepositoryHost { slug, host_is_explicit } = repository;
    let host = slug.host().to_owned();
    let settings = GitHubConnection {
        api_url: non_empty(environment::GITHUB_API_URL).unwrap_or_else(|| api_url(&host)),
        slug: slug.clone(),
        retry_policy,
        trust_root,
        in_actions: non_empty(environment::GITHUB_ACTIONS).is_some(),
    };
    Ok(GitHubClients::new(settings, recording, move || find_token(&host, host_is_explicit))?)
}
