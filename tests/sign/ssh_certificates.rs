//! Tags signed by keys with an SSH certificate. The oracles are the real git and ssh-keygen.

use std::path::PathBuf;

use crate::sign::ssh_signer::SshTagSigner;
use crate::support::repository::{hermetic_command, run};

/// A repository that trusts a certificate authority, and a key that the authority certifies.
struct SshCertificateSigner {
    tag_signer: SshTagSigner,
    git_dir: PathBuf,
}

impl SshCertificateSigner {
    fn new() -> Self {
        let signer = SshTagSigner::new(&["-t", "ed25519"]);
        let folder = signer.fixture.path().join(".git");
        let this = Self { tag_signer: signer, git_dir: folder };
        this.keygen(&["-t", "ed25519", "-N", "", "-f", "authority"]);
        this.write_allowed_signers("ada@example.com cert-authority");
        this
    }

    fn keygen(&self, arguments: &[&str]) {
        let mut command = hermetic_command("ssh-keygen", &self.git_dir);
        run(command.current_dir(&self.git_dir).arg("-q").args(arguments)).ok();
    }

    /// Writes the allowed signers file: one line with these words before the authority's key.
    fn write_allowed_signers(&self, words: &str) {
        let public = std::fs::read_to_string(self.git_dir.join("authority.pub")).unwrap();
        std::fs::write(self.git_dir.join("allowed"), format!("{words} {public}")).unwrap();
    }

    /// Certifies the key with these options of ssh-keygen, and writes the tag `t` signed with the certificate.
    fn put_certified_tag(&self, options: &[&str]) {
        self.certify("authority", options);
        self.put_signed_tag();
    }

    fn certify(&self, authority: &str, options: &[&str]) {
        std::fs::remove_file(self.git_dir.join("key-cert.pub")).ok();
        self.keygen(&[&["-s", authority, "-I", "test"], options, &["key.pub"]].concat());
    }

    fn put_signed_tag(&self) {
        let payload = self.tag_signer.tag_payload("t", 1_710_000_000);
        std::fs::write(self.git_dir.join("payload"), &payload).unwrap();
        std::fs::remove_file(self.git_dir.join("payload.sig")).ok();
        self.keygen(&["-Y", "sign", "-n", "git", "-f", "key-cert.pub", "payload"]);
        let signature = std::fs::read(self.git_dir.join("payload.sig")).unwrap();
        self.tag_signer.fixture.write_tag_object("t", &[payload.as_bytes(), &signature].concat());
    }

    #[track_caller]
    fn expect_tag(&self, git: bool, verdict: &str, reasons: &[&str]) {
        assert_eq!(self.tag_signer.git_accepts("t"), git, "git disagrees");
        self.tag_signer.fixture.expect_tag_verdict("t", verdict, reasons);
    }
}

const CERTIFICATE_OPTIONS: [&str; 4] = ["-n", "ada@example.com", "-V", "20240101000000Z:20990101000000Z"];

#[test]
fn ssh_certificate_principals_and_validity_are_enforced() {
    let signer = SshCertificateSigner::new();
    signer.put_certified_tag(&CERTIFICATE_OPTIONS);
    signer.expect_tag(true, "proven", &[]);
    // In order: another principal, no principal, no end of validity, expired, not yet valid, a host certificate, and an
    // authority that is not trusted.
    let ever = ["-V", "20240101000000Z:20990101000000Z"];
    signer.put_certified_tag(&["-n", "bob@example.com", ever[0], ever[1]]);
    signer.expect_tag(false, "refuted", &["principal"]);
    signer.put_certified_tag(&ever);
    signer.tag_signer.fixture.expect_tag_verdict("t", "refuted", &["principal"]);
    signer.put_certified_tag(&["-n", "ada@example.com"]);
    signer.expect_tag(true, "unproven", &["unsupported"]);
    signer.put_certified_tag(&["-n", "ada@example.com", "-V", "20240101000000Z:20240201000000Z"]);
    signer.expect_tag(false, "refuted", &["expired"]);
    signer.put_certified_tag(&["-n", "ada@example.com", "-V", "20250101000000Z:20990101000000Z"]);
    signer.expect_tag(false, "refuted", &["not-yet-valid"]);
    signer.put_certified_tag(&["-h", "-n", "ada@example.com", ever[0], ever[1]]);
    signer.tag_signer.fixture.expect_tag_verdict("t", "refuted", &["certificate"]);
    signer.keygen(&["-t", "ed25519", "-N", "", "-f", "other"]);
    signer.certify("other", &CERTIFICATE_OPTIONS);
    signer.put_signed_tag();
    signer.expect_tag(false, "refuted", &["unknown-key"]);
    signer.put_certified_tag(&CERTIFICATE_OPTIONS);
    signer.expect_tag(true, "proven", &[]);
}

#[test]
fn allowed_signers_options_restrict_the_certificate_authority() {
    let signer = SshCertificateSigner::new();
    signer.put_certified_tag(&CERTIFICATE_OPTIONS);
    signer.write_allowed_signers("*@example.com cert-authority,namespaces=\"git\"");
    signer.expect_tag(true, "proven", &[]);
    signer.write_allowed_signers("*@example.org cert-authority");
    signer.tag_signer.fixture.expect_tag_verdict("t", "refuted", &["principal"]);
    signer.write_allowed_signers("*@example.com cert-authority,namespaces=\"file\"");
    signer.expect_tag(false, "refuted", &["namespace"]);
    signer.write_allowed_signers("*@example.com cert-authority,valid-before=\"20240201Z\"");
    signer.expect_tag(false, "refuted", &["expired"]);
    // Without `cert-authority`, the line allows the authority's key itself, but not the keys that it certified.
    signer.write_allowed_signers("*@example.com");
    signer.expect_tag(false, "refuted", &["unknown-key"]);
}

#[test]
fn revoked_certificate_or_changed_byte_is_not_proven() {
    let signer = SshCertificateSigner::new();
    signer.put_certified_tag(&CERTIFICATE_OPTIONS);
    signer.expect_tag(true, "proven", &[]);
    let tag_object = signer.tag_signer.fixture.tag_object("t");
    let begin = tag_object.windows(21).position(|it| it == b"-----BEGIN SSH SIGNAT").unwrap() + 30;
    for index in (begin..tag_object.len() - 30).step_by(11) {
        let mut changed = tag_object.clone();
        changed[index] = if changed[index] == b'A' { b'B' } else { b'A' };
        if changed == tag_object {
            continue;
        }
        signer.tag_signer.fixture.write_tag_object("changed", &changed);
        let (verdict, _) = signer.tag_signer.fixture.verify_tag("changed");
        assert_ne!(verdict, "proven", "byte {index} was changed");
    }
    let catalog = signer.git_dir.join("release.toml");
    let text = std::fs::read_to_string(&catalog).unwrap();
    std::fs::write(&catalog, text.replace("\"allowed\"", "\"allowed\"\nrevoked = \"revoked\"")).unwrap();
    for revoked in ["key.pub", "authority.pub"] {
        std::fs::copy(signer.git_dir.join(revoked), signer.git_dir.join("revoked")).unwrap();
        signer.tag_signer.fixture.expect_tag_verdict("t", "refuted", &["revoked"]);
    }
    std::fs::write(signer.git_dir.join("revoked"), "# empty\n").unwrap();
    signer.tag_signer.fixture.expect_tag_verdict("t", "proven", &[]);
}
