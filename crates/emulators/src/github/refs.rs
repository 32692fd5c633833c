//! References and tag objects, as the repository behind has them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use model::base::url;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Refusal, created, no_content, ok};
use super::router::Caller;
use super::shape::Place;
use super::{Shared, git};

/// `GET .../git/ref/{name}`, as in `tags/server/v0.1.0`.
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    Path((_, _, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let place = Place::from_headers(&shared.state().settings, &headers);
    let full = format!("refs/{name}");
    let object = git::reference(&shared.bare, &full).await?.ok_or_else(Refusal::not_found)?;
    ok(reference(&shared, &place, &full, &object).await?)
}

/// `GET .../git/matching-refs/{name}`: those that begin with it.
pub(crate) async fn matching(
    State(shared): State<Arc<Shared>>,
    Path((_, _, name)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let place = Place::from_headers(&shared.state().settings, &headers);
    let listed = git::ask(&shared.bare, &["for-each-ref", "--format=%(objectname) %(refname)"]).await?;
    let mut found = Vec::new();
    for line in listed.unwrap_or_default().lines() {
        if let Some((object, full)) = line.split_once(' ')
            && full.starts_with(&format!("refs/{name}"))
        {
            found.push(reference(&shared, &place, full, object).await?);
        }
    }
    ok(Value::Array(found))
}

async fn reference(shared: &Shared, place: &Place, full: &str, object: &str) -> Result<Value, Refusal> {
    let kind = git::ask(&shared.bare, &["cat-file", "-t", object]).await?.unwrap_or_default();
    Ok(json!({
        "ref": full,
        "node_id": format!("REF_{object}"),
        "url": place.repo(&format!("/git/{}", url::encode_path(full))),
        "object": object_of(place, object, &kind),
    }))
}

fn object_of(place: &Place, object: &str, kind: &str) -> Value {
    json!({ "sha": object, "type": kind, "url": place.repo(&format!("/git/{kind}s/{object}")) })
}

/// `GET .../git/tags/{id}`: a tag object, with what GitHub makes of its signature: here, nothing.
pub(crate) async fn tag(
    State(shared): State<Arc<Shared>>,
    Path((_, _, id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Answer {
    let place = Place::from_headers(&shared.state().settings, &headers);
    let text = git::ask(&shared.bare, &["cat-file", "tag", &id]).await?.ok_or_else(Refusal::not_found)?;
    let (head, message) = text.split_once("\n\n").unwrap_or((&text, ""));
    let field = |name: &str| head.lines().find_map(|it| it.strip_prefix(name)).unwrap_or_default().to_owned();
    let tagger = field("tagger ");
    let (person, time) = tagger.split_once("> ").unwrap_or((&tagger, "0"));
    let (name, email) = person.split_once(" <").unwrap_or((person, ""));
    let time = time.split(' ').next().and_then(|it| it.parse().ok()).unwrap_or(0);
    let begins = message.find("-----BEGIN ");
    let signature = begins.map(|at| message[at..].to_owned());
    ok(json!({
        "node_id": format!("T_{id}"),
        "tag": field("tag "),
        "sha": id,
        "url": place.repo(&format!("/git/tags/{id}")),
        "message": begins.map_or(message, |at| &message[..at]),
        "tagger": { "name": name, "email": email, "date": model::base::time::format_rfc3339(time) },
        "object": object_of(&place, &field("object "), &field("type ")),
        "verification": {
            "verified": false,
            "reason": if signature.is_some() { "unknown_key" } else { "unsigned" },
            "signature": signature,
            "payload": begins.map(|at| text[..text.len() - (message.len() - at)].to_owned()),
            "verified_at": null,
        },
    }))
}

/// A reference that is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    r#ref: String,
    sha: String,
}

/// `POST .../git/refs`
pub(crate) async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    Json(wanted): Json<Wanted>,
) -> Answer {
    caller.must_write()?;
    let place = Place::from_headers(&shared.state().settings, &headers);
    let name = wanted.r#ref;
    if git::reference(&shared.bare, &name).await?.is_some() {
        return Err(Refusal::invalid_because("Reference", "ref", "Reference already exists"));
    }
    let made = git::ask(&shared.bare, &["update-ref", &name, &wanted.sha, ""]).await?;
    made.ok_or_else(|| Refusal::invalid_because("Reference", "sha", "Object does not exist"))?;
    created(reference(&shared, &place, &name, &wanted.sha).await?)
}

/// `DELETE .../git/refs/{name}`
pub(crate) async fn delete(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Path((_, _, name)): Path<(String, String, String)>,
) -> Answer {
    caller.must_write()?;
    let full = format!("refs/{name}");
    git::reference(&shared.bare, &full)
        .await?
        .ok_or_else(|| Refusal::invalid_because("Reference", "ref", "Reference does not exist"))?;
    if git::is_frozen(&shared.bare, &full).await {
        return Err(Refusal::invalid_because(
            "Reference",
            "ref",
            "Cannot delete the tag of an immutable release",
        ));
    }
    git::ask(&shared.bare, &["update-ref", "-d", &full]).await?;
    tags_changed(&shared).await?;
    no_content()
}

/// What follows from tags that are gone: their releases are drafts again (F17).
pub(crate) async fn tags_changed(shared: &Shared) -> Result<(), Refusal> {
    let listed =
        git::ask(&shared.bare, &["for-each-ref", "--format=%(refname:lstrip=2)", "refs/tags"]).await?;
    let listed = listed.unwrap_or_default();
    let tags: std::collections::BTreeSet<&str> = listed.lines().collect();
    for release in shared.state().releases.values_mut() {
        if !release.draft && !tags.contains(release.tag.as_str()) {
            release.draft = true;
            release.published = None;
        }
    }
    Ok(())
}
