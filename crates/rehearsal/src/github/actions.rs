//! What workflows leave behind: attestations and runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Shared;
use super::answer::{Answer, Paging, Refusal, created, ok};
use super::router::Caller;

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
