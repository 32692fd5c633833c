//! Existing states of a release, concurrent changes and special cases of GitHub. Each refusal has an accepted twin.

use std::sync::Arc;

use emulators::{Fault, FaultKind, Hook};
use serde_json::{Value, json};

use crate::support::test_bed::{TAG, TOKEN, TestBed, rest_request};

/// Archive of [`TAG`].
const ARCHIVE_NAME: &str = "opensandbox-server-v0.1.1.tar.gz";

/// Publishes the release, whose audit must be proven, and returns the JSON report.
#[track_caller]
fn publish_proven(bed: &TestBed) -> Value {
    let done = bed.publish().ok().json();
    assert_eq!(done["audit"]["verdict"], "proven");
    done
}

/// Returns the steps of the plan as `STEP STATE`.
fn plan_steps(document: &Value) -> Vec<String> {
    let all = document["plan"].as_array().unwrap().iter();
    all.map(|it| format!("{} {}", it["step"].as_str().unwrap(), it["state"].as_str().unwrap())).collect()
}

#[test]
fn existing_draft_is_reused() {
    let bed = TestBed::new();
    let first = bed.create_release(true);
    let second = bed.create_release(true);
    bed.expect_refused(&[], "release", "multiple-releases");
    bed.rest_request("DELETE", &format!("/releases/{first}"), None);
    let done = publish_proven(&bed);
    assert_eq!(done["release"]["id"], second, "the draft was not reused");
    assert!(plan_steps(&done).contains(&"rewrite-draft missing".to_owned()), "{:?}", plan_steps(&done));
    assert_eq!(bed.only_release()["body"], done["notes"]);
}

#[test]
fn wrong_draft_asset_is_replaced() {
    for bytes in [&b"short"[..], &[0; 304]] {
        let bed = TestBed::new();
        let draft = bed.create_release(true);
        bed.upload_asset(draft, ARCHIVE_NAME, bytes);
        let planned = bed.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
        assert!(plan_steps(&planned).contains(&"remove missing".to_owned()), "{:?}", plan_steps(&planned));
        let done = publish_proven(&bed);
        assert_eq!(planned["plan"], done["plan"]);
        let names: Vec<Value> =
            bed.only_release()["assets"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(names, [ARCHIVE_NAME, "SHA256SUMS"]);
    }
}

#[test]
fn draft_metadata_is_corrected() {
    let bed = TestBed::new();
    let body = json!({ "tag_name": TAG, "name": "by hand", "draft": true, "prerelease": true });
    bed.rest_request("POST", "/releases", Some(&body));
    let done = publish_proven(&bed);
    let release = bed.only_release();
    assert_eq!(release["name"], "OpenSandbox Server v0.1.1");
    assert_eq!((&release["prerelease"], &release["body"]), (&json!(false), &done["notes"]));
}

#[test]
fn assets_without_digest_are_downloaded() {
    let bed = TestBed::new();
    bed.github.configure(|it| it.asset_digests = false);
    publish_proven(&bed);
    let bed = TestBed::new();
    bed.github.configure(|it| it.asset_digests = false);
    bed.upload_asset(bed.create_release(true), ARCHIVE_NAME, &[0; 304]);
    let done = publish_proven(&bed);
    assert!(plan_steps(&done).contains(&"remove missing".to_owned()), "{:?}", plan_steps(&done));
    let again = publish_proven(&bed);
    assert!(!plan_steps(&again).contains(&"upload missing".to_owned()), "{:?}", plan_steps(&again));
}

#[test]
fn private_repository_is_unproven() {
    let bed = TestBed::new();
    bed.github.configure(|it| it.private = true);
    let output = bed.publish();
    assert_eq!(output.code, 11, "{}", output.stderr);
    assert_eq!(output.json()["audit"]["findings"][0]["reason"], "private");
    assert_eq!(bed.only_release()["draft"], false);
}

#[test]
fn divergent_push_url_is_refused() {
    let bed = TestBed::new();
    bed.clone.git(["config", "remote.origin.pushurl", "https://github.com/ada/widgets.git"]);
    bed.expect_refused(&[], "origin", "push-url-differs");
    bed.clone.git(["config", "remote.origin.pushurl", &bed.github.clone_url()]);
    publish_proven(&bed);
}

#[test]
fn draft_published_concurrently_is_not_changed() {
    let bed = TestBed::new();
    let draft = bed.create_release(true);
    bed.upload_asset(draft, ARCHIVE_NAME, b"short");
    run_on_request(&bed, "GET", "/commits/", move |address| {
        rest_request(address, "PATCH", &format!("/releases/{draft}"), Some(&json!({ "draft": false })));
    });
    let output = bed.publish();
    assert!(output.code == 1 && output.stderr.contains("was published during this run"), "{}", output.stderr);
    assert_eq!(bed.only_release()["assets"][0]["size"], 5, "a published asset was changed");
}

#[test]
fn incomplete_upload_is_replaced() {
    let bed = TestBed::new();
    bed.github.inject(Fault::once("POST", "/assets", FaultKind::TruncateRequest));
    let mut once = bed.command(&["release", TAG, "--push"]);
    let output = crate::support::repository::run(once.env("RELEASE_HTTP_TRIES", "1"));
    assert!(output.code == 1 && output.stderr.contains("hint: run again"), "{}", output.stderr);
    assert_eq!(bed.only_release()["assets"][0]["state"], "starter");
    let done = publish_proven(&bed);
    assert!(plan_steps(&done).contains(&"remove missing".to_owned()), "{:?}", plan_steps(&done));
    assert!(plan_steps(&done).contains(&"create-draft present".to_owned()), "{:?}", plan_steps(&done));
}

#[test]
fn published_release_is_never_changed() {
    let bed = TestBed::new();
    publish_proven(&bed);
    let asset = bed.only_release()["assets"][0]["id"].clone();
    bed.rest_request("DELETE", &format!("/releases/assets/{asset}"), None);
    bed.expect_refused(&[], "release", "published-differs");
    bed.upload_asset(bed.only_release()["id"].as_u64().unwrap(), ARCHIVE_NAME, &[0; 304]);
    bed.expect_refused(&[], "release", "published-differs");
}

#[test]
fn remote_tag_is_never_replaced() {
    let bed = TestBed::new();
    bed.clone.git(["push", "-q", "origin", &format!("HEAD~1:refs/tags/{TAG}")]);
    bed.expect_refused(&[], "origin", "remote-tag-at-other-commit");
    let bed = TestBed::new();
    bed.clone.git(["push", "-q", "origin", &format!("HEAD:refs/tags/{TAG}")]);
    bed.expect_refused(&[], "origin", "tag-only-on-remote");
    bed.clone.git(["tag", "-am", "another", TAG]);
    bed.expect_refused(&[], "origin", "tag-object-differs");
    bed.clone.git(["tag", "-d", TAG]);
    bed.clone.git(["fetch", "-q", "origin", "tag", TAG]);
    publish_proven(&bed);
}

#[test]
fn commit_must_be_on_the_remote_default_branch() {
    let bed = TestBed::new();
    let other = bed.home.path().join("other");
    bed.clone.git(["clone", "-q", &bed.github.clone_url(), other.to_str().unwrap()]);
    let git = |arguments: &[&str]| bed.clone.git([&["-C", other.to_str().unwrap()], arguments].concat());
    let push = format!("credential.helper=!f() {{ echo username=x; echo password={TOKEN}; }}; f");
    git(&["commit", "-q", "--allow-empty", "-m", "later"]);
    git(&["-c", &push, "push", "-q", "origin", "main"]);
    publish_proven(&bed);
    assert!(bed.github.exchanges().iter().any(|it| it.path.contains("/compare/")));
    let bed = TestBed::new();
    bed.clone.git(["push", "-q", "-f", "origin", "HEAD~1:main"]);
    bed.expect_refused(&[], "default-branch", "not-on-branch");
}

#[test]
fn delayed_visibility_creates_no_second_release() {
    for lag in [1, 3] {
        let bed = TestBed::new();
        bed.github.configure(|it| it.visibility_lag = lag);
        publish_proven(&bed);
        assert_eq!(bed.github.releases().len(), 1);
    }
}

/// Runs an action once, when the first matching request arrives and before it takes effect: a concurrent change by
/// another client.
fn run_on_request(bed: &TestBed, method: &str, path: &str, action: impl Fn(&str) + Send + Sync + 'static) {
    let address = Arc::new(bed.github.api_url());
    let hook = Hook::new(move || action(&address));
    bed.github.inject(Fault::once(method, path, FaultKind::Hook(hook)));
}

#[test]
fn release_of_a_concurrent_run_is_kept() {
    let bed = TestBed::new();
    let draft = json!({ "tag_name": TAG, "name": "another run", "draft": true });
    run_on_request(&bed, "POST", "/releases", move |address| {
        rest_request(address, "POST", "/releases", Some(&draft));
    });
    let output = bed.publish();
    assert!(output.code == 1 && output.stderr.contains("release was created first"), "{}", output.stderr);
    assert_eq!(bed.only_release()["name"], "another run", "the release of this run was not deleted");
    assert_eq!(bed.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}")]), "");
}

#[test]
fn publishing_stops_if_the_draft_changed_meanwhile() {
    type ConcurrentEdit = Box<dyn Fn(&str, &Value) + Send + Sync>;
    let edits: [(&str, ConcurrentEdit); 3] = [
        (
            "now has other releases",
            Box::new(|address, _| {
                rest_request(address, "POST", "/releases", Some(&json!({ "tag_name": TAG, "draft": true })));
            }),
        ),
        (
            "is no longer the one that was uploaded",
            Box::new(|address, release| {
                rest_request(
                    address,
                    "DELETE",
                    &format!("/releases/assets/{}", release["assets"][0]["id"]),
                    None,
                );
            }),
        ),
        (
            "pre-release mark of draft",
            Box::new(|address, release| {
                let path = format!("/releases/{}", release["id"]);
                rest_request(address, "PATCH", &path, Some(&json!({ "body": "vandalised" })));
            }),
        ),
    ];
    for (expected_error, edit) in edits {
        let bed = TestBed::new();
        run_on_request(&bed, "GET", "/git/ref/", move |address| {
            let release = rest_request(address, "GET", "/releases", None)[0].clone();
            edit(address, &release);
        });
        let output = bed.publish();
        assert!(
            output.code == 1 && output.stderr.contains(expected_error),
            "{expected_error}: {}",
            output.stderr
        );
        assert!(
            bed.github.releases().iter().all(|it| it["draft"] == true),
            "{expected_error}: the draft was published"
        );
    }
}

#[test]
fn draft_with_another_tag_is_not_published() {
    let bed = TestBed::new();
    run_on_request(&bed, "PATCH", "/releases/", |address| {
        let release = rest_request(address, "GET", "/releases", None)[0].clone();
        let path = format!("/releases/{}", release["id"]);
        rest_request(address, "PATCH", &path, Some(&json!({ "tag_name": "untagged-1" })));
    });
    let output = bed.publish();
    assert!(output.code == 1 && output.stderr.contains("to untagged-1"), "{}", output.stderr);
}

#[test]
fn immutable_release_is_published_once() {
    let bed = TestBed::new();
    bed.github.configure(|it| it.immutable_releases = true);
    publish_proven(&bed);
    assert_eq!(bed.only_release()["immutable"], true);
    publish_proven(&bed);
    let moved = bed.clone.git_fails(["push", "-f", "origin", &format!("HEAD~1:refs/tags/{TAG}")]);
    assert!(moved.contains("the tag of an immutable release cannot be changed"), "{moved}");
    let moved = bed.clone.git_fails(["push", "origin", &format!(":refs/tags/{TAG}")]);
    assert!(moved.contains("the tag of an immutable release cannot be changed"), "{moved}");
    bed.rest_request("DELETE", &format!("/releases/{}", bed.only_release()["id"]), None);
    let output = bed.publish();
    assert!(
        output.code == 1 && output.stderr.contains("was used by an immutable release"),
        "{}",
        output.stderr
    );
    assert_eq!(bed.only_release()["draft"], true);
}

#[test]
fn versions_that_github_would_rename_are_refused() {
    let bed = TestBed::new();
    let output = bed.run(&["release", "server/v1!0.2.0", "--push", "--dry-run"]);
    assert!(
        output.code == 2 && output.stderr.contains("invalid character '!' in version '1!0.2.0'"),
        "{}",
        output.stderr
    );
    bed.run(&["release", "server/v0.2.0+local.1", "--push"]).ok();
    assert_eq!(bed.only_release()["assets"][0]["name"], "opensandbox-server-v0.2.0+local.1.tar.gz");
    bed.upload_asset(bed.only_release()["id"].as_u64().unwrap(), "a!b~~c.txt", b"x");
    assert_eq!(
        bed.only_release()["assets"][2]["name"],
        "a.b.c.txt",
        "the emulated GitHub does not replace characters in asset names"
    );
}

#[test]
fn draft_flag_stops_and_the_next_run_publishes() {
    let bed = TestBed::new();
    let done = bed.run(&["release", TAG, "--push", "--draft", "--format", "json"]).ok().json();
    assert_eq!((&done["release"]["draft"], &done["audit"]), (&json!(true), &Value::Null));
    let release = bed.only_release();
    assert_eq!((&release["draft"], release["assets"].as_array().unwrap().len()), (&json!(true), 2));
    let next = publish_proven(&bed);
    assert_eq!(next["release"]["id"], done["release"]["id"]);
    let missing: Vec<String> = plan_steps(&next).into_iter().filter(|it| it.ends_with("missing")).collect();
    assert_eq!(missing, ["publish missing", "audit missing"]);
}

#[test]
fn make_latest_is_always_sent() {
    let latest = |bed: &TestBed| bed.rest_request("GET", "/releases/latest", None)["tag_name"].clone();
    let bed = TestBed::new();
    publish_proven(&bed);
    assert_eq!(latest(&bed), TAG, "the release of the `latest` target is not marked as latest");
    for (arguments, has) in [(&["--latest", "false"][..], false), (&["--latest", "true"], true)] {
        let bed = TestBed::new();
        bed.run(&[&["release", TAG, "--push"], arguments].concat()).ok();
        assert_eq!(latest(&bed) == TAG, has, "{arguments:?}");
    }
    let bed = TestBed::new();
    for other in ["server/v0.2.0rc1", "cli/v9.0.0"] {
        bed.clone.git(["push", "-q", "origin", &format!("HEAD~1:refs/tags/{other}")]);
    }
    bed.clone.git(["fetch", "-q", "--tags", "origin"]);
    publish_proven(&bed);
    assert_eq!(latest(&bed), TAG, "a higher pre-release or another target prevented the latest mark");
    let bed = TestBed::new();
    bed.clone.git(["push", "-q", "origin", "HEAD~1:refs/tags/server/v0.2.0"]);
    bed.clone.git(["fetch", "-q", "--tags", "origin"]);
    publish_proven(&bed);
    assert_eq!(latest(&bed), Value::Null, "a version below one on the remote was marked as latest");
    let bed = TestBed::new();
    bed.run(&[
        "release",
        "cli/v0.1.0",
        "--push",
        "--initial-release",
        "--allow",
        "version-source",
        "--allow",
        "empty-notes",
        "--allow",
        "paths",
    ])
    .ok();
    assert_eq!(latest(&bed), Value::Null, "another target was marked as latest");
    bed.run(&["release", "server/v0.2.0rc1", "--push"]).ok();
    assert_eq!(latest(&bed), Value::Null, "a pre-release was marked as latest");
    assert_eq!(bed.github.releases()[1]["prerelease"], true);
    let output =
        bed.run(&["release", "server/v0.2.0rc2", "--push", "--latest", "true", "--allow", "empty-notes"]);
    assert!(
        output.code == 1 && output.stdout.contains("is a pre-release, which cannot be the latest"),
        "{}",
        output.stdout
    );
}

#[test]
fn changed_public_download_is_refuted() {
    let bed = TestBed::new();
    publish_proven(&bed);
    let archive = bed.only_release()["assets"][0]["id"].as_u64().unwrap();
    let right = bed.github.asset_bytes(archive).unwrap();
    let mut wrong = right.clone();
    wrong[20] ^= 1;
    bed.github.tamper_asset(archive, &wrong).unwrap();
    let output = bed.publish();
    assert_eq!(output.code, 10, "{}", output.stdout);
    let reasons: Vec<Value> = output.json()["audit"]["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["reason"].clone())
        .collect();
    assert_eq!(reasons, ["ok", "ok", "digest-mismatch", "ok", "sums-content", "archive", "ok", "ok", "ok"]);
    bed.github.tamper_asset(archive, &[right.clone(), vec![0; 1000]].concat()).unwrap();
    let output = bed.publish();
    assert!(output.code == 10 && output.stdout.contains("digest-mismatch"), "{}", output.stdout);
    bed.github.tamper_asset(archive, &right).unwrap();
    publish_proven(&bed);
}
