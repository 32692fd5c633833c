//! States in which a release may be found, and from which the same command must come to the same end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use emulators::{Fault, FaultKind, FaultTiming, Hook};
use serde_json::{Value, json};

use crate::support::repository::run;
use crate::support::test_bed::{TAG, World, without_secret};

/// A further draft that has exactly the text of the release, as a run that was killed leaves one behind.
fn left_behind(world: &World) -> u64 {
    let release = world.github.releases().remove(0);
    let body = json!({ "tag_name": TAG, "name": release["name"], "body": release["body"], "draft": true });
    world.rest("POST", "/releases", Some(&body))["id"].as_u64().unwrap()
}

fn ids(world: &World) -> Vec<u64> {
    world.github.releases().iter().map(|it| it["id"].as_u64().unwrap()).collect()
}

#[test]
fn an_empty_draft_of_ours_beside_the_published_release_is_deleted() {
    let world = World::new();
    world.publish().ok();
    let published = ids(&world)[0];
    let stray = left_behind(&world);
    let planned = world.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
    let steps: Vec<&Value> = planned["plan"].as_array().unwrap().iter().map(|it| &it["step"]).collect();
    assert!(steps.contains(&&json!("delete-draft")), "{steps:?}");
    assert_eq!(ids(&world).len(), 2, "a dry run deleted it");
    let ran = world.run(&["release", TAG, "--push"]).ok();
    assert!(ran.stderr.contains(&format!("deleting {TAG} (empty draft {stray})")), "{}", ran.stderr);
    assert_eq!(ids(&world), [published]);
    // Again: nothing is left to do.
    world.publish().ok();
    assert_eq!(ids(&world), [published]);
}

#[test]
fn drafts_of_somebody_else_stay_and_are_told_with_the_command_that_deletes_them() {
    // Beside the published release: a note.
    let world = World::new();
    world.publish().ok();
    let other = world.made(true);
    let ran = world.run(&["release", TAG, "--push"]).ok();
    let command = format!("gh api -X DELETE repos/acme/widgets/releases/{other}");
    assert!(ran.stdout.contains("note     release") && ran.stdout.contains(&command), "{}", ran.stdout);
    assert_eq!(ids(&world).len(), 2, "somebody else's draft was deleted");
    // Two of them, and none published: refused, with both commands.
    let world = World::new();
    let all = [world.made(true), world.made(true)];
    world.refused(&[], "release", "several");
    let said = world.run(&["release", TAG, "--push"]).stdout;
    for id in all {
        assert!(said.contains(&format!("gh api -X DELETE repos/acme/widgets/releases/{id}")), "{said}");
    }
    // A draft of ours that is not empty is not deleted either.
    let world = World::new();
    world.publish().ok();
    let stray = left_behind(&world);
    world.put(stray, "SHA256SUMS", b"something\n");
    world.run(&["release", TAG, "--push"]).ok();
    assert_eq!(ids(&world).len(), 2);
}

#[test]
fn of_two_drafts_the_complete_one_of_ours_is_taken() {
    let world = World::new();
    world.run(&["release", TAG, "--push", "--draft"]).ok();
    let complete = ids(&world)[0];
    let (empty, other) = (left_behind(&world), world.made(true));
    let done = world.run(&["release", TAG, "--push", "--format", "json"]).ok().json();
    assert_eq!(done["release"]["id"], complete);
    let left = ids(&world);
    assert!(left.contains(&other) && !left.contains(&empty), "{left:?}");
}

/// The process is killed while GitHub is slow to create the draft, and is started again at once: the draft of the first run
/// appears after the second looked for it.
#[test]
fn a_draft_that_is_created_after_its_run_was_killed_stops_nobody() {
    for (delay, at_once) in [(1500, true), (300, false)] {
        let world = World::new();
        let late = FaultKind::DelayEffect(Duration::from_millis(delay));
        world.github.inject(Fault::once("POST", "/repos/acme/widgets/releases", late));
        let mut command = world.command(&["release", TAG, "--push"]);
        let mut child =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap();
        while world.github.pending_faults() > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if !at_once {
            std::thread::sleep(Duration::from_millis(delay + 300));
        }
        // As often as an operator would: the second run is the last that is needed.
        let first = world.publish();
        std::thread::sleep(Duration::from_millis(if at_once { delay } else { 0 }));
        let second = world.publish();
        assert_eq!(second.code, 0, "{}\nbefore:\n{}", second.stderr, first.stderr);
        let release = world.release();
        assert_eq!(release["draft"], false, "{release:#}");
    }
}

#[test]
fn nothing_is_called_pushed_that_was_not() {
    let world = World::new();
    // The server refuses the push.
    std::fs::create_dir_all(world.github.git_dir().join("hooks")).unwrap();
    let hook = world.github.git_dir().join("hooks/pre-receive");
    std::fs::write(&hook, "#!/bin/sh\necho no tags today >&2\nexit 1\n").unwrap();
    let mode: std::fs::Permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&hook, mode).unwrap();
    let ran = world.run(&["release", TAG, "--push"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stderr.contains(&format!("pushing {TAG}")), "{}", ran.stderr);
    assert!(!ran.stderr.contains(&format!("pushed {TAG}")), "{}", ran.stderr);
    std::fs::remove_file(&hook).unwrap();
    let ran = world.run(&["release", TAG, "--push"]).ok();
    assert!(ran.stderr.contains(&format!("pushed {TAG}")), "{}", ran.stderr);
}

#[test]
fn what_a_token_may_do_is_known_or_said_to_be_unknown_before_anything_is_signed() {
    let limited = "invented-limited-token";
    let with = |scopes: Option<&str>, arguments: &[&str]| {
        let world = World::new();
        world
            .github
            .configure(|it| it.limited_scope_token = Some((limited.to_owned(), scopes.map(str::to_owned))));
        let all = [&["release", TAG, "--push", "--format", "json"], arguments].concat();
        let ran = without_secret(run(world.command(&all).env("GH_TOKEN", limited)));
        let tags = world.clone.git(["tag", "-l", TAG]);
        (ran, tags)
    };
    // A classic token without the scope, of somebody who may write.
    for scopes in ["", "read:org, gist", "repo:status"] {
        let (ran, tags) = with(Some(scopes), &[]);
        let refusal = ran.json()["refusals"][0].clone();
        assert_eq!((ran.code, &refusal["reason"]), (1, &json!("cannot-push")), "{scopes}: {refusal:#}");
        assert_eq!(tags, "", "a tag was made");
    }
    // A fine-grained one: GitHub does not tell, and that is said in the dry run.
    let (ran, _) = with(None, &["--dry-run"]);
    let notices = ran.json()["notices"].as_array().unwrap().clone();
    assert!(notices.iter().any(|it| it["reason"] == "permissions-unknown"), "{notices:#?}");
    // The twin: a token with the scope.
    let world = World::new();
    let notices = world.publish().ok().json()["notices"].to_string();
    assert!(!notices.contains("permissions-unknown"), "{notices}");
}

#[test]
fn downloads_wait_where_the_host_says_when_to_come_back() {
    for status in [403, 429, 503] {
        let world = World::new();
        let headers = vec![("retry-after", "1".to_owned())];
        let busy =
            FaultKind::CannedResponse { status, headers, body: String::new(), timing: FaultTiming::Before };
        // The host that assets are downloaded from has paths of an asset's number and its name.
        world
            .github
            .inject(Fault { times: 2, ..Fault::once("GET", "/opensandbox-server-v0.1.1.tar.gz", busy) });
        let ran = world.publish();
        assert_eq!(ran.code, 0, "{status}: {}", ran.stderr);
        assert_eq!(world.github.pending_faults(), 0, "{status}: it was not asked again");
    }
}

/// The keyrings of killed runs are removed by the next.
#[test]
fn homes_of_killed_runs_are_removed() {
    let signed = crate::sign::openpgp::Signed::rsa(2048);
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
    signed.verify_in(temporary.path());
    let mut left = homes();
    left.sort();
    assert_eq!(left, ["opensandbox-gpg-link", "opensandbox-gpg-starting", "other"]);
    assert!(temporary.path().join("other/pubring.kbx").exists());
}

/// Somebody adds a release of the same tag while a run is about to publish: it is noticed, whatever it was.
#[test]
fn a_foreign_draft_that_appears_meanwhile_stops_the_release() {
    let world = Arc::new(World::new());
    let api = world.github.api_url();
    let made = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&made);
    let hook = Hook::new(move || {
        let body = json!({ "tag_name": TAG, "name": "other", "draft": true });
        crate::support::test_bed::rest(&api, "POST", "/releases", Some(&body));
        seen.fetch_add(1, Ordering::SeqCst);
    });
    world.github.inject(Fault::once("GET", "/git/ref/tags/", FaultKind::Hook(hook)));
    let ran = world.run(&["release", TAG, "--push"]);
    assert_eq!(made.load(Ordering::SeqCst), 1);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stderr.contains("it has other releases now"), "{}", ran.stderr);
}
