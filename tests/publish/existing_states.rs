//! The states that a release is found in, and the sharp edges of GitHub. Each refusal has its twin that goes through.

use std::sync::Arc;

use emulators::{Fault, FaultKind, Hook};
use serde_json::{Value, json};

use crate::support::test_bed::{TAG, TOKEN, World, rest};

const ARCHIVE: &str = "opensandbox-server-v0.1.1.tar.gz";

#[track_caller]
fn proven(world: &World) -> Value {
    let done = world.publish().ok().json();
    assert_eq!(done["audit"]["verdict"], "proven");
    done
}

fn steps(document: &Value) -> Vec<String> {
    let all = document["plan"].as_array().unwrap().iter();
    all.map(|it| format!("{} {}", it["step"].as_str().unwrap(), it["state"].as_str().unwrap())).collect()
}

#[test]
fn a_draft_is_taken_and_several_are_refused_by_their_numbers() {
    let world = World::new();
    let first = world.made(true);
    let second = world.made(true);
    world.refused(&[], "release", "several");
    world.rest("DELETE", &format!("/releases/{first}"), None);
    let done = proven(&world);
    assert_eq!(done["release"]["id"], second, "the draft was not taken");
    assert!(steps(&done).contains(&"rewrite-draft missing".to_owned()), "{:?}", steps(&done));
    assert_eq!(world.release()["body"], done["notes"]);
}

#[test]
fn what_is_wrong_in_a_draft_is_repaired() {
    for bytes in [&b"short"[..], &[0; 304]] {
        let world = World::new();
        let draft = world.made(true);
        world.put(draft, ARCHIVE, bytes);
        let planned = world.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
        assert!(steps(&planned).contains(&"remove missing".to_owned()), "{:?}", steps(&planned));
        let done = proven(&world);
        assert_eq!(planned["plan"], done["plan"]);
        let names: Vec<Value> =
            world.release()["assets"].as_array().unwrap().iter().map(|it| it["name"].clone()).collect();
        assert_eq!(names, [ARCHIVE, "SHA256SUMS"]);
    }
}

#[test]
fn a_draft_that_was_made_otherwise_gets_title_notes_and_mark() {
    let world = World::new();
    let body = json!({ "tag_name": TAG, "name": "by hand", "draft": true, "prerelease": true });
    world.rest("POST", "/releases", Some(&body));
    let done = proven(&world);
    let release = world.release();
    assert_eq!(release["name"], "OpenSandbox Server v0.1.1");
    assert_eq!((&release["prerelease"], &release["body"]), (&json!(false), &done["notes"]));
}

#[test]
fn where_github_has_no_digests_the_bytes_are_read() {
    let world = World::new();
    world.github.configure(|it| it.asset_digests = false);
    proven(&world);
    let world = World::new();
    world.github.configure(|it| it.asset_digests = false);
    world.put(world.made(true), ARCHIVE, &[0; 304]);
    let done = proven(&world);
    assert!(steps(&done).contains(&"remove missing".to_owned()), "{:?}", steps(&done));
    let again = proven(&world);
    assert!(!steps(&again).contains(&"upload missing".to_owned()), "{:?}", steps(&again));
}

#[test]
fn a_private_repository_cannot_be_proven_to_outsiders() {
    let world = World::new();
    world.github.configure(|it| it.private = true);
    let ran = world.publish();
    assert_eq!(ran.code, 11, "{}", ran.stderr);
    assert_eq!(ran.json()["audit"]["findings"][0]["reason"], "private");
    assert_eq!(world.release()["draft"], false);
}

#[test]
fn a_push_that_goes_elsewhere_is_refused() {
    let world = World::new();
    world.clone.git(["config", "remote.origin.pushurl", "https://github.com/ada/widgets.git"]);
    world.refused(&[], "origin", "pushed-elsewhere");
    world.clone.git(["config", "remote.origin.pushurl", &world.github.clone_url()]);
    proven(&world);
}

#[test]
fn a_draft_that_is_published_meanwhile_is_not_touched() {
    let world = World::new();
    let draft = world.made(true);
    world.put(draft, ARCHIVE, b"short");
    meanwhile(&world, "GET", "/commits/", move |address| {
        rest(address, "PATCH", &format!("/releases/{draft}"), Some(&json!({ "draft": false })));
    });
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("was published meanwhile"), "{}", ran.stderr);
    assert_eq!(world.release()["assets"][0]["size"], 5, "a published asset was changed");
}

#[test]
fn a_broken_upload_is_removed_and_made_again() {
    let world = World::new();
    world.github.inject(Fault::once("POST", "/assets", FaultKind::TruncateRequest));
    let mut once = world.command(&["release", TAG, "--push"]);
    let ran = crate::support::repository::run(once.env("RELEASE_HTTP_TRIES", "1"));
    assert!(ran.code == 1 && ran.stderr.contains("hint: run again"), "{}", ran.stderr);
    assert_eq!(world.release()["assets"][0]["state"], "starter");
    let done = proven(&world);
    assert!(steps(&done).contains(&"remove missing".to_owned()), "{:?}", steps(&done));
    assert!(steps(&done).contains(&"create-draft present".to_owned()), "{:?}", steps(&done));
}

#[test]
fn a_published_release_is_never_changed() {
    let world = World::new();
    proven(&world);
    let asset = world.release()["assets"][0]["id"].clone();
    world.rest("DELETE", &format!("/releases/assets/{asset}"), None);
    world.refused(&[], "release", "published-otherwise");
    world.put(world.release()["id"].as_u64().unwrap(), ARCHIVE, &[0; 304]);
    world.refused(&[], "release", "published-otherwise");
}

#[test]
fn a_tag_on_origin_is_never_moved_nor_doubled() {
    let world = World::new();
    world.clone.git(["push", "-q", "origin", &format!("HEAD~1:refs/tags/{TAG}")]);
    world.refused(&[], "origin", "exists-elsewhere");
    let world = World::new();
    world.clone.git(["push", "-q", "origin", &format!("HEAD:refs/tags/{TAG}")]);
    world.refused(&[], "origin", "exists-there-only");
    world.clone.git(["tag", "-am", "another", TAG]);
    world.refused(&[], "origin", "exists-otherwise");
    world.clone.git(["tag", "-d", TAG]);
    world.clone.git(["fetch", "-q", "origin", "tag", TAG]);
    proven(&world);
}

#[test]
fn the_branch_is_asked_of_origin_and_where_it_went_on_of_github() {
    let world = World::new();
    let other = world.home.path().join("other");
    world.clone.git(["clone", "-q", &world.github.clone_url(), other.to_str().unwrap()]);
    let git = |arguments: &[&str]| world.clone.git([&["-C", other.to_str().unwrap()], arguments].concat());
    let push = format!("credential.helper=!f() {{ echo username=x; echo password={TOKEN}; }}; f");
    git(&["commit", "-q", "--allow-empty", "-m", "later"]);
    git(&["-c", &push, "push", "-q", "origin", "main"]);
    proven(&world);
    assert!(world.github.exchanges().iter().any(|it| it.path.contains("/compare/")));
    let world = World::new();
    world.clone.git(["push", "-q", "-f", "origin", "HEAD~1:main"]);
    world.refused(&[], "default-branch", "not-on-branch");
}

#[test]
fn what_was_just_created_may_not_be_seen_yet() {
    for lag in [1, 3] {
        let world = World::new();
        world.github.configure(|it| it.visibility_lag = lag);
        proven(&world);
        assert_eq!(world.github.releases().len(), 1);
    }
}

/// Runs something when the first such request arrives, while a release is at work.
fn meanwhile(world: &World, method: &str, path: &str, what: impl Fn(&str) + Send + Sync + 'static) {
    let address = Arc::new(world.github.api_url());
    let hook = Hook::new(move || what(&address));
    world.github.inject(Fault::once(method, path, FaultKind::Hook(hook)));
}

#[test]
fn another_run_that_was_first_is_left_alone() {
    let world = World::new();
    let draft = json!({ "tag_name": TAG, "name": "another run", "draft": true });
    meanwhile(&world, "POST", "/releases", move |address| {
        rest(address, "POST", "/releases", Some(&draft));
    });
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("has another release beside"), "{}", ran.stderr);
    assert_eq!(world.release()["name"], "another run", "the twin is still there");
    assert_eq!(world.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}")]), "");
}

#[test]
fn whoever_interferes_before_publishing_stops_it() {
    type Interfere = Box<dyn Fn(&str, &Value) + Send + Sync>;
    let interferences: [(&str, Interfere); 3] = [
        (
            "it has other releases now",
            Box::new(|address, _| {
                rest(address, "POST", "/releases", Some(&json!({ "tag_name": TAG, "draft": true })));
            }),
        ),
        (
            "no longer what was uploaded",
            Box::new(|address, release| {
                rest(address, "DELETE", &format!("/releases/assets/{}", release["assets"][0]["id"]), None);
            }),
        ),
        (
            "changed the text",
            Box::new(|address, release| {
                let path = format!("/releases/{}", release["id"]);
                rest(address, "PATCH", &path, Some(&json!({ "body": "vandalised" })));
            }),
        ),
    ];
    for (said, interfere) in interferences {
        let world = World::new();
        meanwhile(&world, "GET", "/git/ref/", move |address| {
            let release = rest(address, "GET", "/releases", None)[0].clone();
            interfere(address, &release);
        });
        let ran = world.publish();
        assert!(ran.code == 1 && ran.stderr.contains(said), "{said}: {}", ran.stderr);
        assert!(world.github.releases().iter().all(|it| it["draft"] == true), "{said}: it was published");
    }
}

#[test]
fn a_draft_that_lost_its_tag_is_not_published_as_if_nothing_was() {
    let world = World::new();
    meanwhile(&world, "PATCH", "/releases/", |address| {
        let release = rest(address, "GET", "/releases", None)[0].clone();
        let path = format!("/releases/{}", release["id"]);
        rest(address, "PATCH", &path, Some(&json!({ "tag_name": "untagged-1" })));
    });
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("now holds untagged-1"), "{}", ran.stderr);
}

#[test]
fn immutable_releases_are_published_once() {
    let world = World::new();
    world.github.configure(|it| it.immutable_releases = true);
    proven(&world);
    assert_eq!(world.release()["immutable"], true);
    proven(&world);
    let moved = world.clone.git_fails(["push", "-f", "origin", &format!("HEAD~1:refs/tags/{TAG}")]);
    assert!(moved.contains("the tag of an immutable release cannot be changed"), "{moved}");
    let moved = world.clone.git_fails(["push", "origin", &format!(":refs/tags/{TAG}")]);
    assert!(moved.contains("the tag of an immutable release cannot be changed"), "{moved}");
    world.rest("DELETE", &format!("/releases/{}", world.release()["id"]), None);
    let ran = world.publish();
    assert!(ran.code == 1 && ran.stderr.contains("was used by an immutable release"), "{}", ran.stderr);
    assert_eq!(world.release()["draft"], true);
}

#[test]
fn no_version_makes_a_name_that_github_would_change() {
    let world = World::new();
    let ran = world.run(&["release", "server/v1!0.2.0", "--push", "--dry-run"]);
    assert!(ran.code == 2 && ran.stderr.contains("has '!' in it"), "{}", ran.stderr);
    world.run(&["release", "server/v0.2.0+local.1", "--push"]).ok();
    assert_eq!(world.release()["assets"][0]["name"], "opensandbox-server-v0.2.0+local.1.tar.gz");
    world.put(world.release()["id"].as_u64().unwrap(), "a!b~~c.txt", b"x");
    assert_eq!(world.release()["assets"][2]["name"], "a.b.c.txt", "GitHub on loopback keeps every name");
}

#[test]
fn a_draft_may_be_the_end_and_the_next_run_goes_on() {
    let world = World::new();
    let done = world.run(&["release", TAG, "--push", "--draft", "--format", "json"]).ok().json();
    assert_eq!((&done["release"]["draft"], &done["audit"]), (&json!(true), &Value::Null));
    let release = world.release();
    assert_eq!((&release["draft"], release["assets"].as_array().unwrap().len()), (&json!(true), 2));
    let next = proven(&world);
    assert_eq!(next["release"]["id"], done["release"]["id"]);
    let missing: Vec<String> = steps(&next).into_iter().filter(|it| it.ends_with("missing")).collect();
    assert_eq!(missing, ["publish missing", "audit missing"]);
}

#[test]
fn the_badge_is_never_left_to_chance() {
    let latest = |world: &World| world.rest("GET", "/releases/latest", None)["tag_name"].clone();
    let world = World::new();
    proven(&world);
    assert_eq!(latest(&world), TAG, "the catalog's target has no badge");
    for (arguments, has) in [(&["--latest", "false"][..], false), (&["--latest", "true"], true)] {
        let world = World::new();
        world.run(&[&["release", TAG, "--push"], arguments].concat()).ok();
        assert_eq!(latest(&world) == TAG, has, "{arguments:?}");
    }
    let world = World::new();
    for other in ["server/v0.2.0rc1", "cli/v9.0.0"] {
        world.clone.git(["push", "-q", "origin", &format!("HEAD~1:refs/tags/{other}")]);
    }
    world.clone.git(["fetch", "-q", "--tags", "origin"]);
    proven(&world);
    assert_eq!(latest(&world), TAG, "a prerelease or another target held the badge back");
    let world = World::new();
    world.clone.git(["push", "-q", "origin", "HEAD~1:refs/tags/server/v0.2.0"]);
    world.clone.git(["fetch", "-q", "--tags", "origin"]);
    proven(&world);
    assert_eq!(latest(&world), Value::Null, "a lower version than origin has took the badge");
    let world = World::new();
    world
        .run(&[
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
    assert_eq!(latest(&world), Value::Null, "another target took the badge");
    world.run(&["release", "server/v0.2.0rc1", "--push"]).ok();
    assert_eq!(latest(&world), Value::Null, "a prerelease took the badge");
    assert_eq!(world.github.releases()[1]["prerelease"], true);
    let ran =
        world.run(&["release", "server/v0.2.0rc2", "--push", "--latest", "true", "--allow", "empty-notes"]);
    assert!(ran.code == 1 && ran.stdout.contains("GitHub gives it no badge"), "{}", ran.stdout);
}

#[test]
fn what_outsiders_get_otherwise_is_refuted() {
    let world = World::new();
    proven(&world);
    let archive = world.release()["assets"][0]["id"].as_u64().unwrap();
    let right = world.github.asset_bytes(archive).unwrap();
    let mut wrong = right.clone();
    wrong[20] ^= 1;
    world.github.tamper_asset(archive, &wrong).unwrap();
    let ran = world.publish();
    assert_eq!(ran.code, 10, "{}", ran.stdout);
    let reasons: Vec<Value> =
        ran.json()["audit"]["findings"].as_array().unwrap().iter().map(|it| it["reason"].clone()).collect();
    assert_eq!(reasons, ["ok", "ok", "other-bytes", "ok", "sums-content", "archive", "ok", "ok", "ok"]);
    world.github.tamper_asset(archive, &[right.clone(), vec![0; 1000]].concat()).unwrap();
    let ran = world.publish();
    assert!(ran.code == 10 && ran.stdout.contains("other-bytes"), "{}", ran.stdout);
    world.github.tamper_asset(archive, &right).unwrap();
    proven(&world);
}
