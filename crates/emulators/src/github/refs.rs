//! Git references and tag objects, read from the bare repository.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use model::base::url;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::CallerRole;
use super::context::ServerContext;
use super::git;
use super::response::{ApiError, HandlerResult, created, no_content, ok};
use super::schemas::BaseUrls;

/// `GET .../git/ref/{name}`. The name has no `refs/`, as in `tags/server/v0.1.0`.
pub(crate) async fn show(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let urls = BaseUrls::from_headers(&shared.state().settings, &headers);
    let full = format!("refs/{name}");
    let object = git::resolve_ref(&shared.git_dir, &full).await?.ok_or_else(ApiError::not_found)?;
    ok(ref_json(&shared, &urls, &full, &object).await?)
}

/// `GET .../git/matching-refs/{name}`. Returns all references that begin with the name.
pub(crate) async fn list_matching(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let urls = BaseUrls::from_headers(&shared.state().settings, &headers);
    let listed =
        git::run_git(&shared.git_dir, &["for-each-ref", "--format=%(objectname) %(refname)"]).await?;
    let mut matching_refs = Vec::new();
    for line in listed.unwrap_or_default().lines() {
        if let Some((object, full)) = line.split_once(' ')
            && full.starts_with(&format!("refs/{name}"))
        {
            matching_refs.push(ref_json(&shared, &urls, full, object).await?);
        }
    }
    ok(Value::Array(matching_refs))
}

/// Returns a reference in the shape `git-ref`. `full` begins with `refs/`.
async fn ref_json(
    shared: &ServerContext,
    urls: &BaseUrls,
    full: &str,
    object: &str,
) -> Result<Value, ApiError> {
    let kind = git::run_git(&shared.git_dir, &["cat-file", "-t", object]).await?.unwrap_or_default();
    Ok(json!({
        "ref": full,
        "node_id": format!("REF_{object}"),
        "url": urls.repo_url(&format!("/git/{}", url::encode_path(full))),
        "object": object_json(urls, object, &kind),
    }))
}

/// Returns the `object` of a reference or tag. `kind` is the object type, such as `commit`.
fn object_json(urls: &BaseUrls, object: &str, kind: &str) -> Value {
    json!({ "sha": object, "type": kind, "url": urls.repo_url(&format!("/git/{kind}s/{object}")) })
}

/// `GET .../git/tags/{id}`. Returns a tag object. The signature is split off, but not verified: `reason` is
/// `unknown_key` or `unsigned`.
pub(crate) async fn show_tag(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> HandlerResult {
    let urls = BaseUrls::from_headers(&shared.state().settings, &headers);
    let text =
        git::run_git(&shared.git_dir, &["cat-file", "tag", &id]).await?.ok_or_else(ApiError::not_found)?;
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let field = |name: &str| head.lines().find_map(|it| it.strip_prefix(name)).unwrap_or_default().to_owned();
    let tagger = field("tagger ");
    let (person, time) = tagger.split_once("> ").unwrap_or((&tagger, "0"));
    let (name, email) = person.split_once(" <").unwrap_or((person, ""));
    let time = time.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0);
    let signature_start = message.find("-----BEGIN ");
    let signature = signature_start.map(|at| message[at..].to_owned());
    ok(json!({
        "node_id": format!("T_{id}"),
        "tag": field("tag "),
        "sha": id,
        "url": urls.repo_url(&format!("/git/tags/{id}")),
        "message": signature_start.map_or(message, |at| &message[..at]),
        "tagger": { "name": name, "email": email, "date": model::base::time::format_rfc3339(time) },
        "object": object_json(&urls, &field("object "), &field("type ")),
        "verification": {
            "verified": false,
            "reason": if signature.is_some() { "unknown_key" } else { "unsigned" },
            "signature": signature,
            "payload": signature_start.map(|at| text[..text.len() - (message.len() - at)].to_owned()),
            "verified_at": null,
        },
    }))
}

/// The body of a request that creates a reference.
#[derive(Debug, Deserialize)]
pub(crate) struct CreateRefParams {
    r#ref: String,
    sha: String,
}

/// `POST .../git/refs`. An existing reference is rejected with 422.
pub(crate) async fn create(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    headers: HeaderMap,
    Json(params): Json<CreateRefParams>,
) -> HandlerResult {
    caller.require_write()?;
    let urls = BaseUrls::from_headers(&shared.state().settings, &headers);
    let name = params.r#ref;
    if git::resolve_ref(&shared.git_dir, &name).await?.is_some() {
        return Err(ApiError::invalid_because("Reference", "ref", "Reference already exists"));
    }
    let result = git::run_git(&shared.git_dir, &["update-ref", &name, &params.sha, ""]).await?;
    result.ok_or_else(|| ApiError::invalid_because("Reference", "sha", "Object does not exist"))?;
    created(ref_json(&shared, &urls, &name, &params.sha).await?)
}

/// `DELETE .../git/refs/{name}`. The tag of an immutable release cannot be deleted (F19).
pub(crate) async fn delete(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Path((_, _, name)): Path<(String, String, String)>,
) -> HandlerResult {
    caller.require_write()?;
    let full = format!("refs/{name}");
    git::resolve_ref(&shared.git_dir, &full)
        .await?
        .ok_or_else(|| ApiError::invalid_because("Reference", "ref", "Reference does not exist"))?;
    if git::is_frozen(&shared.git_dir, &full).await {
        return Err(ApiError::invalid_because(
            "Reference",
            "ref",
            "Cannot delete the tag of an immutable release",
        ));
    }
    git::run_git(&shared.git_dir, &["update-ref", "-d", &full]).await?;
    redraft_untagged_releases(&shared).await?;
    no_content()
}

/// Turns published releases whose tag does not exist any more into drafts (F17).
pub(crate) async fn redraft_untagged_releases(shared: &ServerContext) -> Result<(), ApiError> {
    let listed =
        git::run_git(&shared.git_dir, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags"]).await?;
    let listed = listed.unwrap_or_default();
    let tags: std::collections::BTreeSet<&str> = listed.lines().collect();
    for release in shared.state().releases.values_mut() {
        if !release.draft && !tags.contains(release.tag.as_str()) {
            release.draft = true;
            release.published_at = None;
        }
    }
    Ok(())
}
