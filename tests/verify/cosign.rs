//! Sigstore bundles as cosign verifies them: message signatures, email identities, identity patterns, self-managed
//! keys.

use emulators::{BundleContent, BundleSigner, BundleSpec, CertificateClaims, ManagedKey, RekorVersion};
use serde_json::Value;

use crate::support::attested_file::{
    AttestedFile, RELEASE_POLICY_FLAGS, release_workflow_run, verify_verdict,
};
use crate::support::external_tools::fetched_tool;
use crate::support::repository::{hermetic_command, run};

const PERSON_EMAIL: &str = "ada@example.com";
const OIDC_ISSUER: &str = "https://accounts.example.com";

fn sign_as_person(attested_file: &mut AttestedFile) -> Value {
    let claims = CertificateClaims::for_email(PERSON_EMAIL, OIDC_ISSUER);
    let mint =
        BundleSpec::new(BundleSigner::Certificate(&claims), BundleContent::Artifact(b"invented bytes\n"));
    attested_file.sigstore.create_bundle(&mint).unwrap()
}

#[track_caller]
fn expect_verdict(
    attested_file: &AttestedFile,
    bundle: &Value,
    arguments: &[&str],
    expected: &str,
    reason: &str,
) {
    assert_eq!(
        verify_verdict(&attested_file.verify(bundle, arguments)),
        (expected.to_owned(), reason.to_owned())
    );
}

#[test]
fn message_signature_is_checked_against_the_identity() {
    let mut attested_file = AttestedFile::new();
    let bundle = sign_as_person(&mut attested_file);
    let by = |name: &'static str, issuer: &'static str| {
        ["--certificate-identity", name, "--certificate-oidc-issuer", issuer]
    };
    expect_verdict(&attested_file, &bundle, &by(PERSON_EMAIL, OIDC_ISSUER), "proven", "ok");
    expect_verdict(&attested_file, &bundle, &by("eve@example.com", OIDC_ISSUER), "refuted", "identity");
    expect_verdict(&attested_file, &bundle, &by("ada@example.co", OIDC_ISSUER), "refuted", "identity");
    expect_verdict(
        &attested_file,
        &bundle,
        &by(PERSON_EMAIL, "https://accounts.example.com/"),
        "refuted",
        "issuer",
    );
    let like = |pattern: &'static str| {
        ["--certificate-identity-regexp", pattern, "--certificate-oidc-issuer", OIDC_ISSUER]
    };
    // A pattern is unanchored, as in cosign. `^` and `$` anchor it.
    expect_verdict(&attested_file, &bundle, &like("example"), "proven", "ok");
    expect_verdict(&attested_file, &bundle, &like("^(ada|grace)@example\\.com$"), "proven", "ok");
    expect_verdict(&attested_file, &bundle, &like("^grace@"), "refuted", "identity");
    // An email identity does not satisfy a workflow policy.
    expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, "unproven", "missing");
    // Other content under the same name: one more byte.
    std::fs::write(attested_file.file_path(), "invented bytes\n\n").unwrap();
    expect_verdict(&attested_file, &bundle, &by(PERSON_EMAIL, OIDC_ISSUER), "refuted", "subject-digest");
}

#[test]
fn workflow_matches_as_certificate_identity() {
    let mut attested_file = AttestedFile::new();
    let bundle = attested_file.bundle();
    let signer = release_workflow_run().build_signer_uri();
    let issuer = "https://token.actions.githubusercontent.com";
    let arguments = ["--certificate-identity", &signer, "--certificate-oidc-issuer", issuer];
    expect_verdict(&attested_file, &bundle, &arguments, "proven", "ok");
    let typed = [&arguments[..], &["--predicate-type", "https://sigstore.dev/cosign/sign/v1"]].concat();
    expect_verdict(&attested_file, &bundle, &typed, "unproven", "missing");
}

#[test]
fn managed_key_signature_is_verified() {
    let mut attested_file = AttestedFile::new();
    let (key, other) = (ManagedKey::new(), ManagedKey::new());
    for (name, key) in [("key.pub", &key), ("other.pub", &other)] {
        std::fs::write(attested_file.path(name), key.public_key_pem().unwrap()).unwrap();
    }
    let statement = attested_file.statement();
    let with_key = |content| BundleSpec::new(BundleSigner::Key(&key), content);
    let (right, wrong) = (attested_file.path("key.pub"), attested_file.path("other.pub"));
    let (right, wrong) = (right.to_str().unwrap(), wrong.to_str().unwrap());
    let bundle = attested_file
        .sigstore
        .create_bundle(&with_key(BundleContent::Artifact(b"invented bytes\n")))
        .unwrap();
    expect_verdict(&attested_file, &bundle, &["--key", right], "proven", "ok");
    assert_eq!(verify_verdict(&attested_file.verify(&bundle, &["--key", wrong])).0, "refuted");
    // A signature with a self-managed key needs a log entry, too.
    let unlogged = BundleSpec {
        rekor_version: None,
        timestamped_after_seconds: Some(1),
        ..with_key(BundleContent::Artifact(b"invented bytes\n"))
    };
    let unlogged = attested_file.sigstore.create_bundle(&unlogged).unwrap();
    assert_eq!(verify_verdict(&attested_file.verify(&unlogged, &["--key", right])).0, "refuted");
    // A certificate does not satisfy `--key`, and a key does not satisfy a workflow policy.
    let certified = attested_file.bundle();
    expect_verdict(&attested_file, &certified, &["--key", right], "refuted", "signer");
    expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, "refuted", "signer");
    let attested =
        attested_file.sigstore.create_bundle(&with_key(BundleContent::Statement(&statement))).unwrap();
    expect_verdict(&attested_file, &attested, &["--key", right], "proven", "ok");
    assert_eq!(verify_verdict(&attested_file.verify(&attested, &["--key", wrong])).0, "refuted");
    // An invalid key file is a usage error, which differs from the verdict on an invalid signature.
    let text = std::fs::read_to_string(attested_file.path("key.pub")).unwrap();
    for broken in [text.replace("MFkw", "!!!!"), String::new(), text.replace("PUBLIC KEY", "PRIVATE KEY")] {
        std::fs::write(attested_file.path("broken.pub"), broken).unwrap();
        let output =
            attested_file.verify(&bundle, &["--key", attested_file.path("broken.pub").to_str().unwrap()]);
        assert_eq!(output.code, 2, "{}", output.stderr);
        assert!(output.stderr.contains("broken.pub"), "{}", output.stderr);
    }
}

#[test]
fn unusable_policies_are_usage_errors() {
    let mut attested_file = AttestedFile::new();
    let bundle = attested_file.bundle();
    let issuer = ["--certificate-oidc-issuer", OIDC_ISSUER];
    for arguments in [
        &["--certificate-identity", PERSON_EMAIL][..],
        &["--certificate-identity-regexp", "."],
        &["--certificate-identity", "", issuer[0], issuer[1]],
        &["--certificate-identity-regexp", "", issuer[0], issuer[1]],
        &["--certificate-identity", PERSON_EMAIL, issuer[0], ""],
        &["--certificate-identity-regexp", "(", issuer[0], issuer[1]],
        &["--certificate-identity", PERSON_EMAIL, issuer[0], issuer[1], "--source-ref", "refs/heads/main"],
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
        let output = attested_file.verify(&bundle, arguments);
        assert_eq!(output.code, 2, "{arguments:?}: {}", output.stdout);
    }
    let mut command = crate::support::repository::xtask(attested_file.folder.path());
    let output = run(command.args(["verify", &attested_file.file_path(), "--offline", "-R", "acme/widgets"]));
    assert_eq!(output.code, 2, "{}", output.stdout);
    assert!(output.stderr.contains("--bundle"), "{}", output.stderr);
    for bad in ["sha256:00", "sha256:zz", "/nonexistent/file"] {
        let mut command = crate::support::repository::xtask(attested_file.folder.path());
        command
            .args(["verify", bad, "-R", "acme/widgets", "--bundle"])
            .arg(attested_file.path("bundle.json"));
        let output = run(command.arg("--trusted-root").arg(attested_file.path("root.json")));
        assert!([1, 2].contains(&output.code) && output.stderr.contains(bad), "{bad}: {}", output.stderr);
    }
}

#[test]
fn sigstore_python_agrees_on_message_signatures() {
    let Some(python) =
        fetched_tool("sigstore-4.5.1/bin/sigstore", "sigstore_python_agrees_on_message_signatures")
    else {
        return;
    };
    let mut attested_file = AttestedFile::new();
    let claims = CertificateClaims::for_email(PERSON_EMAIL, OIDC_ISSUER);
    let content = BundleContent::Artifact(b"invented bytes\n");
    let v1 = BundleSpec::new(BundleSigner::Certificate(&claims), content);
    let v2 = BundleSpec { rekor_version: Some(RekorVersion::V2), timestamped_after_seconds: Some(1), ..v1 };
    for mint in [v1, v2] {
        let bundle = attested_file.sigstore.create_bundle(&mint).unwrap();
        std::fs::write(attested_file.path("bundle.json"), bundle.to_string()).unwrap();
        let verify = |name: &str| {
            let mut command = hermetic_command("python3", attested_file.folder.path());
            command.env("PYTHONPATH", python.parent().unwrap().parent().unwrap()).args(["-m", "sigstore"]);
            command.arg("--trust-config").arg(attested_file.path("config.json"));
            command
                .args(["verify", "identity", "--offline", "--bundle"])
                .arg(attested_file.path("bundle.json"));
            command.args(["--cert-identity", name, "--cert-oidc-issuer", OIDC_ISSUER]);
            run(command.arg(attested_file.file_path())).code
        };
        for (name, code) in [(PERSON_EMAIL, 0), ("eve@example.com", 10)] {
            let arguments = ["--certificate-identity", name, "--certificate-oidc-issuer", OIDC_ISSUER];
            assert_eq!(attested_file.verify(&bundle, &arguments).code, code);
            assert_eq!(verify(name) == 0, code == 0, "sigstore-python disagrees");
        }
    }
}
