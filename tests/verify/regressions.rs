//! Regression tests for wrong "proven" verdicts that a review found. Each also shows what is still proven.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{
    ActionsRun, BundleContent, BundleSigner, BundleSpec, CertificateClaims, CertificateLog, Sigstore,
};
use serde_json::{Value, json};

use crate::support::attested_file::{
    AttestedFile, FILE_NAME, RELEASE_POLICY_FLAGS, SIGNING_TIME, release_workflow_run, verify_verdict,
};
use crate::support::published_release::{
    ARCHIVE_FOLDER, ARCHIVE_NAME, PublishedRelease, checksum_file, run_filter, unproven_findings,
};
use crate::support::repository::{hermetic_command, run, xtask};
use crate::support::tar_builder::TarBuilder;
use crate::support::test_bed::TAG;

#[track_caller]
fn expect_verdict(attested_file: &AttestedFile, bundle: &Value, arguments: &[&str], wanted: (&str, &str)) {
    let found = verify_verdict(&attested_file.verify(bundle, arguments));
    assert_eq!(found, (wanted.0.to_owned(), wanted.1.to_owned()));
}

#[test]
fn repository_id_pin_ignores_letter_case() {
    let mut attested_file = AttestedFile::new();
    let bundle = attested_file.bundle().to_string();
    let catalog = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../release.toml")).unwrap();
    let (head, tail) = (catalog.find("eras = [").unwrap(), catalog.find("[archive]").unwrap());
    let era = "eras = [{ slug = \"acme/widgets\", repository_id = 7 }]\n\n";
    std::fs::write(
        attested_file.path("pinned.toml"),
        format!("{}{era}{}", &catalog[..head], &catalog[tail..]),
    )
    .unwrap();
    std::fs::write(attested_file.path("bundle.json"), bundle).unwrap();
    for name in ["acme/widgets", "ACME/Widgets"] {
        let mut command = xtask(attested_file.folder.path());
        command.args([
            "verify",
            &attested_file.file_path(),
            "-R",
            name,
            "--format",
            "json",
            "--config",
            "pinned.toml",
        ]);
        command.args(["--bundle", "bundle.json", "--trusted-root", "root.json"]);
        assert_eq!(verify_verdict(&run(&mut command)).1, "repo-id", "{name}");
    }
}

#[test]
fn subject_name_must_be_that_of_the_matching_digest() {
    let mut attested_file = AttestedFile::new();
    let other = "b".repeat(64);
    let swapped = release_workflow_run()
        .provenance(&[("other.tar.gz", &attested_file.sha256_hex), (FILE_NAME, &other)]);
    let bundle = attested_file.attest(&release_workflow_run().claims(), &swapped);
    expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, ("refuted", "subject-name"));
    let right = release_workflow_run()
        .provenance(&[("other.tar.gz", &other), (FILE_NAME, &attested_file.sha256_hex)]);
    let bundle = attested_file.attest(&release_workflow_run().claims(), &right);
    expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, ("proven", "ok"));
}

#[test]
fn unsupported_log_of_the_trusted_root_is_still_required() {
    let mut attested_file =
        AttestedFile::with_sigstore(Sigstore::for_organization("Example", SIGNING_TIME).unwrap());
    let (claims, statement) = (release_workflow_run().claims(), attested_file.statement());
    let logged = attested_file.bundle();
    let unlogged = attested_file.attest_with(&claims, &statement, |it| BundleSpec {
        rekor_version: None,
        timestamped_after_seconds: Some(1),
        ..it
    });
    let mut root = attested_file.sigstore.trusted_root().unwrap();
    root["tlogs"][0]["publicKey"]["rawBytes"] = BASE64.encode("no key").into();
    std::fs::write(attested_file.path("unknown.json"), root.to_string()).unwrap();
    let unknown = attested_file.path("unknown.json");
    let policy = [&RELEASE_POLICY_FLAGS[..], &["--trusted-root", unknown.to_str().unwrap()]].concat();
    assert_ne!(verify_verdict(&attested_file.verify(&unlogged, &policy)).0, "proven");
    expect_verdict(&attested_file, &logged, &RELEASE_POLICY_FLAGS, ("proven", "ok"));
}

#[test]
fn every_log_entry_needs_an_inclusion_proof() {
    let mut attested_file = AttestedFile::new();
    let good = attested_file.bundle();
    let entry = good["verificationMaterial"]["tlogEntries"][0].clone();
    let mut old = good.clone();
    old["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    let without = |key: &str, it: &Value| {
        let mut it = it.clone();
        it.as_object_mut().unwrap().remove(key);
        it
    };
    old["verificationMaterial"]["tlogEntries"][0] = without("inclusionProof", &entry);
    expect_verdict(&attested_file, &old, &RELEASE_POLICY_FLAGS, ("refuted", "tlog"));
    let mut second = without("inclusionPromise", &without("inclusionProof", &entry));
    second["logId"]["keyId"] = BASE64.encode([7; 32]).into();
    let mut third = without("inclusionPromise", &entry);
    third["logId"]["keyId"] = BASE64.encode([7; 32]).into();
    for more in [second, third] {
        let mut bundle = good.clone();
        bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(more);
        expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, ("refuted", "tlog"));
    }
    expect_verdict(&attested_file, &good, &RELEASE_POLICY_FLAGS, ("proven", "ok"));
}

#[test]
fn bundle_with_surplus_fields_is_refuted() {
    let mut attested_file = AttestedFile::new();
    let good = attested_file.bundle();
    let changes: [&dyn Fn(&mut Value); 4] = [
        &|it| it["messageSignature"] = json!({ "signature": "AAAA" }),
        &|it| it["verificationMaterial"]["publicKey"] = json!({ "hint": "x" }),
        &|it| it["hashes"] = json!([[]]),
        &|it| it["verificationMaterial"]["payload"] = json!(""),
    ];
    for change in changes {
        let mut bundle = good.clone();
        change(&mut bundle);
        expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, ("refuted", "parse"));
    }
}

#[test]
fn untrusted_claims_are_escaped_in_the_report() {
    let mut attested_file = AttestedFile::new();
    let statement = attested_file.statement();
    for commit in ["aaaaaaaaaaa\u{e9}\u{e9}", "", "main"] {
        let bundle =
            attested_file.attest(&release_workflow_run().claims().with_extension(13, commit), &statement);
        assert_eq!(
            verify_verdict(&attested_file.verify(&bundle, &RELEASE_POLICY_FLAGS)).0,
            "refuted",
            "{commit}"
        );
        let signer = release_workflow_run().build_signer_uri();
        let as_cosign = [
            "--certificate-identity",
            &signer,
            "--certificate-oidc-issuer",
            "https://token.actions.githubusercontent.com",
        ];
        assert!(attested_file.verify(&bundle, &as_cosign).stderr.is_empty(), "{commit}");
    }
    let mut evil = statement.clone();
    evil["subject"][0]["name"] = "x\n\nproven\n::error::pwned\n\u{1b}[8m ::stop-commands::x".into();
    let bundle = attested_file.attest(&release_workflow_run().claims(), &evil);
    std::fs::write(attested_file.path("bundle.json"), bundle.to_string()).unwrap();
    let mut command = xtask(attested_file.folder.path());
    command.args(["verify", &attested_file.file_path(), "-R", "acme/widgets", "--bundle", "bundle.json"]);
    let output = run(command.args(["--trusted-root", "root.json"]));
    assert_eq!(output.code, 10);
    let lines: Vec<&str> = output.stdout.lines().map(str::trim).collect();
    assert!(!lines.contains(&"proven") && lines.iter().all(|it| !it.starts_with("::")), "{}", output.stdout);
    assert!(!output.stdout.contains('\u{1b}'), "{}", output.stdout);
}

#[test]
fn unknown_statement_type_is_never_proven() {
    let mut attested_file = AttestedFile::new();
    let mut statement = attested_file.statement();
    statement["_type"] = "https://in-toto.io/Whatever".into();
    let bundle = attested_file.attest(&release_workflow_run().claims(), &statement);
    let signer = release_workflow_run().build_signer_uri();
    let issuer = "https://token.actions.githubusercontent.com";
    let as_cosign = ["--certificate-identity", &signer, "--certificate-oidc-issuer", issuer];
    expect_verdict(&attested_file, &bundle, &as_cosign, ("unproven", "unsupported"));
    expect_verdict(&attested_file, &bundle, &RELEASE_POLICY_FLAGS, ("refuted", "statement"));
    let good = attested_file.bundle();
    expect_verdict(&attested_file, &good, &as_cosign, ("proven", "ok"));
}

#[test]
fn unavailable_tree_is_unproven() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let empty = published_release.bed.home.path().join("empty");
    run(hermetic_command("git", published_release.bed.home.path()).args(["init", "-q"]).arg(&empty)).ok();
    let output = published_release.audit(&["-C", empty.to_str().unwrap()]);
    assert_eq!(
        unproven_findings(&output),
        ("unproven".to_owned(), vec!["tree: tree-unavailable".to_owned()])
    );
    assert!(output.stdout.contains("git fetch origin tag"), "{}", output.stdout);
    // A clone that has the commit compares the trees.
    assert_eq!(unproven_findings(&published_release.audit(&[])).0, "proven");
}

#[test]
fn every_attesting_run_is_checked() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    let text = checksum_file(&good);
    let before = ActionsRun {
        commit: published_release.bed.clone.git(["rev-parse", "HEAD^"]),
        ..published_release.workflow_run()
    };
    let right = published_release.workflow_run();
    published_release.publish_unattested(&good, text.as_bytes());
    published_release.attest(&[(ARCHIVE_NAME, &good)], &right);
    published_release.attest(&[("SHA256SUMS", text.as_bytes())], &before);
    assert_eq!(
        unproven_findings(&published_release.audit(&[])),
        ("refuted".to_owned(), vec!["run: commit".to_owned()])
    );
}

#[test]
fn foreign_attestation_on_an_old_release_is_refuted() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    let text = checksum_file(&good);
    published_release.bed.github.configure(|it| it.now = 1_777_500_000);
    published_release.publish_unattested(&good, text.as_bytes());
    let foreign = ActionsRun { repository: "mallory/widgets".to_owned(), ..published_release.workflow_run() };
    published_release.attest(&[(ARCHIVE_NAME, &good), ("SHA256SUMS", text.as_bytes())], &foreign);
    assert_eq!(
        unproven_findings(&published_release.audit(&[])).1,
        ["attestation: repo", "attestation: repo"]
    );
}

#[test]
fn archive_entries_below_a_file_are_refuted() {
    let mut published_release = PublishedRelease::new();
    let mut tar = TarBuilder::parse(&published_release.tar());
    tar.add_member(&format!("{ARCHIVE_FOLDER}/README.md/below"), b'0', b"x", "");
    let archive = run_filter("gzip", &["-n"], &tar.to_bytes());
    published_release.publish_attested(&archive);
    assert_eq!(unproven_findings(&published_release.audit(&[])).1, ["archive: archive"]);
    let mut command = published_release.bed.command(&[
        "audit",
        TAG,
        "--channel",
        "source",
        "--format",
        "json",
        "--trusted-root",
        "root.json",
    ]);
    command.current_dir(published_release.bed.home.path());
    assert_eq!(unproven_findings(&run(&mut command)).1, ["archive: archive"]);
}

#[test]
fn endless_and_truncated_attestation_lists_are_unproven() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let page = |status: u16, times: u32| {
        let next = format!(
            "<{}/repos/acme/widgets/attestations/x?page=2>; rel=\"next\"",
            published_release.bed.github.api_url()
        );
        let headers = vec![("link", next)];
        let body = json!({ "attestations": [], "message": "no" }).to_string();
        let what = emulators::FaultKind::CannedResponse {
            status,
            headers,
            body,
            timing: emulators::FaultTiming::Before,
        };
        published_release
            .bed
            .github
            .inject(emulators::Fault { times, ..emulators::Fault::once("GET", "/attestations/", what) });
    };
    page(200, 1);
    page(404, 1);
    assert_eq!(unproven_findings(&published_release.audit(&[])).1, ["attestation: unreachable"]);
    page(200, 1000);
    assert_eq!(
        unproven_findings(&published_release.audit(&[])).1,
        ["attestation: unreachable", "attestation: unreachable"]
    );
}

#[test]
fn private_instance_is_not_accepted_as_the_public_good_instance() {
    let mut foreign =
        AttestedFile::with_sigstore(Sigstore::for_organization("Example", SIGNING_TIME).unwrap());
    let claims =
        CertificateClaims { certificate_log: CertificateLog::None, ..release_workflow_run().claims() };
    let statement = foreign.statement();
    let content = BundleContent::Statement(&statement);
    let bundle = foreign
        .sigstore
        .create_bundle(&BundleSpec::new(BundleSigner::Certificate(&claims), content))
        .unwrap();
    // The trusted root of this instance lists a certificate log, so an SCT is required.
    expect_verdict(&foreign, &bundle, &RELEASE_POLICY_FLAGS, ("refuted", "sct"));
    let mut root = foreign.sigstore.trusted_root().unwrap();
    root["ctlogs"] = json!([]);
    std::fs::write(foreign.path("root.json"), root.to_string()).unwrap();
    expect_verdict(&foreign, &bundle, &RELEASE_POLICY_FLAGS, ("proven", "ok"));
    expect_verdict(
        &foreign,
        &bundle,
        &[&RELEASE_POLICY_FLAGS[..], &["--offline"]].concat(),
        ("refuted", "trust-root"),
    );
}
