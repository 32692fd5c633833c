//! Commits, and the comparison of two commits.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::context::ServerContext;
use super::git;
use super::response::{ApiError, HandlerResult, ok};
use super::schemas::{self, BaseUrls};
use super::state::GitHubSettings;

/// `GET .../commits/{id}`. The ID may be any revision that git resolves to a commit.
pub(crate) async fn show(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    ok(commit_json(&shared, &headers, &id).await?)
}

/// Returns a commit in the shape `commit`. `author` and `committer` are null unless an account has their e-mail
/// address.
async fn commit_json(shared: &ServerContext, headers: &HeaderMap, id: &str) -> Result<Value, ApiError> {
    // Nine lines of fields, then the message, which may contain any number of lines.
    const LOG_FORMAT: &str = "--format=%H%n%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B";
    let text = git::run_git(
        &shared.git_dir,
        &["show", "-s", LOG_FORMAT, "--end-of-options", &format!("{id}^{{commit}}")],
    )
    .await?;
    let text = text.ok_or_else(ApiError::not_found)?;
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let (sha, tree, parents) = (next(), next(), next());
    let author = (next(), next(), next());
    let committer = (next(), next(), next());
    let message = lines.collect::<Vec<_>>().join("\n");
    let state = shared.state();
    let urls = BaseUrls::from_headers(&state.settings, headers);
    let url = urls.repo_url(&format!("/commits/{sha}"));
    let git_url = urls.repo_url(&format!("/git/commits/{sha}"));
    let person = |it: &(String, String, String)| json!({ "name": it.0, "email": it.1, "date": it.2 });
    let parent = |sha: &str| {
        let url = urls.repo_url(&format!("/commits/{sha}"));
        json!({ "sha": sha, "url": url, "html_url": format!("{}{}/commit/{sha}", urls.web_url, urls.repository_path) })
    };
    Ok(json!({
        "sha": sha,
        "node_id": format!("C_{sha}"),
        "url": url,
        "html_url": format!("{}{}/commit/{sha}", urls.web_url, urls.repository_path),
        "comments_url": format!("{url}/comments"),
        "commit": {
            "url": git_url,
            "author": person(&author),
            "committer": person(&committer),
            "message": message.trim_end(),
            "tree": { "sha": tree, "url": urls.repo_url(&format!("/git/trees/{tree}")) },
            "comment_count": 0,
        },
        "author": account_json(&state.settings, &urls, &author.1),
        "committer": account_json(&state.settings, &urls, &committer.1),
        "parents": parents.split_whitespace().map(parent).collect::<Vec<_>>(),
        "files": [],
    }))
}

/// Returns the account with this e-mail address, or null.
fn account_json(settings: &GitHubSettings, urls: &BaseUrls, email: &str) -> Value {
    let user = settings.accounts.iter().find(|it| it.email == email);
    user.map_or(Value::Null, |it| schemas::user(urls, &it.login, "User"))
}

/// `GET .../compare/{base}...{head}`. `ahead_by` counts the commits of `head` that `base` lacks, `behind_by` the
/// reverse. Commits and files are left out.
pub(crate) async fn compare(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, range)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let (base, head) = range.split_once("...").ok_or_else(ApiError::not_found)?;
    let count = ["rev-list", "--left-right", "--count", "--end-of-options", &range];
    let counts = git::run_git(&shared.git_dir, &count).await?.ok_or_else(ApiError::not_found)?;
    let (behind, ahead) = counts.split_once('\t').ok_or_else(ApiError::not_found)?;
    let count = |text: &str| text.parse::<u64>().unwrap_or(0);
    let (behind, ahead) = (count(behind), count(ahead));
    let merge_base =
        git::run_git(&shared.git_dir, &["merge-base", base, head]).await?.ok_or_else(ApiError::not_found)?;
    let status = match (behind, ahead) {
        (0, 0) => "identical",
        (0, _) => "ahead",
        (_, 0) => "behind",
        _ => "diverged",
    };
    let urls = BaseUrls::from_headers(&shared.state().settings, &headers);
    let web = format!("{}{}/compare/{base}...{head}", urls.web_url, urls.repository_path);
    ok(json!({
        "url": urls.repo_url(&format!("/compare/{base}...{head}")),
        "html_url": web,
        "permalink_url": web,
        "diff_url": format!("{web}.diff"),
        "patch_url": format!("{web}.patch"),
        "base_commit": commit_json(&shared, &headers, base).await?,
        "merge_base_commit": commit_json(&shared, &headers, &merge_base).await?,
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [],
        "files": [],
    }))
}
