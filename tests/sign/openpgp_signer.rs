//! A repository whose tags are signed with an OpenPGP key.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run, xtask};

pub(crate) const TAG: &str = "server/v0.1.1";
/// Creation time of the keys: before the first commit. The format is that of gpg's `--faked-system-time`, and `!` stops
/// the clock.
pub(crate) const KEY_CREATED_AT: &str = "20231101T000000!";

/// A repository, a `GNUPGHOME` with keys, and a policy that pins one of them.
pub(crate) struct OpenPgpTagSigner {
    pub(crate) fixture: TestRepository,
    pub(crate) home: tempfile::TempDir,
}

impl Drop for OpenPgpTagSigner {
    /// Stops the agent that gpg started for this `GNUPGHOME`.
    fn drop(&mut self) {
        self.run_program("gpgconf", &["--kill", "all"]);
    }
}

impl OpenPgpTagSigner {
    /// With one Ed25519 key of this usage and expiry (`never`, or a date), created before the commits.
    pub(crate) fn new(usage: &str, expires: &str) -> Self {
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

    pub(crate) fn with_key(algorithm: &str, usage: &str, expires: &str) -> Self {
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

    pub(crate) fn run_program(&self, program: &str, arguments: &[&str]) -> CapturedOutput {
        let mut command = hermetic_command(program, self.fixture.path());
        command.current_dir(self.fixture.path());
        run(command.env("GNUPGHOME", self.home.path()).args(arguments))
    }

    /// Runs gpg without a terminal and with an empty passphrase.
    pub(crate) fn run_gpg(&self, arguments: &[&str]) -> CapturedOutput {
        let batch = ["--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", "--yes"];
        self.run_program("gpg", &[&batch[..], arguments].concat())
    }

    /// Returns the fingerprint of the newest primary key.
    pub(crate) fn fingerprint(&self) -> String {
        let listed = self.run_gpg(&["--with-colons", "--list-keys"]).ok().stdout;
        let lines: Vec<&str> = listed.lines().collect();
        let after = lines.iter().rposition(|it| it.starts_with("pub:")).unwrap() + 1;
        lines[after].split(':').nth(9).unwrap().to_owned()
    }

    /// Pins a key in the policy, and exports the whole keyring for the policy.
    pub(crate) fn pin(&self, fingerprint: &str) {
        let keyring = self.run_gpg(&["--armor", "--export"]).ok().stdout;
        std::fs::write(self.fixture.path().join(".git/keys.asc"), keyring).unwrap();
        let policy = format!(
            "[signers]\nopenpgp_keyring = \"keys.asc\"\nopenpgp_fingerprints = [\"{fingerprint}\"]\n"
        );
        let catalog = format!("{}\n{policy}", include_str!("../../release.toml"));
        self.fixture.write_file(".git/release.toml", catalog.as_bytes());
    }

    pub(crate) fn run_with_home(&self, mut command: Command, arguments: &[&str]) -> CapturedOutput {
        run(command.env("GNUPGHOME", self.home.path()).args(arguments))
    }

    pub(crate) fn release_signed(&self) -> CapturedOutput {
        let arguments = ["release", TAG, "--sign-tag", "--config", ".git/release.toml"];
        self.run_with_home(xtask(self.fixture.path()), &arguments)
    }

    pub(crate) fn git_accepts(&self, tag: &str) -> bool {
        let mut command = hermetic_command("git", self.fixture.path());
        command.arg("-C").arg(self.fixture.path());
        self.run_with_home(command, &["verify-tag", tag]).code == 0
    }

    /// Writes the tag `t`, dated 2024-03-09, signed by gpg with these options at a faked time. Returns its payload and
    /// signature.
    pub(crate) fn put_signed_tag(&self, faked_time: &str, options: &[&str]) -> (String, String) {
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
