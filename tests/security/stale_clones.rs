//! Case 106: clones that lack commits or tags of the remote.

use super::record_case;
use crate::support::repository::{TestRepository, hermetic_command, run, xtask};
use crate::support::test_bed::{TAG, TestBed};

/// Returns a test bed in which another clone pushed commits and a release tag. This clone has not fetched them.
fn bed_with_stale_clone() -> TestBed {
    let bed = TestBed::new();
    let other = bed.home.path().join("other");
    let git = |arguments: &[&str]| {
        let mut git = hermetic_command("git", bed.home.path());
        git.env("GIT_AUTHOR_DATE", "1700000900 +0000").env("GIT_COMMITTER_DATE", "1700000900 +0000");
        run(git.arg("-C").arg(bed.home.path()).args(arguments)).ok()
    };
    git(&["clone", "-q", bed.github.git_dir().to_str().unwrap(), "other"]);
    for number in ["1", "2"] {
        std::fs::write(other.join("server/main.py"), format!("serve({number}{number})\n")).unwrap();
        git(&["-C", "other", "commit", "-q", "-a", "-m", &format!("fix(server): number {number}")]);
    }
    git(&["-C", "other", "tag", "server/v0.1.2"]);
    git(&["-C", "other", "push", "-q", "origin", "HEAD:main", "server/v0.1.2"]);
    bed
}

#[test]
fn case_106_missing_remote_tags_are_refused() {
    let tag = "server/v0.1.3";
    let bed = bed_with_stale_clone();
    let plan = |arguments: &[&str]| {
        let output =
            bed.run(&[&["release", tag, "--push", "--dry-run", "--format", "json"], arguments].concat());
        output.json()
    };
    let refused = plan(&[]);
    let refusal = &refused["refusals"][0];
    assert_eq!((&refusal["check"], &refusal["reason"]), (&"origin".into(), &"tags-not-fetched".into()));
    assert!(refusal["evidence"].as_str().unwrap().contains("server/v0.1.2"), "{refusal:#}");
    assert_eq!(refusal["hint"], "git fetch origin --tags");
    // The command of the hint works. Until the commits are pulled, a warning with their number remains.
    bed.clone.git(["fetch", "-q", "origin", "--tags"]);
    let planned = plan(&["--initial-release"]);
    let notices = planned["notices"].as_array().unwrap().clone();
    let behind = notices.iter().find(|it| it["check"] == "default-branch").unwrap();
    assert_eq!(behind["reason"], "behind");
    assert!(behind["evidence"].as_str().unwrap().contains("2 commits behind origin/main"), "{behind:#}");
    bed.clone.git(["pull", "-q", "origin", "main"]);
    let planned = plan(&[]);
    assert_eq!(planned["previous"], "server/v0.1.2", "{planned:#}");
    record_case(
        106,
        "a clone that is behind the remote",
        "refused (tags-not-fetched)",
        "planned from the newest tag",
    );
}

#[test]
fn missing_commits_are_counted_by_the_remote() {
    let bed = bed_with_stale_clone();
    // The tag was created by hand, so the commits of the remote's tag are missing in this clone.
    bed.clone.git(["tag", "server/v0.1.2", "HEAD"]);
    let planned = bed.run(&["release", "server/v0.1.3", "--push", "--dry-run", "--format", "json"]).json();
    let notices = planned["notices"].as_array().unwrap().clone();
    let behind = notices.iter().find(|it| it["reason"] == "behind");
    assert!(behind.unwrap()["evidence"].as_str().unwrap().contains("2 commits behind"), "{planned:#}");
}

#[test]
fn last_fetch_time_is_shown_without_push() {
    let bed = TestBed::new();
    let fetched = || {
        let output = bed.run(&["release", TAG, "--dry-run"]).ok();
        let line = output.stdout.lines().find_map(|it| it.strip_prefix("  fetched   ").map(str::to_owned));
        line.unwrap()
    };
    run(hermetic_command("touch", bed.home.path())
        .args(["-d", "2026-01-02T03:04:05Z"])
        .arg(bed.clone.path().join(".git/FETCH_HEAD")))
    .ok();
    assert_eq!(fetched(), "2026-01-02T03:04:05Z from origin");
    std::fs::remove_file(bed.clone.path().join(".git/FETCH_HEAD")).unwrap();
    std::fs::remove_file(bed.clone.path().join(".git/refs/remotes/origin/HEAD")).unwrap();
    assert_eq!(fetched(), "never from origin");
}

#[test]
fn status_refuses_a_shallow_clone() {
    let fixture = TestRepository::with_release();
    let folder = fixture.path().join("shallow");
    let from = format!("file://{}/.git/origin.git", fixture.path().display());
    fixture.git(["clone", "-q", "--depth=1", &from, folder.to_str().unwrap()]);
    for verb in ["status", "targets"] {
        let output = run(xtask(&folder).arg(verb));
        assert_eq!(output.code, 1, "{verb}: {}", output.stdout);
        assert!(
            output.stderr.contains("shallow") && output.stderr.contains("fetch --unshallow --tags"),
            "{}",
            output.stderr
        );
        assert!(!output.stdout.contains("no release yet"), "{}", output.stdout);
    }
    let hint = run(xtask(&folder).arg("status")).stderr;
    let hint = hint.lines().find_map(|it| it.strip_prefix("hint: git ")).unwrap().to_owned();
    fixture.git(["push", "-q", "origin", "server/v0.1.0"]);
    fixture.git(hint.split(' '));
    assert!(run(xtask(&folder).arg("status")).ok().stdout.contains("server/v0.1.0"));
}
