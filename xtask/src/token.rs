//! Looks up the operator's token.

use std::process::{Command, Stdio};

use model::base::http::Token;
use model::release::host::CredentialSource;

use crate::environment::{self, non_empty};
use crate::github_host::is_tenant;
use crate::helper_program::{NEUTRAL_DIR, output_of};

/// Returns the first token found for a host: from the environment, from `gh`, or from git's credential helpers.
///
/// The variables for github.com are used only for github.com and ghe.com, or if `GITHUB_API_URL` is set. Those for
/// GitHub Enterprise Server are used only if the operator selected the host: a remote's URL alone must not send a token
/// to a foreign host. `gh` and git store tokens per host, so they need no such rule.
pub(crate) fn find_token(host: &str, host_is_explicit: bool) -> Option<Token> {
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
            // The prefix of app installation tokens, including the token of a workflow run (GitHub's "token formats").
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

/// Returns the token that `gh` stores for a host. `None` if `gh` is not installed or has no token.
fn token_from_gh(host: &str) -> Option<Token> {
    let secret = output_of("gh", &["auth", "token", "--hostname", host])?;
    Token::new(&secret, CredentialSource::User("gh auth token"))
}

/// Returns the token that git's credential helpers provide for a host (`git help credential`). `None` if there is none.
/// Prompts are disabled.
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
