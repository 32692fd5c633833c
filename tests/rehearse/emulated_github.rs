//! Checks every response of the emulated GitHub, errors too, against GitHub's published `OpenAPI` description.

use std::collections::{BTreeMap, BTreeSet};

use emulators::HttpExchange;
use serde_json::{Map, Value, json};

use crate::support::external_tools::fetched_tool;
use crate::support::repository::print_note;
use crate::support::test_bed::{TAG, TestBed};

/// GitHub's description (`OpenAPI` 3.0), converted to JSON Schema.
struct OpenApiDescription {
    paths: Map<String, Value>,
    components: Value,
}

impl OpenApiDescription {
    fn read(file: &std::path::Path) -> Self {
        let mut all: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        to_json_schema(&mut all);
        let paths = all["paths"].as_object().unwrap().clone();
        Self { paths, components: all["components"].take() }
    }

    /// Returns the most literal path template of the description that matches a request. `None` if the description has
    /// none.
    fn path_template(&self, path: &str, method: &str) -> Option<&str> {
        let fits = self
            .paths
            .iter()
            .filter(|(it, operations)| operations.get(method).is_some() && path_matches(it, path));
        fits.map(|(it, _)| it.as_str())
            .max_by_key(|it| it.split('/').filter(|part| !part.starts_with('{')).count())
    }

    /// Returns the schema of a response, `None` if it has no body, or an error if the description has no such response.
    fn response_schema(&self, template: &str, method: &str, status: u16) -> Result<Option<Value>, String> {
        let described = &self.paths[template][method]["responses"];
        let answer = &described[status.to_string()];
        if answer.is_null() {
            return Err(format!("{method} {template} has no response {status}"));
        }
        let answer = match answer["$ref"].as_str() {
            Some(reference) => self.components.pointer(reference.trim_start_matches("#/components")).unwrap(),
            None => answer,
        };
        let schema = &answer["content"]["application/json"]["schema"];
        Ok((!schema.is_null()).then(|| json!({ "allOf": [schema], "components": self.components })))
    }
}

/// Whether a path matches a template. Tags, refs and ranges at the end of a path may contain slashes.
fn path_matches(template: &str, path: &str) -> bool {
    let (mut want, mut have) = (template.split('/'), path.split('/'));
    loop {
        match (want.next(), have.next()) {
            (None, None) => return true,
            (Some("{ref}" | "{tag}" | "{basehead}"), Some(_)) if want.clone().next().is_none() => {
                return true;
            }
            (Some(want), Some(have)) if want == have || want.starts_with('{') => {}
            _ => return false,
        }
    }
}

/// Converts `nullable` of `OpenAPI` (3.0.3, "Schema Object") to JSON Schema.
fn to_json_schema(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(to_json_schema),
        Value::Object(all) => {
            all.values_mut().for_each(to_json_schema);
            all.remove("example");
            all.remove("examples");
            if all.remove("nullable") == Some(Value::Bool(true)) {
                let schema = std::mem::take(all);
                all.insert("anyOf".to_owned(), json!([{ "type": "null" }, schema]));
            }
        }
        _ => {}
    }
}

/// Returns how an exchange violates the description.
fn schema_violations(description: &OpenApiDescription, exchange: &HttpExchange) -> Vec<String> {
    let method = exchange.method.to_lowercase();
    let Some(template) = description.path_template(&exchange.path, &method) else {
        return vec![format!("{} {} is not in GitHub's description", exchange.method, exchange.path)];
    };
    let schema = match description.response_schema(template, &method, exchange.status) {
        Ok(schema) => schema,
        // The description does not list the errors that any request may get.
        Err(_) if matches!(exchange.status, 401 | 403 | 404) => {
            Some(json!({ "$ref": "#/components/schemas/basic-error", "components": description.components }))
        }
        Err(error) => return vec![error],
    };
    match (schema, &exchange.body) {
        (None, None) => Vec::new(),
        (None, Some(_)) if exchange.status >= 400 => Vec::new(),
        (None, Some(_)) => {
            vec![format!("{method} {template} {} has a body and should have none", exchange.status)]
        }
        (Some(_), None) => vec![format!("{method} {template} {} has no body", exchange.status)],
        (Some(schema), Some(body)) => {
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors = validator.iter_errors(body);
            errors
                .map(|error| {
                    format!("{method} {template} {}: {}: {error}", exchange.status, error.instance_path())
                })
                .collect()
        }
    }
}

/// Sends the requests that a release does not send.
fn send_every_request(bed: &TestBed) {
    let release = bed.only_release();
    let (id, asset) = (&release["id"], &release["assets"][0]["id"]);
    let (tag, head) = (bed.clone.git(["rev-parse", TAG]), bed.clone.git(["rev-parse", "HEAD"]));
    let new = json!({ "tag_name": TAG, "name": "x", "draft": true });
    let bundle =
        |payload: &str| json!({ "bundle": { "mediaType": "x", "dsseEnvelope": { "payload": payload } } });
    // The decoded statement is {"subject":[{"digest":{"sha256":"00"}}]}.
    let statement = "eyJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiMDAifX1dfQ==";
    // This version of the description still has bundles in the list. GitHub returns URLs since July 2026.
    bed.github.configure(|it| it.inline_bundles = true);
    for (method, path, body) in [
        ("GET", "/releases/latest".to_owned(), None),
        ("GET", format!("/releases/{id}"), None),
        ("GET", "/releases/1".to_owned(), None),
        ("GET", format!("/releases/assets/{asset}"), None),
        ("PATCH", format!("/releases/assets/{asset}"), Some(json!({ "label": "the archive" }))),
        ("GET", "/releases/assets/1".to_owned(), None),
        ("POST", "/releases".to_owned(), Some(new.clone())),
        ("POST", "/releases".to_owned(), Some(json!({ "name": "no tag" }))),
        ("POST", "/releases".to_owned(), Some(json!({ "tag_name": TAG, "draft": false }))),
        (
            "POST",
            "/releases".to_owned(),
            Some(json!({ "tag_name": "x", "draft": true, "body": "x".repeat(125_001) })),
        ),
        ("GET", "/releases?per_page=1&page=2".to_owned(), None),
        ("GET", format!("/git/ref/tags/{TAG}"), None),
        ("GET", "/git/ref/tags/none".to_owned(), None),
        ("GET", "/git/matching-refs/tags/server".to_owned(), None),
        ("GET", format!("/git/tags/{tag}"), None),
        ("POST", "/git/refs".to_owned(), Some(json!({ "ref": "refs/tags/new", "sha": head }))),
        ("POST", "/git/refs".to_owned(), Some(json!({ "ref": "refs/tags/new", "sha": head }))),
        ("DELETE", "/git/refs/tags/new".to_owned(), None),
        ("GET", format!("/commits/{head}"), None),
        ("GET", format!("/compare/{head}...main"), None),
        ("GET", "/compare/nothing...main".to_owned(), None),
        ("POST", "/attestations".to_owned(), Some(bundle(statement))),
        ("POST", "/attestations".to_owned(), Some(bundle("e30="))),
        ("GET", "/attestations/sha256:00".to_owned(), None),
        ("GET", "/attestations/sha256:11".to_owned(), None),
        ("GET", "/actions/runs".to_owned(), None),
        ("GET", "/actions/workflows/release-generic.yml/runs".to_owned(), None),
        ("GET", "/immutable-releases".to_owned(), None),
    ] {
        bed.rest_request(method, &path, body.as_ref());
    }
    bed.rest_request("GET", "/../../../rate_limit", None);
    let draft = bed.github.releases().into_iter().find(|it| it["draft"] == true).unwrap();
    bed.rest_request("DELETE", &format!("/releases/{}", draft["id"]), None);
    bed.github.configure(|it| it.immutable_releases = true);
    bed.rest_request("GET", "/immutable-releases", None);
    bed.rest_request("DELETE", &format!("/releases/assets/{asset}"), None);
    bed.github.configure(|it| "another-token".clone_into(&mut it.token));
    bed.rest_request("GET", "", None);
}

#[test]
fn every_emulated_response_matches_the_github_schema() {
    const TEST_NAME: &str = "every_emulated_response_matches_the_github_schema";
    let Some(file) = fetched_tool("openapi-23.0.2/api.github.com.json", TEST_NAME) else { return };
    let description = OpenApiDescription::read(&file);
    let bed = TestBed::new();
    bed.clone.git(["tag", "-d", "server/v0.1.0"]);
    bed.clone.git(["tag", "-am", "not signed", "server/v0.1.0", "HEAD~2"]);
    bed.publish().ok();
    let head = bed.clone.git(["rev-parse", "HEAD"]);
    bed.github.add_workflow_run("release-generic.yml", TAG, &head, Some("success"));
    bed.github.add_workflow_run("publish-server.yml", TAG, &head, None);
    let runs = bed.rest_request("GET", "/actions/workflows/release-generic.yml/runs", None);
    assert_eq!(
        (&runs["total_count"], &runs["workflow_runs"][0]["conclusion"]),
        (&json!(1), &json!("success"))
    );
    send_every_request(&bed);
    let exchanges = bed.github.exchanges();
    let api = exchanges.iter().filter(|it| it.path.starts_with("/repos/") || it.path == "/rate_limit");
    let mut seen: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    let mut all = Vec::new();
    let mut count = 0;
    for exchange in api {
        let template = description
            .path_template(&exchange.path, &exchange.method.to_lowercase())
            .unwrap_or(&exchange.path);
        seen.entry(format!("{} {template}", exchange.method)).or_default().insert(exchange.status);
        all.extend(schema_violations(&description, exchange));
        count += 1;
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    assert!(seen.len() >= 25, "only {} kinds of requests were checked: {seen:#?}", seen.len());
    print_note(&format!(
        "openapi: {count} responses of {} kinds of requests match GitHub's description",
        seen.len()
    ));
    expect_wrong_responses_found(&description, &exchanges);
}

/// The twin: a response with a missing or malformed field is found.
fn expect_wrong_responses_found(description: &OpenApiDescription, exchanges: &[HttpExchange]) {
    let good =
        exchanges.iter().find(|it| it.method == "POST" && it.path.ends_with("/releases") && it.status == 201);
    let good = good.unwrap();
    for (field, value) in
        [("tag_name", Value::Null), ("id", json!("one")), ("assets", json!([{}])), ("draft", json!(1))]
    {
        let mut bad = good.clone();
        bad.body.as_mut().unwrap()[field] = value;
        assert!(!schema_violations(description, &bad).is_empty(), "{field} accepts any value");
    }
    let unknown = HttpExchange { status: 299, ..good.clone() };
    assert!(!schema_violations(description, &unknown).is_empty());
}
