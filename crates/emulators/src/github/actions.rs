//! What workflows leave behind: attestations and runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse as _;
use model::base::time::format_rfc3339;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Paging, Refusal, created, ok};
use super::router::Caller;
use super::shape::{self, Place};
use super::state::{Settings, State as Remembered};
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
    let time = format_rfc3339(settings.now);
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

/// A bundle that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) id: u64,
    /// Its text, as it came.
    pub(crate) text: String,
    predicate_type: String,
    /// `user`, or `github` for what GitHub itself attests.
    initiator: &'static str,
}

/// `POST .../attestations`: a Sigstore bundle, filed under every subject of its statement.
pub(crate) async fn attest(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    Json(handed): Json<Handed>,
) -> Answer {
    caller.must_write()?;
    let id = keep(&mut shared.state(), &handed.bundle.to_string(), "user");
    let id = id.ok_or_else(|| {
        Refusal::invalid_because("Attestation", "bundle", "bundle has no statement with subjects")
    })?;
    created(json!({ "id": id }))
}

/// Files a bundle under every subject of its statement; none where it has no statement with subjects.
pub(crate) fn keep(state: &mut Remembered, text: &str, initiator: &'static str) -> Option<u64> {
    let statement = statement(&serde_json::from_str(text).ok()?)?;
    let digests = subjects(&statement)?;
    let predicate_type = statement["predicateType"].as_str().unwrap_or_default().to_owned();
    let id = state.id();
    for digest in digests {
        let kept = Kept { id, text: text.to_owned(), predicate_type: predicate_type.clone(), initiator };
        state.attestations.entry(digest).or_default().push(kept);
    }
    Some(id)
}

fn statement(bundle: &Value) -> Option<Value> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let payload = BASE64_STANDARD.decode(bundle["dsseEnvelope"]["payload"].as_str()?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The digests of a statement's subjects, as `algorithm:hex`.
fn subjects(statement: &Value) -> Option<Vec<String>> {
    let mut digests = Vec::new();
    for subject in statement["subject"].as_array()? {
        for (algorithm, hex) in subject["digest"].as_object()? {
            digests.push(format!("{algorithm}:{}", hex.as_str()?));
        }
    }
    (!digests.is_empty()).then_some(digests)
}

/// What a list of attestations is asked for.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    per_page: Option<usize>,
    after: Option<u64>,
    predicate_type: Option<String>,
}

impl Wanted {
    /// `provenance`, `sbom` and `release` stand for families of predicate types; anything else is one.
    fn is(&self, kept: &Kept) -> bool {
        let family = |it: &str| kept.predicate_type.contains(it);
        match self.predicate_type.as_deref() {
            None => true,
            Some("provenance") => family("/provenance/"),
            Some("sbom") => family("spdx") || family("cyclonedx"),
            Some("release") => family("/attestation/release/"),
            Some(other) => kept.predicate_type == other,
        }
    }
}

/// `GET .../attestations/{digest}`, which anybody may ask of a public repository. Bundles are to be had at an address of
/// their own, in a snappy block; since July 2026 they are null here (aaif-goose/goose#10556).
pub(crate) async fn attestations(
    State(shared): State<Arc<Shared>>,
    Path((_, _, digest)): Path<(String, String, String)>,
    Query(wanted): Query<Wanted>,
) -> Answer {
    let state = shared.state();
    let found = state.attestations.get(&digest).ok_or_else(Refusal::not_found)?;
    let per_page = wanted.per_page.unwrap_or(30).clamp(1, 100);
    let rest = found.iter().filter(|it| wanted.is(it) && wanted.after.is_none_or(|after| it.id > after));
    let page: Vec<&Kept> = rest.clone().take(per_page).collect();
    let inline = state.settings.inline_bundles;
    let shown = |it: &&Kept| {
        let bundle = if inline { serde_json::from_str(&it.text).unwrap_or_default() } else { Value::Null };
        let address = format!("http://{}/bundles/{}.json.sn?sig=invented", shared.storage, it.id);
        json!({
            "bundle": bundle,
            "bundle_url": if inline { "" } else { &address },
            "initiator": it.initiator,
            "repository_id": REPOSITORY_ID,
        })
    };
    let body = json!({ "attestations": page.iter().map(shown).collect::<Vec<_>>() });
    let mut answer = ok(body)?;
    if let (Some(last), true) = (page.last(), rest.count() > per_page) {
        let place = Place::new(&state.settings, &shared.address);
        let kind = wanted.predicate_type.map_or(String::new(), |it| format!("&predicate_type={it}"));
        let path = place.repo(&format!("/attestations/{digest}?per_page={per_page}&after={}{kind}", last.id));
        let link = format!("<{path}>; rel=\"next\"");
        let link = link.parse().map_err(|_| Refusal::broken("no link can be made of it"))?;
        answer.headers_mut().insert(axum::http::header::LINK, link);
    }
    Ok(answer)
}

/// The number of the repository.
pub(crate) const REPOSITORY_ID: u64 = 424_242;

/// `GET /bundles/{id}.json.sn` of the host that assets are downloaded from: whoever has the address may ask.
pub(crate) async fn bundle(State(shared): State<Arc<Shared>>, Path(name): Path<String>) -> Answer {
    let id = name.strip_suffix(".json.sn").and_then(|it| it.parse::<u64>().ok());
    let state = shared.state();
    let kept = state.attestations.values().flatten().find(|it| Some(it.id) == id);
    let text = &kept.ok_or_else(Refusal::not_found)?.text;
    let packed = snap::raw::Encoder::new().compress_vec(text.as_bytes());
    let packed = packed.map_err(|error| Refusal::broken(&error.to_string()))?;
    Ok(([(axum::http::header::CONTENT_TYPE, "application/x-snappy")], packed).into_response())
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
