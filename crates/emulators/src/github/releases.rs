//! Releases: creation, update, publication and deletion.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::caller::CallerRole;
use super::context::ServerContext;
use super::git;
use super::response::{ApiError, HandlerResult, PageParams, created, no_content, ok, paginate};
use super::schemas::{self, BaseUrls};
use super::state::StoredRelease;

/// The maximum length of the text of a release, in characters (github.md F9).
const MAX_BODY_CHARS: usize = 125_000;

/// The body of a request that creates or updates a release. An update keeps the fields that are missing.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ReleaseParams {
    tag_name: Option<String>,
    target_commitish: Option<String>,
    name: Option<String>,
    body: Option<String>,
    draft: Option<bool>,
    prerelease: Option<bool>,
    make_latest: Option<String>,
}

/// The path parameters of a repository.
type OwnerAndName = (String, String);

/// `GET /repos/{owner}/{name}/releases`. The newest release comes first. Drafts are listed for callers with write
/// access.
pub(crate) async fn list(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Query(paging): Query<PageParams>,
    headers: HeaderMap,
) -> HandlerResult {
    let mut state = shared.state();
    let mut visible_releases = Vec::new();
    for release in state.releases.values_mut().rev() {
        if is_visible(release) && (!release.draft || caller.may_write()) {
            visible_releases.push(release.clone());
        }
    }
    let urls = BaseUrls::from_headers(&state.settings, &headers);
    let all = visible_releases.iter().map(|it| schemas::release(&state.settings, &urls, it)).collect();
    paginate(all, &paging, &urls.repo_url("/releases"))
}

/// `GET /repos/{owner}/{name}/releases/{id}`. A draft needs write access.
pub(crate) async fn show(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> HandlerResult {
    let mut state = shared.state();
    let release = state.releases.get_mut(&id).filter(|it| !it.draft || caller.may_write());
    let release = visible(release)?;
    let urls = BaseUrls::from_headers(&state.settings, &headers);
    ok(schemas::release(&state.settings, &urls, &release))
}

/// `GET /repos/{owner}/{name}/releases/tags/{tag}`. Never returns a draft, whatever the rights of the caller.
pub(crate) async fn show_by_tag(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, tag)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let mut state = shared.state();
    let release = visible(state.releases.values_mut().find(|it| it.tag == tag && !it.draft))?;
    let urls = BaseUrls::from_headers(&state.settings, &headers);
    ok(schemas::release(&state.settings, &urls, &release))
}

/// `GET /repos/{owner}/{name}/releases/latest`. Returns 404 if no release is marked as latest.
pub(crate) async fn show_latest(
    State(shared): State<Arc<ServerContext>>,
    headers: HeaderMap,
) -> HandlerResult {
    let state = shared.state();
    let release =
        state.latest_release.and_then(|it| state.releases.get(&it)).ok_or_else(ApiError::not_found)?;
    let urls = BaseUrls::from_headers(&state.settings, &headers);
    ok(schemas::release(&state.settings, &urls, release))
}

/// Returns whether a look-up sees the release, and counts the look-up: a release is invisible for a number of look-ups
/// after it was created or published (`visibility_lag`).
pub(crate) fn is_visible(release: &mut StoredRelease) -> bool {
    let visible = release.hidden_lookups == 0;
    release.hidden_lookups = release.hidden_lookups.saturating_sub(1);
    visible
}

/// Returns a copy of the release. The error is 404 if there is none, or if it is not visible yet.
fn visible(release: Option<&mut StoredRelease>) -> Result<StoredRelease, ApiError> {
    let release = release.ok_or_else(ApiError::not_found)?;
    if is_visible(release) { Ok(release.clone()) } else { Err(ApiError::not_found()) }
}

/// `POST /repos/{owner}/{name}/releases`. If a parameter is rejected, no release is created.
pub(crate) async fn create(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _)): Path<OwnerAndName>,
    headers: HeaderMap,
    Json(params): Json<ReleaseParams>,
) -> HandlerResult {
    caller.require_write()?;
    let tag = params.tag_name.clone().filter(|it| !it.is_empty());
    let tag = tag.ok_or_else(|| ApiError::invalid("Release", "tag_name", "missing_field"))?;
    if let Some(Some(_)) = params.body.as_ref().map(|it| it.chars().nth(MAX_BODY_CHARS)) {
        return Err(body_too_long());
    }
    let id = {
        let mut state = shared.state();
        let (id, now) = (state.next_id(), state.settings.now);
        let target = params.target_commitish.clone().unwrap_or_else(|| state.settings.default_branch.clone());
        let release = StoredRelease {
            id,
            tag,
            target_commitish: target,
            name: params.name.clone(),
            body: params.body.clone(),
            draft: true,
            prerelease: false,
            immutable: false,
            created_at: now,
            updated_at: now,
            published_at: None,
            assets: Vec::new(),
            hidden_lookups: state.settings.visibility_lag,
        };
        state.releases.insert(id, release);
        id
    };
    let params = ReleaseParams { tag_name: None, target_commitish: None, ..params };
    let draft = params.draft.unwrap_or(false);
    let result = apply_params(&shared, id, ReleaseParams { draft: Some(draft), ..params }).await;
    if result.is_err() {
        shared.state().releases.remove(&id);
    }
    result?;
    created(release_json(&shared, id, &headers)?)
}

/// `PATCH /repos/{owner}/{name}/releases/{id}`. Changing `draft` to false publishes the release.
pub(crate) async fn update(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
    Json(params): Json<ReleaseParams>,
) -> HandlerResult {
    caller.require_write()?;
    let exists = shared.state().releases.get_mut(&id).is_some_and(is_visible);
    if !exists {
        return Err(ApiError::not_found());
    }
    apply_params(&shared, id, params).await?;
    ok(release_json(&shared, id, &headers)?)
}

/// `DELETE /repos/{owner}/{name}/releases/{id}`. The tag of an immutable release can never be released again (F19).
pub(crate) async fn delete(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, id)): Path<(String, String, u64)>,
) -> HandlerResult {
    caller.require_write()?;
    let mut state = shared.state();
    let release = state.releases.remove(&id).ok_or_else(ApiError::not_found)?;
    if release.immutable {
        state.retired_tags.insert(release.tag);
    }
    if state.latest_release == Some(id) {
        state.latest_release = None;
    }
    no_content()
}

/// Returns a release in the shape of the API.
fn release_json(shared: &ServerContext, id: u64, headers: &HeaderMap) -> Result<Value, ApiError> {
    let state = shared.state();
    let urls = BaseUrls::from_headers(&state.settings, headers);
    let release = state.releases.get(&id).ok_or_else(ApiError::not_found)?;
    Ok(schemas::release(&state.settings, &urls, release))
}

fn body_too_long() -> ApiError {
    ApiError::invalid_because("Release", "body", "body is too long (maximum is 125000 characters)")
}

/// Applies the parameters to a release. If a check fails, the release stays unchanged.
///
/// A draft that becomes published is marked as latest unless `make_latest` says otherwise or it is a pre-release (F15),
/// and it becomes immutable if the setting is on (F18).
async fn apply_params(shared: &ServerContext, id: u64, params: ReleaseParams) -> Result<(), ApiError> {
    let before = shared.state().releases.get(&id).cloned().ok_or_else(ApiError::not_found)?;
    if params.body.as_ref().is_some_and(|it| it.chars().count() > MAX_BODY_CHARS) {
        return Err(body_too_long());
    }
    let mut after = before.clone();
    after.tag = params.tag_name.unwrap_or(after.tag);
    after.target_commitish = params.target_commitish.unwrap_or(after.target_commitish);
    after.name = params.name.or(after.name);
    after.body = params.body.or(after.body);
    after.prerelease = params.prerelease.unwrap_or(after.prerelease);
    after.draft = params.draft.unwrap_or(after.draft);
    let publishes = before.draft && !after.draft;
    let latest = params.make_latest.as_deref().unwrap_or(if publishes { "true" } else { "false" });
    if latest == "true" && params.make_latest.is_some() && (after.draft || after.prerelease) {
        let message = "make_latest cannot be true for a draft or prerelease";
        return Err(ApiError::invalid_because("Release", "make_latest", message));
    }
    if before.immutable && after.tag != before.tag {
        return Err(ApiError::invalid_because(
            "Release",
            "tag_name",
            "tag_name cannot be changed: immutable",
        ));
    }
    if publishes {
        require_publishable(shared, &after)?;
        create_missing_tag(shared, &after).await?;
        let immutable = shared.state().settings.immutable_releases;
        if immutable {
            git::freeze_tag(&shared.git_dir, &after.tag).await?;
        }
    }
    let mut state = shared.state();
    after.updated_at = state.settings.now;
    if publishes {
        after.published_at = Some(state.settings.now);
        after.hidden_lookups = state.settings.visibility_lag;
        after.immutable = state.settings.immutable_releases;
        if latest == "true" && !after.prerelease {
            state.latest_release = Some(id);
        }
    }
    state.releases.insert(id, after);
    Ok(())
}

/// Returns 422 if a draft cannot be published: its tag has another published release, or was the tag of a deleted
/// immutable release (F19).
fn require_publishable(shared: &ServerContext, release: &StoredRelease) -> Result<(), ApiError> {
    let state = shared.state();
    if state.retired_tags.contains(&release.tag) {
        return Err(ApiError::invalid_because(
            "Release",
            "tag_name",
            "tag_name was used by an immutable release",
        ));
    }
    match state.published_release(&release.tag) {
        Some(other) if other.id != release.id => {
            Err(ApiError::invalid("Release", "tag_name", "already_exists"))
        }
        _ => Ok(()),
    }
}

/// Creates a lightweight tag at `target_commitish` if the tag of the release does not exist (F13). Release tools must
/// not rely on that.
async fn create_missing_tag(shared: &ServerContext, release: &StoredRelease) -> Result<(), ApiError> {
    let name = format!("refs/tags/{}", release.tag);
    if git::resolve_ref(&shared.git_dir, &name).await?.is_some() {
        return Ok(());
    }
    let target =
        git::resolve_ref(&shared.git_dir, &format!("{}^{{commit}}", release.target_commitish)).await?;
    let target = target.ok_or_else(|| ApiError::invalid("Release", "target_commitish", "invalid"))?;
    let result = git::run_git(&shared.git_dir, &["update-ref", &name, &target, ""]).await?;
    result
        .map(drop)
        .ok_or_else(|| ApiError::invalid_because("Release", "tag_name", "tag_name is not a valid tag"))
}
