//! The audit of Python packages on an emulated PyPI.

use emulators::PypiFile;
use serde_json::{Value, json};

use crate::channels::package_bed::PackageBed;
use crate::channels::published_packages::{
    ATTESTING_WORKFLOW, PLAIN_WORKFLOW, PublishedPackages, edited_json, unproven,
};
use crate::support::repository::print_note;

const TAG: &str = "server/v1.2.3";
pub(crate) const PROJECT: &str = "opensandbox-server";
const WORKFLOW: &str = "publish-server.yml";
pub(crate) const WHEEL: &str = "opensandbox_server-1.2.3-py3-none-any.whl";
pub(crate) const SDIST: &str = "opensandbox_server-1.2.3.tar.gz";
pub(crate) const INDEX: &str = "/simple/opensandbox-server/";
const PYPROJECT: &str = r#"
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "opensandbox-server"
version = "1.2.3"

[tool.hatch.build.targets.wheel]
packages = ["opensandbox_server"]
"#;

/// Returns a published project and its wheel and source distribution, without attestations. `None` if hatchling is
/// missing.
pub(crate) fn published(workflow: &str, test: &str) -> Option<(PublishedPackages, Vec<u8>, Vec<u8>)> {
    let mut packages = PackageBed::commit(
        &[
            ("server/pyproject.toml", PYPROJECT),
            ("server/opensandbox_server/__init__.py", "a = 1\n"),
            ("server/opensandbox_server/b.py", "b = 2\n"),
            (&format!(".github/workflows/{WORKFLOW}"), workflow),
        ],
        TAG,
    );
    if !packages.build_with_hatchling("server", test) {
        return None;
    }
    let read = |ending: &str| {
        std::fs::read(packages.packages.iter().find(|it| it.to_str().unwrap().ends_with(ending)).unwrap())
            .unwrap()
    };
    let (wheel, sdist) = (read(".whl"), read(".tar.gz"));
    let published = PublishedPackages::new(packages);
    publish(&published, &wheel, &sdist, [Vec::new(), Vec::new()]);
    Some((published, wheel, sdist))
}

fn publish(published: &PublishedPackages, wheel: &[u8], sdist: &[u8], bundles: [Vec<Value>; 2]) {
    let [of_wheel, of_sdist] = bundles;
    published.registries.publish_python(
        PROJECT,
        "1.2.3",
        &[
            PypiFile { name: WHEEL, bytes: wheel, yanked: json!(false), bundles: of_wheel },
            PypiFile { name: SDIST, bytes: sdist, yanked: json!(false), bundles: of_sdist },
        ],
    );
}

/// Stores attestations of both files on GitHub.
pub(crate) fn attest(published: &mut PublishedPackages, wheel: &[u8], sdist: &[u8]) {
    let run = published.publish_run(WORKFLOW);
    published.attest(WHEEL, wheel, &run);
    published.attest(SDIST, sdist, &run);
}

#[test]
fn attested_packages_are_proven_with_each_request_sent_once() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "attested_packages_are_proven")
    else {
        return;
    };
    attest(&mut published, &wheel, &sdist);
    drop(published.registries.take_requests());
    published.bed.github.clear_log();
    let output = published.audit("pypi", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    let text = output.json().to_string();
    assert!(text.contains(&published.registries.pypi_index()), "the report names the index: {text}");
    let mut requests: Vec<String> =
        published.registries.take_requests().into_iter().map(|(path, _)| path).collect();
    let exchanges = published.bed.github.exchanges();
    requests.extend(exchanges.iter().map(|it| it.path.clone()));
    print_note(&format!("{} requests for two packages: {requests:#?}", requests.len()));
    let all = requests.len();
    requests.sort();
    requests.dedup();
    assert_eq!(requests.len(), all, "a request was sent twice");
}

#[test]
fn origin_is_owed_if_the_workflow_in_the_tree_attests() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "origin_is_owed") else { return };
    published.expect(
        "pypi",
        "no attestation",
        "unproven",
        &["attestation: missing", "but publish-server.yml"],
    );
    // An attestation that PyPI stores does not replace the owed one.
    let run = published.publish_run(WORKFLOW);
    let stored = [published.bundle(WHEEL, &wheel, &run), published.bundle(SDIST, &sdist, &run)];
    publish(&published, &wheel, &sdist, stored.map(|it| vec![it]));
    published.expect("pypi", "only PEP 740", "unproven", &["attestation: missing"]);
    attest(&mut published, &wheel, &sdist);
    published.expect_proven("pypi");
}

#[test]
fn origin_is_not_owed_if_the_workflow_attests_nothing() {
    let Some((mut published, wheel, sdist)) = published(PLAIN_WORKFLOW, "origin_is_not_owed") else { return };
    published.expect("pypi", "nothing proves the origin", "unproven", &["attestation: not-owed"]);
    // PEP 740 attestations prove it.
    let run = published.publish_run(WORKFLOW);
    let stored = [published.bundle(WHEEL, &wheel, &run), published.bundle(SDIST, &sdist, &run)];
    publish(&published, &wheel, &sdist, stored.clone().map(|it| vec![it]));
    published.expect_proven("pypi");
    // Attestations of another workflow, tag or file are refuted.
    let mut other_tag = published.publish_run(WORKFLOW);
    other_tag.reference = "refs/tags/server/v1.2.2".to_owned();
    let other_workflow = published.publish_run("ci.yml");
    for (attack, bundle, reason) in [
        (
            "PEP 740 by another workflow",
            published.bundle(WHEEL, &wheel, &other_workflow),
            "attestation: workflow",
        ),
        ("PEP 740 at another tag", published.bundle(WHEEL, &wheel, &other_tag), "attestation: ref"),
        ("PEP 740 of the other file", stored[1].clone(), "attestation: subject-digest"),
        ("PEP 740 without content", json!({}), "attestation: parse"),
    ] {
        publish(&published, &wheel, &sdist, [vec![bundle], vec![stored[1].clone()]]);
        print_note(&published.expect("pypi", attack, "refuted", &[reason]));
    }
    // 89: an unreadable bundle beside a good one.
    publish(&published, &wheel, &sdist, [vec![json!({}), stored[0].clone()], vec![stored[1].clone()]]);
    let output = published.audit("pypi", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    assert!(output.stdout.contains("1 other bundle is not proven"), "{}", output.stdout);
}

#[test]
fn attestations_of_others_are_refuted() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "attestations_of_others") else {
        return;
    };
    let right = published.publish_run(WORKFLOW);
    let mut table = Vec::new();
    let mut other_commit = right.clone();
    other_commit.commit = "0123456789abcdef0123456789abcdef01234567".to_owned();
    let mut branch = right.clone();
    branch.reference = "refs/heads/main".to_owned();
    let mut fork = right.clone();
    fork.repository = "mallory/widgets".to_owned();
    for (attack, run, reason) in [
        ("another commit", other_commit, "attestation: commit"),
        ("a branch instead of the tag", branch, "attestation: ref"),
        ("another repository", fork, "attestation: repo"),
    ] {
        published.bed.github.clear_attestations();
        published.attest(WHEEL, &wheel, &run);
        published.attest(SDIST, &sdist, &right);
        table.push(published.expect("pypi", attack, "refuted", &[reason]));
    }
    // 89: an unreadable bundle beside a good one is listed, and hides nothing.
    published.bed.github.clear_attestations();
    let rotten = published.bundle(WHEEL, &wheel, &right);
    let rotten = edited_json(rotten.to_string().as_bytes(), |it| it["mediaType"] = json!("x"));
    published.bed.github.add_attestation(&String::from_utf8(rotten).unwrap(), false).unwrap();
    attest(&mut published, &wheel, &sdist);
    let output = published.audit("pypi", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    assert!(output.stdout.contains("1 other bundle is not proven"), "{}", output.stdout);
    print_note(&table.join("\n"));
}

#[test]
fn case_51_withdrawn_packages_are_reported_with_the_reason() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "withdrawn_packages") else {
        return;
    };
    attest(&mut published, &wheel, &sdist);
    let index = published.registries.document(INDEX).unwrap();
    let set_index = |edit: &dyn Fn(&mut Value)| {
        published.registries.set_document(INDEX, "application/json", edited_json(&index, edit));
    };
    // 51: yanked versions are a warning, with the reason.
    set_index(&|it| it["files"][0]["yanked"] = json!("In\u{1b}compatible"));
    let warnings = published.expect_proven("pypi");
    assert!(warnings.iter().any(|it| it.contains("yanked: In\\u{1b}compatible")), "{warnings:?}");
    set_index(&|it| it["project-status"] = json!({ "status": "quarantined", "reason": "malware" }));
    let finding = "published: quarantined: the index quarantined the project: malware";
    print_note(&published.expect("pypi", "a quarantined project", "refuted", &[finding]));
    set_index(&|it| it["project-status"] = json!({ "status": "archived" }));
    let warnings = published.expect_proven("pypi");
    assert!(warnings.iter().any(|it| it.ends_with("the project is archived")), "{warnings:?}");
}

#[test]
fn wrong_digests_and_names_in_the_index_are_refuted() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "wrong_digests_and_names") else {
        return;
    };
    attest(&mut published, &wheel, &sdist);
    let index = published.registries.document(INDEX).unwrap();
    let json_path = "/pypi/opensandbox-server/1.2.3/json";
    let json_api = published.registries.document(json_path).unwrap();
    let set_index = |edit: &dyn Fn(&mut Value)| {
        published.registries.set_document(INDEX, "application/json", edited_json(&index, edit));
    };
    let mut table = Vec::new();
    set_index(&|it| it["files"][0]["hashes"]["sha256"] = json!("0".repeat(64)));
    table.push(published.expect(
        "pypi",
        "another digest in the index",
        "refuted",
        &["digest: stated-digest"],
    ));
    set_index(&|it| it["files"][0]["hashes"] = json!({}));
    published.registries.remove_documents(json_path);
    table.push(published.expect("pypi", "no digest in the index", "unproven", &["digest: no-stated-digest"]));
    set_index(&|_| {});
    published.expect_proven("pypi");
    let wrong = edited_json(&json_api, |it| it["urls"][1]["digests"]["sha256"] = json!("0".repeat(64)));
    published.registries.set_document(json_path, "application/json", wrong);
    table.push(published.expect(
        "pypi",
        "another digest in the JSON API",
        "refuted",
        &["the JSON API states"],
    ));
    let wrong = edited_json(&json_api, |it| it["info"]["version"] = json!("1.2.4"));
    published.registries.set_document(json_path, "application/json", wrong);
    table.push(published.expect(
        "pypi",
        "another version in the JSON API",
        "refuted",
        &["published: metadata"],
    ));
    published.registries.set_document(json_path, "application/json", json_api.clone());
    set_index(&|it| {
        let mut file = it["files"][0].clone();
        file["filename"] = json!("opensandbox_server-1.2.3.win-amd64.exe");
        it["files"].as_array_mut().unwrap().push(file);
    });
    table.push(published.expect("pypi", "a file of another format", "refuted", &["files: unexpected-file"]));
    set_index(&|it| it["files"][0]["url"] = json!(format!("http://192.0.2.1/{WHEEL}")));
    table.push(published.expect("pypi", "an unencrypted URL", "unproven", &["expected an https URL"]));
    print_note(&table.join("\n"));
}

#[test]
fn case_90_missing_answers_are_unproven() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "missing_answers") else {
        return;
    };
    attest(&mut published, &wheel, &sdist);
    let index = published.registries.document(INDEX).unwrap();
    let json_path = "/pypi/opensandbox-server/1.2.3/json";
    let mut table = Vec::new();
    let empty = edited_json(&index, |it| it["files"] = json!([]));
    published.registries.set_document(INDEX, "application/json", empty);
    table.push(published.expect("pypi", "a stale index", "unproven", &["published: stale-index"]));
    published.registries.remove_documents(json_path);
    table.push(published.expect("pypi", "no such version", "unproven", &["published: not-published"]));
    published.registries.remove_documents(INDEX);
    table.push(published.expect("pypi", "no such project", "unproven", &["published: not-published"]));
    for (status, reason) in
        [(403, "forbidden"), (401, "forbidden"), (429, "rate-limited"), (503, "unreachable")]
    {
        published.registries.refuse("/simple/", status, Vec::new(), 1);
        let reason = format!("published: {reason}");
        table.push(published.expect("pypi", &format!("status {status}"), "unproven", &[&reason]));
    }
    published.registries.set_document(INDEX, "text/html", b"<html></html>".to_vec());
    table.push(published.expect("pypi", "HTML instead of JSON", "unproven", &["not the expected JSON"]));
    print_note(&table.join("\n"));
}

#[test]
fn changed_packages_are_refuted_even_with_valid_attestations() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "changed_packages") else {
        return;
    };
    let path = published.packages.packages.iter().find(|it| it.extension().is_some_and(|it| it == "whl"));
    let path = path.unwrap().clone();
    for (attack, operation, text) in [
        ("a changed file", "set opensandbox_server/b.py b = 3", "b.py: differs"),
        ("a file more", "set opensandbox_server/evil.py x", "evil.py: not in"),
        ("a file less", "remove opensandbox_server/b.py", "b.py: missing"),
    ] {
        let words: Vec<&str> = operation.splitn(3, ' ').collect();
        let changed = std::fs::read(published.packages.edited(&path, &words)).unwrap();
        assert_ne!(changed, wheel);
        publish(&published, &changed, &sdist, [Vec::new(), Vec::new()]);
        published.bed.github.clear_attestations();
        attest(&mut published, &changed, &sdist);
        print_note(&published.expect("pypi", attack, "refuted", &[text]));
    }
    // The compromised workflow of 2026: everything is attested, and only the tree tells.
    publish(&published, &wheel, &sdist, [Vec::new(), Vec::new()]);
    attest(&mut published, &wheel, &sdist);
    published.expect_proven("pypi");
}

#[test]
fn credentials_of_the_index_are_sent_but_never_shown() {
    let Some((mut published, wheel, sdist)) = published(ATTESTING_WORKFLOW, "credentials_of_the_index")
    else {
        return;
    };
    attest(&mut published, &wheel, &sdist);
    let secret = published.registries.pypi_index().replace("http://", "http://ada:s3cret'inv%22ented@");
    published.configure(&format!("[registries]\npypi = \"{secret}\"\n"));
    drop(published.registries.take_requests());
    let output = published.audit("pypi", &[]);
    assert_eq!(unproven(&output), ("proven".to_owned(), Vec::new()));
    for (path, headers) in published.registries.take_requests() {
        assert!(headers.iter().any(|it| it.starts_with("authorization: Basic ")), "{path}: {headers:?}");
        assert!(headers.iter().any(|it| it.starts_with("user-agent: opensandbox-release/")), "{headers:?}");
    }
    published.registries.remove_documents("/packages/");
    for output in [output, published.audit("pypi", &[])] {
        assert!(!output.stdout.contains("s3cret") && !output.stderr.contains("s3cret"), "{}", output.stdout);
    }
}

#[test]
fn unknown_channels_of_a_target_are_a_usage_error() {
    let Some((published, ..)) = published(ATTESTING_WORKFLOW, "unknown_channels") else { return };
    let output = published.audit("npm", &[]);
    assert_eq!(output.code, 2, "{}", output.stderr);
    assert!(output.stderr.contains("server has no channel npm"), "{}", output.stderr);
    assert!(output.stderr.contains("choose from source, pypi"), "{}", output.stderr);
}
