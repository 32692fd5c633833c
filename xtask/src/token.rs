//! Looks up the operator's token.

use std::process::{Command, Stdio};

use model::base::http::Token;
use model::release::host::CredentialSource;

use crate::environment::{self, non_empty};
use crate::github_host::is_tenant;

/// The first token that is to be had for a host. Those for github.com go nowhere else, unless `GITHUB_API_URL` says
/// where, and those for an enterprise's server only where the operator named it: a remote's address alone must not be
/// able to draw a token to a foreign host. What `gh` and git keep, they keep by host.
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
