//! Tags signed with OpenPGP keys. The oracles are the real gpg and git. Each test has its own `GNUPGHOME`.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run, xtask};

const TAG: &str = "server/v0.1.1";
/// Creation time of the keys: before the first commit. The format is that of gpg's `--faked-system-time`, and `!` stops
/// the clock.
const KEY_CREATED_AT: &str = "20231101T000000!";

/// A repository, a `GNUPGHOME` with keys, and a policy that pins one of them.
pub(crate) struct OpenPgpTagSigner {
    fixture: TestRepository,
    home: tempfile::TempDir,
}

impl Drop for OpenPgpTagSigner {
    /// Stops the agent that gpg started for this `GNUPGHOME`.
    fn drop(&mut self) {
        self.run_program("gpgconf", &["--kill", "all"]);
    }
}

impl OpenPgpTagSigner {
    /// With one Ed25519 key of this usage and expiry (`never`, or a date), created before the commits.
    fn new(usage: &str, expires: &str) -> Self {
        Self::with_key("ed25519", usage, expires)
    }

    /// With an RSA signing key of this length in bits.
    pub(crate) fn with_rsa(bits: u32) -> Self {
        Self::with_key(&format!("rsa{bits}"), "sign", "never")
    }

    /// Signs a tag with gpg and asserts the verdict of the suite.
    #[track_caller]
    pub(crate) fn expect_signed_tag(&self, verdict: &str, reasons: &[&str]) {
        self.put_signed_tag("20240310T000000!", &[]);
        assert!(self.git_accepts("t"), "gpg requires no key length");
        self.fixture.expect_tag_verdict("t", verdict, reasons);
    }

    /// Verifies a signed tag with `TMPDIR` set to `temporary`.
    pub(crate) fn verify_with_temp_dir(&self, temporary: &std::path::Path) {
        self.put_signed_tag("20240310T000000!", &[]);
        let mut command = xtask(self.fixture.path());
        command.env("TMPDIR", temporary);
        run(command.args(["verify-tag", "t", "--config", ".git/release.toml"])).ok();
    }

    fn with_key(algorithm: &str, usage: &str, expires: &str) -> Self {
        let private = std::fs::Permissions::from_mode(0o700);
        let home = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let this = Self { fixture: TestRepository::with_release(), home };
        let quick = [
            "--faked-system-time",
            KEY_CREATED_AT,
            "--quick-gen-key",
            "Ada Example <ada@example.com>",
            algorithm,
            usage,
            expires,
        ];
        this.run_gpg(&quick).ok();
        let key = this.fingerprint();
        this.fixture.git(["config", "gpg.format", "openpgp"]);
        this.fixture.git(["config", "user.signingKey", &key]);
        this.pin(&key);
        this
    }

    fn run_program(&self, program: &str, arguments: &[&str]) -> CapturedOutput {
        let mut command = hermetic_command(program, self.fixture.path());
        command.current_dir(self.fixture.path());
        run(command.env("GNUPGHOME", self.home.path()).args(arguments))
    }

    /// Runs gpg without a terminal and with an empty passphrase.
    fn run_gpg(&self, arguments: &[&str]) -> CapturedOutput {
        let batch = ["--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--yes"];
        self.run_program("gpg", &[&batch[..], arguments].concat())
    }

    /// Returns the fingerprint of the newest primary key.
    fn fingerprint(&self) -> String {
        let listed = self.run_gpg(&["--with-colons", "--list-keys"]).ok().stdout;
        let lines: Vec<&str> = listed.lines().collect();
        let after = lines.iter().rposition(|it| it.starts_with("pub:")).unwrap() + 1;
        lines[after].split(':').nth(9).unwrap().to_owned()
    }

    /// Pins a key in the policy, and exports the whole keyring for the policy.
    fn pin(&self, fingerprint: &str) {
        let keyring = self.run_gpg(&["--armor", "--export"]).ok().stdout;
        std::fs::write(self.fixture.path().join(".git/keys.asc"), keyring).unwrap();
        let policy = format!(
            "[signers]\nopenpgp_keyring = \"keys.asc\"\nopenpgp_fingerprints = [\"{fingerprint}\"]\n"
        );
        let catalog = format!("{}\n{policy}", include_str!("../../release.toml"));
        self.fixture.write_file(".git/release.toml", catalog.as_bytes());
    }

    fn run_with_home(&self, mut command: Command, arguments: &[&str]) -> CapturedOutput {
        run(command.env("GNUPGHOME", self.home.path()).args(arguments))
    }

    fn release_signed(&self) -> CapturedOutput {
        let arguments = ["release", TAG, "--sign-tag", "--config", ".git/release.toml"];
        self.run_with_home(xtask(self.fixture.path()), &arguments)
    }

    fn git_accepts(&self, tag: &str) -> bool {
        let mut command = hermetic_command("git", self.fixture.path());
        command.arg("-C").arg(self.fixture.path());
        self.run_with_home(command, &["verify-tag", tag]).code == 0
    }

    /// Writes the tag `t`, dated 2024-03-09, signed by gpg with these options at a faked time. Returns its payload and
    /// signature.
    fn put_signed_tag(&self, faked_time: &str, options: &[&str]) -> (String, String) {
        let commit = self.fixture.git(["rev-parse", "HEAD"]);
        let time = 1_710_000_000;
        let payload = format!(
            "object {commit}\ntype commit\ntag t\ntagger Ada Example <ada@example.com> {time} +0000\n\nm\n"
        );
        self.fixture.write_file(".git/payload", payload.as_bytes());
        let sign = [
            &["--faked-system-time", faked_time, "--armor", "--output", ".git/sig", "--detach-sign"],
            options,
            &[".git/payload"],
        ];
        let mut arguments = sign.concat();
        let detach = arguments.iter().position(|it| *it == "--detach-sign").unwrap();
        let verb = arguments.remove(detach);
        arguments.insert(arguments.len() - 1, verb);
        self.run_gpg(&arguments).ok();
        let signature = std::fs::read_to_string(self.fixture.path().join(".git/sig")).unwrap();
        self.fixture.write_tag_object("t", format!("{payload}{signature}").as_bytes());
        (payload, signature)
    }
}

#[test]
fn flipped_byte_breaks_an_openpgp_signature() {
    let signer = OpenPgpTagSigner::new("sign", "never");
    let output = signer.release_signed().ok();
    assert!(output.stdout.contains("made, signed: object"), "{}", output.stdout);
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

#[test]
fn case_63_signature_by_an_unknown_subkey_is_refuted() {
    let signer = OpenPgpTagSigner::new("cert", "never");
    let key = signer.fingerprint();
    let without = signer.run_gpg(&["--armor", "--export"]).ok().stdout;
    signer
        .run_gpg(&[
            "--faked-system-time",
            KEY_CREATED_AT,
            "--quick-add-key",
            &key,
            "ed25519",
            "sign",
            "never",
        ])
        .ok();
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
    signer
        .run_gpg(&[
            "--faked-system-time",
            KEY_CREATED_AT,
            "--quick-add-key",
            &key,
            "rsa2048",
            "sign",
            "never",
        ])
        .ok();
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
    refused("the program for gpg is no-such-gpg, which is not there");
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
