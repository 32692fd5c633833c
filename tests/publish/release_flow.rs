//! `release --push`: the published release matches the dry run, a rerun changes nothing, and tags are pushed unchanged.

use std::process::Command;

use crate::sign::ssh_signer::SshTagSigner;
use crate::support::repository::{TestRepository, run};
use crate::support::test_bed::{TAG, TestBed};

#[test]
fn published_release_matches_the_dry_run() {
    let bed = TestBed::new();
    let planned = bed.run(&["release", TAG, "--push", "--dry-run", "--format", "json"]).ok().json();
    assert!(bed.github.releases().is_empty(), "the dry run created a release");
    assert_eq!(bed.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}")]), "");
    let done = bed.publish().ok().json();
    assert_eq!(planned["plan"], done["plan"], "the dry run printed another plan");
    assert_eq!(planned["notes"], done["notes"]);
    assert_eq!(done["audit"]["verdict"], "proven");
    let release = bed.only_release();
    assert_eq!(release["draft"], false);
    assert_eq!(release["body"], done["notes"]);
    assert!(release["body"].as_str().unwrap().contains("- @ada-example\n"), "{}", release["body"]);
    let names: Vec<&str> =
        release["assets"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["opensandbox-server-v0.1.1.tar.gz", "SHA256SUMS"]);
    verify_as_outsider(&bed);
}

/// Checks the release as a third party would: `git fetch` of the tag into an empty repository, `sha256sum -c` over the
/// assets in an empty folder.
fn verify_as_outsider(bed: &TestBed) {
    let folder = tempfile::tempdir().unwrap();
    for asset in bed.only_release()["assets"].as_array().unwrap() {
        let bytes = bed.github.asset_bytes(asset["id"].as_u64().unwrap()).unwrap();
        std::fs::write(folder.path().join(asset["name"].as_str().unwrap()), bytes).unwrap();
    }
    run(Command::new("sha256sum").args(["--strict", "-c", "SHA256SUMS"]).current_dir(folder.path())).ok();
    let stranger = TestRepository::new();
    stranger.git(["fetch", "-q", &bed.github.clone_url(), &format!("refs/tags/{TAG}:refs/tags/{TAG}")]);
    assert_eq!(stranger.git(["rev-parse", TAG]), bed.clone.git(["rev-parse", TAG]));
    assert_eq!(stranger.git(["cat-file", "-t", TAG]), "tag");
}

#[test]
fn rerun_after_publishing_only_reads() {
    let bed = TestBed::new();
    bed.publish().ok();
    let before = bed.release_summary();
    bed.github.clear_log();
    let again = bed.publish().ok().json();
    assert_eq!(bed.release_summary(), before);
    let changes: Vec<_> =
        bed.github.exchanges().into_iter().filter(|it| is_write_request(&it.method, &it.path)).collect();
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

/// A signed tag is pushed as the same object and accepted by the policy. A tag signed with a key that the policy does
/// not allow is refused before anything is pushed.
#[test]
fn signed_tag_is_pushed_unchanged() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    let bed = TestBed::with_clone(signer.fixture);
    let arguments = ["release", TAG, "--push", "--sign-tag", "--config", ".git/release.toml"];
    let output = bed.run(&arguments).ok();
    assert!(
        output.stdout.contains("created, signed") && output.stdout.contains("proven     tag")
            || output.stdout.contains("proven    tag"),
        "{}",
        output.stdout
    );
    let stranger = TestRepository::new();
    stranger.git(["fetch", "-q", &bed.github.clone_url(), &format!("refs/tags/{TAG}:refs/tags/{TAG}")]);
    assert!(stranger.git(["cat-file", "tag", TAG]).contains("-----BEGIN SSH SIGNATURE-----"));
    assert_eq!(stranger.git(["rev-parse", TAG]), bed.clone.git(["rev-parse", TAG]));
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    signer.fixture.write_file(".git/allowed", b"");
    let bed = TestBed::with_clone(signer.fixture);
    let output = bed.run(&arguments);
    assert_eq!(output.code, 1, "{}", output.stdout);
    assert!(bed.github.releases().is_empty());
    assert_eq!(bed.clone.git(["ls-remote", "origin", &format!("refs/tags/{TAG}")]), "");
}

/// Returns whether a request changes anything. `git fetch` also uses POST, so its path is excluded.
fn is_write_request(method: &str, path: &str) -> bool {
    method != "GET" && !path.ends_with("/git-upload-pack")
}
