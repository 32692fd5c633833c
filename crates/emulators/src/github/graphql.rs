//! The few GraphQL queries that `gh` sends about releases. They are recognized by a name in their text, usually the name
//! of the operation.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::CallerRole;
use super::context::ServerContext;
use super::git;
use super::response::{HandlerResult, ok};

/// A GraphQL request.
#[derive(Debug, Deserialize)]
pub(crate) struct GraphQlQuery {
    query: String,
    #[serde(default)]
    variables: Value,
}

/// `POST /graphql`. An unknown query gets an `errors` list with status 200, as GraphQL servers do.
pub(crate) async fn execute(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    _: HeaderMap,
    Json(request): Json<GraphQlQuery>,
) -> HandlerResult {
    let variable = |name: &str| request.variables[name].as_str().unwrap_or_default().to_owned();
    if request.query.contains("RepositoryFindRef") {
        let tag = variable("tagName");
        let object = git::resolve_ref(&shared.git_dir, &tag).await?;
        return ok(
            json!({ "data": { "repository": { "ref": object.map(|it| json!({ "id": format!("REF_{it}") })) } } }),
        );
    }
    if request.query.contains("RepositoryReleaseByTag") {
        let tag = variable("tagName");
        let state = shared.state();
        let mut matching =
            state.releases.values().filter(|it| it.tag == tag && (!it.draft || caller.may_write()));
        let release = matching.next().map(|it| json!({ "databaseId": it.id, "isDraft": it.draft }));
        return ok(json!({ "data": { "repository": { "release": release } } }));
    }
    if request.query.contains("__type") {
        let fields: Vec<Value> =
            ["isDraft", "isLatest", "immutable"].iter().map(|it| json!({ "name": it })).collect();
        return ok(json!({ "data": { "Release": { "fields": fields } } }));
    }
    let message = "the emulated GitHub does not support this query";
    ok(json!({ "data": null, "errors": [{ "type": "UNKNOWN", "message": message }] }))
}
