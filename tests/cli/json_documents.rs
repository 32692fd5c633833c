//! The documents that scripts build on, and the notes that people read, each held by a snapshot.

use serde_json::Value;

use crate::support::attested_file::{Minted, POLICY};
use crate::support::published_release::{Released, sha256, sums};
use crate::support::repository::{Fixture, run, xtask};
use crate::support::test_bed::{TAG, World};

/// A report with what differs between machines replaced.
#[track_caller]
fn report(fixture: &Fixture, arguments: &[&str]) -> String {
    let ran = fixture.xtask(arguments);
    let root = fixture.path().canonicalize().unwrap();
    ran.stdout.replace(root.to_str().unwrap(), "[ROOT]").replace(fixture.path().to_str().unwrap(), "[ROOT]")
}

/// A document without its Markdown, which has a snapshot of its own.
#[track_caller]
fn document(fixture: &Fixture, arguments: &[&str]) -> String {
    let text = report(fixture, &[arguments, &["--format", "json"]].concat());
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
fn notes() {
    insta::assert_snapshot!(document(&Fixture::released(), &["notes", "server/v0.1.1"]));
}

#[test]
fn release() {
    let fixture = Fixture::released();
    insta::assert_snapshot!("release_plan", document(&fixture, &["release", "server/v0.1.1", "--dry-run"]));
    fixture.write("README.md", b"changed\n");
    insta::assert_snapshot!("release_refused", document(&fixture, &["release", "server/v0.1.1"]));
    insta::assert_snapshot!(
        "release_done",
        document(&fixture, &["release", "server/v0.1.1", "--allow", "clean-tree"])
    );
}

/// A published release, without the port of the GitHub on loopback.
#[test]
fn published() {
    let world = World::new();
    let ran = world.publish().ok();
    let mut document: Value = serde_json::from_str(&place(&world, &ran.stdout)).unwrap();
    document["notes"] = Value::from("…");
    document["last_fetched"] = Value::from("[TIME]");
    insta::assert_snapshot!("release_published", serde_json::to_string_pretty(&document).unwrap());
    let text = world.run(&["release", "server/v0.1.1", "--push"]).ok().stdout;
    insta::assert_snapshot!("release_published_text", place(&world, &text));
}

fn place(world: &World, text: &str) -> String {
    text.replace(&world.github.api_url(), "[GITHUB]").replace(world.clone.path().to_str().unwrap(), "[ROOT]")
}

/// The document of `audit` and its text, without ports and digests, which differ with the compressor.
#[test]
fn audited() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    let told = released.audit(&[]).ok();
    let document: Value = told.json();
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
    let digests = [sha256(&good), sha256(sums(&good).as_bytes())];
    let place = |text: &str| {
        let text = place(&released.world, text);
        let text = text.replace(released.world.home.path().to_str().unwrap(), "[HOME]");
        let text = digests.iter().fold(text, |text, it| text.replace(it, "[DIGEST]"));
        let age = text.find(" days old").and_then(|end| text[..end].rfind(' ').map(|at| (at + 1, end)));
        let text = age.map_or(text.clone(), |(at, end)| format!("{}[AGE]{}", &text[..at], &text[end..]));
        text.replace(&format!("{} bytes", good.len()), "[SIZE] bytes")
    };
    insta::assert_snapshot!("audit", place(&serde_json::to_string_pretty(&document).unwrap()));
    released.world.github.reset_rate_limit();
    let root = released.world.home.path().join("root.json");
    let text = released.world.run(&["audit", TAG, "--trusted-root", root.to_str().unwrap()]).ok().stdout;
    let text = place(&text);
    insta::assert_snapshot!(
        "audit_text",
        text.lines().filter(|it| !it.contains("SIZE")).collect::<Vec<_>>().join("\n")
    );
}

/// The document of `verify`, for a bundle that holds and one that does not.
#[test]
fn verified() {
    let mut minted = Minted::new();
    let bundle = minted.bundle();
    let place = |text: &str| {
        let text = text.replace(minted.folder.path().to_str().unwrap(), "[ROOT]");
        let age = text.find(" days old").and_then(|end| text[..end].rfind(' ').map(|at| (at + 1, end)));
        age.map_or(text.clone(), |(at, end)| format!("{}[AGE]{}", &text[..at], &text[end..]))
    };
    insta::assert_snapshot!("verify", place(&minted.verify(&bundle, &POLICY).stdout));
    let other = ["--source-ref", "refs/heads/other"];
    insta::assert_snapshot!("verify_refuted", place(&minted.verify(&bundle, &other).stdout));
}

#[test]
fn archive() {
    insta::assert_snapshot!(document(&Fixture::released(), &["archive", "server/v0.1.0"]));
}

#[test]
fn status() {
    insta::assert_snapshot!("status", document(&Fixture::released(), &["status", "server"]));
    insta::assert_snapshot!("status_text", report(&Fixture::released(), &["status", "server"]));
}

#[test]
fn doctor() {
    insta::assert_snapshot!(document(&Fixture::released(), &["doctor"]));
}

#[test]
fn a_dry_run_as_people_see_it() {
    let text = report(&Fixture::released(), &["release", "server/v0.1.1", "--dry-run"]);
    let fetched = text.lines().find_map(|it| it.strip_prefix("  fetched   ")?.strip_suffix(" from origin"));
    insta::assert_snapshot!(text.replace(fetched.unwrap(), "[TIME]"));
}

/// Every part of the built-in template is rendered: all channels, a signed tag, programs among the contributors.
#[test]
fn every_channel_of_the_notes() {
    let mut fixture = Fixture::new();
    let config = include_str!("../../release.toml");
    let all = "channels = [{ pypi = \"opensandbox-server\" }, { image = \"server\" }, { npm = \"@acme/server\" }, \
               { nuget = \"Acme.Server\" }, { maven = { group = \"com.acme\", artifacts = [\"server\"] } }, \
               { helm = \"server\" }, { go = \"example.com/acme/server\" }]";
    let own = "channels = [{ pypi = \"opensandbox-server\" }, { image = \"server\" }]";
    assert!(config.contains(own));
    fixture.write(".git/all.toml", config.replace(own, all).as_bytes());
    fixture.commit(
        "feat: all\n\nCo-authored-by: helper[bot] <helper[bot]@users.noreply.github.com>",
        &[("server/a", "1")],
    );
    fixture.git(["remote", "add", "origin", "git@github.com:acme/Fork.git"]);
    let arguments =
        ["release", "server/v1.0.0-rc.1", "--initial-release", "--sign-tag", "--dry-run", "--format", "json"];
    let ran = run(xtask(fixture.path()).args(arguments).args(["--config", ".git/all.toml"]));
    let markdown = ran.json()["notes"].as_str().unwrap().to_owned();
    assert!(!markdown.contains("alibaba"), "a fork's notes name the fork");
    assert!(markdown.contains("1.0.0rc1"), "package files have the normal form of the version");
    insta::assert_snapshot!(markdown);
    let unsigned = fixture.xtask(["notes", "server/v1.0.0-rc.1", "--initial-release"]).ok().stdout;
    assert!(!unsigned.contains("verify-tag"), "a tag that is not signed gets no instruction");
}

/// What differs from rehearsal to rehearsal: times, folders, and the object of a tag that is signed with a new key each time.
#[test]
fn rehearsed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = xtask(folder.path());
        // A machine may have gh; what it adds is in `rehearse`.
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
