//! `config`: shows the configuration in use, and creates a first one that trusts the operator's key.

use std::path::Path;

use crate::sign::ssh_signer::SshTagSigner;
use crate::support::repository::{CapturedOutput, TestRepository, run, xtask};
use crate::support::test_bed::TAG;

fn config_init(fixture: &TestRepository, arguments: &[&str]) -> CapturedOutput {
    let mut command = xtask(fixture.path());
    run(command.args(["config", "init"]).args(arguments))
}

/// Creates a first configuration with git's signing key, releases, and verifies the tag without the key's home.
#[track_caller]
pub(crate) fn expect_config_init_trusts(fixture: &TestRepository, home: (&str, &Path), file: &str) {
    std::fs::remove_file(fixture.path().join(".git/release.toml")).unwrap();
    let with_home =
        |arguments: &[&str]| run(xtask(fixture.path()).env(home.0, home.1).args(arguments)).ok().stdout;
    let stdout = with_home(&["config", "init", "--signer"]);
    assert!(stdout.contains(file), "{stdout}");
    fixture.git(["add", "-A"]);
    fixture.git(["commit", "-qm", "chore: name who may release"]);
    fixture.push_main();
    with_home(&["release", TAG, "--sign-tag"]);
    let mut command = xtask(fixture.path());
    let output = run(command.env(home.0, "/nonexistent").args(["verify-tag", TAG]));
    assert_eq!(output.code, 0, "{}", output.stdout);
}

#[test]
fn config_init_signer_makes_the_operators_tags_proven() {
    for kind in [&["-t", "ed25519"][..], &["-t", "ecdsa"]] {
        let signer = SshTagSigner::new(kind);
        let fixture = &signer.fixture;
        std::fs::remove_file(fixture.path().join(".git/release.toml")).unwrap();
        let warned = fixture.xtask(["doctor", TAG, "--sign-tag"]).ok().stdout;
        let command = "cargo xtask config init --signer";
        assert!(warned.contains(command), "{warned}");
        let stdout = config_init(fixture, &["--signer"]).ok().stdout;
        assert!(stdout.contains(".github/allowed_signers") && stdout.contains("release.toml"), "{stdout}");
        fixture.git(["add", "-A"]);
        fixture.git(["commit", "-qm", "chore: name who may release"]);
        fixture.push_main();
        let checked = fixture.xtask(["doctor", TAG, "--sign-tag"]).ok().stdout;
        assert!(!checked.contains(command), "{checked}");
        fixture.xtask(["release", TAG, "--sign-tag"]).ok();
        let output = fixture.xtask(["verify-tag", TAG]);
        assert_eq!(output.code, 0, "{}", output.stdout);
        // ssh-keygen accepts the same file.
        fixture.git(["config", "gpg.ssh.allowedSignersFile", ".github/allowed_signers"]);
        fixture.git(["verify-tag", TAG]);
    }
}

#[test]
fn key_outside_the_written_policy_is_refused() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    std::fs::remove_file(signer.fixture.path().join(".git/release.toml")).unwrap();
    let other = SshTagSigner::new(&["-t", "ed25519"]);
    let key = other.fixture.path().join(".git/key.pub");
    config_init(&signer.fixture, &[&format!("--signer={}", key.display())]).ok();
    signer.fixture.git(["add", "-A"]);
    signer.fixture.git(["commit", "-qm", "chore: name who may release"]);
    signer.fixture.push_main();
    let output = signer.fixture.xtask(["release", TAG, "--sign-tag"]);
    assert!(output.code == 1 && output.stdout.contains("signer"), "{}\n{}", output.stdout, output.stderr);
}

#[test]
fn config_init_overwrites_nothing() {
    let signer = SshTagSigner::new(&["-t", "ed25519"]);
    let fixture = &signer.fixture;
    std::fs::remove_file(fixture.path().join(".git/release.toml")).unwrap();
    config_init(fixture, &[]).ok();
    let catalog = || std::fs::read_to_string(fixture.path().join("release.toml")).unwrap();
    assert_eq!(catalog(), include_str!("../../release.toml"));
    assert_eq!(config_init(fixture, &[]).code, 2);
    // The operator's text is kept, and the signers are appended.
    let operator_config = format!("# mine\n{}", catalog());
    fixture.write_file("release.toml", operator_config.as_bytes());
    config_init(fixture, &["--signer"]).ok();
    assert!(catalog().starts_with(operator_config.trim_end()) && catalog().contains("[signers]"));
    let before = catalog();
    assert!(config_init(fixture, &["--signer"]).stderr.contains("already exists with [signers]"));
    fixture.write_file("release.toml", operator_config.as_bytes());
    let output = config_init(fixture, &["--signer"]);
    assert!(
        output.code == 1 && output.stderr.contains("allowed_signers already exists"),
        "{}",
        output.stderr
    );
    assert_eq!(catalog(), operator_config);
    assert_ne!(before, operator_config);
    // A symbolic link is not followed.
    std::fs::remove_dir_all(fixture.path().join(".github")).unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), fixture.path().join(".github")).unwrap();
    let output = config_init(fixture, &["--signer"]);
    assert!(output.code == 1 && output.stderr.contains(".github"), "{}", output.stderr);
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

#[test]
fn config_show_names_its_source() {
    let fixture = TestRepository::with_release();
    let report = fixture.xtask(["config", "show"]).ok().stdout;
    assert!(report.contains("the built-in release.toml") && report.contains("[[target]]"), "{report}");
    config_init(&fixture, &[]).ok();
    let report = fixture.xtask(["config", "show", "--format", "json"]).ok().json();
    assert!(report["source"].as_str().unwrap().ends_with("/release.toml"), "{report}");
    assert_eq!(report["text"], include_str!("../../release.toml"));
    let output = config_init(&TestRepository::with_release(), &["--signer"]);
    assert!(
        output.code == 1 && output.stderr.contains("signing key"),
        "without a key there is no signer: {}",
        output.stderr
    );
}
