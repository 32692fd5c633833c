//! What workflows leave behind: attestations and runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use model::time::rfc3339;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Paging, Refusal, created, ok};
use super::router::Caller;
use super::shape::{self, Place};
use super::state::Settings;
use super::{Shared, repository};

/// A run of a workflow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) id: u64,
    pub(crate) workflow: &'a str,
    pub(crate) tag: &'a str,
    pub(crate) commit: &'a str,
    pub(crate) conclusion: Option<&'a str>,
}

/// A run in the shape `workflow-run`.
pub(crate) fn run(settings: &Settings, place: &Place, it: &Run<'_>) -> Value {
    let url = place.repo(&format!("/actions/runs/{}", it.id));
    let time = rfc3339(settings.now);
    let repository = repository::repository(settings, place, Caller::Anonymous);
    let author = json!({ "name": "Ada Example", "email": "ada@example.com" });
    json!({
        "id": it.id,
        "node_id": shape::node("WFR", it.id),
        "head_branch": it.tag,
        "head_sha": it.commit,
        "path": format!(".github/workflows/{}", it.workflow),
        "display_title": it.tag,
        "run_number": 1,
        "event": "push",
        "status": if it.conclusion.is_some() { "completed" } else { "in_progress" },
        "conclusion": it.conclusion,
        "workflow_id": it.workflow.bytes().map(u64::from).sum::<u64>(),
        "check_suite_url": place.repo(&format!("/check-suites/{}", it.id)),
        "url": url,
        "html_url": format!("{}{}/actions/runs/{}", place.web, place.repository, it.id),
        "pull_requests": [],
        "created_at": time,
        "updated_at": time,
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "artifacts_url": format!("{url}/artifacts"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "workflow_url": place.repo(&format!("/actions/workflows/{}", it.workflow)),
        "head_commit": {
            "id": it.commit,
            "tree_id": it.commit,
            "message": it.tag,
            "timestamp": time,
            "author": author,
            "committer": author,
        },
        "repository": repository,
        "head_repository": repository,
    })
}

/// A bundle that is handed in.
#[derive(Debug, Deserialize)]
pub(crate) struct Handed {
    bundle: Value,
}

/// `POST .../attestations`: a Sigstore bundle, filed under every subject of its statement.
pub(crate) async fn attest(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Json(handed): Json<Handed>,
) -> Answer {
    caller.must_write()?;
    let subjects = subjects(&handed.bundle).ok_or_else(|| {
        Refusal::invalid_because("Attestation", "bundle", "bundle has no statement with subjects")
    })?;
    let mut state = shared.state();
    let id = state.id();
    for digest in subjects {
        state.attestations.entry(digest).or_default().push((id, handed.bundle.clone()));
    }
    created(json!({ "id": id }))
}

/// The digests of a bundle's subjects, as `algorithm:hex`.
fn subjects(bundle: &Value) -> Option<Vec<String>> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let payload = BASE64_STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str()?).ok()?;
    let statement: Value = serde_json::from_slice(&payload).ok()?;
    let mut digests = Vec::new();
    for subject in statement["subject"].as_array()? {
        for (algorithm, hex) in subject["digest"].as_object()? {
            digests.push(format!("{algorithm}:{}", hex.as_str()?));
        }
    }
    (!digests.is_empty()).then_some(digests)
}

/// `GET .../attestations/{digest}`, which anybody may ask of a public repository.
pub(crate) async fn attestations(
    State(shared): State<Arc<Shared>>,
    Path((_, _, digest)): Path<(String, String, String)>,
) -> Answer {
    let state = shared.state();
    let found = state.attestations.get(&digest).ok_or_else(Refusal::not_found)?;
    let shown = |(_, bundle): &(u64, Value)| json!({ "bundle": bundle, "repository_id": 424_242 });
    ok(json!({ "attestations": found.iter().map(shown).collect::<Vec<_>>() }))
}

/// `GET .../actions/runs`
pub(crate) async fn runs(State(shared): State<Arc<Shared>>, Query(_): Query<Paging>) -> Answer {
    let state = shared.state();
    ok(json!({ "total_count": state.runs.len(), "workflow_runs": state.runs }))
}

/// `GET .../actions/workflows/{file}/runs`
pub(crate) async fn runs_of(
    State(shared): State<Arc<Shared>>,
    Path((_, _, file)): Path<(String, String, String)>,
) -> Answer {
    let state = shared.state();
    let path = format!(".github/workflows/{file}");
    let runs: Vec<&Value> = state.runs.iter().filter(|it| it["path"] == path).collect();
    ok(json!({ "total_count": runs.len(), "workflow_runs": runs }))
}
