//! Bundles of other projects: older versions of statement and provenance, builders in other repositories, and several
//! files in one run.

use emulators::{BundleSpec, CertificateClaims};
use serde_json::{Value, json};

use crate::support::attested_file::{
    AttestedFile, FILE_NAME, RELEASE_POLICY_FLAGS, release_workflow_run, verify_verdict,
};
use crate::support::repository::{run, xtask};

const BUILDER_WORKFLOW: &str = "https://github.com/builders/generator/.github/workflows/builder.yml";
const GITHUB_ACTIONS_ISSUER: &str = "https://token.actions.githubusercontent.com";
const SLSA_PROVENANCE_V02: &str = "https://slsa.dev/provenance/v0.2";

/// Signer flags for a builder in another repository that built acme/widgets.
const BUILDER_POLICY_FLAGS: [&str; 4] = [
    "--signer-workflow",
    "builders/generator/.github/workflows/builder.yml",
    "--source-uri",
    "github.com/acme/widgets",
];

/// Claims of a run of acme/widgets that called the builder: the certificate names both repositories.
fn builder_claims(reference: &str) -> CertificateClaims {
    let signer = format!("{BUILDER_WORKFLOW}@{reference}");
    let commit = "fedcba9876543210fedcba9876543210fedcba98";
    let claims = release_workflow_run().claims().with_extension(9, &signer).with_extension(10, commit);
    CertificateClaims {
        subject_alternative_names: vec![emulators::SubjectAlternativeName::Uri(signer)],
        ..claims
    }
}

/// Returns the builder's statement about its run.
fn builder_statement(attested_file: &AttestedFile, kind: &str, reference: &str) -> Value {
    let run = release_workflow_run();
    json!({
        "_type": kind,
        "predicateType": SLSA_PROVENANCE_V02,
        "subject": [{ "name": FILE_NAME, "digest": { "sha256": attested_file.sha256_hex } }],
        "predicate": {
            "builder": { "id": format!("{BUILDER_WORKFLOW}@{reference}") },
            "buildType": "https://example.com/build@v1",
            "invocation": { "configSource": {
                "uri": format!("git+https://github.com/acme/widgets@{}", run.reference),
                "digest": { "sha1": run.commit },
                "entryPoint": ".github/workflows/release-generic.yml",
            } },
            "materials": [],
        },
    })
}

const STATEMENT_V01: &str = "https://in-toto.io/Statement/v0.1";
const STATEMENT_V1: &str = "https://in-toto.io/Statement/v1";
const RELEASE_REF: &str = "refs/tags/v1.2.3";

#[track_caller]
fn expect_verdict(attested_file: &AttestedFile, bundle: &Value, arguments: &[&str], wanted: (&str, &str)) {
    let found = verify_verdict(&attested_file.verify(bundle, arguments));
    assert_eq!(found, (wanted.0.to_owned(), wanted.1.to_owned()));
}

#[test]
fn unknown_statement_versions_are_not_proven() {
    let mut attested_file = AttestedFile::new();
    let signer = release_workflow_run().build_signer_uri();
    let as_cosign = ["--certificate-identity", &signer, "--certificate-oidc-issuer", GITHUB_ACTIONS_ISSUER];
    for (kind, cosign, release) in [
        (STATEMENT_V1, ("proven", "ok"), ("proven", "ok")),
        (STATEMENT_V01, ("proven", "ok"), ("refuted", "statement")),
        ("https://in-toto.io/Statement/v2", ("unproven", "unsupported"), ("refuted", "statement")),
    ] {
        let mut statement = attested_file.statement();
        statement["_type"] = kind.into();
        let bundle = attested_file.attest(&release_workflow_run().claims(), &statement);
        expect_verdict(&attested_file, &bundle, &as_cosign, cosign);
        expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, release);
    }
}

#[test]
fn bundle_without_inclusion_proof_is_refuted_for_the_release_workflow() {
    let mut attested_file = AttestedFile::new();
    let mut bundle = attested_file.bundle();
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    let certificate = bundle["verificationMaterial"]["certificate"].take();
    let material = bundle["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    material.insert("x509CertificateChain".to_owned(), json!({ "certificates": [certificate] }));
    let signer = release_workflow_run().build_signer_uri();
    let as_cosign = ["--certificate-identity", &signer, "--certificate-oidc-issuer", GITHUB_ACTIONS_ISSUER];
    expect_verdict(&attested_file, &bundle, &as_cosign, ("proven", "ok"));
    bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionProof");
    expect_verdict(&attested_file, &bundle, &as_cosign, ("proven", "ok"));
    expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, ("refuted", "tlog"));
    bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionPromise");
    expect_verdict(&attested_file, &bundle, &as_cosign, ("refuted", "tlog"));
}

#[test]
fn external_builder_must_match_the_policy() {
    let mut attested_file = AttestedFile::new();
    for kind in [STATEMENT_V01, STATEMENT_V1] {
        let statement = builder_statement(&attested_file, kind, RELEASE_REF);
        let bundle = attested_file.attest(&builder_claims(RELEASE_REF), &statement);
        expect_verdict(&attested_file, &bundle, &BUILDER_POLICY_FLAGS, ("proven", "ok"));
    }
    let good = builder_statement(&attested_file, STATEMENT_V1, RELEASE_REF);
    let bundle = attested_file.attest(&builder_claims(RELEASE_REF), &good);
    let pinned = format!("{}@{RELEASE_REF}", BUILDER_POLICY_FLAGS[1]);
    let with = |workflow: &'static str, source: &'static str| {
        ["--signer-workflow", workflow, "--source-uri", source]
    };
    expect_verdict(
        &attested_file,
        &bundle,
        &["--signer-workflow", &pinned, "--source-uri", "acme/widgets"],
        ("proven", "ok"),
    );
    let other = "builders/generator/.github/workflows/other.yml";
    expect_verdict(&attested_file, &bundle, &with(other, "acme/widgets"), ("refuted", "workflow"));
    let evil = "evil/generator/.github/workflows/builder.yml";
    expect_verdict(&attested_file, &bundle, &with(evil, "acme/widgets"), ("refuted", "workflow"));
    let mut command = attested_file.command(&bundle.to_string(), "bundle.json", &BUILDER_POLICY_FLAGS);
    command.args(["--source-ref", "refs/heads/other"]);
    assert_eq!(verify_verdict(&run(&mut command)), ("refuted".to_owned(), "ref".to_owned()));
}

#[test]
fn external_builder_must_have_built_the_source() {
    let mut attested_file = AttestedFile::new();
    let good = builder_statement(&attested_file, STATEMENT_V1, RELEASE_REF);
    // In order: another source repository, a builder on a branch, and statements with another builder or source.
    let foreign = builder_claims(RELEASE_REF)
        .with_extension(12, "https://github.com/evil/widgets")
        .with_extension(5, "evil/widgets");
    let foreign =
        foreign.with_extension(18, "https://github.com/evil/widgets/.github/workflows/x.yml@refs/heads/main");
    let bundle = attested_file.attest(&foreign, &good);
    expect_verdict(&attested_file, &bundle, &BUILDER_POLICY_FLAGS, ("refuted", "repo"));
    let unreleased = builder_statement(&attested_file, STATEMENT_V1, "refs/heads/main");
    let bundle = attested_file.attest(&builder_claims("refs/heads/main"), &unreleased);
    expect_verdict(&attested_file, &bundle, &BUILDER_POLICY_FLAGS, ("refuted", "workflow"));
    for (pointer, value) in [
        (
            "/predicate/builder/id",
            "https://github.com/builders/generator/.github/workflows/builder.yml@refs/tags/v9.9.9",
        ),
        ("/predicate/invocation/configSource/uri", "git+https://github.com/evil/widgets@refs/heads/main"),
        ("/predicate/invocation/configSource/digest/sha1", "0000000000000000000000000000000000000000"),
    ] {
        let mut statement = good.clone();
        *statement.pointer_mut(pointer).unwrap() = value.into();
        let bundle = attested_file.attest(&builder_claims(RELEASE_REF), &statement);
        expect_verdict(&attested_file, &bundle, &BUILDER_POLICY_FLAGS, ("refuted", "predicate-mismatch"));
    }
    // An unknown predicate type proves nothing and refutes nothing.
    let mut statement = good.clone();
    statement["predicateType"] = "https://example.com/build/v1".into();
    let bundle = attested_file.attest_with(&builder_claims(RELEASE_REF), &statement, |it| BundleSpec {
        timestamped_after_seconds: Some(1),
        ..it
    });
    expect_verdict(&attested_file, &bundle, &BUILDER_POLICY_FLAGS, ("unproven", "missing"));
    // Without a source repository the policy is incomplete.
    let output = attested_file.verify(&bundle, &BUILDER_POLICY_FLAGS[..2]);
    assert_eq!(output.code, 2, "{}", output.stdout);
    assert!(output.stderr.contains("--source-uri acme/widgets"), "{}", output.stderr);
}

#[test]
fn several_files_are_verified_in_one_run() {
    let mut attested_file = AttestedFile::new();
    let bundle = attested_file.bundle().to_string();
    std::fs::write(attested_file.path("bundles.jsonl"), format!("{bundle}\n")).unwrap();
    std::fs::write(attested_file.path("other.txt"), "not attested\n").unwrap();
    let verify = |arguments: &[&str]| {
        let mut command = xtask(attested_file.folder.path());
        command.args([
            "verify",
            "-R",
            "acme/widgets",
            "--bundle",
            "bundles.jsonl",
            "--trusted-root",
            "root.json",
        ]);
        run(command.args(RELEASE_POLICY_FLAGS).args(arguments))
    };
    assert_eq!(verify(&[FILE_NAME, &format!("sha256:{}", attested_file.sha256_hex)]).code, 0);
    // The worst verdict of all files decides.
    let output = verify(&[FILE_NAME, "other.txt"]);
    assert_eq!(output.code, 10, "{}", output.stdout);
    assert!(output.stdout.contains("proven") && output.stdout.contains("refuted"), "{}", output.stdout);
    let document = verify(&[FILE_NAME, "other.txt", "--format", "json"]).json();
    assert_eq!(document["schema"], "opensandbox-release/verify/3");
    let verdicts: Vec<&Value> =
        document["subjects"].as_array().unwrap().iter().map(|it| &it["verdict"]).collect();
    assert_eq!(verdicts, ["proven", "refuted"]);
    // A checksum file: every listed file must exist next to it and have the listed digest.
    let other = crate::support::attested_file::sha256sum(&attested_file.path("other.txt"));
    let sums = |text: String| std::fs::write(attested_file.path("SHA256SUMS"), text).unwrap();
    sums(format!("{}  {FILE_NAME}\n", attested_file.sha256_hex));
    let output = verify(&["--sums", "SHA256SUMS"]);
    assert_eq!(output.code, 0, "{}", output.stdout);
    sums(format!("{}  {FILE_NAME}\n{other}  other.txt\n", attested_file.sha256_hex));
    assert_eq!(verify(&["--sums", "SHA256SUMS"]).code, 10);
    sums(format!("{other}  {FILE_NAME}\n"));
    let output = verify(&["--sums", "SHA256SUMS"]);
    assert!(output.code == 10 && output.stdout.contains("sums-content"), "{}", output.stdout);
    sums(format!("{}  {FILE_NAME}\n{other}  missing.txt\n", attested_file.sha256_hex));
    let output = verify(&["--sums", "SHA256SUMS"]);
    assert!(output.code == 11 && output.stdout.contains("file-missing"), "{}", output.stdout);
    sums("nonsense\n".to_owned());
    let output = verify(&["--sums", "SHA256SUMS"]);
    assert!(output.code == 2 && output.stderr.contains("SHA256SUMS: line 1"), "{}", output.stderr);
    assert_eq!(verify(&[]).code, 2, "nothing to verify");
}
