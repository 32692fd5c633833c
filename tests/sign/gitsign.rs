//! Tags signed through Sigstore, as gitsign signs them: openssl as the oracle of the CMS message, and case 72.

use emulators::{CertificateClaims, Sigstore};

use crate::support::attested_file::NOW;
use crate::support::repository::{Fixture, hermetic, run, say, xtask};

const TAG: &str = "server/v0.1.1";
const PERSON: &str = "ada@example.com";
const ISSUER: &str = "https://accounts.example.com";

/// A repository whose policy names a person, and a Sigstore instance.
struct Signed {
    fixture: Fixture,
    sigstore: Sigstore,
    /// The tag object, unsigned.
    payload: Vec<u8>,
}

impl Signed {
    fn new() -> Self {
        let fixture = Fixture::released();
        fixture.git(["tag", "-a", "-m", "release: OpenSandbox Server v0.1.1", TAG]);
        let payload = fixture.tag_bytes(TAG);
        let sigstore = Sigstore::new(NOW).unwrap();
        fixture.write(".git/root.json", sigstore.trusted_root().unwrap().to_string().as_bytes());
        let this = Self { fixture, sigstore, payload };
        this.policy(PERSON, ISSUER);
        this
    }

    fn policy(&self, name: &str, issuer: &str) {
        let catalog =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../release.toml")).unwrap();
        let signers =
            format!("\n[signers]\nsigstore = [{{ identity = \"{name}\", issuer = \"{issuer}\" }}]\n");
        self.fixture.write(".git/release.toml", format!("{catalog}{signers}").as_bytes());
    }

    fn sign(&mut self, claims: &CertificateClaims, payload: &[u8], logged: bool) -> String {
        self.sigstore.gitsign(claims, payload, logged).unwrap()
    }

    /// Puts a signature under the tag, and gives the verdict with what is not proven.
    #[track_caller]
    fn judged(&self, payload: &[u8], signature: &str) -> (String, Vec<String>) {
        self.fixture.put_tag(TAG, &[payload, signature.as_bytes()].concat());
        let mut command = xtask(self.fixture.path());
        command.args(["verify-tag", TAG, "--format", "json", "--config", ".git/release.toml"]);
        let told = run(command.args(["--trusted-root", ".git/root.json"])).json();
        let findings = told["findings"].as_array().unwrap();
        let bad = findings.iter().filter(|it| it["verdict"] != "proven");
        let bad = bad.map(|it| it["reason"].as_str().unwrap().to_owned()).collect();
        (told["verdict"].as_str().unwrap().to_owned(), bad)
    }
}

fn verdict(verdict: &str, reasons: &[&str]) -> (String, Vec<String>) {
    (verdict.to_owned(), reasons.iter().map(|it| (*it).to_owned()).collect())
}

#[test]
fn a_tag_signed_through_sigstore_is_proven_and_openssl_agrees_on_its_signature() {
    let mut signed = Signed::new();
    let (claims, payload) = (CertificateClaims::for_email(PERSON, ISSUER), signed.payload.clone());
    let signature = signed.sign(&claims, &payload, true);
    assert_eq!(signed.judged(&payload, &signature), verdict("proven", &[]));
    let by_openssl = |payload: &[u8]| {
        signed.fixture.write(".git/payload", payload);
        // openssl reads the label CMS.
        let armored = signature.replace("SIGNED MESSAGE", "CMS");
        signed.fixture.write(".git/signature.pem", armored.as_bytes());
        let mut openssl = hermetic("openssl", signed.fixture.path());
        openssl.current_dir(signed.fixture.path()).args([
            "cms",
            "-verify",
            "-inform",
            "PEM",
            "-binary",
            "-noverify",
        ]);
        run(openssl.args(["-in", ".git/signature.pem", "-content", ".git/payload", "-out", "/dev/null"])).code
    };
    assert_eq!(by_openssl(&payload), 0, "openssl does not take the signature");
    let mut other = payload.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_ne!(by_openssl(&other), 0, "openssl takes it for another payload");
}

#[test]
fn case_72_what_is_wrong_with_a_signature_through_sigstore() {
    let mut signed = Signed::new();
    let (claims, payload) = (CertificateClaims::for_email(PERSON, ISSUER), signed.payload.clone());
    let good = signed.sign(&claims, &payload, true);
    let mut table = Vec::new();
    let mut expect =
        |signed: &Signed, what: &str, payload: &[u8], signature: &str, wanted: (&str, &[&str])| {
            let found = signed.judged(payload, signature);
            table.push(format!(
                "  72  {:<22} {:<22} {what}",
                format!("{} {:?}", wanted.0, wanted.1),
                found.1.join(", ")
            ));
            assert_eq!(found, verdict(wanted.0, wanted.1), "{what}");
        };
    let other = [&payload[..], b"and more\n"].concat();
    expect(&signed, "the signature of another payload", &other, &good, ("refuted", &["payload"]));
    let bare = signed.sign(&claims, &payload, false);
    expect(&signed, "no log entry", &payload, &bare, ("unproven", &["no-entry"]));
    for (name, issuer) in [("eve@example.com", ISSUER), (PERSON, "https://other.example.com")] {
        let foreign = signed.sign(&CertificateClaims::for_email(name, issuer), &payload, true);
        expect(
            &signed,
            "somebody whom the policy does not name",
            &payload,
            &foreign,
            ("refuted", &["identity"]),
        );
    }
    let unlisted = CertificateClaims { certificate_log: emulators::CertificateLog::None, ..claims.clone() };
    let unlisted = signed.sign(&unlisted, &payload, true);
    expect(&signed, "a certificate that no log lists", &payload, &unlisted, ("refuted", &["sct"]));
    let mut elsewhere = Sigstore::new(NOW).unwrap();
    let elsewhere = elsewhere.gitsign(&claims, &payload, true).unwrap();
    expect(&signed, "another authority", &payload, &elsewhere, ("refuted", &["trust-root"]));
    signed.policy("eve@example.com", ISSUER);
    expect(&signed, "a policy that names somebody else", &payload, &good, ("refuted", &["identity"]));
    signed.policy(PERSON, ISSUER);
    expect(&signed, "the twin", &payload, &good, ("proven", &[]));
    say(&table.join("\n"));
}

#[test]
fn no_changed_byte_of_a_signature_is_proven() {
    use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
    let mut signed = Signed::new();
    let (claims, payload) = (CertificateClaims::for_email(PERSON, ISSUER), signed.payload.clone());
    let good = signed.sign(&claims, &payload, true);
    let text: String = good.lines().filter(|it| !it.starts_with('-')).collect();
    let der = BASE64.decode(text).unwrap();
    let mut proven = Vec::new();
    // The name before the signature in the log's checkpoint is not signed (C2SP, signed-note); the key decides.
    let dash = "\u{2014} rekor.rehearsal.invalid ".as_bytes();
    let name = der.windows(dash.len()).position(|it| it == dash).unwrap();
    let unsigned = name..name + dash.len();
    for at in (0..der.len()).step_by(7).chain([der.len() - 1]) {
        let mut changed = der.clone();
        changed[at] ^= 1;
        let mut armored = "-----BEGIN SIGNED MESSAGE-----\n".to_owned();
        for line in BASE64.encode(&changed).as_bytes().chunks(64) {
            armored.push_str(std::str::from_utf8(line).unwrap());
            armored.push('\n');
        }
        armored.push_str("-----END SIGNED MESSAGE-----\n");
        if signed.judged(&payload, &armored).0 == "proven" {
            proven.push(at);
        }
    }
    say(&format!("gitsign: {} places of {} changed, proven at {proven:?}", der.len() / 7 + 2, der.len()));
    assert!(proven.iter().all(|at| unsigned.contains(at)), "{proven:?}, and {unsigned:?} are not signed");
    assert_eq!(signed.judged(&payload, &good).0, "proven");
}
