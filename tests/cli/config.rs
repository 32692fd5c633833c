//! `config`: the configuration in use, and a first one that trusts the operator's own key.

use std::path::Path;

use crate::sign::ssh::Signed;
use crate::support::repository::{Fixture, Ran, run, xtask};
use crate::support::test_bed::TAG;

fn init(fixture: &Fixture, arguments: &[&str]) -> Ran {
    let mut command = xtask(fixture.path());
    run(command.args(["config", "init"]).args(arguments))
}

/// Writes a first configuration with the key that git is configured for, releases, and verifies the tag without that home.
#[track_caller]
pub(crate) fn trusts(fixture: &Fixture, home: (&str, &Path), file: &str) {
    std::fs::remove_file(fixture.path().join(".git/release.toml")).unwrap();
    let with_home =
        |arguments: &[&str]| run(xtask(fixture.path()).env(home.0, home.1).args(arguments)).ok().stdout;
    let told = with_home(&["config", "init", "--signer"]);
    assert!(told.contains(file), "{told}");
    fixture.git(["add", "-A"]);
    fixture.git(["commit", "-qm", "chore: name who may release"]);
    fixture.pushed();
    with_home(&["release", TAG, "--sign-tag"]);
    let mut command = xtask(fixture.path());
    let ran = run(command.env(home.0, "/nonexistent").args(["verify-tag", TAG]));
    assert_eq!(ran.code, 0, "{}", ran.stdout);
}

#[test]
fn the_command_that_warnings_name_makes_the_operators_tags_proven() {
    for kind in [&["-t", "ed25519"][..], &["-t", "ecdsa"]] {
        let signed = Signed::new(kind);
        let fixture = &signed.fixture;
        std::fs::remove_file(fixture.path().join(".git/release.toml")).unwrap();
        let warned = fixture.xtask(["doctor", TAG, "--sign-tag"]).ok().stdout;
        let command = "cargo xtask config init --signer";
        assert!(warned.contains(command), "{warned}");
        let told = init(fixture, &["--signer"]).ok().stdout;
        assert!(told.contains(".github/allowed_signers") && told.contains("release.toml"), "{told}");
        fixture.git(["add", "-A"]);
        fixture.git(["commit", "-qm", "chore: name who may release"]);
        fixture.pushed();
        let checked = fixture.xtask(["doctor", TAG, "--sign-tag"]).ok().stdout;
        assert!(!checked.contains(command), "{checked}");
        fixture.xtask(["release", TAG, "--sign-tag"]).ok();
        let ran = fixture.xtask(["verify-tag", TAG]);
        assert_eq!(ran.code, 0, "{}", ran.stdout);
        // ssh-keygen takes the same file.
        fixture.git(["config", "gpg.ssh.allowedSignersFile", ".github/allowed_signers"]);
        fixture.git(["verify-tag", TAG]);
    }
}

#[test]
fn another_key_is_refuted_by_what_was_written() {
    let signed = Signed::new(&["-t", "ed25519"]);
    std::fs::remove_file(signed.fixture.path().join(".git/release.toml")).unwrap();
    let other = Signed::new(&["-t", "ed25519"]);
    let key = other.fixture.path().join(".git/key.pub");
    init(&signed.fixture, &[&format!("--signer={}", key.display())]).ok();
    signed.fixture.git(["add", "-A"]);
    signed.fixture.git(["commit", "-qm", "chore: name who may release"]);
    signed.fixture.pushed();
    let ran = signed.fixture.xtask(["release", TAG, "--sign-tag"]);
    assert!(ran.code == 1 && ran.stdout.contains("signer"), "{}\n{}", ran.stdout, ran.stderr);
}

#[test]
fn nothing_that_is_there_is_overwritten() {
    let signed = Signed::new(&["-t", "ed25519"]);
    let fixture = &signed.fixture;
    std::fs::remove_file(fixture.path().join(".git/release.toml")).unwrap();
    init(fixture, &[]).ok();
    let catalog = || std::fs::read_to_string(fixture.path().join("release.toml")).unwrap();
    assert_eq!(catalog(), include_str!("../../release.toml"));
    assert_eq!(init(fixture, &[]).code, 2);
    // What the operator wrote stays, and the signers come behind it.
    let own = format!("# mine\n{}", catalog());
    fixture.write("release.toml", own.as_bytes());
    init(fixture, &["--signer"]).ok();
    assert!(catalog().starts_with(own.trim_end()) && catalog().contains("[signers]"));
    let before = catalog();
    assert!(init(fixture, &["--signer"]).stderr.contains("exists already with [signers]"));
    fixture.write("release.toml", own.as_bytes());
    let ran = init(fixture, &["--signer"]);
    assert!(ran.code == 1 && ran.stderr.contains("allowed_signers exists already"), "{}", ran.stderr);
    assert_eq!(catalog(), own);
    assert_ne!(before, own);
    // No link is followed.
    std::fs::remove_dir_all(fixture.path().join(".github")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), fixture.path().join(".github")).unwrap();
    let ran = init(fixture, &["--signer"]);
    assert!(ran.code == 1 && ran.stderr.contains(".github"), "{}", ran.stderr);
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn what_is_in_use_is_shown_with_its_source() {
    let fixture = Fixture::released();
    let told = fixture.xtask(["config", "show"]).ok().stdout;
    assert!(told.contains("the built-in release.toml") && told.contains("[[target]]"), "{told}");
    init(&fixture, &[]).ok();
    let told = fixture.xtask(["config", "show", "--format", "json"]).ok().json();
    assert!(told["source"].as_str().unwrap().ends_with("/release.toml"), "{told}");
    assert_eq!(told["text"], include_str!("../../release.toml"));
    let ran = init(&Fixture::released(), &["--signer"]);
    assert!(ran.code == 1 && ran.stderr.contains("signing key"), "no key is no signer: {}", ran.stderr);
}
