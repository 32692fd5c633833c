//! The GitHub on loopback is held to GitHub's published description: every answer that it gives, refusals too.

use std::collections::{BTreeMap, BTreeSet};

use emulators::HttpExchange;
use serde_json::{Map, Value, json};

use crate::support::external_tools::fetched;
use crate::support::repository::say;
use crate::support::test_bed::{TAG, World};

/// GitHub's description (`OpenAPI` 3.0), with what JSON Schema calls otherwise put into its words.
struct Description {
    paths: Map<String, Value>,
    components: Value,
}

impl Description {
    fn read(file: &std::path::Path) -> Self {
        let mut all: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        translate(&mut all);
        let paths = all["paths"].as_object().unwrap().clone();
        Self { paths, components: all["components"].take() }
    }

    /// The path of the description that a request's path is one of, the most literal one.
    fn template(&self, path: &str, method: &str) -> Option<&str> {
        let fits = self.paths.iter().filter(|(it, at)| at.get(method).is_some() && fits(it, path));
        fits.map(|(it, _)| it.as_str())
            .max_by_key(|it| it.split('/').filter(|part| !part.starts_with('{')).count())
    }

    /// The schema of an answer; none where it has no body; an error where no such answer is described.
    fn schema(&self, template: &str, method: &str, status: u16) -> Result<Option<Value>, String> {
        let described = &self.paths[template][method]["responses"];
        let answer = &described[status.to_string()];
        if answer.is_null() {
            return Err(format!("{method} {template} has no answer {status}"));
        }
        let answer = match answer["$ref"].as_str() {
            Some(reference) => self.components.pointer(reference.trim_start_matches("#/components")).unwrap(),
            None => answer,
        };
        let schema = &answer["content"]["application/json"]["schema"];
        Ok((!schema.is_null()).then(|| json!({ "allOf": [schema], "components": self.components })))
    }
}

/// Whether a path is one of a template. The names of tags, references and ranges may have slashes.
fn fits(template: &str, path: &str) -> bool {
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

/// `OpenAPI`'s `nullable` (3.0.3, "Schema Object") in JSON Schema's words.
fn translate(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(translate),
        Value::Object(all) => {
            all.values_mut().for_each(translate);
            all.remove("example");
            all.remove("examples");
            if all.remove("nullable") == Some(Value::Bool(true)) {
                let own = std::mem::take(all);
                all.insert("anyOf".to_owned(), json!([{ "type": "null" }, own]));
            }
        }
        _ => {}
    }
}

/// What speaks against an exchange.
fn flaws(description: &Description, it: &HttpExchange) -> Vec<String> {
    let method = it.method.to_lowercase();
    let Some(template) = description.template(&it.path, &method) else {
        return vec![format!("{} {} is not in GitHub's description", it.method, it.path)];
    };
    let schema = match description.schema(template, &method, it.status) {
        Ok(schema) => schema,
        // A description does not list the answers that any request may get.
        Err(_) if matches!(it.status, 401 | 403 | 404) => {
            Some(json!({ "$ref": "#/components/schemas/basic-error", "components": description.components }))
        }
        Err(error) => return vec![error],
    };
    match (schema, &it.body) {
        (None, None) => Vec::new(),
        (None, Some(_)) if it.status >= 400 => Vec::new(),
        (None, Some(_)) => vec![format!("{method} {template} {} has a body and should have none", it.status)],
        (Some(_), None) => vec![format!("{method} {template} {} has no body", it.status)],
        (Some(schema), Some(body)) => {
            let validator = jsonschema::validator_for(&schema).unwrap();
            let errors = validator.iter_errors(body);
            errors
                .map(|error| format!("{method} {template} {}: {}: {error}", it.status, error.instance_path()))
                .collect()
        }
    }
}

/// Asks what a release does not ask.
fn ask_everything(world: &World) {
    let release = world.release();
    let (id, asset) = (&release["id"], &release["assets"][0]["id"]);
    let (tag, head) = (world.clone.git(["rev-parse", TAG]), world.clone.git(["rev-parse", "HEAD"]));
    let new = json!({ "tag_name": TAG, "name": "x", "draft": true });
    let bundle =
        |payload: &str| json!({ "bundle": { "mediaType": "x", "dsseEnvelope": { "payload": payload } } });
    // {"subject":[{"digest":{"sha256":"00"}}]}
    let statement = "eyJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiMDAifX1dfQ==";
    // The description of this version still has bundles in the list; GitHub has given addresses since July 2026.
    world.github.configure(|it| it.inline_bundles = true);
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
        world.rest(method, &path, body.as_ref());
    }
    world.rest("GET", "/../../../rate_limit", None);
    let draft = world.github.releases().into_iter().find(|it| it["draft"] == true).unwrap();
    world.rest("DELETE", &format!("/releases/{}", draft["id"]), None);
    world.github.configure(|it| it.immutable_releases = true);
    world.rest("GET", "/immutable-releases", None);
    world.rest("DELETE", &format!("/releases/assets/{asset}"), None);
    world.github.configure(|it| "another-token".clone_into(&mut it.token));
    world.rest("GET", "", None);
}

#[test]
fn every_answer_is_one_that_github_describes() {
    const NAME: &str = "every_answer_is_one_that_github_describes";
    let Some(file) = fetched("openapi-23.0.2/api.github.com.json", NAME) else { return };
    let description = Description::read(&file);
    let world = World::new();
    world.clone.git(["tag", "-d", "server/v0.1.0"]);
    world.clone.git(["tag", "-am", "signed by nobody", "server/v0.1.0", "HEAD~2"]);
    world.publish().ok();
    let head = world.clone.git(["rev-parse", "HEAD"]);
    world.github.add_workflow_run("release-generic.yml", TAG, &head, Some("success"));
    world.github.add_workflow_run("publish-server.yml", TAG, &head, None);
    let runs = world.rest("GET", "/actions/workflows/release-generic.yml/runs", None);
    assert_eq!(
        (&runs["total_count"], &runs["workflow_runs"][0]["conclusion"]),
        (&json!(1), &json!("success"))
    );
    ask_everything(&world);
    let exchanges = world.github.exchanges();
    let api = exchanges.iter().filter(|it| it.path.starts_with("/repos/") || it.path == "/rate_limit");
    let mut seen: BTreeMap<String, BTreeSet<u16>> = BTreeMap::new();
    let mut all = Vec::new();
    let mut count = 0;
    for it in api {
        let template = description.template(&it.path, &it.method.to_lowercase()).unwrap_or(&it.path);
        seen.entry(format!("{} {template}", it.method)).or_default().insert(it.status);
        all.extend(flaws(&description, it));
        count += 1;
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    assert!(seen.len() >= 25, "only {} kinds of requests were looked at: {seen:#?}", seen.len());
    say(&format!(
        "openapi: {count} answers of {} kinds of requests are as GitHub describes them",
        seen.len()
    ));
    wrong_answers_are_seen(&description, &exchanges);
}

/// The twin: an answer that lacks what it must have, or has it in another form, is seen.
fn wrong_answers_are_seen(description: &Description, exchanges: &[HttpExchange]) {
    let good =
        exchanges.iter().find(|it| it.method == "POST" && it.path.ends_with("/releases") && it.status == 201);
    let good = good.unwrap();
    for (field, value) in
        [("tag_name", Value::Null), ("id", json!("one")), ("assets", json!([{}])), ("draft", json!(1))]
    {
        let mut bad = good.clone();
        bad.body.as_mut().unwrap()[field] = value;
        assert!(!flaws(description, &bad).is_empty(), "{field} may be anything");
    }
    let unknown = HttpExchange { status: 299, ..good.clone() };
    assert!(!flaws(description, &unknown).is_empty());
}
