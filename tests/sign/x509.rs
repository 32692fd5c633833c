//! Tags signed with certificates, with real gpgsm and git as oracles, and by a program that speaks git's x509 contract.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::support::repository::{Fixture, Ran, hermetic, run, xtask};

const TAG: &str = "server/v0.1.1";

/// A repository, a home of gpgsm with a certificate of its own, and a policy that pins it.
pub(crate) struct Signed {
    fixture: Fixture,
    home: tempfile::TempDir,
    fingerprint: String,
}

impl Drop for Signed {
    /// Ends the agent that gpgsm started for this home.
    fn drop(&mut self) {
        self.bash("gpgconf --kill all");
    }
}

impl Signed {
    fn new() -> Self {
        Self::until("2063-01-01")
    }

    /// With an RSA key of a length.
    pub(crate) fn rsa(bits: u32) -> Self {
        Self::of("2063-01-01", bits)
    }

    /// Signs a tag with gpgsm itself, and holds what the suite makes of it against what is expected.
    #[track_caller]
    pub(crate) fn expect_own_tag(&self, verdict: &str, reasons: &[&str]) {
        let commit = self.fixture.git(["rev-parse", "HEAD"]);
        let tagger = "Ada Example <ada@example.com> 1710000000 +0000";
        let payload = format!("object {commit}\ntype commit\ntag t\ntagger {tagger}\n\nm\n");
        self.fixture.write(".git/payload", payload.as_bytes());
        let sign = format!("gpgsm --batch -bsau {} < .git/payload", self.fingerprint);
        let armor = self.bash(&sign).ok().stdout;
        self.fixture.put_tag("t", format!("{payload}{armor}").as_bytes());
        self.fixture.expect_tag("t", verdict, reasons);
    }

    /// With a certificate that counts until a day.
    fn until(day: &str) -> Self {
        Self::of(day, 2048)
    }

    fn of(day: &str, bits: u32) -> Self {
        let home =
            tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap();
        let mut this = Self { fixture: Fixture::released(), home, fingerprint: String::new() };
        // A self-signed certificate from before the commits, with a key that has no passphrase.
        let make = "cd $GNUPGHOME; echo allow-loopback-pinentry > gpg-agent.conf; echo disable-crl-checks > gpgsm.conf
            printf '%s\\n' 'Key-Type: RSA' 'Key-Length: '$BITS 'Key-Usage: sign' 'Serial: random' 'Name-DN: CN=Ada Example' \
              'Name-Email: ada@example.com' 'Not-Before: 2023-11-01 00:00:00' 'Not-After: '$UNTIL' 00:00:00' > parameters
            echo | gpgsm --batch --pinentry-mode loopback --passphrase-fd 0 --generate-key parameters > certificate
            gpgsm --batch --import certificate
            gpgsm --with-colons --list-keys | grep ^fpr | cut -d: -f10 > fingerprint
            echo \"$(cat fingerprint) S relax\" > trustlist.txt; gpgconf --kill all";
        this.bash(&format!("UNTIL={day} BITS={bits}\n{make}")).ok();
        let fingerprint = std::fs::read_to_string(this.home.path().join("fingerprint")).unwrap();
        fingerprint.trim().clone_into(&mut this.fingerprint);
        this.fixture.git(["config", "gpg.format", "x509"]);
        this.fixture.git(["config", "user.signingKey", &this.fingerprint]);
        std::fs::copy(this.home.path().join("certificate"), this.fixture.path().join(".git/certificates"))
            .unwrap();
        this.pin(&this.fingerprint);
        this
    }

    fn bash(&self, script: &str) -> Ran {
        let mut command = hermetic("bash", self.fixture.path());
        command.current_dir(self.fixture.path()).env("GNUPGHOME", self.home.path());
        run(command.args(["-ec", script]))
    }

    fn pin(&self, fingerprint: &str) {
        let policy = format!(
            "[signers]\nx509_certificates = \"certificates\"\nx509_fingerprints = [\"{fingerprint}\"]\n"
        );
        let catalog = format!("{}\n{policy}", include_str!("../../release.toml"));
        self.fixture.write(".git/release.toml", catalog.as_bytes());
    }

    fn release(&self, arguments: &[&str]) -> Ran {
        let mut command = xtask(self.fixture.path());
        run(command.env("GNUPGHOME", self.home.path()).args(["release", TAG, "--sign-tag"]).args(arguments))
    }

    fn git_accepts(&self, tag: &str) -> bool {
        self.bash(&format!("git verify-tag {tag}")).code == 0
    }
}

const POLICY: [&str; 2] = ["--config", ".git/release.toml"];

#[test]
fn a_signed_tag_is_accepted_by_git_and_rejected_by_both_after_one_flipped_byte() {
    let signed = Signed::new();
    let ran = signed.release(&POLICY).ok();
    assert!(ran.stdout.contains("made, signed: object"), "{}", ran.stdout);
    assert!(signed.git_accepts(TAG));
    signed.fixture.expect_tag(TAG, "proven", &[]);
    let whole = signed.fixture.tag_bytes(TAG);
    let text = String::from_utf8(whole.clone()).unwrap();
    let end = text.find("-----END SIGNED").unwrap();
    for place in [text.find("release: ").unwrap(), end - 100] {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        signed.fixture.put_tag("flipped", &flipped);
        assert!(!signed.git_accepts("flipped"), "{place}");
        let mut command = xtask(signed.fixture.path());
        assert_eq!(run(command.args(["verify-tag", "flipped"]).args(POLICY)).code, 10, "{place}");
    }
    assert!(signed.release(&POLICY).ok().stdout.contains("kept, signed: object"));
    assert_eq!(signed.fixture.tag_bytes(TAG), whole);
}

#[test]
fn a_certificate_that_is_not_pinned_or_not_there_and_a_tag_from_before_it() {
    let signed = Signed::new();
    signed.release(&POLICY).ok();
    signed.fixture.expect_tag(TAG, "proven", &[]);
    signed.pin(&"0".repeat(40));
    assert!(signed.git_accepts(TAG), "git asks the operator's trust list");
    signed.fixture.expect_tag(TAG, "refuted", &["unknown-key"]);
    let ran = signed.release(&POLICY);
    assert!(ran.code == 1 && ran.stdout.contains("REFUSED  signing"), "{}", ran.stdout);
    signed.pin(&signed.fingerprint);
    signed.fixture.expect_tag(TAG, "proven", &[]);
    let commit = signed.fixture.git(["rev-parse", "HEAD"]);
    let payload = format!(
        "object {commit}\ntype commit\ntag t\ntagger Ada Example <ada@example.com> 1600000000 +0000\n\nm\n"
    );
    signed.fixture.write(".git/payload", payload.as_bytes());
    let sign = format!("gpgsm --batch -bsau {} < .git/payload", signed.fingerprint);
    let armor = signed.bash(&sign).ok().stdout;
    signed.fixture.put_tag("t", format!("{payload}{armor}").as_bytes());
    signed.fixture.expect_tag("t", "refuted", &["backdated"]);
}

#[test]
fn a_certificate_that_has_expired_since_proves_nothing() {
    for (until, verdict, reasons) in
        [("2063-01-01", "proven", &[][..]), ("2024-06-01", "refuted", &["expired-no-trusted-time"])]
    {
        let signed = Signed::until(until);
        let commit = signed.fixture.git(["rev-parse", "HEAD"]);
        let tagger = "tagger Ada Example <ada@example.com> 1710000000 +0000";
        let payload = format!("object {commit}\ntype commit\ntag t\n{tagger}\n\nm\n");
        signed.fixture.write(".git/payload", payload.as_bytes());
        let then = "gpgsm --batch --faked-system-time 20240310T000000";
        let armor = signed.bash(&format!("{then} -bsau {} < .git/payload", signed.fingerprint)).ok().stdout;
        signed.fixture.put_tag("t", format!("{payload}{armor}").as_bytes());
        signed.fixture.expect_tag("t", verdict, reasons);
    }
}

#[test]
fn what_cannot_sign_is_refused_and_another_program_is_asked_by_gits_contract() {
    let signed = Signed::new();
    signed.fixture.git(["config", "user.signingKey", "nobody@example.com"]);
    let ran = signed.release(&POLICY);
    assert!(ran.code == 1 && ran.stdout.contains("gpgsm has no secret key for it"), "{}", ran.stdout);
    // A program that is not gpgsm, with what git would give it, and an answer of gpgsm's.
    let program = signed.fixture.path().join(".git/signer");
    let script = format!(
        "#!/bin/sh\n[ \"$1 $2 $3\" = '--status-fd=2 -bsau somebody' ] || exit 3\nexec gpgsm --batch --status-fd=2 -bsau {}\n",
        signed.fingerprint
    );
    std::fs::write(&program, script).unwrap();
    run(Command::new("chmod").arg("+x").arg(&program)).ok();
    signed.fixture.git(["config", "gpg.x509.program", program.to_str().unwrap()]);
    signed.fixture.git(["config", "user.signingKey", "somebody"]);
    let ran = signed.release(&POLICY);
    assert!(
        ran.code == 1 && ran.stdout.contains("takes no key like it"),
        "a program's key cannot be judged before: {}",
        ran.stdout
    );
    let ran = signed.release(&[]).ok();
    assert!(ran.stdout.contains("made, signed: object"), "{}", ran.stdout);
    signed.fixture.git(["config", "--unset", "gpg.x509.program"]);
    assert!(signed.git_accepts(TAG));
    signed.fixture.expect_tag(TAG, "proven", &[]);
    signed.fixture.git(["tag", "-d", TAG]);
    signed.fixture.git(["config", "gpg.x509.program", "/bin/true"]);
    let ran = signed.release(&[]);
    assert!(ran.code == 1 && ran.stderr.contains("/bin/true did not sign"), "{}", ran.stderr);
    assert_eq!(signed.fixture.git(["tag", "-l", TAG]), "");
}

#[test]
fn a_first_configuration_trusts_the_operators_own_certificate() {
    let signed = Signed::new();
    let home = ("GNUPGHOME", signed.home.path());
    crate::cli::config::trusts(&signed.fixture, home, ".github/release-certificates.pem");
}
