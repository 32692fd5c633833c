//! Tags signed with X.509 certificates. The oracles are the real gpgsm and git. One test uses a custom program that
//! follows git's x509 protocol.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::repository::{CapturedOutput, TestRepository, hermetic_command, run, xtask};

const TAG: &str = "server/v0.1.1";

/// A repository, a `GNUPGHOME` with a self-signed certificate, and a policy that pins it.
pub(crate) struct X509TagSigner {
    fixture: TestRepository,
    home: tempfile::TempDir,
    fingerprint: String,
}

impl Drop for X509TagSigner {
    /// Stops the agent that gpgsm started for this `GNUPGHOME`.
    fn drop(&mut self) {
        self.run_bash("gpgconf --kill all");
    }
}

impl X509TagSigner {
    fn new() -> Self {
        Self::expiring_on("2063-01-01")
    }

    /// With a certificate for an RSA key of this length in bits.
    pub(crate) fn with_rsa(bits: u32) -> Self {
        Self::with_certificate("2063-01-01", bits)
    }

    /// Signs a tag with gpgsm and asserts the verdict of the suite.
    #[track_caller]
    pub(crate) fn expect_signed_tag(&self, verdict: &str, reasons: &[&str]) {
        let commit = self.fixture.git(["rev-parse", "HEAD"]);
        let tagger = "Ada Example <ada@example.com> 1710000000 +0000";
        let payload = format!("object {commit}\ntype commit\ntag t\ntagger {tagger}\n\nm\n");
        self.fixture.write_file(".git/payload", payload.as_bytes());
        let sign = format!("gpgsm --batch -bsau {} < .git/payload", self.fingerprint);
        let armor = self.run_bash(&sign).ok().stdout;
        self.fixture.write_tag_object("t", format!("{payload}{armor}").as_bytes());
        self.fixture.expect_tag_verdict("t", verdict, reasons);
    }

    /// With a certificate that is valid until `day` (`YYYY-MM-DD`).
    fn expiring_on(day: &str) -> Self {
        Self::with_certificate(day, 2048)
    }

    fn with_certificate(day: &str, bits: u32) -> Self {
        let home =
            tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap();
        let mut this = Self { fixture: TestRepository::with_release(), home, fingerprint: String::new() };
        // A self-signed certificate that is valid since before the commits. Its key has no passphrase.
        let make = "cd $GNUPGHOME; echo allow-loopback-pinentry > gpg-agent.conf; echo disable-crl-checks > gpgsm.conf
            printf '%s\\n' 'Key-Type: RSA' 'Key-Length: '$BITS 'Key-Usage: sign' 'Serial: random' 'Name-DN: CN=Ada Example' \
              'Name-Email: ada@example.com' 'Not-Before: 2023-11-01 00:00:00' 'Not-After: '$UNTIL' 00:00:00' > parameters
            echo | gpgsm --batch --pinentry-mode loopback --passphrase-fd 0 --generate-key parameters > certificate
            gpgsm --batch --import certificate
            gpgsm --with-colons --list-keys | grep ^fpr | cut -d: -f10 > fingerprint
            echo \"$(cat fingerprint) S relax\" > trustlist.txt; gpgconf --kill all";
        this.run_bash(&format!("UNTIL={day} BITS={bits}\n{make}")).ok();
        let fingerprint = std::fs::read_to_string(this.home.path().join("fingerprint")).unwrap();
        fingerprint.trim().clone_into(&mut this.fingerprint);
        this.fixture.git(["config", "gpg.format", "x509"]);
        this.fixture.git(["config", "user.signingKey", &this.fingerprint]);
        std::fs::copy(this.home.path().join("certificate"), this.fixture.path().join(".git/certificates"))
            .unwrap();
        this.pin(&this.fingerprint);
        this
    }

    fn run_bash(&self, script: &str) -> CapturedOutput {
        let mut command = hermetic_command("bash", self.fixture.path());
        command.current_dir(self.fixture.path()).env("GNUPGHOME", self.home.path());
        run(command.args(["-ec", script]))
    }

    fn pin(&self, fingerprint: &str) {
        let policy = format!(
            "[signers]\nx509_certificates = \"certificates\"\nx509_fingerprints = [\"{fingerprint}\"]\n"
        );
        let catalog = format!("{}\n{policy}", include_str!("../../release.toml"));
        self.fixture.write_file(".git/release.toml", catalog.as_bytes());
    }

    fn release_signed(&self, arguments: &[&str]) -> CapturedOutput {
        let mut command = xtask(self.fixture.path());
        run(command.env("GNUPGHOME", self.home.path()).args(["release", TAG, "--sign-tag"]).args(arguments))
    }

    fn git_accepts(&self, tag: &str) -> bool {
        self.run_bash(&format!("git verify-tag {tag}")).code == 0
    }
}

const POLICY_FLAGS: [&str; 2] = ["--config", ".git/release.toml"];

#[test]
fn flipped_byte_breaks_an_x509_signature() {
    let signer = X509TagSigner::new();
    let output = signer.release_signed(&POLICY_FLAGS).ok();
    assert!(output.stdout.contains("created, signed: object"), "{}", output.stdout);
    assert!(signer.git_accepts(TAG));
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    let tag_object = signer.fixture.tag_object(TAG);
    let text = String::from_utf8(tag_object.clone()).unwrap();
    let end = text.find("-----END SIGNED").unwrap();
    for place in [text.find("release: ").unwrap(), end - 100] {
        let mut flipped = tag_object.clone();
        flipped[place] ^= 1;
        signer.fixture.write_tag_object("flipped", &flipped);
        assert!(!signer.git_accepts("flipped"), "{place}");
        let mut command = xtask(signer.fixture.path());
        assert_eq!(run(command.args(["verify-tag", "flipped"]).args(POLICY_FLAGS)).code, 10, "{place}");
    }
    assert!(signer.release_signed(&POLICY_FLAGS).ok().stdout.contains("kept, signed: object"));
    assert_eq!(signer.fixture.tag_object(TAG), tag_object);
}

#[test]
fn unpinned_certificate_is_refuted() {
    let signer = X509TagSigner::new();
    signer.release_signed(&POLICY_FLAGS).ok();
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    signer.pin(&"0".repeat(40));
    assert!(signer.git_accepts(TAG), "gpgsm uses the operator's trust list");
    signer.fixture.expect_tag_verdict(TAG, "refuted", &["unknown-key"]);
    let output = signer.release_signed(&POLICY_FLAGS);
    assert!(output.code == 1 && output.stdout.contains("FAILED   signing"), "{}", output.stdout);
    signer.pin(&signer.fingerprint);
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    let commit = signer.fixture.git(["rev-parse", "HEAD"]);
    let payload = format!(
        "object {commit}\ntype commit\ntag t\ntagger Ada Example <ada@example.com> 1600000000 +0000\n\nm\n"
    );
    signer.fixture.write_file(".git/payload", payload.as_bytes());
    let sign = format!("gpgsm --batch -bsau {} < .git/payload", signer.fingerprint);
    let armor = signer.run_bash(&sign).ok().stdout;
    signer.fixture.write_tag_object("t", format!("{payload}{armor}").as_bytes());
    signer.fixture.expect_tag_verdict("t", "refuted", &["backdated"]);
}

#[test]
fn certificate_expired_since_signing_is_refuted() {
    for (until, verdict, reasons) in
        [("2063-01-01", "proven", &[][..]), ("2024-06-01", "refuted", &["expired-no-trusted-time"])]
    {
        let signer = X509TagSigner::expiring_on(until);
        let commit = signer.fixture.git(["rev-parse", "HEAD"]);
        let tagger = "tagger Ada Example <ada@example.com> 1710000000 +0000";
        let payload = format!("object {commit}\ntype commit\ntag t\n{tagger}\n\nm\n");
        signer.fixture.write_file(".git/payload", payload.as_bytes());
        let then = "gpgsm --batch --faked-system-time 20240310T000000";
        let armor =
            signer.run_bash(&format!("{then} -bsau {} < .git/payload", signer.fingerprint)).ok().stdout;
        signer.fixture.write_tag_object("t", format!("{payload}{armor}").as_bytes());
        signer.fixture.expect_tag_verdict("t", verdict, reasons);
    }
}

#[test]
fn custom_x509_program_signs_tags() {
    let signer = X509TagSigner::new();
    signer.fixture.git(["config", "user.signingKey", "unknown@example.com"]);
    let output = signer.release_signed(&POLICY_FLAGS);
    assert!(
        output.code == 1 && output.stdout.contains("gpgsm has no secret key for it"),
        "{}",
        output.stdout
    );
    // A program other than gpgsm: it requires the arguments that git passes, and answers as gpgsm does.
    let program = signer.fixture.path().join(".git/signer");
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2 $3\" = '--status-fd=2 -bsau custom-key' ] || exit 3\nexec gpgsm --batch --status-fd=2 -bsau {}\n",
        signer.fingerprint
    );
    std::fs::write(&program, script).unwrap();
    run(Command::new("chmod").arg("+x").arg(&program)).ok();
    signer.fixture.git(["config", "gpg.x509.program", program.to_str().unwrap()]);
    signer.fixture.git(["config", "user.signingKey", "custom-key"]);
    let output = signer.release_signed(&POLICY_FLAGS);
    assert!(
        output.code == 1 && output.stdout.contains("unknown before it signs"),
        "the key of a custom program cannot be checked before signing: {}",
        output.stdout
    );
    let output = signer.release_signed(&[]).ok();
    assert!(output.stdout.contains("created, signed: object"), "{}", output.stdout);
    signer.fixture.git(["config", "--unset", "gpg.x509.program"]);
    assert!(signer.git_accepts(TAG));
    signer.fixture.expect_tag_verdict(TAG, "proven", &[]);
    signer.fixture.git(["tag", "-d", TAG]);
    signer.fixture.git(["config", "gpg.x509.program", "/bin/true"]);
    let output = signer.release_signed(&[]);
    assert!(output.code == 1 && output.stderr.contains("/bin/true did not sign"), "{}", output.stderr);
    assert_eq!(signer.fixture.git(["tag", "-l", TAG]), "");
}

#[test]
fn config_init_trusts_the_operators_certificate() {
    let signer = X509TagSigner::new();
    let home = ("GNUPGHOME", signer.home.path());
    crate::cli::config::expect_config_init_trusts(&signer.fixture, home, ".github/release-certificates.pem");
}
