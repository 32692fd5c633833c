//! Releases: made as drafts, filled, published.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Paging, Refusal, created, no_content, ok, page};
use super::router::Caller;
use super::shape::{self, Place};
use super::state::Release;
use super::{Shared, git};

/// The longest text of a release, in characters (github.md F9).
const BODY_LIMIT: usize = 125_000;

/// What a release is made of or changed to.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    tag_name: Option<String>,
    target_commitish: Option<String>,
    name: Option<String>,
    body: Option<String>,
    draft: Option<bool>,
    prerelease: Option<bool>,
    make_latest: Option<String>,
}

type Repo = (String, String);

/// `GET /repos/{owner}/{name}/releases`: the newest first, drafts for those who may push.
pub(crate) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Answer {
    let mut state = shared.state();
    let mut seen = Vec::new();
    for release in state.releases.values_mut().rev() {
        if visible(release) && (!release.draft || caller.may_write()) {
            seen.push(release.clone());
        }
    }
    let place = Place::from_headers(&state.settings, &headers);
    let all = seen.iter().map(|it| shape::release(&state.settings, &place, it)).collect();
    page(all, &paging, &place.repo("/releases"))
}

/// `GET /repos/{owner}/{name}/releases/{id}`
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
) -> Answer {
    let mut state = shared.state();
    let release = state.releases.get_mut(&id).filter(|it| !it.draft || caller.may_write());
    let release = release.ok_or_else(Refusal::not_found)?;
    if !visible(release) {
        return Err(Refusal::not_found());
    }
    let release = release.clone();
    let place = Place::from_headers(&state.settings, &headers);
    ok(shape::release(&state.settings, &place, &release))
}

/// `GET /repos/{owner}/{name}/releases/tags/{tag}`: never a draft, for nobody.
pub(crate) async fn by_tag(
    State(shared): State<Arc<Shared>>,
    Path((_, _, tag)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let mut state = shared.state();
    let release = state.releases.values_mut().find(|it| it.tag == tag && !it.draft);
    let release = release.ok_or_else(Refusal::not_found)?;
    if !visible(release) {
        return Err(Refusal::not_found());
    }
    let release = release.clone();
    let place = Place::from_headers(&state.settings, &headers);
    ok(shape::release(&state.settings, &place, &release))
}

/// `GET /repos/{owner}/{name}/releases/latest`
pub(crate) async fn latest(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Answer {
    let state = shared.state();
    let release = state.latest.and_then(|it| state.releases.get(&it)).ok_or_else(Refusal::not_found)?;
    let place = Place::from_headers(&state.settings, &headers);
    ok(shape::release(&state.settings, &place, release))
}

/// Whether a request sees it. What was just created or published is not seen for a while.
pub(crate) fn visible(release: &mut Release) -> bool {
    let seen = release.hidden == 0;
    release.hidden = release.hidden.saturating_sub(1);
    seen
}

/// `POST /repos/{owner}/{name}/releases`
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _)): Path<Repo>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Answer {
    caller.must_write()?;
    let tag = wanted.tag_name.clone().filter(|it| !it.is_empty());
    let tag = tag.ok_or_else(|| Refusal::invalid("Release", "tag_name", "missing_field"))?;
    if let Some(Some(_)) = wanted.body.as_ref().map(|it| it.chars().nth(BODY_LIMIT)) {
        return Err(too_long());
    }
    let id = {
        let mut state = shared.state();
        let (id, now) = (state.id(), state.settings.now);
        let target = wanted.target_commitish.clone().unwrap_or_else(|| state.settings.default_branch.clone());
        let release = Release {
            id,
            tag,
            target,
            name: wanted.name.clone(),
            body: wanted.body.clone(),
            draft: true,
            prerelease: false,
            immutable: false,
            created: now,
            updated: now,
            published: None,
            assets: Vec::new(),
            hidden: state.settings.lag,
        };
        state.releases.insert(id, release);
        id
    };
    let wanted = Wanted { tag_name: None, target_commitish: None, ..wanted };
    let draft = wanted.draft.unwrap_or(false);
    let changed = change(&shared, id, Wanted { draft: Some(draft), ..wanted }).await;
    if changed.is_err() {
        shared.state().releases.remove(&id);
    }
    changed?;
    created(shown(&shared, id, &headers)?)
}

/// `PATCH /repos/{owner}/{name}/releases/{id}`
pub(crate) async fn edit(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Answer {
    caller.must_write()?;
    let seen = shared.state().releases.get_mut(&id).is_some_and(visible);
    if !seen {
        return Err(Refusal::not_found());
    }
    change(&shared, id, wanted).await?;
    ok(shown(&shared, id, &headers)?)
}

/// `DELETE /repos/{owner}/{name}/releases/{id}`: the tag of an immutable one can never be released again (F19).
pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, id)): Path<(String, String, u64)>,
) -> Answer {
    caller.must_write()?;
    let mut state = shared.state();
    let release = state.releases.remove(&id).ok_or_else(Refusal::not_found)?;
    if release.immutable {
        state.burned.insert(release.tag);
    }
    if state.latest == Some(id) {
        state.latest = None;
    }
    no_content()
}

fn shown(shared: &Shared, id: u64, headers: &HeaderMap) -> Result<Value, Refusal> {
    let state = shared.state();
    let place = Place::from_headers(&state.settings, headers);
    let release = state.releases.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(shape::release(&state.settings, &place, release))
}

fn too_long() -> Refusal {
    Refusal::invalid_because("Release", "body", "body is too long (maximum is 125000 characters)")
}

/// Changes a release, all or nothing.
async fn change(shared: &Shared, id: u64, wanted: Wanted) -> Result<(), Refusal> {
    let before = shared.state().releases.get(&id).cloned().ok_or_else(Refusal::not_found)?;
    if wanted.body.as_ref().is_some_and(|it| it.chars().count() > BODY_LIMIT) {
        return Err(too_long());
    }
    let mut after = before.clone();
    after.tag = wanted.tag_name.unwrap_or(after.tag);
    after.target = wanted.target_commitish.unwrap_or(after.target);
    after.name = wanted.name.or(after.name);
    after.body = wanted.body.or(after.body);
    after.prerelease = wanted.prerelease.unwrap_or(after.prerelease);
    after.draft = wanted.draft.unwrap_or(after.draft);
    let published = before.draft && !after.draft;
    let latest = wanted.make_latest.as_deref().unwrap_or(if published { "true" } else { "false" });
    if latest == "true" && wanted.make_latest.is_some() && (after.draft || after.prerelease) {
        let message = "make_latest cannot be true for a draft or prerelease";
        return Err(Refusal::invalid_because("Release", "make_latest", message));
    }
    if before.immutable && after.tag != before.tag {
        return Err(Refusal::invalid_because("Release", "tag_name", "tag_name cannot be changed: immutable"));
    }
    if published {
        publishable(shared, &after)?;
        make_tag(shared, &after).await?;
        let immutable = shared.state().settings.immutable;
        if immutable {
            git::freeze(&shared.bare, &after.tag).await?;
        }
    }
    let mut state = shared.state();
    after.updated = state.settings.now;
    if published {
        after.published = Some(state.settings.now);
        after.hidden = state.settings.lag;
        after.immutable = state.settings.immutable;
        if latest == "true" && !after.prerelease {
            state.latest = Some(id);
        }
    }
    state.releases.insert(id, after);
    Ok(())
}

/// Whether a draft may be published: its tag has no other release, and is not burned.
fn publishable(shared: &Shared, release: &Release) -> Result<(), Refusal> {
    let state = shared.state();
    if state.burned.contains(&release.tag) {
        return Err(Refusal::invalid_because(
            "Release",
            "tag_name",
            "tag_name was used by an immutable release",
        ));
    }
    match state.published(&release.tag) {
        Some(other) if other.id != release.id => {
            Err(Refusal::invalid("Release", "tag_name", "already_exists"))
        }
        _ => Ok(()),
    }
}

/// Makes the tag where there is none: a lightweight one, which is what a release tool must not rely on (F13).
async fn make_tag(shared: &Shared, release: &Release) -> Result<(), Refusal> {
    let name = format!("refs/tags/{}", release.tag);
    if git::reference(&shared.bare, &name).await?.is_some() {
        return Ok(());
    }
    let target = git::reference(&shared.bare, &format!("{}^{{commit}}", release.target)).await?;
    let target = target.ok_or_else(|| Refusal::invalid("Release", "target_commitish", "invalid"))?;
    let made = git::ask(&shared.bare, &["update-ref", &name, &target, ""]).await?;
    made.map(drop)
        .ok_or_else(|| Refusal::invalid_because("Release", "tag_name", "tag_name is not a valid tag"))
}
