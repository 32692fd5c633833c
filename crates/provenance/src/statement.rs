//! In-toto statements, read strictly (in-toto attestation framework v1, `spec/v1/statement.md`).

use std::collections::BTreeMap;

use model::evidence::attestation::{
    GenericProvenance, Predicate, Provenance, Rejection, ReleasePredicate, SLSA_PROVENANCE_V1,
    SLSA_PROVENANCE_V02, Statement, Subject,
};
use serde::Deserialize;
use serde_json::Value;

use crate::json::unambiguous;

/// How many subjects a statement may have: a release has some tens of assets.
const MOST_SUBJECTS: usize = 10_000;

#[derive(Deserialize)]
struct RawStatement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<RawSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct RawSubject {
    #[serde(default)]
    name: String,
    #[serde(default)]
    uri: String,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// The statement that a payload is.
pub(crate) fn read(payload: &[u8]) -> Result<Statement, Rejection> {
    let refused = |said: String| Rejection::refuted("statement", said);
    unambiguous(payload, None)
        .map_err(|error| refused(format!("the statement is ambiguous or no JSON: {error}")))?;
    let raw: RawStatement = serde_json::from_slice(payload)
        .map_err(|error| refused(format!("the statement cannot be read: {error}")))?;
    if raw.subject.len() > MOST_SUBJECTS {
        let said = format!("the statement has {} subjects", raw.subject.len());
        return Err(Rejection::unproven("limit", said));
    }
    let predicate = match raw.predicate_type.as_str() {
        SLSA_PROVENANCE_V1 => provenance(&raw.predicate),
        SLSA_PROVENANCE_V02 => Predicate::GenericProvenance(build_v02(&raw.predicate)),
        it if it.starts_with("https://in-toto.io/attestation/release/") => release(&raw.predicate),
        _ => Predicate::Other,
    };
    let subject =
        |it: RawSubject| Subject { name: it.name, uri: it.uri, digests: it.digest, matches_artifact: false };
    Ok(Statement {
        statement_type: raw.kind,
        subjects: raw.subject.into_iter().map(subject).collect(),
        predicate_type: raw.predicate_type,
        predicate,
    })
}

/// Marks the subject that is the artifact. Where none has its SHA-256, the library found it by another digest: that is the one
/// subject without a SHA-256, or nobody can say which.
pub(crate) fn mark(statement: &mut Statement, sha256: &str) {
    let by_digest = |it: &Subject| it.digests.get("sha256").is_some_and(|own| own == sha256);
    let found = statement.subjects.iter().any(by_digest);
    let without = |it: &&Subject| !it.digests.contains_key("sha256");
    let is_only = statement.subjects.iter().filter(without).count() == 1;
    for it in &mut statement.subjects {
        it.matches_artifact =
            if found { by_digest(it) } else { is_only && !it.digests.contains_key("sha256") };
    }
}

/// The text at a place; numbers as their digits; empty where there is neither.
fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(it)) => it.clone(),
        Some(Value::Number(it)) => it.to_string(),
        _ => String::new(),
    }
}

/// SLSA provenance before version 1 (`slsa.dev/provenance/v0.2`): the configuration's source and the materials.
fn build_v02(predicate: &Value) -> GenericProvenance {
    let mut sources = dependencies(predicate.pointer("/materials"));
    sources.extend(predicate.pointer("/invocation/configSource").map(dependency));
    GenericProvenance {
        build_type: text(predicate, "/buildType"),
        builder_id: text(predicate, "/builder/id"),
        resolved_dependencies: sources,
    }
}

/// SLSA provenance v1 of any build type: the resolved dependencies, and a source among the parameters.
fn build_v1(predicate: &Value) -> GenericProvenance {
    let mut sources = dependencies(predicate.pointer("/buildDefinition/resolvedDependencies"));
    sources.extend(predicate.pointer("/buildDefinition/externalParameters/source").map(dependency));
    GenericProvenance {
        build_type: text(predicate, "/buildDefinition/buildType"),
        builder_id: text(predicate, "/runDetails/builder/id"),
        resolved_dependencies: sources,
    }
}

fn dependencies(list: Option<&Value>) -> Vec<(String, String)> {
    list.and_then(Value::as_array).into_iter().flatten().take(MOST_SUBJECTS).map(dependency).collect()
}

/// The address of a resource, and its commit.
fn dependency(it: &Value) -> (String, String) {
    let commit = ["/digest/gitCommit", "/digest/sha1"].map(|pointer| text(it, pointer));
    (text(it, "/uri"), commit.into_iter().find(|it| !it.is_empty()).unwrap_or_default())
}

/// SLSA provenance v1: in full for the build type of GitHub's own workflows.
fn provenance(predicate: &Value) -> Predicate {
    const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";
    let build = build_v1(predicate);
    if build.build_type != BUILD_TYPE {
        return Predicate::GenericProvenance(build);
    }
    let at = |pointer: &str| text(predicate, pointer);
    let external = predicate.pointer("/buildDefinition/externalParameters").and_then(Value::as_object);
    let unknown = external.into_iter().flat_map(|it| it.keys()).filter(|it| *it != "workflow");
    let sources = predicate.pointer("/buildDefinition/resolvedDependencies").and_then(Value::as_array);
    let source = |it: &Value| (text(it, "/uri"), text(it, "/digest/gitCommit"));
    Predicate::Provenance(Box::new(Provenance {
        workflow_ref: at("/buildDefinition/externalParameters/workflow/ref"),
        workflow_repository: at("/buildDefinition/externalParameters/workflow/repository"),
        workflow_path: at("/buildDefinition/externalParameters/workflow/path"),
        unknown_parameters: unknown.cloned().collect(),
        event_name: at("/buildDefinition/internalParameters/github/event_name"),
        repository_id: at("/buildDefinition/internalParameters/github/repository_id"),
        repository_owner_id: at("/buildDefinition/internalParameters/github/repository_owner_id"),
        runner_environment: at("/buildDefinition/internalParameters/github/runner_environment"),
        resolved_dependencies: sources.into_iter().flatten().map(source).collect(),
        builder_id: at("/runDetails/builder/id"),
        invocation_id: at("/runDetails/metadata/invocationId"),
    }))
}

/// GitHub's word on an immutable release (`cli/cli:pkg/cmd/release/shared`).
fn release(predicate: &Value) -> Predicate {
    Predicate::Release(ReleasePredicate {
        repository: text(predicate, "/repository"),
        repository_id: text(predicate, "/repositoryId"),
        purl: text(predicate, "/purl"),
        tag: text(predicate, "/tag"),
    })
}
