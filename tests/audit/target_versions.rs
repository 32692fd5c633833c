//! `audit --target`: every release of a target, and the versions that registries list for it.

use emulators::{Fault, FaultKind, FaultTiming};
use serde_json::{Value, json};

use crate::channels::published_packages::{ATTESTING_WORKFLOW, PublishedPackages, edited_json};
use crate::channels::pypi_audit::{INDEX, attest, published};
use crate::support::repository::{CapturedOutput, print_note};

/// Returns a published and attested Python project with one tagged version. `None` if hatchling is missing.
fn published_project(test: &str) -> Option<PublishedPackages> {
    let (mut project, wheel, sdist) = published(ATTESTING_WORKFLOW, test)?;
    attest(&mut project, &wheel, &sdist);
    Some(project)
}

fn audit_target(project: &PublishedPackages) -> CapturedOutput {
    project.audit_subject(&["--target", "server"], "pypi", &["--format", "json"])
}

/// Lists further versions in the index, each with one file that is yanked or not.
fn list_versions(project: &PublishedPackages, versions: &[(&str, Value)]) {
    let index = edited_json(&project.registries.document(INDEX).unwrap(), |it| {
        for (version, yanked) in versions {
            it["versions"].as_array_mut().unwrap().push(json!(version));
            let mut file = it["files"][0].clone();
            file["filename"] = json!(format!("opensandbox_server-{version}-py3-none-any.whl"));
            file["yanked"] = yanked.clone();
            it["files"].as_array_mut().unwrap().push(file);
        }
    });
    project.registries.set_document(INDEX, "application/json", index);
}

/// Returns `check subject reason` of each finding about the listed versions.
fn version_findings(output: &CapturedOutput) -> Vec<String> {
    let entry = &output.json()["audits"][0];
    assert_eq!(entry["subject"], "server");
    let text = |it: &Value, key: &str| it[key].as_str().unwrap().to_owned();
    let findings = entry["findings"].as_array().unwrap().iter();
    findings
        .map(|it| format!("{} {} {}", text(it, "check"), text(it, "subject"), text(it, "reason")))
        .collect()
}

#[test]
fn case_91_versions_without_a_tag_are_refuted() {
    let Some(project) = published_project("versions_without_a_tag") else { return };
    let twin = audit_target(&project);
    assert_eq!(twin.json()["verdict"], "proven", "{}", twin.stdout);
    assert_eq!(version_findings(&twin), ["versions opensandbox-server ok"]);
    assert_eq!(twin.json()["audits"][1]["subject"], "server/v1.2.3");
    // A tag that only GitHub has, and versions that no tag explains.
    project.bed.clone.git(["tag", "server/v1.2.4"]);
    project.bed.clone.git(["push", "-q", project.bed.github.git_dir().to_str().unwrap(), "server/v1.2.4"]);
    project.bed.clone.git(["tag", "-d", "server/v1.2.4"]);
    list_versions(
        &project,
        &[
            ("1.2.4", json!(false)),
            ("1.3.0.dev1", json!("made\u{1b} by hand")),
            ("1.03.0", json!(false)),
            ("nonsense", json!(true)),
        ],
    );
    let output = audit_target(&project);
    assert_eq!(output.json()["verdict"], "refuted");
    print_note(&format!("{:#?}", version_findings(&output)));
    assert_eq!(
        version_findings(&output),
        [
            "versions pkg:pypi/opensandbox-server@1.2.4 tag-only-on-remote",
            "versions pkg:pypi/opensandbox-server@1.3.0 untagged",
            "versions pkg:pypi/opensandbox-server@1.3.0.dev1 untagged",
            "versions pkg:pypi/opensandbox-server@nonsense untagged",
            "versions pkg:pypi/opensandbox-server@opensandbox_server-nonsense-py3-none-any.whl untagged",
        ]
    );
    let warnings = output.json()["audits"][0]["notes"].to_string();
    assert!(warnings.contains("1.3.0.dev1 was withdrawn: yanked: made\\\\u{1b} by hand"), "{warnings}");
    let text = project.audit_subject(&["--target", "server"], "pypi", &[]);
    assert!(text.stdout.contains("1.3.0.dev1 is published, but neither GitHub nor"), "{}", text.stdout);
    // Without an answer of GitHub, nothing is refuted.
    let (headers, body, timing) = (Vec::new(), "{}".to_owned(), FaultTiming::Before);
    let busy = FaultKind::CannedResponse { status: 503, headers, body, timing };
    project.bed.github.inject(Fault::once("GET", "matching-refs", busy));
    let findings = version_findings(&audit_target(&project));
    assert!(findings[1].ends_with("unreachable"), "{findings:?}");
}

/// Installers choose among the files of an index, whatever its list of versions says.
#[test]
fn files_of_unlisted_versions_are_found() {
    let Some(project) = published_project("files_of_unlisted_versions") else { return };
    list_versions(&project, &[("9.9.9", json!(false)), ("9.9.9.win32", json!(false))]);
    let index =
        edited_json(&project.registries.document(INDEX).unwrap(), |it| it["versions"] = json!(["1.2.3"]));
    project.registries.set_document(INDEX, "application/json", index);
    let findings = version_findings(&audit_target(&project));
    assert!(findings.iter().any(|it| it.ends_with("server@9.9.9 untagged")), "{findings:?}");
    assert!(findings.iter().any(|it| it.ends_with("9.9.9.win32-py3-none-any.whl untagged")), "{findings:?}");
}

#[test]
fn tokens_are_used_for_metadata_only() {
    let Some(project) = published_project("tokens_are_used_for_metadata_only") else { return };
    project.bed.github.clear_log();
    let output = audit_target(&project);
    assert_eq!(output.json()["verdict"], "proven", "{}", output.stdout);
    assert!(output.json()["notes"][0].as_str().unwrap().contains("a token was used"), "{}", output.stdout);
    let exchanges = project.bed.github.exchanges();
    let anonymous = exchanges.iter().filter(|it| !it.authorized).map(|it| it.path.as_str());
    let anonymous: Vec<&str> = anonymous.filter(|it| it.starts_with("/repos/")).collect();
    assert_eq!(anonymous, ["/repos/acme/widgets"]);
    assert!(exchanges.len() > 5, "{exchanges:?}");
}

#[test]
fn recorded_audits_of_a_target_need_no_token() {
    let Some(project) = published_project("recorded_audits_of_a_target") else { return };
    let folder = project.bed.home.path().join("recording");
    let audit = |flag: &str| {
        let arguments = [flag, folder.to_str().unwrap(), "--format", "json"];
        project.audit_subject(&["--target", "server"], "pypi", &arguments)
    };
    let saved = audit("--save");
    assert_eq!(saved.json()["verdict"], "proven", "{}", saved.stdout);
    project.bed.github.clear_log();
    drop(project.registries.take_requests());
    let replayed = audit("--from");
    assert_eq!(replayed.json()["verdict"], "proven", "{}", replayed.stdout);
    assert!(
        replayed.stdout.contains("if the recording has answers to requests with a token, they are used"),
        "{}",
        replayed.stdout
    );
    assert_eq!((project.bed.github.exchanges().len(), project.registries.take_requests()), (0, Vec::new()));
}

#[test]
fn long_lists_of_versions_are_unproven() {
    let Some(project) = published_project("long_lists_of_versions") else { return };
    let versions: Vec<String> = (0..4999).map(|it| format!("9.9.{it}")).collect();
    let set = |versions: &[String]| {
        let index =
            edited_json(&project.registries.document(INDEX).unwrap(), |it| it["versions"] = json!(versions));
        project.registries.set_document(INDEX, "application/json", index);
    };
    set(&versions);
    project.bed.github.clear_log();
    let output = audit_target(&project);
    assert_eq!(output.json()["verdict"], "refuted");
    assert_eq!(version_findings(&output).len(), 201);
    assert!(output.stdout.contains("4799 more versions of opensandbox-server"), "{}", output.stdout);
    let asked = project.bed.github.exchanges().iter().filter(|it| it.path.contains("matching-refs")).count();
    assert_eq!(asked, 1);
    set(&[&versions[..], &versions[..2]].concat());
    let output = audit_target(&project);
    assert_eq!(version_findings(&output), ["versions opensandbox-server limit"]);
}
