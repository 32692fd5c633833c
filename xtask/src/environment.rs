//! Every environment variable that the suite itself reads. Git, which it runs, reads its own.

/// Where GitHub Actions takes a step's outputs from.
pub(crate) const GITHUB_OUTPUT: &str = "GITHUB_OUTPUT";
/// Where GitHub Actions takes a step's summary from, in Markdown.
pub(crate) const GITHUB_STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";
/// `true` in GitHub Actions: errors become annotations.
pub(crate) const GITHUB_ACTIONS: &str = "GITHUB_ACTIONS";

/// The folder that `~` stands for in `user.signingKey`.
pub(crate) const HOME: &str = "HOME";

/// The value of a variable; none where it is not set or empty.
pub(crate) fn value(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|it| !it.is_empty())
}
