//! Tags signed through Sigstore, as gitsign signs them. The oracle of the CMS message is openssl. Case 72.

use emulators::{CertificateClaims, Sigstore};

use crate::support::attested_file::SIGNING_TIME;
use crate::support::repository::{TestRepository, hermetic_command, print_note, run, xtask};

const TAG: &str = "server/v0.1.1";
const PERSON_EMAIL: &str = "ada@example.com";
const OIDC_ISSUER: &str = "https://accounts.example.com";

/// A repository whose policy trusts one email identity, and an emulated Sigstore instance.
struct GitsignTagSigner {
    fixture: TestRepository,
    sigstore: Sigstore,
    /// The tag object without its signature.
    payload: Vec<u8>,
}

impl GitsignTagSigner {
    fn new() -> Self {
        let fixture = TestRepository::with_release();
        fixture.git(["tag", "-a", "-m", "release: OpenSandbox Server v0.1.1", TAG]);
        let payload = fixture.tag_object(TAG);
        let sigstore = Sigstore::new(SIGNING_TIME).unwrap();
        fixture.write_file(".git/root.json", sigstore.trusted_root().unwrap().to_string().as_bytes());
        let this = Self { fixture, sigstore, payload };
        this.write_policy(PERSON_EMAIL, OIDC_ISSUER);
        this
    }

    fn write_policy(&self, name: &str, issuer: &str) {
        let catalog =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../release.toml")).unwrap();
        let signers =
            format!("\n[signers]\nsigstore = [{{ identity = \"{name}\", issuer = \"{issuer}\" }}]\n");
        self.fixture.write_file(".git/release.toml", format!("{catalog}{signers}").as_bytes());
    }

    fn sign(&mut self, claims: &CertificateClaims, payload: &[u8], logged: bool) -> String {
        self.sigstore.gitsign(claims, payload, logged).unwrap()
    }

    /// Writes the tag with this signature and verifies it. Returns the verdict, and the reasons of the findings that
    /// are not proven.
    #[track_caller]
    fn verify_signature(&self, payload: &[u8], signature: &str) -> (String, Vec<String>) {
        self.fixture.write_tag_object(TAG, &[payload, signature.as_bytes()].concat());
        let mut command = xtask(self.fixture.path());
        command.args(["verify-tag", TAG, "--format", "json", "--config", ".git/release.toml"]);
        let document = run(command.args(["--trusted-root", ".git/root.json"])).json();
        let findings = document["findings"].as_array().unwrap();
        let unproven = findings.iter().filter(|it| it["verdict"] != "proven");
        let unproven = unproven.map(|it| it["reason"].as_str().unwrap().to_owned()).collect();
        (document["verdict"].as_str().unwrap().to_owned(), unproven)
    }
}

fn expected_verdict(verdict: &str, reasons: &[&str]) -> (String, Vec<String>) {
    (verdict.to_owned(), reasons.iter().map(|it| (*it).to_owned()).collect())
}

#[test]
fn openssl_agrees_on_a_gitsign_signature() {
    let mut signer = GitsignTagSigner::new();
    let (claims, payload) = (CertificateClaims::for_email(PERSON_EMAIL, OIDC_ISSUER), signer.payload.clone());
    let signature = signer.sign(&claims, &payload, true);
    assert_eq!(signer.verify_signature(&payload, &signature), expected_verdict("proven", &[]));
    let by_openssl = |payload: &[u8]| {
        signer.fixture.write_file(".git/payload", payload);
        // openssl reads the message only under the PEM label `CMS`.
        let armored = signature.replace("SIGNED MESSAGE", "CMS");
        signer.fixture.write_file(".git/signature.pem", armored.as_bytes());
        let mut openssl = hermetic_command("openssl", signer.fixture.path());
        openssl.current_dir(signer.fixture.path()).args([
            "cms",
            "-verify",
            "-inform",
            "PEM",
            "-binary",
            "-noverify",
        ]);
        run(openssl.args(["-in", ".git/signature.pem", "-content", ".git/payload", "-out", "/dev/null"])).code
    };
    assert_eq!(by_openssl(&payload), 0, "openssl rejects the signature");
    let mut other = payload.clone();
    *other.last_mut().unwrap() ^= 1;
    assert_ne!(by_openssl(&other), 0, "openssl accepts the signature for another payload");
}

#[test]
fn case_72_invalid_gitsign_signatures_are_not_proven() {
    let mut signer = GitsignTagSigner::new();
    let (claims, payload) = (CertificateClaims::for_email(PERSON_EMAIL, OIDC_ISSUER), signer.payload.clone());
    let good = signer.sign(&claims, &payload, true);
    let mut table = Vec::new();
    let mut expect =
        |signer: &GitsignTagSigner, what: &str, payload: &[u8], signature: &str, wanted: (&str, &[&str])| {
            let found = signer.verify_signature(payload, signature);
            table.push(format!(
                "  72  {:<22} {:<22} {what}",
                format!("{} {:?}", wanted.0, wanted.1),
                found.1.join(", ")
            ));
            assert_eq!(found, expected_verdict(wanted.0, wanted.1), "{what}");
        };
    let other = [&payload[..], b"and more\n"].concat();
    expect(&signer, "the signature of another payload", &other, &good, ("refuted", &["payload"]));
    let bare = signer.sign(&claims, &payload, false);
    expect(&signer, "no log entry", &payload, &bare, ("unproven", &["no-log-entry"]));
    for (name, issuer) in [("eve@example.com", OIDC_ISSUER), (PERSON_EMAIL, "https://other.example.com")] {
        let foreign = signer.sign(&CertificateClaims::for_email(name, issuer), &payload, true);
        expect(
            &signer,
            "an identity that the policy does not name",
            &payload,
            &foreign,
            ("refuted", &["identity"]),
        );
    }
    let unlisted = CertificateClaims { certificate_log: emulators::CertificateLog::None, ..claims.clone() };
    let unlisted = signer.sign(&unlisted, &payload, true);
    expect(&signer, "a certificate without an SCT", &payload, &unlisted, ("refuted", &["sct"]));
    let mut elsewhere = Sigstore::new(SIGNING_TIME).unwrap();
    let elsewhere = elsewhere.gitsign(&claims, &payload, true).unwrap();
    expect(&signer, "a certificate of another authority", &payload, &elsewhere, ("refuted", &["trust-root"]));
    signer.write_policy("eve@example.com", OIDC_ISSUER);
    expect(&signer, "a policy that names another identity", &payload, &good, ("refuted", &["identity"]));
    signer.write_policy(PERSON_EMAIL, OIDC_ISSUER);
    expect(&signer, "the twin", &payload, &good, ("proven", &[]));
    print_note(&table.join("\n"));
}

#[test]
fn changed_gitsign_signature_bytes_are_never_proven() {
    use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
    let mut signer = GitsignTagSigner::new();
    let (claims, payload) = (CertificateClaims::for_email(PERSON_EMAIL, OIDC_ISSUER), signer.payload.clone());
    let good = signer.sign(&claims, &payload, true);
    let text: String = good.lines().filter(|it| !it.starts_with('-')).collect();
    let der = BASE64.decode(text).unwrap();
    let mut proven = Vec::new();
    // The key name on a signature line of the log's checkpoint is not signed (C2SP, signed-note): the key decides. So a
    // change of the name may stay proven.
    let dash = "\u{2014} rekor.rehearsal.invalid ".as_bytes();
    let name = der.windows(dash.len()).position(|it| it == dash).unwrap();
    let unsigned = name..name + dash.len();
    for index in (0..der.len()).step_by(7).chain([der.len() - 1]) {
        let mut changed = der.clone();
        changed[index] ^= 1;
        let mut armored = "-----BEGIN SIGNED MESSAGE-----\n".to_owned();
        for line in BASE64.encode(&changed).as_bytes().chunks(64) {
            armored.push_str(std::str::from_utf8(line).unwrap());
            armored.push('\n');
        }
        armored.push_str("-----END SIGNED MESSAGE-----\n");
        if signer.verify_signature(&payload, &armored).0 == "proven" {
            proven.push(index);
        }
    }
    print_note(&format!(
        "gitsign: {} of {} bytes changed, still proven at {proven:?}",
        der.len() / 7 + 2,
        der.len()
    ));
    assert!(
        proven.iter().all(|index| unsigned.contains(index)),
        "proven at {proven:?}, only {unsigned:?} are not signed"
    );
    assert_eq!(signer.verify_signature(&payload, &good).0, "proven");
}
