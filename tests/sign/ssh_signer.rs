//! A repository whose tags are signed with an SSH key.

use std::path::PathBuf;

use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run, xtask};

/// A repository with a signing key, git configured to sign with it, and a policy that allows it.
pub(crate) struct SshTagSigner {
    pub(crate) fixture: TestRepository,
    pub(crate) key: PathBuf,
}

pub(crate) const TAG: &str = "server/v0.1.1";

impl SshTagSigner {
    pub(crate) fn new(kind: &[&str]) -> Self {
        let fixture = TestRepository::with_release();
        let key = fixture.path().join(".git/key");
        let this = Self { fixture, key };
        this.keygen(&this.key, kind, "");
        this.fixture.git(["config", "gpg.format", "ssh"]);
        this.fixture.git(["config", "user.signingKey", this.key.to_str().unwrap()]);
        this.fixture.git(["config", "gpg.ssh.allowedSignersFile", this.policy_file().to_str().unwrap()]);
        let catalog =
            format!("{}\n[signers]\nallowed_signers = \"allowed\"\n", include_str!("../../release.toml"));
        this.fixture.write_file(".git/release.toml", catalog.as_bytes());
        this.allow_key("", &this.public_key());
        this
    }

    pub(crate) fn keygen(&self, file: &std::path::Path, kind: &[&str], passphrase: &str) {
        let mut command = hermetic_command("ssh-keygen", self.fixture.path());
        run(command.args(["-q", "-C", "test", "-N", passphrase]).args(kind).arg("-f").arg(file)).ok();
    }

    pub(crate) fn policy_file(&self) -> PathBuf {
        self.fixture.path().join(".git/allowed")
    }

    pub(crate) fn public_key(&self) -> String {
        std::fs::read_to_string(self.key.with_extension("pub")).unwrap().trim().to_owned()
    }

    /// Allows a key for the tagger of these tests, with options of the allowed signers file.
    pub(crate) fn allow_key(&self, options: &str, public: &str) {
        std::fs::write(self.policy_file(), format!("ada@example.com {options} {public}\n")).unwrap();
    }

    /// Runs `xtask` with the configuration that contains the policy.
    pub(crate) fn xtask(&self, arguments: &[&str]) -> CapturedOutput {
        run(xtask(self.fixture.path()).args(arguments).args(["--config", ".git/release.toml"]))
    }

    pub(crate) fn release_signed(&self) -> CapturedOutput {
        self.xtask(&["release", TAG, "--sign-tag"])
    }

    /// Whether `git verify-tag` accepts the tag.
    pub(crate) fn git_accepts(&self, tag: &str) -> bool {
        let mut command = hermetic_command("git", self.fixture.path());
        run(command.arg("-C").arg(self.fixture.path()).args(["verify-tag", tag])).code == 0
    }

    /// Signs a payload in a namespace with ssh-keygen, as git does. Returns the whole tag object.
    pub(crate) fn sign_payload(&self, payload: &str, namespace: &str) -> Vec<u8> {
        let file = self.fixture.path().join(".git/payload");
        std::fs::write(&file, payload).unwrap();
        let signature = file.with_extension("sig");
        std::fs::remove_file(&signature).ok();
        let mut command = hermetic_command("ssh-keygen", self.fixture.path());
        run(command.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(&self.key).arg(&file)).ok();
        [payload.as_bytes(), &std::fs::read(signature).unwrap()].concat()
    }

    /// Returns the payload of a tag of `HEAD` with this name and tagger time, in seconds since 1970.
    pub(crate) fn tag_payload(&self, name: &str, time: u64) -> String {
        let commit = self.fixture.git(["rev-parse", "HEAD"]);
        format!(
            "object {commit}\ntype commit\ntag {name}\ntagger Ada Example <ada@example.com> {time} +0000\n\nmessage\n"
        )
    }
}
