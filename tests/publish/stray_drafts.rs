//! Drafts left behind by killed or concurrent runs: the same command must still end with one published release.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use emulators::{Fault, FaultKind, FaultTiming, Hook};
use serde_json::{Value, json};

use crate::support::repository::run;
use crate::support::test_bed::{TAG, TestBed, expect_no_secret};

/// Creates another draft with exactly the text of the release, as a killed run leaves one behind, and returns its id.
fn create_stray_draft(bed: &TestBed) -> u64 {
    let release = bed.github.releases().remove(0);
    let body = json!({ "tag_name": TAG, "name": release["name"], "body": release["body"], "draft": true });
    bed.rest_request("POST", "/releases", Some(&body))["id"].as_u64().unwrap()
}

fn release_ids(bed: &TestBed) -> Vec<u64> {
    bed.github.releases().iter().map(|it| it["id"].as_u64().unwrap()).collect()
}

#[test]
fn empty_stray_draft_is_deleted() {
    let bed = TestBed::new();
    bed.publish().ok();
    let published = release_ids(&bed)[0];
    let stray = create_stray_draft(&bed);
    let planned = bed.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
    let steps: Vec<&Value> = planned["plan"].as_array().unwrap().iter().map(|it| &it["step"]).collect();
    assert!(steps.contains(&&json!("delete-draft")), "{steps:?}");
    assert_eq!(release_ids(&bed).len(), 2, "the dry run deleted the draft");
    let output = bed.run(&["release", TAG, "--push"]).ok();
    assert!(output.stderr.contains(&format!("deleting {TAG} (empty draft {stray})")), "{}", output.stderr);
    assert_eq!(release_ids(&bed), [published]);
    // A rerun has nothing left to do.
    bed.publish().ok();
    assert_eq!(release_ids(&bed), [published]);
}

#[test]
fn foreign_drafts_are_never_deleted() {
    // A draft beside a published release is only a note.
    let bed = TestBed::new();
    bed.publish().ok();
    let other = bed.create_release(true);
    let output = bed.run(&["release", TAG, "--push"]).ok();
    let command = format!("gh api -X DELETE repos/acme/widgets/releases/{other}");
    assert!(
        output.stdout.contains("warning  release") && output.stdout.contains(&command),
        "{}",
        output.stdout
    );
    assert_eq!(release_ids(&bed).len(), 2, "the draft of another person was deleted");
    // Two drafts and no published release are refused. The hint has the command to delete each.
    let bed = TestBed::new();
    let all = [bed.create_release(true), bed.create_release(true)];
    bed.expect_refused(&[], "release", "multiple-releases");
    let stdout = bed.run(&["release", TAG, "--push"]).stdout;
    for id in all {
        assert!(stdout.contains(&format!("gh api -X DELETE repos/acme/widgets/releases/{id}")), "{stdout}");
    }
    // A draft with the text of the release is kept if it has assets.
    let bed = TestBed::new();
    bed.publish().ok();
    let stray = create_stray_draft(&bed);
    bed.upload_asset(stray, "SHA256SUMS", b"something\n");
    bed.run(&["release", TAG, "--push"]).ok();
    assert_eq!(release_ids(&bed).len(), 2);
}

#[test]
fn complete_draft_is_preferred() {
    let bed = TestBed::new();
    bed.run(&["release", TAG, "--push", "--draft"]).ok();
    let complete = release_ids(&bed)[0];
    let (empty, other) = (create_stray_draft(&bed), bed.create_release(true));
    let done = bed.run(&["release", TAG, "--push", "--format", "json"]).ok().json();
    assert_eq!(done["release"]["id"], complete);
    let remaining = release_ids(&bed);
    assert!(remaining.contains(&other) && !remaining.contains(&empty), "{remaining:?}");
}

/// A run is killed while GitHub is slow to create the draft. If the next run starts at once, the draft of the first run
/// appears after the second run has listed the releases.
#[test]
fn late_draft_of_a_killed_run_does_not_block_a_rerun() {
    for (delay, at_once) in [(1500, true), (300, false)] {
        let bed = TestBed::new();
        let late = FaultKind::DelayEffect(Duration::from_millis(delay));
        bed.github.inject(Fault::once("POST", "/repos/acme/widgets/releases", late));
        let mut command = bed.command(&["release", TAG, "--push"]);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        while bed.github.pending_faults() > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if !at_once {
            std::thread::sleep(Duration::from_millis(delay + 300));
        }
        // The second rerun must succeed: an operator needs no third.
        let first = bed.publish();
        std::thread::sleep(Duration::from_millis(if at_once { delay } else { 0 }));
        let second = bed.publish();
        assert_eq!(second.code, 0, "second rerun:\n{}\nfirst rerun:\n{}", second.stderr, first.stderr);
        let release = bed.only_release();
        assert_eq!(release["draft"], false, "{release:#}");
    }
}

#[test]
fn rejected_push_is_not_reported_as_pushed() {
    let bed = TestBed::new();
    // The server refuses the push.
    std::fs::create_dir_all(bed.github.git_dir().join("hooks")).unwrap();
    let hook = bed.github.git_dir().join("hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho no tags today >&2\nexit 1\n").unwrap();
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    let output = bed.run(&["release", TAG, "--push"]);
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stderr.contains(&format!("pushing {TAG}")), "{}", output.stderr);
    assert!(!output.stderr.contains(&format!("pushed {TAG}")), "{}", output.stderr);
    std::fs::remove_file(&hook).unwrap();
    let output = bed.run(&["release", TAG, "--push"]).ok();
    assert!(output.stderr.contains(&format!("pushed {TAG}")), "{}", output.stderr);
}

#[test]
fn token_scopes_are_checked_before_signing() {
    let limited = "invented-limited-token";
    let with = |scopes: Option<&str>, arguments: &[&str]| {
        let bed = TestBed::new();
        bed.github
            .configure(|it| it.limited_scope_token = Some((limited.to_owned(), scopes.map(str::to_owned))));
        let all = [&["release", TAG, "--push", "--format", "json"], arguments].concat();
        let output = expect_no_secret(run(bed.command(&all).env("GH_TOKEN", limited)));
        let tags = bed.clone.git(["tag", "-l", TAG]);
        (output, tags)
    };
    // A classic token without the scope, although its user may push.
    for scopes in ["", "read:org, gist", "repo:status"] {
        let (output, tags) = with(Some(scopes), &[]);
        let refusal = output.json()["refusals"][0].clone();
        assert_eq!((output.code, &refusal["reason"]), (1, &json!("cannot-push")), "{scopes}: {refusal:#}");
        assert_eq!(tags, "", "a tag was created");
    }
    // GitHub does not report the permissions of a fine-grained token. The dry run has a notice about it.
    let (output, _) = with(None, &["--dry-run"]);
    let notices = output.json()["notices"].as_array().unwrap().clone();
    assert!(notices.iter().any(|it| it["reason"] == "permissions-unknown"), "{notices:#?}");
    // The twin: a token with the scope gives no such notice.
    let bed = TestBed::new();
    let notices = bed.publish().ok().json()["notices"].to_string();
    assert!(!notices.contains("permissions-unknown"), "{notices}");
}

#[test]
fn downloads_honour_retry_after() {
    for status in [403, 429, 503] {
        let bed = TestBed::new();
        let headers = vec![("retry-after", "1".to_owned())];
        let busy =
            FaultKind::CannedResponse { status, headers, body: String::new(), timing: FaultTiming::Before };
        // The path on the storage host ends in the name of the asset.
        bed.github
            .inject(Fault { times: 2, ..Fault::once("GET", "/opensandbox-server-v0.1.1.tar.gz", busy) });
        let output = bed.publish();
        assert_eq!(output.code, 0, "{status}: {}", output.stderr);
        assert_eq!(bed.github.pending_faults(), 0, "{status}: the download was not retried");
    }
}

/// The next run deletes the temporary `GnuPG` homes that killed runs left. Homes of runs that are still starting and
/// symbolic links are kept.
#[test]
fn gnupg_homes_of_killed_runs_are_removed() {
    let signer = crate::sign::openpgp_signer::OpenPgpTagSigner::with_rsa(2048);
    let temporary = tempfile::tempdir().unwrap();
    let homes = || -> Vec<String> {
        let entries = std::fs::read_dir(temporary.path()).unwrap();
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    for name in ["opensandbox-gpg-killed", "opensandbox-gpg-starting", "other"] {
        std::fs::create_dir(temporary.path().join(name)).unwrap();
        std::fs::write(temporary.path().join(name).join("pubring.kbx"), "keys").unwrap();
    }
    std::fs::write(temporary.path().join("opensandbox-gpg-killed/in-use"), "").unwrap();
    std::os::unix::fs::symlink(temporary.path().join("other"), temporary.path().join("opensandbox-gpg-link"))
        .unwrap();
    signer.verify_with_temp_dir(temporary.path());
    let mut remaining = homes();
    remaining.sort();
    assert_eq!(remaining, ["opensandbox-gpg-link", "opensandbox-gpg-starting", "other"]);
    assert!(temporary.path().join("other/pubring.kbx").exists());
}

/// Another client creates a draft of the same tag just before a run publishes. The run must stop, even if the draft is
/// unrelated.
#[test]
fn concurrent_foreign_draft_stops_publishing() {
    let bed = Arc::new(TestBed::new());
    let api = bed.github.api_url();
    let made = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&made);
    let hook = Hook::new(move || {
        let body = json!({ "tag_name": TAG, "name": "other", "draft": true });
        crate::support::test_bed::rest_request(&api, "POST", "/releases", Some(&body));
        seen.fetch_add(1, Ordering::SeqCst);
    });
    bed.github.inject(Fault::once("GET", "/git/ref/tags/", FaultKind::Hook(hook)));
    let output = bed.run(&["release", TAG, "--push"]);
    assert_eq!(made.load(Ordering::SeqCst), 1);
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(output.stderr.contains("now has other releases"), "{}", output.stderr);
}
