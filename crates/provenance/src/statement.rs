//! Strict parser for in-toto statements (in-toto attestation framework v1, `spec/v1/statement.md`).

use std::collections::BTreeMap;

use model::evidence::attestation::{
    GenericProvenance, Predicate, Provenance, Rejection, ReleasePredicate, SLSA_PROVENANCE_V1,
    SLSA_PROVENANCE_V02, Statement, Subject,
};
use model::evidence::reason::Reason;
use serde::Deserialize;
use serde_json::Value;

use crate::json::reject_duplicate_keys;

/// Maximum number of subjects in a statement. A release has some tens of assets.
const MAX_SUBJECTS: usize = 10_000;

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

/// Parses the payload of an envelope as an in-toto statement.
pub(crate) fn parse_statement(payload: &[u8]) -> Result<Statement, Rejection> {
    let refused = |reason: String| Rejection::refuted(Reason::Statement, reason);
    reject_duplicate_keys(payload, None)
        .map_err(|error| refused(format!("cannot parse the statement: {error}")))?;
    let raw: RawStatement = serde_json::from_slice(payload)
        .map_err(|error| refused(format!("the statement does not have the format of in-toto: {error}")))?;
    if raw.subject.len() > MAX_SUBJECTS {
        let reason =
            format!("the statement has {} subjects, expected at most {MAX_SUBJECTS}", raw.subject.len());
        return Err(Rejection::unproven(Reason::Limit, reason));
    }
    let predicate = match raw.predicate_type.as_str() {
        SLSA_PROVENANCE_V1 => parse_provenance(&raw.predicate),
        SLSA_PROVENANCE_V02 => Predicate::GenericProvenance(build_v02(&raw.predicate)),
        it if it.starts_with("https://in-toto.io/attestation/release/") => parse_release(&raw.predicate),
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

/// Marks the subjects with the artifact's SHA-256. If there is none, the library matched the artifact by another
/// digest: the subject without a SHA-256 is marked if there is exactly one. If there are several, none is marked,
/// because it is unknown which one matched.
pub(crate) fn mark_matching_subjects(statement: &mut Statement, sha256: &str) {
    let by_digest = |it: &Subject| it.digests.get("sha256").is_some_and(|digest| digest == sha256);
    let found = statement.subjects.iter().any(by_digest);
    let without = |it: &&Subject| !it.digests.contains_key("sha256");
    let is_only = statement.subjects.iter().filter(without).count() == 1;
    for subject in &mut statement.subjects {
        subject.matches_artifact =
            if found { by_digest(subject) } else { is_only && !subject.digests.contains_key("sha256") };
    }
}

/// Returns the string or the digits of the number at a JSON pointer; empty if there is neither.
fn string_at(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(it)) => it.clone(),
        Some(Value::Number(it)) => it.to_string(),
        _ => String::new(),
    }
}

/// Reads SLSA provenance before version 1 (`slsa.dev/provenance/v0.2`). Its dependencies are the materials and the
/// source of the configuration.
fn build_v02(predicate: &Value) -> GenericProvenance {
    let mut sources = resource_descriptors(predicate.pointer("/materials"));
    sources.extend(predicate.pointer("/invocation/configSource").map(resource_descriptor));
    GenericProvenance {
        build_type: string_at(predicate, "/buildType"),
        builder_id: string_at(predicate, "/builder/id"),
        resolved_dependencies: sources,
    }
}

/// Reads SLSA provenance v1 of any build type. A `source` among the external parameters counts as a dependency too.
fn build_v1(predicate: &Value) -> GenericProvenance {
    let mut sources = resource_descriptors(predicate.pointer("/buildDefinition/resolvedDependencies"));
    sources.extend(predicate.pointer("/buildDefinition/externalParameters/source").map(resource_descriptor));
    GenericProvenance {
        build_type: string_at(predicate, "/buildDefinition/buildType"),
        builder_id: string_at(predicate, "/runDetails/builder/id"),
        resolved_dependencies: sources,
    }
}

/// Reads a list of resource descriptors, at most `MAX_SUBJECTS` of them.
fn resource_descriptors(list: Option<&Value>) -> Vec<(String, String)> {
    list.and_then(Value::as_array).into_iter().flatten().take(MAX_SUBJECTS).map(resource_descriptor).collect()
}

/// Returns the URI and the commit of a resource descriptor; each is empty if it is absent.
fn resource_descriptor(resource: &Value) -> (String, String) {
    let commit = ["/digest/gitCommit", "/digest/sha1"].map(|pointer| string_at(resource, pointer));
    (string_at(resource, "/uri"), commit.into_iter().find(|it| !it.is_empty()).unwrap_or_default())
}

/// Reads SLSA provenance v1: all fields for the build type of GitHub Actions, otherwise those of any build type.
fn parse_provenance(predicate: &Value) -> Predicate {
    const BUILD_TYPE: &str = "https://actions.github.io/buildtypes/workflow/v1";
    let build = build_v1(predicate);
    if build.build_type != BUILD_TYPE {
        return Predicate::GenericProvenance(build);
    }
    let field = |pointer: &str| string_at(predicate, pointer);
    let external = predicate.pointer("/buildDefinition/externalParameters").and_then(Value::as_object);
    let unknown = external.into_iter().flat_map(|it| it.keys()).filter(|it| *it != "workflow");
    let sources = predicate.pointer("/buildDefinition/resolvedDependencies").and_then(Value::as_array);
    let source = |it: &Value| (string_at(it, "/uri"), string_at(it, "/digest/gitCommit"));
    Predicate::Provenance(Box::new(Provenance {
        workflow_ref: field("/buildDefinition/externalParameters/workflow/ref"),
        workflow_repository: field("/buildDefinition/externalParameters/workflow/repository"),
        workflow_path: field("/buildDefinition/externalParameters/workflow/path"),
        unknown_parameters: unknown.cloned().collect(),
        event_name: field("/buildDefinition/internalParameters/github/event_name"),
        repository_id: field("/buildDefinition/internalParameters/github/repository_id"),
        repository_owner_id: field("/buildDefinition/internalParameters/github/repository_owner_id"),
        runner_environment: field("/buildDefinition/internalParameters/github/runner_environment"),
        resolved_dependencies: sources.into_iter().flatten().map(source).collect(),
        builder_id: field("/runDetails/builder/id"),
        invocation_id: field("/runDetails/metadata/invocationId"),
    }))
}

/// Reads the predicate of GitHub's attestation of an immutable release (`cli/cli:pkg/cmd/release/shared`).
fn parse_release(predicate: &Value) -> Predicate {
    Predicate::Release(ReleasePredicate {
        repository: string_at(predicate, "/repository"),
        repository_id: string_at(predicate, "/repositoryId"),
        purl: string_at(predicate, "/purl"),
        tag: string_at(predicate, "/tag"),
    })
}
