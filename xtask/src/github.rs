//! The world as this environment reaches it: GitHub's address, and who one is there.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::time::Duration;

use anyhow::anyhow;
use model::RepoSlug;
use model::release::host::CredentialSource;
use ops::{
    CacheDir, Forge, ForgeClients, ForgeSettings, OperatorForge, OpsError, RetryPolicy, Token,
    TrustRootSource,
};

use crate::environment::{self, non_empty};
use crate::error::CliError;

/// GitHub, as the operator and as anybody.
pub(crate) struct GitHubClients {
    authenticated: OperatorForge<'static>,
    anonymous: Forge,
    trust_root: TrustRootSource,
    in_actions: bool,
}

impl GitHubClients {
    /// Clients for a repository, whose host was named by the operator or only by a remote's address. Nothing is sent
    /// yet, and no token is looked for.
    pub(crate) fn connect(
        slug: &RepoSlug,
        (host_is_explicit, retry_policy): (bool, RetryPolicy),
        trust_root: TrustRootSource,
    ) -> Result<Self, CliError> {
        let api_url = non_empty(environment::GITHUB_API_URL).unwrap_or_else(|| api_url(slug.host()));
        let in_actions = non_empty(environment::GITHUB_ACTIONS).is_some();
        let settings = ForgeSettings { api_url, slug: slug.clone(), token: None, retry_policy };
        let anonymous = Forge::connect(settings.clone()).map_err(OpsError::from)?;
        let host = slug.host().to_owned();
        let authenticated = OperatorForge::new(settings, move || find_token(&host, host_is_explicit));
        Ok(Self { authenticated, anonymous, trust_root, in_actions })
    }

    /// What operations work with.
    pub(crate) fn clients(&self) -> ForgeClients<'_> {
        ForgeClients {
            authenticated: &self.authenticated,
            anonymous: &self.anonymous,
            trust_root: &self.trust_root,
            in_actions: self.in_actions,
        }
    }
}

/// The REST API of a host: github.com and the tenants of ghe.com have one of its own name, GitHub Enterprise Server has it
/// under a path.
fn api_url(host: &str) -> String {
    if host == "github.com" || is_tenant(host) {
        return format!("https://api.{host}");
    }
    format!("https://{host}/api/v3")
}

fn is_tenant(host: &str) -> bool {
    host.ends_with(".ghe.com")
}

/// The first token that is to be had for a host. Those for github.com go nowhere else, unless `GITHUB_API_URL` says
/// where, and those for an enterprise's server only where the operator named it: a remote's address alone must not be
/// able to draw a token to a foreign host. What `gh` and git keep, they keep by host.
fn find_token(host: &str, host_is_explicit: bool) -> Option<Token> {
    let uses_gh_token =
        host == "github.com" || is_tenant(host) || non_empty(environment::GITHUB_API_URL).is_some();
    let variables = if uses_gh_token {
        [environment::GH_TOKEN, environment::GITHUB_TOKEN]
    } else {
        [environment::GH_ENTERPRISE_TOKEN, environment::GITHUB_ENTERPRISE_TOKEN]
    };
    let from_environment = || {
        variables.into_iter().filter(|_| uses_gh_token || host_is_explicit).find_map(|name| {
            let secret = non_empty(name)?;
            // Tokens of installed apps, that of a workflow run among them (GitHub's "token formats").
            let is_app_installation = secret.starts_with("ghs_");
            Token::new(
                &secret,
                if is_app_installation {
                    CredentialSource::AppInstallation(name)
                } else {
                    CredentialSource::User(name)
                },
            )
        })
    };
    from_environment().or_else(|| token_from_gh(host)).or_else(|| token_from_git(host))
}

/// What `gh` has for a host; none where there is no `gh`, or it has none.
fn token_from_gh(host: &str) -> Option<Token> {
    let output = Command::new("gh")
        .current_dir(NEUTRAL_DIR)
        .args(["auth", "token", "--hostname", host])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let secret = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Token::new(&secret, CredentialSource::User("gh auth token"))
}

/// A folder outside of every repository: what keeps the operator's tokens must not depend on the folder that the command
/// is run in, whose configuration could name another program.
const NEUTRAL_DIR: &str = "/";

/// What git's credential helpers have for a host (`git help credential`), as the operator configured them. Nobody is asked
/// on a terminal.
fn token_from_git(host: &str) -> Option<Token> {
    use std::io::Write as _;
    let mut child = Command::new("git")
        .current_dir(NEUTRAL_DIR)
        .args(["-c", "core.askPass=", "credential", "fill"])
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_COMMON_DIR")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "")
        .env("SSH_ASKPASS", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(format!("protocol=https\nhost={host}\n\n").as_bytes()).ok()?;
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let secret = text.lines().find_map(|it| it.strip_prefix("password="))?;
    Token::new(secret, CredentialSource::User("git credential fill"))
}

/// How long to wait and how often to try, as the environment says.
pub(crate) fn retry_policy() -> Result<RetryPolicy, CliError> {
    let seconds: f64 = parse_number(environment::RELEASE_HTTP_TIMEOUT)?.unwrap_or(30.0);
    let max_wait: u64 = parse_number(environment::RELEASE_HTTP_LONGEST_WAIT)?.unwrap_or(120);
    let idle_timeout = Duration::try_from_secs_f64(seconds).map_err(|error| {
        CliError::usage(anyhow!("{}={seconds}: {error}", environment::RELEASE_HTTP_TIMEOUT))
    })?;
    let max_attempts = parse_number(environment::RELEASE_HTTP_TRIES)?.unwrap_or(5);
    Ok(RetryPolicy { idle_timeout, max_attempts, max_wait: Duration::from_secs(max_wait) })
}

fn parse_number<T: FromStr>(name: &str) -> Result<Option<T>, CliError> {
    let Some(text) = non_empty(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| CliError::usage(anyhow!("{name}={text} is not a number")))
}

/// The cache of this user (XDG Base Directory Specification). Without `XDG_CACHE_HOME` and `HOME` there is none.
pub(crate) fn cache_dir() -> CacheDir {
    let absolute = |name| non_empty(name).map(PathBuf::from).filter(|it| it.is_absolute());
    let home = || absolute(environment::HOME).map(|it| it.join(".cache"));
    CacheDir::new(absolute(environment::XDG_CACHE_HOME).or_else(home))
}
