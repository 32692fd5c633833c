//! The few GraphQL queries that `gh` makes of releases, known by the names that it gives them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, ok};
use super::router::Caller;
use super::{Shared, git};

/// A query.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    query: String,
    #[serde(default)]
    variables: Value,
}

/// `POST /graphql`
pub(crate) async fn query(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    _: HeaderMap,
    Json(asked): Json<Asked>,
) -> Answer {
    let variable = |name: &str| asked.variables[name].as_str().unwrap_or_default().to_owned();
    if asked.query.contains("RepositoryFindRef") {
        let tag = variable("tagName");
        let object = git::reference(&shared.bare, &tag).await?;
        return ok(
            json!({ "data": { "repository": { "ref": object.map(|it| json!({ "id": format!("REF_{it}") })) } } }),
        );
    }
    if asked.query.contains("RepositoryReleaseByTag") {
        let tag = variable("tagName");
        let state = shared.state();
        let mut found =
            state.releases.values().filter(|it| it.tag == tag && (!it.draft || caller.may_write()));
        let release = found.next().map(|it| json!({ "databaseId": it.id, "isDraft": it.draft }));
        return ok(json!({ "data": { "repository": { "release": release } } }));
    }
    if asked.query.contains("__type") {
        let fields: Vec<Value> =
            ["isDraft", "isLatest", "immutable"].iter().map(|it| json!({ "name": it })).collect();
        return ok(json!({ "data": { "Release": { "fields": fields } } }));
    }
    let message = "this GitHub on loopback does not know that query";
    ok(json!({ "data": null, "errors": [{ "type": "UNKNOWN", "message": message }] }))
}
