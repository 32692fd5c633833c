//! Tags signed with OpenPGP keys, with real gpg and git as oracles, in a home of their own.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::repository::{Fixture, Ran, hermetic, run, xtask};

const TAG: &str = "server/v0.1.1";
/// A day before the commits, on which keys of these tests were made, as gpg's faked time.
const MADE: &str = "20231101T000000!";

/// A repository, a home of gpg with keys in it, and a policy that pins one of them.
pub(crate) struct Signed {
    fixture: Fixture,
    home: tempfile::TempDir,
}

impl Drop for Signed {
    /// Ends the agent that gpg started for this home.
    fn drop(&mut self) {
        self.gpg_program("gpgconf", &["--kill", "all"]);
    }
}

impl Signed {
    /// With one key, made before the commits for `usage`, that expires as said.
    fn new(usage: &str, expires: &str) -> Self {
        Self::of("ed25519", usage, expires)
    }

    /// With an RSA key of a length.
    pub(crate) fn rsa(bits: u32) -> Self {
        Self::of(&format!("rsa{bits}"), "sign", "never")
    }

    /// Signs a tag with gpg itself, and holds what the suite makes of it against what is expected.
    #[track_caller]
    pub(crate) fn expect_own_tag(&self, verdict: &str, reasons: &[&str]) {
        self.put_signed("20240310T000000!", &[]);
        assert!(self.git_accepts("t"), "gpg asks for no length");
        self.fixture.expect_tag("t", verdict, reasons);
    }

    /// Verifies a tag with temporary files in a folder.
    pub(crate) fn verify_in(&self, temporary: &std::path::Path) {
        self.put_signed("20240310T000000!", &[]);
        let mut command = xtask(self.fixture.path());
        command.env("TMPDIR", temporary);
        run(command.args(["verify-tag", "t", "--config", ".git/release.toml"])).ok();
    }

    fn of(algorithm: &str, usage: &str, expires: &str) -> Self {
        let private = std::fs::Permissions::from_mode(0o700);
        let home = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let this = Self { fixture: Fixture::released(), home };
        let quick = [
            "--faked-system-time",
            MADE,
            "--quick-gen-key",
            "Ada Example <ada@example.com>",
            algorithm,
            usage,
            expires,
        ];
        this.gpg(&quick).ok();
        let key = this.fingerprint();
        this.fixture.git(["config", "gpg.format", "openpgp"]);
        this.fixture.git(["config", "user.signingKey", &key]);
        this.pin(&key);
        this
    }

    fn gpg_program(&self, program: &str, arguments: &[&str]) -> Ran {
        let mut command = hermetic(program, self.fixture.path());
        command.current_dir(self.fixture.path());
        run(command.env("GNUPGHOME", self.home.path()).args(arguments))
    }

    /// gpg without a terminal and without passphrases.
    fn gpg(&self, arguments: &[&str]) -> Ran {
        let batch = ["--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--yes"];
        self.gpg_program("gpg", &[&batch[..], arguments].concat())
    }

    /// The fingerprint of the newest primary key.
    fn fingerprint(&self) -> String {
        let listed = self.gpg(&["--with-colons", "--list-keys"]).ok().stdout;
        let lines: Vec<&str> = listed.lines().collect();
        let after = lines.iter().rposition(|it| it.starts_with("pub:")).unwrap() + 1;
        lines[after].split(':').nth(9).unwrap().to_owned()
    }

    /// Pins a key, and gives the policy the whole keyring.
    fn pin(&self, fingerprint: &str) {
        let keyring = self.gpg(&["--armor", "--export"]).ok().stdout;
        std::fs::write(self.fixture.path().join(".git/keys.asc"), keyring).unwrap();
        let policy = format!(
            "[signers]\nopenpgp_keyring = \"keys.asc\"\nopenpgp_fingerprints = [\"{fingerprint}\"]\n"
        );
        let catalog = format!("{}\n{policy}", include_str!("../../release.toml"));
        self.fixture.write(".git/release.toml", catalog.as_bytes());
    }

    fn run(&self, mut command: Command, arguments: &[&str]) -> Ran {
        run(command.env("GNUPGHOME", self.home.path()).args(arguments))
    }

    fn release(&self) -> Ran {
        let arguments = ["release", TAG, "--sign-tag", "--config", ".git/release.toml"];
        self.run(xtask(self.fixture.path()), &arguments)
    }

    fn git_accepts(&self, tag: &str) -> bool {
        let mut command = hermetic("git", self.fixture.path());
        command.arg("-C").arg(self.fixture.path());
        self.run(command, &["verify-tag", tag]).code == 0
    }

    /// A tag of 2024 under the name `t`, signed by gpg with these options at a faked time.
    fn put_signed(&self, at: &str, options: &[&str]) -> (String, String) {
        let commit = self.fixture.git(["rev-parse", "HEAD"]);
        let time = 1_710_000_000;
        let payload = format!(
            "object {commit}\ntype commit\ntag t\ntagger Ada Example <ada@example.com> {time} +0000\n\nm\n"
        );
        self.fixture.write(".git/payload", payload.as_bytes());
        let sign = [
            &["--faked-system-time", at, "--armor", "--output", ".git/sig", "--detach-sign"],
            options,
            &[".git/payload"],
        ];
        let mut arguments = sign.concat();
        let detach = arguments.iter().position(|it| *it == "--detach-sign").unwrap();
        let verb = arguments.remove(detach);
        arguments.insert(arguments.len() - 1, verb);
        self.gpg(&arguments).ok();
        let signature = std::fs::read_to_string(self.fixture.path().join(".git/sig")).unwrap();
        self.fixture.put_tag("t", format!("{payload}{signature}").as_bytes());
        (payload, signature)
    }
}

#[test]
fn a_signed_tag_is_accepted_by_git_and_rejected_by_both_after_one_flipped_byte() {
    let signed = Signed::new("sign", "never");
    let ran = signed.release().ok();
    assert!(ran.stdout.contains("made, signed: object"), "{}", ran.stdout);
    assert!(signed.git_accepts(TAG));
    signed.fixture.expect_tag(TAG, "proven", &[]);
    let whole = signed.fixture.tag_bytes(TAG);
    let text = String::from_utf8(whole.clone()).unwrap();
    for place in
        [text.find("release: ").unwrap(), text.find("\n\niHU").map_or(text.len() - 120, |it| it + 60)]
    {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        signed.fixture.put_tag("flipped", &flipped);
        assert!(!signed.git_accepts("flipped"));
        let mut command = xtask(signed.fixture.path());
        assert_eq!(run(command.args(["verify-tag", "flipped", "--config", ".git/release.toml"])).code, 10);
    }
    assert!(signed.release().ok().stdout.contains("kept, signed: object"));
    assert_eq!(signed.fixture.tag_bytes(TAG), whole);
}

#[test]
fn case_63_a_revoked_key_an_expired_signature_and_an_unknown_subkey() {
    let signed = Signed::new("sign", "never");
    signed.put_signed("20240310T000000!", &[]);
    assert!(signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "proven", &[]);
    signed.put_signed("20240310T000000!", &["--default-sig-expire", "1d"]);
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["signature-expired"]);
    signed.put_signed("20240310T000000!", &[]);
    let key = signed.fingerprint();
    let revocation = signed.home.path().join(format!("openpgp-revocs.d/{key}.rev"));
    let text = std::fs::read_to_string(&revocation).unwrap().replace(":-----BEGIN", "-----BEGIN");
    std::fs::write(&revocation, text).unwrap();
    signed.gpg(&["--import", revocation.to_str().unwrap()]).ok();
    signed.pin(&key);
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["revoked"]);
    let ran = signed.release();
    assert!(ran.code == 1 && ran.stdout.contains("is revoked"), "{}", ran.stdout);
    assert_eq!(signed.fixture.git(["tag", "-l", TAG]), "");
}

#[test]
fn case_63_a_signature_by_a_subkey_that_the_keyring_does_not_have() {
    let signed = Signed::new("cert", "never");
    let key = signed.fingerprint();
    let without = signed.gpg(&["--armor", "--export"]).ok().stdout;
    signed.gpg(&["--faked-system-time", MADE, "--quick-add-key", &key, "ed25519", "sign", "never"]).ok();
    signed.pin(&key);
    signed.put_signed("20240310T000000!", &[]);
    assert!(signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "proven", &[]);
    signed.fixture.write(".git/keys.asc", without.as_bytes());
    signed.fixture.expect_tag("t", "refuted", &["unknown-key"]);
}

#[test]
fn case_63_a_signature_by_a_subkey_that_is_for_encryption_only() {
    let signed = Signed::new("cert", "never");
    let key = signed.fingerprint();
    signed.gpg(&["--faked-system-time", MADE, "--quick-add-key", &key, "rsa2048", "sign", "never"]).ok();
    signed.pin(&key);
    signed.put_signed("20240310T000000!", &[]);
    assert!(signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "proven", &[]);
    // Its owner says now that the subkey is for encryption: e, s, and q of gpg's menu of capabilities.
    let script = signed.home.path().join("change-usage");
    std::fs::write(&script, "key 1\nchange-usage\ns\ne\nq\nsave\n").unwrap();
    let commands = ["--command-file", script.to_str().unwrap(), "--edit-key", &key];
    signed.gpg(&commands).ok();
    let listed = signed.gpg(&["--with-colons", "--list-keys"]).ok().stdout;
    let subkey = listed.lines().find(|it| it.starts_with("sub:")).unwrap();
    assert_eq!(subkey.split(':').nth(11), Some("e"), "{listed}");
    signed.pin(&key);
    signed.fixture.expect_tag("t", "refuted", &["signature"]);
}

#[test]
fn case_64_keys_that_expired_after_signing_or_were_made_after_it() {
    let signed = Signed::new("sign", "2024-06-01");
    signed.put_signed("20240310T000000!", &[]);
    assert!(
        !signed.git_accepts("t"),
        "git 2.47 rejects what an expired key signed; from 2.54 on it does not"
    );
    signed.fixture.expect_tag("t", "refuted", &["expired-no-trusted-time"]);
    let ran = signed.release();
    assert!(ran.code == 1 && ran.stdout.contains("has expired"), "{}", ran.stdout);

    let signed = Signed::new("sign", "never");
    signed.put_signed("20240310T000000!", &[]);
    signed.fixture.expect_tag("t", "proven", &[]);
    signed.gpg(&["--ignore-time-conflict", "--version"]).ok();
    signed.put_signed("20231015T000000!", &["--ignore-time-conflict", "--ignore-valid-from"]);
    assert!(!signed.git_accepts("t"));
    let mut command = xtask(signed.fixture.path());
    assert_eq!(run(command.args(["verify-tag", "t", "--config", ".git/release.toml"])).code, 10);
}

#[test]
fn case_65_two_signatures_other_forms_and_sha_1() {
    let signed = Signed::new("sign", "never");
    let (payload, armor) = signed.put_signed("20240310T000000!", &[]);
    signed.fixture.expect_tag("t", "proven", &[]);

    signed.fixture.put_tag("t", format!("{payload}{armor}{armor}").as_bytes());
    signed.fixture.expect_tag("t", "refuted", &["two-signatures"]);

    // Two signatures in one armor: gpg's exit code is 0.
    let twice = "gpg --batch --dearmor < .git/sig > .git/one && cat .git/one .git/one | gpg --batch --enarmor \
                 | sed -e 's/ARMORED FILE/SIGNATURE/' -e '/^Comment/d'";
    let mut bash = hermetic("bash", signed.fixture.path());
    bash.current_dir(signed.fixture.path());
    let doubled = signed.run(bash, &["-ec", twice]).ok().stdout;
    signed.fixture.put_tag("t", format!("{payload}{doubled}").as_bytes());
    signed.fixture.expect_tag("t", "refuted", &["two-signatures"]);

    let weak = ["--allow-weak-digest-algos", "--digest-algo", "SHA1"];
    signed.put_signed("20240310T000000!", &weak);
    let object = String::from_utf8(signed.fixture.tag_bytes("t")).unwrap();
    assert!(object.contains("BEGIN PGP SIGNATURE"));
    let mut command = xtask(signed.fixture.path());
    let ran = run(command.args(["verify-tag", "t", "--config", ".git/release.toml"]));
    assert!(ran.code == 10 && ran.stdout.contains("SHA"), "{}", ran.stdout);

    signed.gpg(&["--armor", "--output", ".git/clear", "--clear-sign", ".git/payload"]).ok();
    let clear = std::fs::read(signed.fixture.path().join(".git/clear")).unwrap();
    signed.fixture.put_tag("t", &[payload.as_bytes(), &clear].concat());
    assert!(!signed.git_accepts("t"));
    signed.fixture.expect_tag("t", "refuted", &["two-signatures"]);
}

#[test]
fn case_66_a_key_that_is_not_pinned_and_one_that_is_not_in_the_keyring() {
    let signed = Signed::new("sign", "never");
    signed.put_signed("20240310T000000!", &[]);
    signed.fixture.expect_tag("t", "proven", &[]);
    let first = signed.fingerprint();
    let bob = [
        "--faked-system-time",
        "20240102T000000!",
        "--quick-gen-key",
        "Bob Example <bob@example.com>",
        "ed25519",
        "sign",
        "never",
    ];
    signed.gpg(&bob).ok();
    let listed = signed.gpg(&["--with-colons", "--list-keys", "bob@example.com"]).ok().stdout;
    let second =
        listed.lines().find(|it| it.starts_with("fpr:")).unwrap().split(':').nth(9).unwrap().to_owned();
    assert_ne!(first, second);
    signed.put_signed("20240310T000000!", &["--local-user", &second]);
    assert!(signed.git_accepts("t"), "git takes any key of the keyring");
    signed.fixture.expect_tag("t", "refuted", &["unknown-key"]);
    signed.pin(&first);
    signed.fixture.expect_tag("t", "refuted", &["unknown-key"]);
    signed.pin(&second);
    signed.fixture.expect_tag("t", "proven", &[]);
}

#[test]
fn case_67_no_keyserver_is_asked_for_a_key_that_is_not_there() {
    let signed = Signed::new("sign", "never");
    signed.put_signed("20240310T000000!", &[]);
    signed.fixture.expect_tag("t", "proven", &[]);
    let asking = "auto-key-retrieve\nkeyserver hkp://127.0.0.1:9\n";
    std::fs::write(signed.home.path().join("gpg.conf"), asking).unwrap();
    let other = Signed::new("sign", "never");
    std::fs::copy(other.fixture.path().join(".git/keys.asc"), signed.fixture.path().join(".git/keys.asc"))
        .unwrap();
    let mut command = xtask(signed.fixture.path());
    command.env("GNUPGHOME", signed.home.path());
    let ran = run(command.args(["verify-tag", "t", "--config", ".git/release.toml"]));
    assert!(ran.code == 10 && ran.stdout.contains("is not in the keyring of [signers]"), "{}", ran.stdout);
    let dirmngr = Command::new("pgrep")
        .args(["-f", "dirmngr .*/gpg[A-Za-z0-9]{6}( |$)"])
        .stdout(Stdio::null())
        .status();
    assert!(dirmngr.is_ok_and(|it| !it.success()), "something was started to ask a keyserver");
}

#[test]
fn what_cannot_sign_is_refused_with_a_hint_and_leaves_no_tag() {
    let signed = Signed::new("cert", "never");
    let refused = |evidence: &str| {
        let ran = signed.release();
        let text = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code == 1 && text.contains(evidence) && text.contains("hint:"), "{evidence}: {text}");
        assert_eq!(signed.fixture.git(["tag", "-l", TAG]), "", "a tag was left behind");
    };
    refused("cannot sign");
    signed.fixture.git(["config", "user.signingKey", "nobody@example.com"]);
    refused("gpg has no secret key for it");
    signed.fixture.git(["config", "gpg.program", "no-such-gpg"]);
    refused("the program for gpg is no-such-gpg, which is not there");
    signed.fixture.git(["config", "--unset", "gpg.program"]);
    signed.fixture.git(["config", "gpg.format", "x400"]);
    refused("gpg.format is x400");
    signed.fixture.git(["config", "gpg.format", "openpgp"]);
    // A passphrase that nobody can be asked for: no terminal, and a pinentry that always declines.
    std::fs::write(signed.home.path().join("gpg-agent.conf"), "pinentry-program /bin/false\n").unwrap();
    signed.gpg_program("gpgconf", &["--kill", "all"]);
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
    signed.gpg_program("gpg", &locked).ok();
    signed.gpg_program("gpgconf", &["--kill", "all"]);
    signed.fixture.git(["config", "user.signingKey", "eve@example.com"]);
    let listed = signed.gpg(&["--with-colons", "--list-keys", "eve@example.com"]).ok().stdout;
    signed.pin(listed.lines().find(|it| it.starts_with("fpr:")).unwrap().split(':').nth(9).unwrap());
    refused("gpg did not sign: ");
}

#[test]
fn the_operators_keyring_is_neither_read_nor_written_when_a_tag_is_checked() {
    let signed = Signed::new("sign", "never");
    signed.release().ok();
    let before = crate::support::repository::everything(signed.home.path());
    let mut command = xtask(signed.fixture.path());
    command.env("GNUPGHOME", signed.home.path());
    run(command.args(["verify-tag", TAG, "--config", ".git/release.toml"])).ok();
    let settled = |all: Vec<(PathBuf, String)>| -> Vec<(PathBuf, String)> {
        all.into_iter().filter(|(path, _)| !path.to_string_lossy().contains("S.gpg-agent")).collect()
    };
    assert_eq!(settled(crate::support::repository::everything(signed.home.path())), settled(before));
    signed.fixture.expect_tag(TAG, "proven", &[]);
    let stray = Command::new("pgrep")
        .args(["-f", "gpg-agent .*/gpg[A-Za-z0-9]{6}( |$)"])
        .stdout(Stdio::null())
        .status();
    assert!(stray.is_ok_and(|it| !it.success()), "an agent was left running");
}

#[test]
fn a_first_configuration_trusts_the_operators_own_key() {
    let signed = Signed::new("sign", "never");
    crate::cli::config::trusts(
        &signed.fixture,
        ("GNUPGHOME", signed.home.path()),
        ".github/release-keys.asc",
    );
    // Another key in the same home is none of that policy.
    let ids = ["--quick-gen-key", "Eve Example <eve@example.com>", "ed25519", "sign", "never"];
    signed.gpg(&[&["--faked-system-time", MADE][..], &ids].concat()).ok();
    let other = signed.fingerprint();
    signed.put_signed("20240310T000000!", &["--local-user", &other]);
    let ran = signed.fixture.xtask(["verify-tag", "t"]);
    assert!(ran.code == 10 && ran.stdout.contains("unknown-key"), "{}", ran.stdout);
}
