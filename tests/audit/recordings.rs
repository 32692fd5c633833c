//! Audits that are kept in a folder, repeated without network, and resumed after an interruption.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::channels::published_packages::{ATTESTING_WORKFLOW, PublishedPackages, edited_json, unproven};
use crate::channels::pypi_audit::{attest, published};
use crate::support::published_release::{PublishedRelease, sha256_hex, unproven_findings};
use crate::support::repository::CapturedOutput;

const CHANNEL: &str = "pypi";

/// Returns a published and attested Python project. `None` if hatchling is missing.
fn published_project(test: &str) -> Option<PublishedPackages> {
    let (mut project, wheel, sdist) = published(ATTESTING_WORKFLOW, test)?;
    attest(&mut project, &wheel, &sdist);
    Some(project)
}

fn folder_of(project: &PublishedPackages) -> PathBuf {
    project.bed.home.path().join("recording")
}

#[track_caller]
fn save(project: &PublishedPackages) -> CapturedOutput {
    project.audit(CHANNEL, &["--save", folder_of(project).to_str().unwrap()])
}

#[track_caller]
fn replay(project: &PublishedPackages) -> CapturedOutput {
    project.audit(CHANNEL, &["--from", folder_of(project).to_str().unwrap()])
}

/// Returns the paths of all requests to the registries and to GitHub since the last call.
fn take_requests(project: &PublishedPackages) -> Vec<String> {
    let mut paths: Vec<String> =
        project.registries.take_requests().into_iter().map(|(path, _)| path).collect();
    paths.extend(project.bed.github.exchanges().iter().map(|it| it.path.clone()));
    project.bed.github.clear_log();
    paths
}

/// Returns the path of the recorded file whose name ends like this.
fn recorded(folder: &Path, ending: &str) -> PathBuf {
    let mut entries = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries.find(|it| it.to_str().unwrap().ends_with(ending)).expect(ending)
}

#[test]
fn recorded_audits_are_repeated_without_requests() {
    let Some(project) = published_project("recorded_audits_are_repeated") else { return };
    let saved = save(&project);
    assert_eq!(unproven(&saved), ("proven".to_owned(), Vec::new()));
    assert!(!take_requests(&project).is_empty());
    // What the registry serves now has no effect.
    project.registries.remove_documents("/");
    project.bed.github.clear_attestations();
    let replayed = replay(&project);
    assert_eq!(unproven(&replayed), ("proven".to_owned(), Vec::new()));
    assert_eq!(take_requests(&project), Vec::<String>::new());
    assert!(replayed.stdout.contains("no request was sent: all answers are from the recording"));
    let findings = |it: &CapturedOutput| it.json()["findings"].to_string().replace(", as recorded)", ")");
    assert_eq!(findings(&saved), findings(&replayed));
    assert!(!take_requests(&project).iter().any(|it| it.contains("simple")));
    assert_ne!(project.audit(CHANNEL, &[]).code, 0, "the twin without a recording is proven");
}

#[test]
fn source_releases_are_recorded_too() {
    let mut release = PublishedRelease::new();
    let archive = release.archive();
    release.publish_attested(&archive);
    let folder = release.bed.home.path().join("recording");
    let folder = folder.to_str().unwrap();
    assert_eq!(unproven_findings(&release.audit(&["--save", folder])).0, "proven");
    release.bed.github.clear_log();
    release.bed.github.clear_attestations();
    assert_eq!(unproven_findings(&release.audit(&["--from", folder])).0, "proven");
    assert_eq!(release.bed.github.exchanges().len(), 0, "a request was sent");
    assert_ne!(unproven_findings(&release.audit(&[])).0, "proven");
}

#[test]
fn interrupted_audits_go_on_with_what_they_have() {
    let Some(project) = published_project("interrupted_audits_go_on") else { return };
    project.registries.refuse(".tar.gz", 429, vec![("retry-after", "3600".to_owned())], 1);
    let (verdict, findings) = unproven(&save(&project));
    assert_eq!(verdict, "unproven");
    assert!(findings.iter().any(|it| it.contains("digest: rate-limited")), "{findings:?}");
    let first = take_requests(&project);
    assert!(replay(&project).stdout.contains("which is not complete"));
    let resumed = save(&project);
    assert_eq!(unproven(&resumed), ("proven".to_owned(), Vec::new()));
    assert!(resumed.stdout.contains("reused the answers that were recorded in"), "{}", resumed.stdout);
    let second = take_requests(&project);
    assert!(second.iter().any(|it| it.ends_with(".tar.gz")), "{second:?}");
    // A file without attestations has status 404, which may have changed, so it is asked again.
    let repeated: Vec<&String> = second.iter().filter(|it| first.contains(*it)).collect();
    assert!(repeated.iter().all(|it| it.ends_with(".tar.gz")), "{repeated:?}");
    // A complete recording is not changed.
    let refused = save(&project);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("has a complete recording"), "{}", refused.stderr);
}

#[test]
fn changed_recordings_are_not_proven() {
    let Some(project) = published_project("changed_recordings") else { return };
    save(&project).ok();
    let folder = folder_of(&project);
    let wheel = recorded(&folder, ".whl");
    let description = recorded(&folder, ".whl.response.json");
    let good = [std::fs::read(&wheel).unwrap(), std::fs::read(&description).unwrap()];
    let restore = || {
        std::fs::write(&wheel, &good[0]).unwrap();
        std::fs::write(&description, &good[1]).unwrap();
    };
    let mut changed = good[0].clone();
    changed[50] ^= 1;
    std::fs::write(&wheel, &changed).unwrap();
    let (verdict, findings) = unproven(&replay(&project));
    assert_eq!(verdict, "unproven");
    assert!(findings.iter().any(|it| it.contains("is damaged")), "{findings:?}");
    let described = edited_json(&good[1], |it| it["sha256"] = json!(sha256_hex(&changed)));
    std::fs::write(&description, described).unwrap();
    let (verdict, findings) = unproven(&replay(&project));
    assert_eq!(verdict, "refuted");
    assert!(findings.iter().any(|it| it.starts_with("digest: stated-digest")), "{findings:?}");
    restore();
    for (text, expected) in [
        ("{}", "the recording could not be read"),
        ("{\"schema\": \"opensandbox-release/response/9\"}", "the recording could not be read"),
    ] {
        std::fs::write(&description, text).unwrap();
        let (verdict, findings) = unproven(&replay(&project));
        assert_eq!(verdict, "unproven");
        assert!(findings.iter().any(|it| it.contains(expected)), "{findings:?}");
    }
    restore();
    std::fs::remove_file(&description).unwrap();
    let (verdict, findings) = unproven(&replay(&project));
    assert_eq!(verdict, "unproven");
    assert!(findings.iter().any(|it| it.contains("has no response to this request")), "{findings:?}");
    // No link in the folder is followed.
    restore();
    let elsewhere = project.bed.home.path().join("elsewhere");
    std::fs::rename(&wheel, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &wheel).unwrap();
    let (verdict, findings) = unproven(&replay(&project));
    assert_eq!(verdict, "unproven");
    assert!(findings.iter().any(|it| it.contains("symbolic link")), "{findings:?}");
    std::fs::remove_file(&wheel).unwrap();
    restore();
    assert_eq!(unproven(&replay(&project)), ("proven".to_owned(), Vec::new()));
}

#[test]
fn unusable_folders_are_refused() {
    let Some(project) = published_project("unusable_folders") else { return };
    let folder = folder_of(&project);
    let expect = |output: CapturedOutput, text: &str| {
        let code = if text.contains("recording.json") { 1 } else { 2 };
        assert_eq!(output.code, code, "{}", output.stderr);
        assert!(output.stderr.contains(text), "{}", output.stderr);
    };
    expect(replay(&project), "has no recording of an audit");
    assert!(!folder.exists());
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("mine.txt"), "keep").unwrap();
    expect(save(&project), "is not empty and has no recording");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    std::fs::write(folder.join("recording.json"), "{").unwrap();
    expect(save(&project), "recording.json in");
    expect(replay(&project), "recording.json in");
    let description = |schema: &str, subject: &str| {
        let text = json!({ "schema": schema, "subject": subject, "repository": "x/y", "started_at": "2026-06-01T00:00:00Z", "complete": true });
        std::fs::write(folder.join("recording.json"), text.to_string()).unwrap();
    };
    description("opensandbox-release/recording/9", "server/v1.2.3");
    expect(replay(&project), "expected opensandbox-release/recording/1");
    description("opensandbox-release/recording/1", "server/v1.2.\u{1b}4");
    expect(replay(&project), "is of server/v1.2.\\u{1b}4 of x/y");
    let nowhere = project.audit(CHANNEL, &["--from", "x", "--save", "y"]);
    expect(nowhere, "cannot be used with");
}

#[test]
fn recordings_have_no_credentials() {
    let Some(project) = published_project("recordings_have_no_credentials") else { return };
    let secret = project.registries.pypi_index().replace("http://", "http://ada:s3cret-invented@");
    project.configure(&format!("[registries]\npypi = \"{secret}\"\n"));
    assert_eq!(unproven(&save(&project)), ("proven".to_owned(), Vec::new()));
    let folder = folder_of(&project);
    let files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    assert!(files.len() > 10, "{files:?}");
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        assert!(!text.contains("s3cret"), "{}", file.display());
    }
    // The recording also has the address, so another machine needs no configuration.
    project.configure("[registries]\npypi = \"https://registry.example/simple\"\n");
    take_requests(&project);
    assert_eq!(unproven(&replay(&project)), ("proven".to_owned(), Vec::new()));
    assert_eq!(take_requests(&project), Vec::<String>::new());
}
