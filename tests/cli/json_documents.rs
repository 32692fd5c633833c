//! The JSON documents that scripts rely on, and the notes that people read. Each has a snapshot.

use serde_json::Value;

use crate::channels::npm::small_package;
use crate::channels::published_packages::{ATTESTING_WORKFLOW, PLAIN_WORKFLOW};
use crate::support::attested_file::{AttestedFile, RELEASE_POLICY_FLAGS};
use crate::support::published_release::{PublishedRelease, checksum_file, sha256_hex};
use crate::support::repository::{TestRepository, run, xtask};
use crate::support::test_bed::{TAG, TestBed};

/// Returns a report with the paths of this machine replaced.
#[track_caller]
fn redacted_report(fixture: &TestRepository, arguments: &[&str]) -> String {
    let output = fixture.xtask(arguments);
    let root = fixture.path().canonicalize().unwrap();
    output
        .stdout
        .replace(root.to_str().unwrap(), "[ROOT]")
        .replace(fixture.path().to_str().unwrap(), "[ROOT]")
}

/// Returns a JSON document without its Markdown, which has a snapshot of its own.
#[track_caller]
fn redacted_document(fixture: &TestRepository, arguments: &[&str]) -> String {
    let text = redacted_report(fixture, &[arguments, &["--format", "json"]].concat());
    let mut document: Value = serde_json::from_str(&text).unwrap();
    if let Some(time) = document.get_mut("last_fetched") {
        *time = Value::from("[TIME]");
    }
    for key in ["markdown", "notes"] {
        if let Some(text) = document.get_mut(key).filter(|it| it.is_string()) {
            *text = Value::from("…");
        }
    }
    serde_json::to_string_pretty(&document).unwrap()
}

#[test]
fn notes_json_matches_the_snapshot() {
    insta::assert_snapshot!(redacted_document(&TestRepository::with_release(), &["notes", "server/v0.1.1"]));
}

#[test]
fn release_json_matches_the_snapshot() {
    let fixture = TestRepository::with_release();
    insta::assert_snapshot!(
        "release_plan",
        redacted_document(&fixture, &["release", "server/v0.1.1", "--dry-run"])
    );
    fixture.write_file("README.md", b"changed\n");
    insta::assert_snapshot!("release_refused", redacted_document(&fixture, &["release", "server/v0.1.1"]));
    insta::assert_snapshot!(
        "release_done",
        redacted_document(&fixture, &["release", "server/v0.1.1", "--allow", "clean-tree"])
    );
}

/// A published release, without the port of the emulated GitHub.
#[test]
fn published_release_matches_the_snapshot() {
    let bed = TestBed::new();
    let output = bed.publish().ok();
    let mut document: Value = serde_json::from_str(&redact_paths(&bed, &output.stdout)).unwrap();
    document["notes"] = Value::from("…");
    document["last_fetched"] = Value::from("[TIME]");
    insta::assert_snapshot!("release_published", serde_json::to_string_pretty(&document).unwrap());
    let text = bed.run(&["release", "server/v0.1.1", "--push"]).ok().stdout;
    insta::assert_snapshot!("release_published_text", redact_paths(&bed, &text));
}

fn redact_paths(bed: &TestBed, text: &str) -> String {
    text.replace(&bed.github.api_url(), "[GITHUB]").replace(bed.clone.path().to_str().unwrap(), "[ROOT]")
}

/// The JSON and the text of `audit`, without ports and digests. Digests depend on the compressor.
#[test]
fn audit_report_matches_the_snapshot() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let output = published_release.audit(&[]).ok();
    let document: Value = output.json();
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "findings",
            "notes",
            "repository",
            "repository_source",
            "schema",
            "subject",
            "trusted_root",
            "verdict"
        ]
    );
    let digests = [sha256_hex(&good), sha256_hex(checksum_file(&good).as_bytes())];
    let redact = |text: &str| {
        let text = redact_paths(&published_release.bed, text);
        let text = text.replace(published_release.bed.home.path().to_str().unwrap(), "[HOME]");
        let text = digests.iter().fold(text, |text, it| text.replace(it, "[DIGEST]"));
        let age = text.find(" days old").and_then(|end| text[..end].rfind(' ').map(|start| (start + 1, end)));
        let text =
            age.map_or(text.clone(), |(start, end)| format!("{}[AGE]{}", &text[..start], &text[end..]));
        text.replace(&format!("{} bytes", good.len()), "[SIZE] bytes")
    };
    insta::assert_snapshot!("audit", redact(&serde_json::to_string_pretty(&document).unwrap()));
    published_release.bed.github.reset_rate_limit();
    let root = published_release.bed.home.path().join("root.json");
    let text = published_release
        .bed
        .run(&["audit", TAG, "--channel", "source", "--trusted-root", root.to_str().unwrap()])
        .ok()
        .stdout;
    let text = redact(&text);
    insta::assert_snapshot!(
        "audit_text",
        text.lines().filter(|it| !it.contains("SIZE")).collect::<Vec<_>>().join("\n")
    );
}

/// The JSON of `verify`, for a valid and an invalid bundle.
#[test]
fn verify_json_matches_the_snapshot() {
    let mut attested_file = AttestedFile::new();
    let bundle = attested_file.bundle();
    let redact = |text: &str| {
        let text = text.replace(attested_file.folder.path().to_str().unwrap(), "[ROOT]");
        let age = text.find(" days old").and_then(|end| text[..end].rfind(' ').map(|start| (start + 1, end)));
        age.map_or(text.clone(), |(start, end)| format!("{}[AGE]{}", &text[..start], &text[end..]))
    };
    insta::assert_snapshot!("verify", redact(&attested_file.verify(&bundle, &RELEASE_POLICY_FLAGS).stdout));
    let other = ["--source-ref", "refs/heads/other"];
    insta::assert_snapshot!("verify_refuted", redact(&attested_file.verify(&bundle, &other).stdout));
}

#[test]
fn archive_json_matches_the_snapshot() {
    insta::assert_snapshot!(redacted_document(
        &TestRepository::with_release(),
        &["archive", "server/v0.1.0"]
    ));
}

#[test]
fn status_report_matches_the_snapshot() {
    insta::assert_snapshot!(
        "status",
        redacted_document(&TestRepository::with_release(), &["status", "server"])
    );
    insta::assert_snapshot!(
        "status_text",
        redacted_report(&TestRepository::with_release(), &["status", "server"])
    );
}

#[test]
fn doctor_json_matches_the_snapshot() {
    insta::assert_snapshot!(redacted_document(&TestRepository::with_release(), &["doctor"]));
}

#[test]
fn dry_run_text_matches_the_snapshot() {
    let text = redacted_report(&TestRepository::with_release(), &["release", "server/v0.1.1", "--dry-run"]);
    let fetched = text.lines().find_map(|it| it.strip_prefix("  fetched   ")?.strip_suffix(" from origin"));
    insta::assert_snapshot!(text.replace(fetched.unwrap(), "[TIME]"));
}

/// Renders every part of the built-in template: all channels, a signed tag, bots among the contributors.
#[test]
fn notes_of_every_channel_match_the_snapshot() {
    let mut fixture = TestRepository::new();
    let config = include_str!("../../release.toml");
    let all = "channels = [{ pypi = \"opensandbox-server\" }, { image = \"server\" }, { npm = \"@acme/server\" }, \
               { nuget = \"Acme.Server\" }, { maven = { group = \"com.acme\", artifacts = [\"server\"] } }, \
               { helm = \"server\" }, { go = \"example.com/acme/server\" }]";
    let server_channels = "channels = [{ pypi = \"opensandbox-server\" }, { image = \"server\" }]";
    assert!(config.contains(server_channels));
    fixture.write_file(".git/all.toml", config.replace(server_channels, all).as_bytes());
    fixture.commit(
        "feat: all\n\nCo-authored-by: helper[bot] <helper[bot]@users.noreply.github.com>",
        &[("server/a", "1")],
    );
    fixture.git(["remote", "add", "origin", "git@github.com:acme/Fork.git"]);
    let arguments =
        ["release", "server/v1.0.0-rc.1", "--initial-release", "--sign-tag", "--dry-run", "--format", "json"];
    let output = run(xtask(fixture.path()).args(arguments).args(["--config", ".git/all.toml"]));
    let markdown = output.json()["notes"].as_str().unwrap().to_owned();
    assert!(!markdown.contains("alibaba"), "a fork's notes name the fork");
    assert!(markdown.contains("1.0.0rc1"), "package files have the normalized version");
    insta::assert_snapshot!(markdown);
    let unsigned = fixture.xtask(["notes", "server/v1.0.0-rc.1", "--initial-release"]).ok().stdout;
    assert!(!unsigned.contains("verify-tag"), "an unsigned tag gets no instructions");
}

#[test]
fn compare_json_matches_the_snapshot() {
    let (bed, package) = small_package();
    let text = bed.compare_output(&package).ok().stdout;
    insta::assert_snapshot!(text.replace(package.to_str().unwrap(), "[FILE]"));
}

/// The notes name only commands that can succeed: a package without attestation is compared with the tag.
#[test]
fn notes_follow_what_the_publish_workflow_attests() {
    for (workflow, attested) in [(ATTESTING_WORKFLOW, true), (PLAIN_WORKFLOW, false)] {
        let mut fixture = TestRepository::new();
        fixture.commit("feat: all", &[("server/a", "1"), (".github/workflows/publish-server.yml", workflow)]);
        fixture.git(["remote", "add", "origin", "git@github.com:acme/Fork.git"]);
        let notes = fixture.xtask(["notes", "server/v1.0.0", "--initial-release"]).ok().stdout;
        let wheel = "opensandbox_server-1.0.0-*.whl";
        assert_eq!(notes.contains(&format!("gh attestation verify {wheel}")), attested, "{notes}");
        assert_eq!(
            notes.contains(&format!("cargo xtask compare {wheel} 'server/v1.0.0'")),
            !attested,
            "{notes}"
        );
    }
}

/// The JSON of `rehearse`, without what differs between rehearsals: times, folders, and the tag's object, which a new
/// key signs each time.
#[test]
fn rehearse_json_matches_the_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = xtask(folder.path());
        // gh may be installed. Its commands are removed below, and `rehearse` tests them.
        run(command.args(["rehearse", "--format", "json"]).args(arguments)).ok().json()
    };
    let mut document = run(&[]);
    document["notes"] = Value::from("…");
    document["last_fetched"] = Value::from("[TIME]");
    for step in document["steps"].as_array_mut().unwrap() {
        step["milliseconds"] = Value::from(0);
    }
    document["steps"][1]["evidence"] = Value::from("…");
    document["steps"][4]["evidence"] = Value::from("…");
    document["steps"][5]["evidence"] = Value::from("…");
    let commands = document["commands"].as_array_mut().unwrap();
    commands.retain(|it| it["command"].as_str().is_some_and(|it| !it.starts_with("gh ")));
    commands.truncate(6);
    insta::assert_snapshot!("rehearse", serde_json::to_string_pretty(&document).unwrap());
    let mut document = run(&["--fault", "kill-push"]);
    document["steps"][0]["evidence"] = Value::from("…");
    insta::assert_snapshot!("rehearse_fault", serde_json::to_string_pretty(&document).unwrap());
}
