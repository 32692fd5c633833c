//! Attestations and workflow runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse as _;
use model::base::time::format_rfc3339;
use serde::Deserialize;
use serde_json::{Value, json};

use super::caller::CallerRole;
use super::context::ServerContext;
use super::repository;
use super::response::{ApiError, HandlerResult, PageParams, created, ok};
use super::schemas::{self, BaseUrls};
use super::state::{GitHubSettings, ServerState as Remembered, StoredAttestation};

/// The fields of a workflow run that differ from run to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WorkflowRunFields<'a> {
    pub(crate) id: u64,
    pub(crate) workflow: &'a str,
    pub(crate) tag: &'a str,
    pub(crate) commit: &'a str,
    /// The result, such as `success`. `None` while the run is in progress.
    pub(crate) conclusion: Option<&'a str>,
}

/// Returns a workflow run in the shape `workflow-run`, started by a push of the tag.
pub(crate) fn workflow_run(settings: &GitHubSettings, urls: &BaseUrls, run: &WorkflowRunFields<'_>) -> Value {
    let url = urls.repo_url(&format!("/actions/runs/{}", run.id));
    let time = format_rfc3339(settings.now);
    let repository = repository::full_repository(settings, urls, CallerRole::Anonymous);
    let author = json!({ "name": "Ada Example", "email": "ada@example.com" });
    json!({
        "id": run.id,
        "node_id": schemas::node_id("WFR", run.id),
        "head_branch": run.tag,
        "head_sha": run.commit,
        "path": format!(".github/workflows/{}", run.workflow),
        "display_title": run.tag,
        "run_number": 1,
        "event": "push",
        "status": if run.conclusion.is_some() { "completed" } else { "in_progress" },
        "conclusion": run.conclusion,
        "workflow_id": run.workflow.bytes().map(u64::from).sum::<u64>(),
        "check_suite_url": urls.repo_url(&format!("/check-suites/{}", run.id)),
        "url": url,
        "html_url": format!("{}{}/actions/runs/{}", urls.web_url, urls.repository_path, run.id),
        "pull_requests": [],
        "created_at": time,
        "updated_at": time,
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "artifacts_url": format!("{url}/artifacts"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "workflow_url": urls.repo_url(&format!("/actions/workflows/{}", run.workflow)),
        "head_commit": {
            "id": run.commit,
            "tree_id": run.commit,
            "message": run.tag,
            "timestamp": time,
            "author": author,
            "committer": author,
        },
        "repository": repository,
        "head_repository": repository,
    })
}

/// The body of a request that creates an attestation.
#[derive(Debug, Deserialize)]
pub(crate) struct AttestationParams {
    bundle: Value,
}

/// `POST .../attestations`. Stores a Sigstore bundle under the digest of every subject of its statement.
pub(crate) async fn create_attestation(
    State(shared): State<Arc<ServerContext>>,
    caller: CallerRole,
    Json(params): Json<AttestationParams>,
) -> HandlerResult {
    caller.require_write()?;
    let id = store_attestation(&mut shared.state(), &params.bundle.to_string(), "user");
    let id = id.ok_or_else(|| {
        ApiError::invalid_because("Attestation", "bundle", "bundle has no statement with subjects")
    })?;
    created(json!({ "id": id }))
}

/// Stores a bundle under the digest of every subject of its statement, and returns its ID. `None` if it has no
/// statement with subjects.
pub(crate) fn store_attestation(state: &mut Remembered, text: &str, initiator: &'static str) -> Option<u64> {
    let statement = decode_statement(&serde_json::from_str(text).ok()?)?;
    let digests = subject_digests(&statement)?;
    let predicate_type = statement["predicateType"].as_str().unwrap_or_default().to_owned();
    let id = state.next_id();
    for digest in digests {
        let attestation = StoredAttestation {
            id,
            text: text.to_owned(),
            predicate_type: predicate_type.clone(),
            initiator,
        };
        state.attestations.entry(digest).or_default().push(attestation);
    }
    Some(id)
}

/// Returns the statement in the DSSE envelope of a bundle. `None` if there is no envelope or its payload is not JSON.
fn decode_statement(bundle: &Value) -> Option<Value> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let payload = BASE64_STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str()?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// Returns the digests of the subjects of a statement, as `algorithm:hex`. `None` if there are none.
fn subject_digests(statement: &Value) -> Option<Vec<String>> {
    let mut digests = Vec::new();
    for subject in statement["subject"].as_array()? {
        for (algorithm, hex) in subject["digest"].as_object()? {
            digests.push(format!("{algorithm}:{}", hex.as_str()?));
        }
    }
    (!digests.is_empty()).then_some(digests)
}

/// The query parameters of a list of attestations. `after` is the ID of the last attestation of the previous page.
#[derive(Debug, Deserialize)]
pub(crate) struct AttestationListParams {
    per_page: Option<usize>,
    after: Option<u64>,
    predicate_type: Option<String>,
}

impl AttestationListParams {
    /// Returns whether an attestation has the requested predicate type. `provenance`, `sbom` and `release` are short
    /// for groups of predicate types; any other value is compared exactly.
    fn matches(&self, attestation: &StoredAttestation) -> bool {
        let family = |it: &str| attestation.predicate_type.contains(it);
        match self.predicate_type.as_deref() {
            None => true,
            Some("provenance") => family("/provenance/"),
            Some("sbom") => family("spdx") || family("cyclonedx"),
            Some("release") => family("/attestation/release/"),
            Some(other) => attestation.predicate_type == other,
        }
    }
}

/// `GET .../attestations/{digest}`. Needs no credentials for a public repository. `bundle_url` is the URL of each
/// bundle as a snappy block; `bundle` itself is null since July 2026 (aaif-goose/goose#10556).
pub(crate) async fn list_attestations(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, digest)): Path<(String, String, String)>,
    Query(params): Query<AttestationListParams>,
) -> HandlerResult {
    let state = shared.state();
    let stored = state.attestations.get(&digest).ok_or_else(ApiError::not_found)?;
    let per_page = params.per_page.unwrap_or(30).clamp(1, 100);
    let rest =
        stored.iter().filter(|it| params.matches(it) && params.after.is_none_or(|after| it.id > after));
    let page: Vec<&StoredAttestation> = rest.clone().take(per_page).collect();
    let inline = state.settings.inline_bundles;
    let to_json = |it: &&StoredAttestation| {
        let bundle = if inline { serde_json::from_str(&it.text).unwrap_or_default() } else { Value::Null };
        let address = format!("http://{}/bundles/{}.json.sn?sig=invented", shared.storage_address, it.id);
        json!({
            "bundle": bundle,
            "bundle_url": if inline { "" } else { &address },
            "initiator": it.initiator,
            "repository_id": REPOSITORY_ID,
        })
    };
    let body = json!({ "attestations": page.iter().map(to_json).collect::<Vec<_>>() });
    let mut response = ok(body)?;
    if let (Some(last), true) = (page.last(), rest.count() > per_page) {
        let urls = BaseUrls::new(&state.settings, &shared.api_address);
        let kind = params.predicate_type.map_or(String::new(), |it| format!("&predicate_type={it}"));
        let path =
            urls.repo_url(&format!("/attestations/{digest}?per_page={per_page}&after={}{kind}", last.id));
        let link = format!("<{path}>; rel=\"next\"");
        let link = link.parse().map_err(|_| ApiError::internal_error("the Link header is invalid"))?;
        response.headers_mut().insert(axum::http::header::LINK, link);
    }
    Ok(response)
}

/// The numeric ID of the repository.
pub(crate) const REPOSITORY_ID: u64 = 424_242;

/// `GET /bundles/{id}.json.sn` on the host that assets are downloaded from. Needs no credentials, only the URL.
pub(crate) async fn download_bundle(
    State(shared): State<Arc<ServerContext>>,
    Path(name): Path<String>,
) -> HandlerResult {
    let id = name.strip_suffix(".json.sn").and_then(|it| it.parse::<u64>().ok());
    let state = shared.state();
    let attestation = state.attestations.values().flatten().find(|it| Some(it.id) == id);
    let text = &attestation.ok_or_else(ApiError::not_found)?.text;
    let compressed = snap::raw::Encoder::new().compress_vec(text.as_bytes());
    let compressed = compressed.map_err(|error| ApiError::internal_error(&error.to_string()))?;
    Ok(([(axum::http::header::CONTENT_TYPE, "application/x-snappy")], compressed).into_response())
}

/// `GET .../actions/runs`. Returns all runs on one page.
pub(crate) async fn list_runs(
    State(shared): State<Arc<ServerContext>>,
    Query(_): Query<PageParams>,
) -> HandlerResult {
    let state = shared.state();
    ok(json!({ "total_count": state.workflow_runs.len(), "workflow_runs": state.workflow_runs }))
}

/// `GET .../actions/workflows/{file}/runs`. Returns all runs of one workflow on one page.
pub(crate) async fn list_workflow_runs(
    State(shared): State<Arc<ServerContext>>,
    Path((_, _, file)): Path<(String, String, String)>,
) -> HandlerResult {
    let state = shared.state();
    let path = format!(".github/workflows/{file}");
    let runs: Vec<&Value> = state.workflow_runs.iter().filter(|it| it["path"] == path).collect();
    ok(json!({ "total_count": runs.len(), "workflow_runs": runs }))
}
