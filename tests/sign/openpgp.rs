//! Tags signed with OpenPGP keys. The oracles are the real gpg and git. Each test has its own `GNUPGHOME`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::openpgp_signer::{KEY_CREATED_AT, OpenPgpTagSigner, TAG};
use crate::support::repository::{hermetic_command, run, xtask};

#[test]
fn flipped_byte_breaks_an_openpgp_signature() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    let output = signer.release_signed().ok();
    assert!(output.stdout.contains("created, signed: object"), "{}", output.stdout);
    assert!(signer.git_accepts(TAG));
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    let tag_object = signer.fixture.tag_object(TAG);
    let text = String::from_utf8(tag_object.clone()).unwrap();
    for place in
        [text.find("release: ").unwrap(), text.find("\n\niHU").map_or(text.len() - 120, |it| it + 60)]
    {
        let mut flipped = tag_object.clone();
        flipped[place] ^= 1;
        signer.fixture.write_tag_object("flipped", &flipped);
        assert!(!signer.git_accepts("flipped"));
        let mut command = xtask(signer.fixture.path());
        assert_eq!(run(command.args(["verify-tag", "flipped", "--config", ".git/release.toml"])).code, 10);
    }
    assert!(signer.release_signed().ok().stdout.contains("kept, signed: object"));
    assert_eq!(signer.fixture.tag_object(TAG), tag_object);
}

#[test]
fn case_63_revoked_openpgp_key_is_refuted() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    signer.put_signed_tag("20240310T000000!", &[]);
    assert!(signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "proven", &[]);
    signer.put_signed_tag("20240310T000000!", &["--default-sig-expire", "1d"]);
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["signature-expired"]);
    signer.put_signed_tag("20240310T000000!", &[]);
    let key = signer.fingerprint();
    let revocation = signer.home.path().join(format!("openpgp-revocs.d/{key}.rev"));
    let text = std::fs::read_to_string(&revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&revocation, text).unwrap();
    signer.run_gpg(&["--import", revocation.to_str().unwrap()]).ok();
    signer.pin(&key);
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["revoked"]);
    let output = signer.release_signed();
    assert!(output.code == 1 && output.stdout.contains("is revoked"), "{}", output.stdout);
    assert_eq!(signer.fixture.git(["tag", "-l", TAG]), "");
}

/// Adds a subkey that signs, as old as the key.
fn add_signing_subkey(signer: &OpenPgpTagSigner, algorithm: &str) {
    let key = signer.fingerprint();
    let subkey = ["--quick-add-key", &key, algorithm, "sign", "never"];
    signer.run_gpg(&[&["--faked-system-time", KEY_CREATED_AT], &subkey[..]].concat()).ok();
}

#[test]
fn case_63_signature_by_an_unknown_subkey_is_refuted() {
    let signer = OpenPgpTagSigner::new("cert", "never");
    let key = signer.fingerprint();
    let without = signer.run_gpg(&["--armor", "--export"]).ok().stdout;
    add_signing_subkey(&signer, "ed25519");
    signer.pin(&key);
    signer.put_signed_tag("20240310T000000!", &[]);
    assert!(signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "proven", &[]);
    signer.fixture.write_file(".git/keys.asc", without.as_bytes());
    signer.fixture.expect_tag_verdict("t", "refuted", &["unknown-key"]);
}

#[test]
fn case_63_signature_by_an_encryption_subkey_is_refuted() {
    let signer = OpenPgpTagSigner::new("cert", "never");
    let key = signer.fingerprint();
    add_signing_subkey(&signer, "rsa2048");
    signer.pin(&key);
    signer.put_signed_tag("20240310T000000!", &[]);
    assert!(signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "proven", &[]);
    // The owner changes the subkey's usage to encryption: in gpg's menu of capabilities, `s` is switched off, `e` on,
    // and `q` quits.
    let script = signer.home.path().join("change-usage");
    std::fs::write(&script, "key 1\nchange-usage\ns\ne\nq\nsave\n").unwrap();
    let commands = ["--command-file", script.to_str().unwrap(), "--edit-key", &key];
    signer.run_gpg(&commands).ok();
    let listed = signer.run_gpg(&["--with-colons", "--list-keys"]).ok().stdout;
    let subkey = listed.lines().find(|it| it.starts_with("sub:")).unwrap();
    assert_eq!(subkey.split(':').nth(11), Some("e"), "{listed}");
    signer.pin(&key);
    signer.fixture.expect_tag_verdict("t", "refuted", &["signature"]);
}

#[test]
fn case_64_key_expired_since_signing_is_refuted() {
    let signer = OpenPgpTagSigner::new("sign", "2024-06-01");
    signer.put_signed_tag("20240310T000000!", &[]);
    assert!(!signer.git_accepts("t"), "git 2.47 rejects a signature of an expired key; git 2.54 accepts it");
    signer.fixture.expect_tag_verdict("t", "refuted", &["expired-no-trusted-time"]);
    let output = signer.release_signed();
    assert!(output.code == 1 && output.stdout.contains("has expired"), "{}", output.stdout);

    let signer = OpenPgpTagSigner::new("sign", "never");
    signer.put_signed_tag("20240310T000000!", &[]);
    signer.fixture.expect_tag_verdict("t", "proven", &[]);
    signer.run_gpg(&["--ignore-time-conflict", "--version"]).ok();
    signer.put_signed_tag("20231015T000000!", &["--ignore-time-conflict", "--ignore-valid-from"]);
    assert!(!signer.git_accepts("t"));
    let mut command = xtask(signer.fixture.path());
    assert_eq!(run(command.args(["verify-tag", "t", "--config", ".git/release.toml"])).code, 10);
}

#[test]
fn case_65_ambiguous_or_weak_openpgp_signatures_are_refuted() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    let (payload, armor) = signer.put_signed_tag("20240310T000000!", &[]);
    signer.fixture.expect_tag_verdict("t", "proven", &[]);

    signer.fixture.write_tag_object("t", format!("{payload}{armor}{armor}").as_bytes());
    signer.fixture.expect_tag_verdict("t", "refuted", &["two-signatures"]);

    // Two signatures in one armor: gpg exits with 0, so the exit code alone proves nothing.
    let twice = "gpg --batch --dearmor < .git/sig > .git/one && cat .git/one .git/one | gpg --batch --enarmor \
                 | sed -e 's/ARMORED FILE/SIGNATURE/' -e '/^Comment/d'";
    let mut bash = hermetic_command("bash", signer.fixture.path());
    bash.current_dir(signer.fixture.path());
    let doubled = signer.run_with_home(bash, &["-ec", twice]).ok().stdout;
    signer.fixture.write_tag_object("t", format!("{payload}{doubled}").as_bytes());
    signer.fixture.expect_tag_verdict("t", "refuted", &["two-signatures"]);

    let weak = ["--allow-weak-digest-algos", "--digest-algo", "SHA1"];
    signer.put_signed_tag("20240310T000000!", &weak);
    let object = String::from_utf8(signer.fixture.tag_object("t")).unwrap();
    assert!(object.contains("BEGIN PGP SIGNATURE"));
    let mut command = xtask(signer.fixture.path());
    let output = run(command.args(["verify-tag", "t", "--config", ".git/release.toml"]));
    assert!(output.code == 10 && output.stdout.contains("SHA"), "{}", output.stdout);

    signer.run_gpg(&["--armor", "--output", ".git/clear", "--clear-sign", ".git/payload"]).ok();
    let clear = std::fs::read(signer.fixture.path().join(".git/clear")).unwrap();
    signer.fixture.write_tag_object("t", &[payload.as_bytes(), &clear].concat());
    assert!(!signer.git_accepts("t"));
    signer.fixture.expect_tag_verdict("t", "refuted", &["two-signatures"]);
}

#[test]
fn case_66_unpinned_openpgp_key_is_refuted() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    signer.put_signed_tag("20240310T000000!", &[]);
    signer.fixture.expect_tag_verdict("t", "proven", &[]);
    let first = signer.fingerprint();
    let bob = [
        "--faked-system-time",
        "20240102T000000!",
        "--quick-gen-key",
        "Bob Example <bob@example.com>",
        "ed25519",
        "sign",
        "never",
    ];
    signer.run_gpg(&bob).ok();
    let listed = signer.run_gpg(&["--with-colons", "--list-keys", "bob@example.com"]).ok().stdout;
    let second =
        listed.lines().find(|it| it.starts_with("fpr:")).unwrap().split(':').nth(9).unwrap().to_owned();
    assert_ne!(first, second);
    signer.put_signed_tag("20240310T000000!", &["--local-user", &second]);
    assert!(signer.git_accepts("t"), "git accepts any key of the keyring");
    signer.fixture.expect_tag_verdict("t", "refuted", &["unknown-key"]);
    signer.pin(&first);
    signer.fixture.expect_tag_verdict("t", "refuted", &["unknown-key"]);
    signer.pin(&second);
    signer.fixture.expect_tag_verdict("t", "proven", &[]);
}

#[test]
fn case_67_no_keyserver_is_contacted_for_an_unknown_key() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    signer.put_signed_tag("20240310T000000!", &[]);
    signer.fixture.expect_tag_verdict("t", "proven", &[]);
    let asking = "auto-key-retrieve\nkeyserver hkp://127.0.0.1:9\n";
    std::fs::write(signer.home.path().join("gpg.conf"), asking).unwrap();
    let other = OpenPgpTagSigner::new("sign", "never");
    std::fs::copy(other.fixture.path().join(".git/keys.asc"), signer.fixture.path().join(".git/keys.asc"))
        .unwrap();
    let mut command = xtask(signer.fixture.path());
    command.env("GNUPGHOME", signer.home.path());
    let output = run(command.args(["verify-tag", "t", "--config", ".git/release.toml"]));
    assert!(
        output.code == 10 && output.stdout.contains("is not in the keyring of [signers]"),
        "{}",
        output.stdout
    );
    let dirmngr = Command::new("pgrep")
        .args(["-f", "dirmngr .*/gpg[A-Za-z0-9]{6}( |$)"])
        .stdout(Stdio::null())
        .status();
    assert!(dirmngr.is_ok_and(|it| !it.success()), "dirmngr was started to contact a keyserver");
}

#[test]
fn failed_openpgp_signing_leaves_no_tag() {
    let signer = OpenPgpTagSigner::new("cert", "never");
    let refused = |evidence: &str| {
        let output = signer.release_signed();
        let text = format!("{}{}", output.stdout, output.stderr);
        assert!(output.code == 1 && text.contains(evidence) && text.contains("hint:"), "{evidence}: {text}");
        assert_eq!(signer.fixture.git(["tag", "-l", TAG]), "", "a tag was left behind");
    };
    refused("cannot sign");
    signer.fixture.git(["config", "user.signingKey", "unknown@example.com"]);
    refused("gpg has no secret key for it");
    signer.fixture.git(["config", "gpg.program", "no-such-gpg"]);
    refused("cannot find no-such-gpg, the configured program for gpg");
    signer.fixture.git(["config", "--unset", "gpg.program"]);
    signer.fixture.git(["config", "gpg.format", "x400"]);
    refused("gpg.format is x400");
    signer.fixture.git(["config", "gpg.format", "openpgp"]);
    // The passphrase cannot be entered: there is no terminal, and this pinentry always fails.
    std::fs::write(signer.home.path().join("gpg-agent.conf"), "pinentry-program /bin/false\n").unwrap();
    signer.run_program("gpgconf", &["--kill", "all"]);
    let locked = [
        "--batch",
        "--no-tty",
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "secret",
        "--quick-gen-key",
        "Eve Example <eve@example.com>",
        "ed25519",
        "sign",
        "never",
    ];
    signer.run_program("gpg", &locked).ok();
    signer.run_program("gpgconf", &["--kill", "all"]);
    signer.fixture.git(["config", "user.signingKey", "eve@example.com"]);
    let listed = signer.run_gpg(&["--with-colons", "--list-keys", "eve@example.com"]).ok().stdout;
    signer.pin(listed.lines().find(|it| it.starts_with("fpr:")).unwrap().split(':').nth(9).unwrap());
    refused("gpg did not sign: ");
}

#[test]
fn verify_tag_does_not_touch_the_operators_keyring() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    signer.release_signed().ok();
    let before = crate::support::repository::directory_snapshot(signer.home.path());
    let mut command = xtask(signer.fixture.path());
    command.env("GNUPGHOME", signer.home.path());
    run(command.args(["verify-tag", TAG, "--config", ".git/release.toml"])).ok();
    let settled = |all: Vec<(PathBuf, String)>| -> Vec<(PathBuf, String)> {
        all.into_iter().filter(|(path, _)| !path.to_string_lossy().contains("S.gpg-agent")).collect()
    };
    assert_eq!(settled(crate::support::repository::directory_snapshot(signer.home.path())), settled(before));
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    let stray = Command::new("pgrep")
        .args(["-f", "gpg-agent .*/gpg[A-Za-z0-9]{6}( |$)"])
        .stdout(Stdio::null())
        .status();
    assert!(stray.is_ok_and(|it| !it.success()), "a gpg-agent was left running");
}

#[test]
fn config_init_trusts_the_operators_openpgp_key() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    crate::cli::config::expect_config_init_trusts(
        &signer.fixture,
        ("GNUPGHOME", signer.home.path()),
        ".github/release-keys.asc",
    );
    // Another key of the same `GNUPGHOME` is not trusted by the written policy.
    let ids = ["--quick-gen-key", "Eve Example <eve@example.com>", "ed25519", "sign", "never"];
    signer.run_gpg(&[&["--faked-system-time", KEY_CREATED_AT][..], &ids].concat()).ok();
    let other = signer.fingerprint();
    signer.put_signed_tag("20240310T000000!", &["--local-user", &other]);
    let output = signer.fixture.xtask(["verify-tag", "t"]);
    assert!(output.code == 10 && output.stdout.contains("unknown-key"), "{}", output.stdout);
}
