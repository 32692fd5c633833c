//! The repository, its settings and the rate limit.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use model::base::time::format_rfc3339;
use serde_json::{Map, Value, json};

use super::caller::CallerRole;
use super::context::ServerContext;
use super::response::{ApiError, HandlerResult, ok};
use super::schemas::{self, BaseUrls};
use super::state::GitHubSettings;

/// `GET /repos/{owner}/{name}`. Returns the repository with the permissions of the caller.
pub(crate) async fn show(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    headers: HeaderMap,
) -> HandlerResult {
    let state = shared.state();
    let urls = BaseUrls::from_headers(&state.settings, &headers);
    ok(full_repository(&state.settings, &urls, caller))
}

/// `GET /repos/{owner}/{name}/immutable-releases`. Real GitHub answers administrators only (F20). Here, callers with
/// write access get an answer if `discloses_immutability` is set. Returns 404 if the setting is off.
pub(crate) async fn show_immutability(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
) -> HandlerResult {
    let state = shared.state();
    caller.require_write()?;
    if !state.settings.discloses_immutability || !state.settings.immutable_releases {
        return Err(ApiError::not_found());
    }
    ok(json!({ "enabled": true, "enforced_by_owner": false }))
}

/// `GET /rate_limit`. Does not count as a request itself.
pub(crate) async fn show_rate_limit(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
) -> HandlerResult {
    let state = shared.state();
    let authorized = caller != CallerRole::Anonymous;
    let (limit, used) = (state.rate_limit(authorized), state.requests_used[usize::from(authorized)]);
    let rate = json!({
        "limit": limit,
        "used": used,
        "remaining": limit.saturating_sub(used),
        "reset": state.settings.now + 3600,
    });
    ok(json!({ "resources": { "core": rate, "search": rate }, "rate": rate }))
}

/// Returns the repository in the shape `full-repository`.
pub(crate) fn full_repository(settings: &GitHubSettings, urls: &BaseUrls, caller: CallerRole) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| all.insert(name.to_owned(), value);
    let url = urls.repo_url("");
    let web = format!("{}{}", urls.web_url, urls.repository_path);
    for (name, rest) in URL_TEMPLATES {
        put(name, format!("{url}{rest}").into());
    }
    for name in ["description", "homepage", "language", "mirror_url", "license"] {
        put(name, Value::Null);
    }
    for name in [
        "fork",
        "has_issues",
        "has_projects",
        "has_wiki",
        "has_pages",
        "has_discussions",
        "archived",
        "disabled",
    ] {
        put(name, false.into());
    }
    for name in COUNT_FIELDS {
        put(name, 0.into());
    }
    for name in ["created_at", "updated_at", "pushed_at"] {
        put(name, format_rfc3339(settings.now).into());
    }
    put("id", 424_242.into());
    put("node_id", schemas::node_id("R", 424_242).into());
    put("name", settings.name.clone().into());
    put("full_name", urls.repository_path.trim_start_matches('/').into());
    put("owner", schemas::user(urls, &settings.owner, "Organization"));
    put("private", settings.private.into());
    put("visibility", if settings.private { "private" } else { "public" }.into());
    put("default_branch", settings.default_branch.clone().into());
    put("url", url.clone().into());
    put("html_url", web.clone().into());
    put("svn_url", web.clone().into());
    put("clone_url", format!("{web}.git").into());
    put("git_url", format!("git:{}.git", web.trim_start_matches("http:")).into());
    put("ssh_url", format!("git@localhost:{}.git", urls.repository_path.trim_start_matches('/')).into());
    if caller != CallerRole::Anonymous {
        // The permissions are those of the user, not of the token: a token with fewer rights shows them all the same.
        // For an app installation GitHub reports no permissions.
        let push = matches!(caller, CallerRole::Writer | CallerRole::LimitedScope);
        let pull = caller != CallerRole::AppInstallation;
        let rights = json!({ "admin": push, "maintain": push, "push": push, "triage": push, "pull": pull });
        put("permissions", rights);
    }
    Value::Object(all)
}

/// The numeric fields of `full-repository`, which are all 0.
const COUNT_FIELDS: [&str; 10] = [
    "forks",
    "forks_count",
    "stargazers_count",
    "watchers",
    "watchers_count",
    "size",
    "open_issues",
    "open_issues_count",
    "network_count",
    "subscribers_count",
];

/// The URL fields of `full-repository`, with their paths below the API URL of the repository.
const URL_TEMPLATES: [(&str, &str); 36] = [
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
];
