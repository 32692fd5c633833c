//! Every environment variable that the suite itself reads. Git, which it runs, reads its own.

use std::path::PathBuf;

/// Where GitHub Actions takes a step's outputs from.
pub(crate) const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";
/// Where GitHub Actions takes a step's summary from, in Markdown.
pub(crate) const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// `true` in GitHub Actions: errors become annotations.
pub(crate) const GITHUB_ACTIONS: &str = "GITHUB_ACTIONS";

/// A token for github.com and the hosts of ghe.com; before [`GITHUB_TOKEN`].
pub(crate) const GH_TOKEN: &str = "GH_TOKEN";
/// The same; in GitHub Actions the token of the run.
pub(crate) const GITHUB_TOKEN: &str = "GITHUB_TOKEN";
/// A token for GitHub Enterprise Server; before [`GITHUB_ENTERPRISE_TOKEN`].
pub(crate) const GH_ENTERPRISE_TOKEN: &str = "GH_ENTERPRISE_TOKEN";
/// The same.
pub(crate) const GITHUB_ENTERPRISE_TOKEN: &str = "GITHUB_ENTERPRISE_TOKEN";
/// The GitHub host that `-R OWNER/NAME` means.
pub(crate) const GH_HOST: &str = "GH_HOST";
/// The root of the REST API; whoever sets it trusts it with the tokens of this environment.
pub(crate) const GITHUB_API_URL: &str = "GITHUB_API_URL";
/// How many seconds nothing may happen on a connection; 30 unless said.
pub(crate) const RELEASE_HTTP_TIMEOUT: &str = "RELEASE_HTTP_TIMEOUT";
/// How often a request is sent before it is given up; 5 unless said.
pub(crate) const RELEASE_HTTP_TRIES: &str = "RELEASE_HTTP_TRIES";
/// How many seconds a limit of GitHub may hold a run up; 120 unless said.
pub(crate) const RELEASE_HTTP_LONGEST_WAIT: &str = "RELEASE_HTTP_LONGEST_WAIT";
/// Where a rehearsal ends the process with SIGKILL: at the line of its story that is this.
pub(crate) const RELEASE_KILL_AT: &str = "RELEASE_KILL_AT";

/// Where programs are looked for.
const PATH: &str = "PATH";
/// Where gpg keeps its keys.
pub(crate) const GNUPGHOME: &str = "GNUPGHOME";
/// Where configuration is kept.
pub(crate) const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// Where `gh` keeps its configuration.
pub(crate) const GH_CONFIG_DIR: &str = "GH_CONFIG_DIR";
/// The file that git reads instead of `~/.gitconfig`.
pub(crate) const GIT_CONFIG_GLOBAL: &str = "GIT_CONFIG_GLOBAL";
/// Where caches are kept.
pub(crate) const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// The folder that `~` stands for in `user.signingKey`.
pub(crate) const HOME: &str = "HOME";

/// The value of a variable; none where it is not set or empty.
pub(crate) fn non_empty(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}

/// The folders that programs are looked for in. A relative one is below the working directory.
pub(crate) fn search_path() -> Vec<PathBuf> {
    let path = std::env::var_os(PATH).unwrap_or_default();
    std::env::split_paths(&path).map(|it| std::path::absolute(&it).unwrap_or(it)).collect()
}
