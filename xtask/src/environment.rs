//! The environment variables that the suite reads. The programs that it runs, such as git and gpg, read further ones.

use std::path::PathBuf;

/// The file for the outputs of a step of GitHub Actions.
pub(crate) const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";
/// The file for the Markdown summary of a step of GitHub Actions.
pub(crate) const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// Set to `true` in GitHub Actions. Errors are then also printed as annotations.
pub(crate) const GITHUB_ACTIONS: &str = "GITHUB_ACTIONS";

/// A token for github.com and the hosts of ghe.com. It takes precedence over [`GITHUB_TOKEN`].
pub(crate) const GH_TOKEN: &str = "GH_TOKEN";
/// A token for github.com and the hosts of ghe.com; in GitHub Actions the token of the run.
pub(crate) const GITHUB_TOKEN: &str = "GITHUB_TOKEN";
/// A token for GitHub Enterprise Server. It takes precedence over [`GITHUB_ENTERPRISE_TOKEN`].
pub(crate) const GH_ENTERPRISE_TOKEN: &str = "GH_ENTERPRISE_TOKEN";
/// A token for GitHub Enterprise Server.
pub(crate) const GITHUB_ENTERPRISE_TOKEN: &str = "GITHUB_ENTERPRISE_TOKEN";
/// The default GitHub host for `-R OWNER/NAME`.
pub(crate) const GH_HOST: &str = "GH_HOST";
/// The base URL of the REST API. It receives the tokens of this environment, whatever its host is.
pub(crate) const GITHUB_API_URL: &str = "GITHUB_API_URL";
/// The idle timeout of a connection in seconds, 30 by default.
pub(crate) const RELEASE_HTTP_TIMEOUT: &str = "RELEASE_HTTP_TIMEOUT";
/// The maximum number of attempts per request, 5 by default.
pub(crate) const RELEASE_HTTP_TRIES: &str = "RELEASE_HTTP_TRIES";
/// The longest wait for a rate limit of GitHub in seconds, 120 by default.
pub(crate) const RELEASE_HTTP_LONGEST_WAIT: &str = "RELEASE_HTTP_LONGEST_WAIT";
/// The progress line at which the process ends itself with SIGKILL, for rehearsals and tests.
pub(crate) const RELEASE_KILL_AT: &str = "RELEASE_KILL_AT";

/// The search path for programs.
const PATH: &str = "PATH";
/// The home directory of gpg.
pub(crate) const GNUPGHOME: &str = "GNUPGHOME";
/// The directory of configuration files (XDG Base Directory Specification).
pub(crate) const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// The configuration directory of `gh`.
pub(crate) const GH_CONFIG_DIR: &str = "GH_CONFIG_DIR";
/// The file that git reads instead of `~/.gitconfig`.
pub(crate) const GIT_CONFIG_GLOBAL: &str = "GIT_CONFIG_GLOBAL";
/// The directory of caches (XDG Base Directory Specification).
pub(crate) const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// The home directory, which replaces `~` in `user.signingKey`.
pub(crate) const HOME: &str = "HOME";

/// Returns the value of a variable. `None` if it is not set, empty or not UTF-8.
pub(crate) fn non_empty(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}

/// Returns the folders of `PATH` as absolute paths. A relative folder is below the working directory.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os(PATH).unwrap_or_default();
    std::env::split_paths(&path).map(|it| std::path::absolute(&it).unwrap_or(it)).collect()
}
