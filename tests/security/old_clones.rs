//! Case 106: clones that know less than the remote.

use super::record;
use crate::support::repository::{Fixture, hermetic, run, xtask};
use crate::support::test_bed::{TAG, World};

/// A world in which somebody else released and went on, which this clone has not fetched.
fn behind() -> World {
    let world = World::new();
    let other = world.home.path().join("other");
    let git = |arguments: &[&str]| {
        let mut git = hermetic("git", world.home.path());
        git.env("GIT_AUTHOR_DATE", "1700000900 +0000").env("GIT_COMMITTER_DATE", "1700000900 +0000");
        run(git.arg("-C").arg(world.home.path()).args(arguments)).ok()
    };
    git(&["clone", "-q", world.github.git_dir().to_str().unwrap(), "other"]);
    for number in ["1", "2"] {
        std::fs::write(other.join("server/main.py"), format!("serve({number}{number})\n")).unwrap();
        git(&["-C", "other", "commit", "-q", "-a", "-m", &format!("fix(server): number {number}")]);
    }
    git(&["-C", "other", "tag", "server/v0.1.2"]);
    git(&["-C", "other", "push", "-q", "origin", "HEAD:main", "server/v0.1.2"]);
    world
}

#[test]
fn case_106_a_clone_that_lacks_release_tags_of_the_remote_is_refused() {
    let tag = "server/v0.1.3";
    let world = behind();
    let plan = |arguments: &[&str]| {
        let ran =
            world.run(&[&["release", tag, "--push", "--dry-run", "--format", "json"], arguments].concat());
        ran.json()
    };
    let refused = plan(&[]);
    let refusal = &refused["refusals"][0];
    assert_eq!((&refusal["check"], &refusal["reason"]), (&"origin".into(), &"tags-not-fetched".into()));
    assert!(refusal["evidence"].as_str().unwrap().contains("server/v0.1.2"), "{refusal:#}");
    assert_eq!(refusal["hint"], "git fetch origin --tags");
    // The hint works; what remains is a warning with the number of commits, as long as they are not pulled.
    world.clone.git(["fetch", "-q", "origin", "--tags"]);
    let planned = plan(&["--initial-release"]);
    let notices = planned["notices"].as_array().unwrap().clone();
    let behind = notices.iter().find(|it| it["check"] == "default-branch").unwrap();
    assert_eq!(behind["reason"], "behind");
    assert!(behind["evidence"].as_str().unwrap().contains("2 commits behind origin/main"), "{behind:#}");
    world.clone.git(["pull", "-q", "origin", "main"]);
    let planned = plan(&[]);
    assert_eq!(planned["previous"], "server/v0.1.2", "{planned:#}");
    record(
        106,
        "a clone that is behind the remote",
        "refused (tags-not-fetched)",
        "planned from the newest tag",
    );
}

#[test]
fn the_number_of_commits_is_known_without_having_them() {
    let world = behind();
    // Made by hand, so that the commits behind the remote's tag are not here.
    world.clone.git(["tag", "server/v0.1.2", "HEAD"]);
    let planned = world.run(&["release", "server/v0.1.3", "--push", "--dry-run", "--format", "json"]).json();
    let notices = planned["notices"].as_array().unwrap().clone();
    let behind = notices.iter().find(|it| it["reason"] == "behind");
    assert!(behind.unwrap()["evidence"].as_str().unwrap().contains("2 commits behind"), "{planned:#}");
}

#[test]
fn without_push_the_time_of_the_last_fetch_is_shown() {
    let world = World::new();
    let fetched = || {
        let ran = world.run(&["release", TAG, "--dry-run"]).ok();
        let line = ran.stdout.lines().find_map(|it| it.strip_prefix("  fetched   ").map(str::to_owned));
        line.unwrap()
    };
    run(hermetic("touch", world.home.path())
        .args(["-d", "2026-01-02T03:04:05Z"])
        .arg(world.clone.path().join(".git/FETCH_HEAD")))
    .ok();
    assert_eq!(fetched(), "2026-01-02T03:04:05Z from origin");
    std::fs::remove_file(world.clone.path().join(".git/FETCH_HEAD")).unwrap();
    std::fs::remove_file(world.clone.path().join(".git/refs/remotes/origin/HEAD")).unwrap();
    assert_eq!(fetched(), "never from origin");
}

#[test]
fn a_shallow_clone_does_not_say_what_is_newest() {
    let fixture = Fixture::released();
    let folder = fixture.path().join("shallow");
    let from = format!("file://{}/.git/origin.git", fixture.path().display());
    fixture.git(["clone", "-q", "--depth=1", &from, folder.to_str().unwrap()]);
    for verb in ["status", "targets"] {
        let ran = run(xtask(&folder).arg(verb));
        assert_eq!(ran.code, 1, "{verb}: {}", ran.stdout);
        assert!(
            ran.stderr.contains("shallow") && ran.stderr.contains("fetch --unshallow --tags"),
            "{}",
            ran.stderr
        );
        assert!(!ran.stdout.contains("no release yet"), "{}", ran.stdout);
    }
    let hint = run(xtask(&folder).arg("status")).stderr;
    let hint = hint.lines().find_map(|it| it.strip_prefix("hint: git ")).unwrap().to_owned();
    fixture.git(["push", "-q", "origin", "server/v0.1.0"]);
    fixture.git(hint.split(' '));
    assert!(run(xtask(&folder).arg("status")).ok().stdout.contains("server/v0.1.0"));
}
