//! Bundles of other projects: older statements and provenance, builders of other repositories, and several files at once.

use emulators::{BundleSpec, CertificateClaims};
use serde_json::{Value, json};

use crate::support::attested_file::{FILE, Minted, POLICY, release_run, verdict};
use crate::support::repository::{run, xtask};

const BUILDER: &str = "https://github.com/builders/generator/.github/workflows/builder.yml";
const ISSUER: &str = "https://token.actions.githubusercontent.com";
const SLSA_V02: &str = "https://slsa.dev/provenance/v0.2";

/// The signer flags of a builder that built acme/widgets.
const POLICY_OF_BUILDER: [&str; 4] = [
    "--signer-workflow",
    "builders/generator/.github/workflows/builder.yml",
    "--source-uri",
    "github.com/acme/widgets",
];

/// A run of acme/widgets that called the builder: the certificate names both.
fn claims(reference: &str) -> CertificateClaims {
    let signer = format!("{BUILDER}@{reference}");
    let commit = "fedcba9876543210fedcba9876543210fedcba98";
    let claims = release_run().claims().with_extension(9, &signer).with_extension(10, commit);
    CertificateClaims {
        subject_alternative_names: vec![emulators::SubjectAlternativeName::Uri(signer)],
        ..claims
    }
}

/// What the builder says of its run.
fn statement(minted: &Minted, kind: &str, reference: &str) -> Value {
    let run = release_run();
    json!({
        "_type": kind,
        "predicateType": SLSA_V02,
        "subject": [{ "name": FILE, "digest": { "sha256": minted.hex } }],
        "predicate": {
            "builder": { "id": format!("{BUILDER}@{reference}") },
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

const V01: &str = "https://in-toto.io/Statement/v0.1";
const V1: &str = "https://in-toto.io/Statement/v1";
const RELEASED: &str = "refs/tags/v1.2.3";

#[track_caller]
fn expect(minted: &Minted, bundle: &Value, arguments: &[&str], wanted: (&str, &str)) {
    let found = verdict(&minted.verify(bundle, arguments));
    assert_eq!(found, (wanted.0.to_owned(), wanted.1.to_owned()));
}

#[test]
fn statements_of_both_versions_are_read_and_unknown_ones_are_unproven() {
    let mut minted = Minted::new();
    let signer = release_run().build_signer_uri();
    let as_cosign = ["--certificate-identity", &signer, "--certificate-oidc-issuer", ISSUER];
    for (kind, cosign, own) in [
        (V1, ("proven", "ok"), ("proven", "ok")),
        (V01, ("proven", "ok"), ("refuted", "statement")),
        ("https://in-toto.io/Statement/v2", ("unproven", "unsupported"), ("refuted", "statement")),
    ] {
        let mut statement = minted.statement();
        statement["_type"] = kind.into();
        let bundle = minted.attest(&release_run().claims(), &statement);
        expect(&minted, &bundle, &as_cosign, cosign);
        expect(&minted, &bundle, &POLICY, own);
    }
}

#[test]
fn a_bundle_with_only_a_promise_is_proven_for_others_and_refuted_for_our_own_workflow() {
    let mut minted = Minted::new();
    let mut bundle = minted.bundle();
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    let certificate = bundle["verificationMaterial"]["certificate"].take();
    let material = bundle["verificationMaterial"].as_object_mut().unwrap();
    material.remove("certificate");
    material.insert("x509CertificateChain".to_owned(), json!({ "certificates": [certificate] }));
    let signer = release_run().build_signer_uri();
    let as_cosign = ["--certificate-identity", &signer, "--certificate-oidc-issuer", ISSUER];
    expect(&minted, &bundle, &as_cosign, ("proven", "ok"));
    bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionProof");
    expect(&minted, &bundle, &as_cosign, ("proven", "ok"));
    expect(&minted, &bundle, &POLICY, ("refuted", "tlog"));
    bundle["verificationMaterial"]["tlogEntries"][0].as_object_mut().unwrap().remove("inclusionPromise");
    expect(&minted, &bundle, &as_cosign, ("refuted", "tlog"));
}

#[test]
fn a_builder_of_another_repository_is_held_to_builder_and_source() {
    let mut minted = Minted::new();
    for kind in [V01, V1] {
        let statement = statement(&minted, kind, RELEASED);
        let bundle = minted.attest(&claims(RELEASED), &statement);
        expect(&minted, &bundle, &POLICY_OF_BUILDER, ("proven", "ok"));
    }
    let good = statement(&minted, V1, RELEASED);
    let bundle = minted.attest(&claims(RELEASED), &good);
    let pinned = format!("{}@{RELEASED}", POLICY_OF_BUILDER[1]);
    let with = |workflow: &'static str, source: &'static str| {
        ["--signer-workflow", workflow, "--source-uri", source]
    };
    expect(
        &minted,
        &bundle,
        &["--signer-workflow", &pinned, "--source-uri", "acme/widgets"],
        ("proven", "ok"),
    );
    let other = "builders/generator/.github/workflows/other.yml";
    expect(&minted, &bundle, &with(other, "acme/widgets"), ("refuted", "workflow"));
    let evil = "evil/generator/.github/workflows/builder.yml";
    expect(&minted, &bundle, &with(evil, "acme/widgets"), ("refuted", "workflow"));
    let mut command = minted.command(&bundle.to_string(), "bundle.json", &POLICY_OF_BUILDER);
    command.args(["--source-ref", "refs/heads/other"]);
    assert_eq!(verdict(&run(&mut command)), ("refuted".to_owned(), "ref".to_owned()));
    // Another source, a builder from a branch, another builder in the statement, another source there.
    let foreign = claims(RELEASED)
        .with_extension(12, "https://github.com/evil/widgets")
        .with_extension(5, "evil/widgets");
    let foreign =
        foreign.with_extension(18, "https://github.com/evil/widgets/.github/workflows/x.yml@refs/heads/main");
    let bundle = minted.attest(&foreign, &good);
    expect(&minted, &bundle, &POLICY_OF_BUILDER, ("refuted", "repo"));
    let unreleased = statement(&minted, V1, "refs/heads/main");
    let bundle = minted.attest(&claims("refs/heads/main"), &unreleased);
    expect(&minted, &bundle, &POLICY_OF_BUILDER, ("refuted", "workflow"));
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
        let bundle = minted.attest(&claims(RELEASED), &statement);
        expect(&minted, &bundle, &POLICY_OF_BUILDER, ("refuted", "predicate-mismatch"));
    }
    // A predicate that nobody here knows says nothing.
    let mut statement = good.clone();
    statement["predicateType"] = "https://example.com/build/v1".into();
    let bundle = minted
        .mint(&claims(RELEASED), &statement, |it| BundleSpec { timestamped_after_seconds: Some(1), ..it });
    expect(&minted, &bundle, &POLICY_OF_BUILDER, ("unproven", "missing"));
    // Without the source there is nothing to hold it to.
    let ran = minted.verify(&bundle, &POLICY_OF_BUILDER[..2]);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("--source-uri acme/widgets"), "{}", ran.stderr);
}

#[test]
fn several_files_and_lists_of_sums_are_verified_in_one_run() {
    let mut minted = Minted::new();
    let bundle = minted.bundle().to_string();
    std::fs::write(minted.path("bundles.jsonl"), format!("{bundle}\n")).unwrap();
    std::fs::write(minted.path("other.txt"), "not attested\n").unwrap();
    let verify = |arguments: &[&str]| {
        let mut command = xtask(minted.folder.path());
        command.args([
            "verify",
            "-R",
            "acme/widgets",
            "--bundle",
            "bundles.jsonl",
            "--trusted-root",
            "root.json",
        ]);
        run(command.args(POLICY).args(arguments))
    };
    assert_eq!(verify(&[FILE, &format!("sha256:{}", minted.hex)]).code, 0);
    // The worst decides.
    let ran = verify(&[FILE, "other.txt"]);
    assert_eq!(ran.code, 10, "{}", ran.stdout);
    assert!(ran.stdout.contains("proven") && ran.stdout.contains("refuted"), "{}", ran.stdout);
    let told = verify(&[FILE, "other.txt", "--format", "json"]).json();
    assert_eq!(told["schema"], "opensandbox-release/verify/2");
    let verdicts: Vec<&Value> =
        told["subjects"].as_array().unwrap().iter().map(|it| &it["verdict"]).collect();
    assert_eq!(verdicts, ["proven", "refuted"]);
    // A list of sums: what it names is beside it, and has the digest that it says.
    let other = crate::support::attested_file::sha256sum(&minted.path("other.txt"));
    let sums = |text: String| std::fs::write(minted.path("SHA256SUMS"), text).unwrap();
    sums(format!("{}  {FILE}\n", minted.hex));
    let ran = verify(&["--sums", "SHA256SUMS"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    sums(format!("{}  {FILE}\n{other}  other.txt\n", minted.hex));
    assert_eq!(verify(&["--sums", "SHA256SUMS"]).code, 10);
    sums(format!("{other}  {FILE}\n"));
    let ran = verify(&["--sums", "SHA256SUMS"]);
    assert!(ran.code == 10 && ran.stdout.contains("sums-content"), "{}", ran.stdout);
    sums(format!("{}  {FILE}\n{other}  missing.txt\n", minted.hex));
    let ran = verify(&["--sums", "SHA256SUMS"]);
    assert!(ran.code == 11 && ran.stdout.contains("not-there"), "{}", ran.stdout);
    sums("nonsense\n".to_owned());
    let ran = verify(&["--sums", "SHA256SUMS"]);
    assert!(ran.code == 2 && ran.stderr.contains("SHA256SUMS: line 1"), "{}", ran.stderr);
    assert_eq!(verify(&[]).code, 2, "nothing to verify");
}
