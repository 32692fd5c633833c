//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use super::answer::{Answer, Refusal};
use super::state::Settings;
use super::{Shared, actions, assets, commits, graphql, refs, releases, repository, smart};

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Caller {
    Anonymous,
    Reader,
    /// A token that may only read, of somebody who may push.
    Limited,
    /// An installed app that may write, which GitHub does not tell.
    Installed,
    Writer,
}

impl Caller {
    /// Whether it may change anything, and sees drafts.
    pub(crate) fn may_write(self) -> bool {
        self >= Self::Installed
    }

    /// Nobody else may change anything; they are told that there is no such thing.
    pub(crate) fn must_write(self) -> Result<(), Refusal> {
        match self {
            Self::Writer | Self::Installed => Ok(()),
            Self::Reader | Self::Limited => {
                Err(Refusal::forbidden("Resource not accessible by personal access token"))
            }
            Self::Anonymous => Err(Refusal::not_found()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get().copied().ok_or_else(Refusal::bad_credentials)
    }
}

/// The API, the pages and the repository.
pub(crate) fn api(shared: Arc<Shared>) -> Router {
    let repo = "/repos/{owner}/{name}";
    let at = |rest: &str| format!("{repo}{rest}");
    Router::new()
        .route(repo, get(repository::show))
        .route(&at("/immutable-releases"), get(repository::immutability))
        .route(&at("/releases"), get(releases::list).post(releases::create))
        .route(&at("/releases/latest"), get(releases::latest))
        .route(&at("/releases/tags/{*tag}"), get(releases::by_tag))
        .route(&at("/releases/{id}"), get(releases::show).patch(releases::edit).delete(releases::delete))
        .route(&at("/releases/{id}/assets"), get(assets::list).post(assets::upload))
        .route(&at("/releases/assets/{id}"), get(assets::show).patch(assets::rename).delete(assets::delete))
        .route(&at("/git/ref/{*name}"), get(refs::show))
        .route(&at("/git/matching-refs/{*name}"), get(refs::matching))
        .route(&at("/git/tags/{id}"), get(refs::tag))
        .route(&at("/git/refs"), post(refs::create))
        .route(&at("/git/refs/{*name}"), axum::routing::delete(refs::delete))
        .route(&at("/commits/{id}"), get(commits::show))
        .route(&at("/compare/{*range}"), get(commits::compare))
        .route(&at("/attestations"), post(actions::attest))
        .route(&at("/attestations/{digest}"), get(actions::attestations))
        .route(&at("/actions/runs"), get(actions::runs))
        .route(&at("/actions/workflows/{id}/runs"), get(actions::runs_of))
        .route("/rate_limit", get(repository::rate_limit))
        .route("/graphql", post(graphql::query))
        .route("/{owner}/{name}/releases/download/{tag}/{asset}", get(assets::download))
        .route("/{owner}/{name}/info/refs", get(smart::serve))
        .route("/{owner}/{name}/git-upload-pack", post(smart::serve))
        .route("/{owner}/{name}/git-receive-pack", post(smart::serve))
        .fallback(|| async { Refusal::not_found() })
        .layer(middleware::from_fn_with_state(Arc::clone(&shared), recognise))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// Where the bytes of assets are.
pub(crate) fn storage(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{id}/{name}", get(assets::bytes))
        .route("/bundles/{name}", get(actions::bundle))
        .route("/files/{*path}", get(assets::file))
        .with_state(shared)
}

/// Lets a request in under the name that its credentials give it.
async fn recognise(
    axum::extract::State(shared): axum::extract::State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Answer {
    let path = request.uri().path().to_owned();
    let caller = {
        let state = shared.state();
        let settings = &state.settings;
        let ours = format!("/{}/{}", settings.owner, settings.name).to_ascii_lowercase();
        let asked = path.trim_start_matches("/repos").to_ascii_lowercase().replacen(".git/", "/", 1);
        let caller = caller(request.headers(), settings)?;
        let other = !asked.starts_with(&ours) && !["/rate_limit", "/graphql"].contains(&path.as_str());
        // Git is asked for credentials instead, or it would not send any.
        let git = path.contains(".git/");
        if other || (settings.private && caller == Caller::Anonymous && !git) {
            return Err(Refusal::not_found());
        }
        caller
    };
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    let scopes = scopes(caller, &shared.state().settings);
    if let Some(Ok(value)) = scopes.map(|it| it.parse()) {
        response.headers_mut().insert("x-oauth-scopes", value);
    }
    Ok::<Response, Refusal>(response)
}

/// The scopes of a classic token (GitHub's "Scopes for OAuth apps"); `None` for every other.
fn scopes(caller: Caller, settings: &Settings) -> Option<String> {
    match caller {
        Caller::Writer => settings.scopes.clone(),
        Caller::Limited => settings.limited.as_ref().and_then(|it| it.1.clone()),
        Caller::Reader | Caller::Installed | Caller::Anonymous => None,
    }
}

/// Who the `Authorization` header is of. Git sends the token as a password.
fn caller(headers: &HeaderMap, settings: &Settings) -> Result<Caller, Refusal> {
    let Some(header) = headers.get(header::AUTHORIZATION) else { return Ok(Caller::Anonymous) };
    let text = header.to_str().unwrap_or_default();
    let (scheme, rest) = text.split_once(' ').unwrap_or_default();
    let token = match scheme.to_ascii_lowercase().as_str() {
        "bearer" | "token" => rest.to_owned(),
        "basic" => smart::password(rest).unwrap_or_default(),
        _ => String::new(),
    };
    match &settings.reader {
        _ if token == settings.token => Ok(Caller::Writer),
        Some(reader) if *reader == token => Ok(Caller::Reader),
        _ if settings.limited.as_ref().is_some_and(|it| it.0 == token) => Ok(Caller::Limited),
        _ if settings.installed.as_ref().is_some_and(|it| *it == token) => Ok(Caller::Installed),
        _ => Err(Refusal::bad_credentials()),
    }
}
