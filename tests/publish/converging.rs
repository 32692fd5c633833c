//! `release --push`: from whatever state, to one published release that outsiders find as it was made.

use std::process::Command;

use crate::sign::ssh::Signed;
use crate::support::repository::{Fixture, run};
use crate::support::test_bed::{TAG, World};

#[test]
fn a_release_is_published_and_found_as_it_was_made() {
    let world = World::new();
    let planned = world.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
    assert!(world.github.releases().is_empty(), "a dry run made a release");
    assert_eq!(world.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}")]), "");
    let done = world.publish().ok().json();
    assert_eq!(planned["plan"], done["plan"], "the dry run planned something else");
    assert_eq!(planned["notes"], done["notes"]);
    assert_eq!(done["audit"]["verdict"], "proven");
    let release = world.release();
    assert_eq!(release["draft"], false);
    assert_eq!(release["body"], done["notes"]);
    assert!(release["body"].as_str().unwrap().contains("- @ada-example\n"), "{}", release["body"]);
    let names: Vec<&str> =
        release["assets"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["opensandbox-server-v0.1.1.tar.gz", "SHA256SUMS"]);
    outsider(&world);
}

/// Fetches tag and assets with git, curl's stand-in and sha256sum, into an empty folder.
fn outsider(world: &World) {
    let folder = tempfile::tempdir().unwrap();
    for asset in world.release()["assets"].as_array().unwrap() {
        let bytes = world.github.asset_bytes(asset["id"].as_u64().unwrap()).unwrap();
        std::fs::write(folder.path().join(asset["name"].as_str().unwrap()), bytes).unwrap();
    }
    run(Command::new("sha256sum").args(["--strict", "-c", "SHA256SUMS"]).current_dir(folder.path())).ok();
    let stranger = Fixture::new();
    stranger.git(["fetch", "-q", &world.github.clone_url(), &format!("refs/tags/{TAG}:refs/tags/{TAG}")]);
    assert_eq!(stranger.git(["rev-parse", TAG]), world.clone.git(["rev-parse", TAG]));
    assert_eq!(stranger.git(["cat-file", "-t", TAG]), "tag");
}

#[test]
fn again_does_nothing_but_look() {
    let world = World::new();
    world.publish().ok();
    let before = world.published();
    world.github.clear_log();
    let again = world.publish().ok().json();
    assert_eq!(world.published(), before);
    let changes: Vec<_> =
        world.github.exchanges().into_iter().filter(|it| changes(&it.method, &it.path)).collect();
    assert!(changes.is_empty(), "{changes:?}");
    let states: Vec<&str> =
        again["plan"].as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(
        states,
        [
            "again", "again", "again", "present", "present", "present", "present", "present", "present",
            "missing"
        ]
    );
    assert_eq!(again["audit"]["verdict"], "proven");
}

/// A signed tag is the very object that origin has, the policy takes it there, and another key's is refused before anything
/// leaves the machine.
#[test]
fn a_signed_release() {
    let signed = Signed::new(&["-t", "ed25519"]);
    let world = World::of(signed.fixture);
    let arguments = ["release", TAG, "--push", "--sign-tag", "--config", ".git/release.toml"];
    let ran = world.run(&arguments).ok();
    assert!(
        ran.stdout.contains("made, signed") && ran.stdout.contains("proven     tag")
            || ran.stdout.contains("proven    tag"),
        "{}",
        ran.stdout
    );
    let stranger = Fixture::new();
    stranger.git(["fetch", "-q", &world.github.clone_url(), &format!("refs/tags/{TAG}:refs/tags/{TAG}")]);
    assert!(stranger.git(["cat-file", "tag", TAG]).contains("-----BEGIN SSH SIGNATURE-----"));
    assert_eq!(stranger.git(["rev-parse", TAG]), world.clone.git(["rev-parse", TAG]));
    let signed = Signed::new(&["-t", "ed25519"]);
    signed.fixture.write(".git/allowed", b"");
    let world = World::of(signed.fixture);
    let ran = world.run(&arguments);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(world.github.releases().is_empty());
    assert_eq!(world.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}")]), "");
}

/// Whether a request changes anything. Git asks with POST too.
fn changes(method: &str, path: &str) -> bool {
    method != "GET" && !path.ends_with("/git-upload-pack")
}
