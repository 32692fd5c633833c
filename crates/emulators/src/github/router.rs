//! Routes and authentication.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use super::caller::CallerRole;
use super::context::ServerContext;
use super::response::{ApiError, HandlerResult};
use super::state::GitHubSettings;
use super::{actions, assets, commits, graphql, refs, releases, repository, smart_http};

/// Returns the routes of the API, of the download pages and of the git repository.
pub(crate) fn api_routes(shared: Arc<ServerContext>) -> Router {
    let repo = "/repos/{owner}/{name}";
    let repo_route = |rest: &str| format!("{repo}{rest}");
    Router::new()
        .route(repo, get(repository::show))
        .route(&repo_route("/immutable-releases"), get(repository::show_immutability))
        .route(&repo_route("/releases"), get(releases::list).post(releases::create))
        .route(&repo_route("/releases/latest"), get(releases::show_latest))
        .route(&repo_route("/releases/tags/{*tag}"), get(releases::show_by_tag))
        .route(
            &repo_route("/releases/{id}"),
            get(releases::show).patch(releases::update).delete(releases::delete),
        )
        .route(&repo_route("/releases/{id}/assets"), get(assets::list).post(assets::upload))
        .route(
            &repo_route("/releases/assets/{id}"),
            get(assets::show).patch(assets::update).delete(assets::delete),
        )
        .route(&repo_route("/git/ref/{*name}"), get(refs::show))
        .route(&repo_route("/git/matching-refs/{*name}"), get(refs::list_matching))
        .route(&repo_route("/git/tags/{id}"), get(refs::show_tag))
        .route(&repo_route("/git/refs"), post(refs::create))
        .route(&repo_route("/git/refs/{*name}"), axum::routing::delete(refs::delete))
        .route(&repo_route("/commits/{id}"), get(commits::show))
        .route(&repo_route("/compare/{*range}"), get(commits::compare))
        .route(&repo_route("/attestations"), post(actions::create_attestation))
        .route(&repo_route("/attestations/{digest}"), get(actions::list_attestations))
        .route(&repo_route("/actions/runs"), get(actions::list_runs))
        .route(&repo_route("/actions/workflows/{id}/runs"), get(actions::list_workflow_runs))
        .route("/rate_limit", get(repository::show_rate_limit))
        .route("/graphql", post(graphql::execute))
        .route("/{owner}/{name}/releases/download/{tag}/{asset}", get(assets::download))
        .route("/{owner}/{name}/info/refs", get(smart_http::serve_git))
        .route("/{owner}/{name}/git-upload-pack", post(smart_http::serve_git))
        .route("/{owner}/{name}/git-receive-pack", post(smart_http::serve_git))
        .fallback(|| async { ApiError::not_found() })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), authenticate))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// Returns the routes of the host that assets and bundles are downloaded from. It does not authenticate.
pub(crate) fn storage_routes(shared: Arc<ServerContext>) -> Router {
    Router::new()
        .route("/{id}/{name}", get(assets::serve_bytes))
        .route("/bundles/{name}", get(actions::download_bundle))
        .route("/files/{*path}", get(assets::serve_file))
        .with_state(shared)
}

/// Determines the role of the caller and attaches it to the request. Requests for another repository get 404, and so do
/// anonymous requests for a private one.
async fn authenticate(
    axum::extract::State(shared): axum::extract::State<Arc<ServerContext>>,
    mut request: Request,
    next: Next,
) -> HandlerResult {
    let path = request.uri().path().to_owned();
    let caller = {
        let state = shared.state();
        let settings = &state.settings;
        let repo_prefix = format!("/{}/{}", settings.owner, settings.name).to_ascii_lowercase();
        let requested_path = path.trim_start_matches("/repos").to_ascii_lowercase().replacen(".git/", "/", 1);
        let caller = caller_role(request.headers(), settings)?;
        let other_repo = !requested_path.starts_with(&repo_prefix)
            && !["/rate_limit", "/graphql"].contains(&path.as_str());
        // Git sends credentials only after a 401, so its requests pass here and `serve_git` sends the challenge.
        let git = path.contains(".git/");
        if other_repo || (settings.private && caller == CallerRole::Anonymous && !git) {
            return Err(ApiError::not_found());
        }
        caller
    };
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    let scopes = scopes(caller, &shared.state().settings);
    if let Some(Ok(value)) = scopes.map(|it| it.parse()) {
        response.headers_mut().insert("x-oauth-scopes", value);
    }
    Ok::<Response, ApiError>(response)
}

/// Returns the scopes of a classic token (GitHub's "Scopes for OAuth apps"). `None` for any other caller.
fn scopes(caller: CallerRole, settings: &GitHubSettings) -> Option<String> {
    match caller {
        CallerRole::Writer => settings.scopes.clone(),
        CallerRole::LimitedScope => settings.limited_scope_token.as_ref().and_then(|it| it.1.clone()),
        CallerRole::Reader | CallerRole::AppInstallation | CallerRole::Anonymous => None,
    }
}

/// Returns the role for the `Authorization` header, or 401 if the token is unknown. Git sends the token as the password
/// of basic credentials.
fn caller_role(headers: &HeaderMap, settings: &GitHubSettings) -> Result<CallerRole, ApiError> {
    let Some(header) = headers.get(header::AUTHORIZATION) else { return Ok(CallerRole::Anonymous) };
    let text = header.to_str().unwrap_or_default();
    let (scheme, rest) = text.split_once(' ').unwrap_or_default();
    let token = match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => rest.to_owned(),
        "basic" => smart_http::basic_auth_password(rest).unwrap_or_default(),
        _ => String::new(),
    };
    match &settings.read_token {
        _ if token == settings.token => Ok(CallerRole::Writer),
        Some(reader) if *reader == token => Ok(CallerRole::Reader),
        _ if settings.limited_scope_token.as_ref().is_some_and(|it| it.0 == token) => {
            Ok(CallerRole::LimitedScope)
        }
        _ if settings.app_token.as_ref().is_some_and(|it| *it == token) => Ok(CallerRole::AppInstallation),
        _ => Err(ApiError::bad_credentials()),
    }
}
