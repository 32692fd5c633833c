//! Any Sigstore bundle, as cosign verifies it: message signatures, persons, patterns, managed keys.

use emulators::{BundleContent, BundleSigner, BundleSpec, CertificateClaims, ManagedKey, RekorVersion};
use serde_json::Value;

use crate::support::attested_file::{Minted, POLICY, release_run, verdict};
use crate::support::external_tools::fetched;
use crate::support::repository::{hermetic, run};

const PERSON: &str = "ada@example.com";
const ISSUER: &str = "https://accounts.example.com";

fn of_person(minted: &mut Minted) -> Value {
    let claims = CertificateClaims::for_email(PERSON, ISSUER);
    let mint =
        BundleSpec::new(BundleSigner::Certificate(&claims), BundleContent::Artifact(b"invented bytes\n"));
    minted.sigstore.create_bundle(&mint).unwrap()
}

#[track_caller]
fn expect(minted: &Minted, bundle: &Value, arguments: &[&str], wanted: &str, reason: &str) {
    assert_eq!(verdict(&minted.verify(bundle, arguments)), (wanted.to_owned(), reason.to_owned()));
}

#[test]
fn a_persons_signature_over_the_file_itself() {
    let mut minted = Minted::new();
    let bundle = of_person(&mut minted);
    let by = |name: &'static str, issuer: &'static str| {
        ["--certificate-identity", name, "--certificate-oidc-issuer", issuer]
    };
    expect(&minted, &bundle, &by(PERSON, ISSUER), "proven", "ok");
    expect(&minted, &bundle, &by("eve@example.com", ISSUER), "refuted", "identity");
    expect(&minted, &bundle, &by("ada@example.co", ISSUER), "refuted", "identity");
    expect(&minted, &bundle, &by(PERSON, "https://accounts.example.com/"), "refuted", "issuer");
    let like = |pattern: &'static str| {
        ["--certificate-identity-regexp", pattern, "--certificate-oidc-issuer", ISSUER]
    };
    // A pattern is found anywhere, as cosign finds it; one that is anchored is not.
    expect(&minted, &bundle, &like("example"), "proven", "ok");
    expect(&minted, &bundle, &like("^(ada|grace)@example\\.com$"), "proven", "ok");
    expect(&minted, &bundle, &like("^grace@"), "refuted", "identity");
    // A person is no workflow.
    expect(&minted, &bundle, &POLICY, "unproven", "missing");
    // Other bytes: the same name, one more byte.
    std::fs::write(minted.file(), "invented bytes\n\n").unwrap();
    expect(&minted, &bundle, &by(PERSON, ISSUER), "refuted", "subject-digest");
}

#[test]
fn a_workflow_is_taken_by_its_name_too() {
    let mut minted = Minted::new();
    let bundle = minted.bundle();
    let signer = release_run().build_signer_uri();
    let issuer = "https://token.actions.githubusercontent.com";
    let arguments = ["--certificate-identity", &signer, "--certificate-oidc-issuer", issuer];
    expect(&minted, &bundle, &arguments, "proven", "ok");
    let typed = [&arguments[..], &["--predicate-type", "https://sigstore.dev/cosign/sign/v1"]].concat();
    expect(&minted, &bundle, &typed, "unproven", "missing");
}

#[test]
fn a_managed_key() {
    let mut minted = Minted::new();
    let (key, other) = (ManagedKey::new(), ManagedKey::new());
    for (name, key) in [("key.pub", &key), ("other.pub", &other)] {
        std::fs::write(minted.path(name), key.public_key_pem().unwrap()).unwrap();
    }
    let statement = minted.statement();
    let own = |content| BundleSpec::new(BundleSigner::Key(&key), content);
    let (right, wrong) = (minted.path("key.pub"), minted.path("other.pub"));
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    let bundle = minted.sigstore.create_bundle(&own(BundleContent::Artifact(b"invented bytes\n"))).unwrap();
    expect(&minted, &bundle, &["--key", right], "proven", "ok");
    assert_eq!(verdict(&minted.verify(&bundle, &["--key", wrong])).0, "refuted");
    // Nobody may leave the log out.
    let unlogged = BundleSpec {
        rekor_version: None,
        timestamped_after_seconds: Some(1),
        ..own(BundleContent::Artifact(b"invented bytes\n"))
    };
    let unlogged = minted.sigstore.create_bundle(&unlogged).unwrap();
    assert_eq!(verdict(&minted.verify(&unlogged, &["--key", right])).0, "refuted");
    // A certificate is no key, and a key no certificate.
    let certified = minted.bundle();
    expect(&minted, &certified, &["--key", right], "refuted", "signer");
    expect(&minted, &bundle, &POLICY, "refuted", "signer");
    let attested = minted.sigstore.create_bundle(&own(BundleContent::Statement(&statement))).unwrap();
    expect(&minted, &attested, &["--key", right], "proven", "ok");
    assert_eq!(verdict(&minted.verify(&attested, &["--key", wrong])).0, "refuted");
    // A key that is none is told apart from a signature that does not hold.
    let text = std::fs::read_to_string(minted.path("key.pub")).unwrap();
    for broken in [text.replace("MFkw", "!!!!"), String::new(), text.replace("PUBLIC KEY", "PRIVATE KEY")] {
        std::fs::write(minted.path("broken.pub"), broken).unwrap();
        let ran = minted.verify(&bundle, &["--key", minted.path("broken.pub").to_str().unwrap()]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("broken.pub"), "{}", ran.stderr);
    }
}

#[test]
fn what_would_fit_nobody_or_everybody_is_a_usage_error() {
    let mut minted = Minted::new();
    let bundle = minted.bundle();
    let issuer = ["--certificate-oidc-issuer", ISSUER];
    for arguments in [
        &["--certificate-identity", PERSON][..],
        &["--certificate-identity-regexp", "."],
        &["--certificate-identity", "", issuer[0], issuer[1]],
        &["--certificate-identity-regexp", "", issuer[0], issuer[1]],
        &["--certificate-identity", PERSON, issuer[0], ""],
        &["--certificate-identity-regexp", "(", issuer[0], issuer[1]],
        &["--certificate-identity", PERSON, issuer[0], issuer[1], "--source-ref", "refs/heads/main"],
        &["--signer-workflow", "release-generic.yml"],
        &["--signer-workflow", ""],
        &["--source-ref", ""],
        &[
            "--signer-workflow",
            "acme/widgets/.github/workflows/x.yml@refs/heads/a",
            "--source-ref",
            "refs/heads/b",
        ],
    ] {
        let ran = minted.verify(&bundle, arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {}", ran.stdout);
    }
    let mut command = crate::support::repository::xtask(minted.folder.path());
    let ran = run(command.args(["verify", &minted.file(), "--offline", "-R", "acme/widgets"]));
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("--bundle"), "{}", ran.stderr);
    for bad in ["sha256:00", "sha256:zz", "/nonexistent/file"] {
        let mut command = crate::support::repository::xtask(minted.folder.path());
        command.args(["verify", bad, "-R", "acme/widgets", "--bundle"]).arg(minted.path("bundle.json"));
        let ran = run(command.arg("--trusted-root").arg(minted.path("root.json")));
        assert!([1, 2].contains(&ran.code) && ran.stderr.contains(bad), "{bad}: {}", ran.stderr);
    }
}

#[test]
fn sigstore_python_agrees_on_message_signatures() {
    let Some(python) = fetched("sigstore-4.5.1/bin/sigstore", "sigstore_python_agrees_on_message_signatures")
    else {
        return;
    };
    let mut minted = Minted::new();
    let claims = CertificateClaims::for_email(PERSON, ISSUER);
    let content = BundleContent::Artifact(b"invented bytes\n");
    let v1 = BundleSpec::new(BundleSigner::Certificate(&claims), content);
    let v2 = BundleSpec { rekor_version: Some(RekorVersion::V2), timestamped_after_seconds: Some(1), ..v1 };
    for mint in [v1, v2] {
        let bundle = minted.sigstore.create_bundle(&mint).unwrap();
        std::fs::write(minted.path("bundle.json"), bundle.to_string()).unwrap();
        let verify = |name: &str| {
            let mut command = hermetic("python3", minted.folder.path());
            command.env("PYTHONPATH", python.parent().unwrap().parent().unwrap()).args(["-m", "sigstore"]);
            command.arg("--trust-config").arg(minted.path("config.json"));
            command.args(["verify", "identity", "--offline", "--bundle"]).arg(minted.path("bundle.json"));
            command.args(["--cert-identity", name, "--cert-oidc-issuer", ISSUER]);
            run(command.arg(minted.file())).code
        };
        for (name, code) in [(PERSON, 0), ("eve@example.com", 10)] {
            let arguments = ["--certificate-identity", name, "--certificate-oidc-issuer", ISSUER];
            assert_eq!(minted.verify(&bundle, &arguments).code, code);
            assert_eq!(verify(name) == 0, code == 0, "sigstore-python sees it otherwise");
        }
    }
}
