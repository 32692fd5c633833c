//! Tags signed by keys that an SSH certificate names, with real git and ssh-keygen as oracles.

use std::path::PathBuf;

use crate::sign::ssh::Signed;
use crate::support::repository::{hermetic, run};

/// A repository that trusts an authority, and a key that it certified.
struct Certified {
    signed: Signed,
    folder: PathBuf,
}

impl Certified {
    fn new() -> Self {
        let signed = Signed::new(&["-t", "ed25519"]);
        let folder = signed.fixture.path().join(".git");
        let this = Self { signed, folder };
        this.keygen(&["-t", "ed25519", "-N", "", "-f", "authority"]);
        this.trust("ada@example.com cert-authority");
        this
    }

    fn keygen(&self, arguments: &[&str]) {
        let mut command = hermetic("ssh-keygen", &self.folder);
        run(command.current_dir(&self.folder).arg("-q").args(arguments)).ok();
    }

    /// The policy: these words before the authority's key.
    fn trust(&self, words: &str) {
        let public = std::fs::read_to_string(self.folder.join("authority.pub")).unwrap();
        std::fs::write(self.folder.join("allowed"), format!("{words} {public}")).unwrap();
    }

    /// Certifies the key with these options, and puts a tag that it signed then.
    fn tag(&self, options: &[&str]) {
        self.certify("authority", options);
        self.put();
    }

    fn certify(&self, authority: &str, options: &[&str]) {
        std::fs::remove_file(self.folder.join("key-cert.pub")).ok();
        self.keygen(&[&["-s", authority, "-I", "test"], options, &["key.pub"]].concat());
    }

    fn put(&self) {
        let payload = self.signed.payload("t", 1_710_000_000);
        std::fs::write(self.folder.join("payload"), &payload).unwrap();
        std::fs::remove_file(self.folder.join("payload.sig")).ok();
        self.keygen(&["-Y", "sign", "-n", "git", "-f", "key-cert.pub", "payload"]);
        let signature = std::fs::read(self.folder.join("payload.sig")).unwrap();
        self.signed.fixture.put_tag("t", &[payload.as_bytes(), &signature].concat());
    }

    #[track_caller]
    fn expect(&self, git: bool, verdict: &str, reasons: &[&str]) {
        assert_eq!(self.signed.git_accepts("t"), git, "git sees it otherwise");
        self.signed.fixture.expect_tag("t", verdict, reasons);
    }
}

const PERSON: [&str; 4] = ["-n", "ada@example.com", "-V", "20240101000000Z:20990101000000Z"];

#[test]
fn certified_keys_count_for_whom_and_as_long_as_their_certificate_says() {
    let it = Certified::new();
    it.tag(&PERSON);
    it.expect(true, "proven", &[]);
    // Another person, nobody, another time, for ever, a host's, an authority that is not trusted.
    let ever = ["-V", "20240101000000Z:20990101000000Z"];
    it.tag(&["-n", "bob@example.com", ever[0], ever[1]]);
    it.expect(false, "refuted", &["principal"]);
    it.tag(&ever);
    it.signed.fixture.expect_tag("t", "refuted", &["principal"]);
    it.tag(&["-n", "ada@example.com"]);
    it.expect(true, "unproven", &["unsupported"]);
    it.tag(&["-n", "ada@example.com", "-V", "20240101000000Z:20240201000000Z"]);
    it.expect(false, "refuted", &["expired"]);
    it.tag(&["-n", "ada@example.com", "-V", "20250101000000Z:20990101000000Z"]);
    it.expect(false, "refuted", &["not-yet-valid"]);
    it.tag(&["-h", "-n", "ada@example.com", ever[0], ever[1]]);
    it.signed.fixture.expect_tag("t", "refuted", &["certificate"]);
    it.keygen(&["-t", "ed25519", "-N", "", "-f", "other"]);
    it.certify("other", &PERSON);
    it.put();
    it.expect(false, "refuted", &["unknown-key"]);
    it.tag(&PERSON);
    it.expect(true, "proven", &[]);
}

#[test]
fn the_policy_narrows_what_an_authority_may_certify() {
    let it = Certified::new();
    it.tag(&PERSON);
    it.trust("*@example.com cert-authority,namespaces=\"git\"");
    it.expect(true, "proven", &[]);
    it.trust("*@example.org cert-authority");
    it.signed.fixture.expect_tag("t", "refuted", &["principal"]);
    it.trust("*@example.com cert-authority,namespaces=\"file\"");
    it.expect(false, "refuted", &["namespace"]);
    it.trust("*@example.com cert-authority,valid-before=\"20240201Z\"");
    it.expect(false, "refuted", &["expired"]);
    // The authority's key signs for nobody by itself, and a key that is allowed needs no certificate.
    it.trust("*@example.com");
    it.expect(false, "refuted", &["unknown-key"]);
}

#[test]
fn revoked_keys_and_changed_bytes_are_refused() {
    let it = Certified::new();
    it.tag(&PERSON);
    it.expect(true, "proven", &[]);
    let whole = it.signed.fixture.tag_bytes("t");
    let begin = whole.windows(21).position(|it| it == b"-----BEGIN SSH SIGNAT").unwrap() + 30;
    for at in (begin..whole.len() - 30).step_by(11) {
        let mut changed = whole.clone();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        if changed == whole {
            continue;
        }
        it.signed.fixture.put_tag("changed", &changed);
        let (verdict, _) = it.signed.fixture.judged("changed");
        assert_ne!(verdict, "proven", "byte {at} does not matter");
    }
    let catalog = it.folder.join("release.toml");
    let text = std::fs::read_to_string(&catalog).unwrap();
    std::fs::write(&catalog, text.replace("\"allowed\"", "\"allowed\"\nrevoked = \"revoked\"")).unwrap();
    for revoked in ["key.pub", "authority.pub"] {
        std::fs::copy(it.folder.join(revoked), it.folder.join("revoked")).unwrap();
        it.signed.fixture.expect_tag("t", "refuted", &["revoked"]);
    }
    std::fs::write(it.folder.join("revoked"), "# nobody\n").unwrap();
    it.signed.fixture.expect_tag("t", "proven", &[]);
}
