//! Attacks on bundles, by their numbers in `docs/attacks.md`: certificates, log entries, times and JSON texts. Each has
//! a twin that is proven.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{
    BundleSpec, CertificateClaims, CertificateLog, RekorVersion, Sigstore, SubjectAlternativeName,
};
use serde_json::{Value, json};

use crate::support::attack_table::{AttackTable, flip_bit};
use crate::support::attested_file::{
    AttestedFile, RELEASE_POLICY_FLAGS, release_workflow_run, verify_verdict,
};
use crate::support::repository::run;

const TLOG_ENTRY_POINTER: &str = "/verificationMaterial/tlogEntries/0";

#[test]
fn ambiguous_certificates_are_refuted() {
    let mut all = AttackTable::new();
    let twice = |it: CertificateClaims| CertificateClaims {
        raw_extensions: vec![(14, b"\x0c\x0frefs/heads/main".to_vec())],
        ..it
    };
    all.add_claims(17, "a duplicate claim", twice, "cert-profile");
    let malformed = |mut it: CertificateClaims| {
        it.extensions.retain(|it| it.0 != 14);
        CertificateClaims { raw_extensions: vec![(14, b"refs/heads/main".to_vec())], ..it }
    };
    all.add_claims(17, "a claim that is not DER", malformed, "cert-profile");
    let missing = |mut it: CertificateClaims| {
        it.extensions.retain(|it| it.0 != 12);
        it
    };
    all.add_claims(17, "a missing claim", missing, "cert-profile");
    let two = |mut it: CertificateClaims| {
        it.subject_alternative_names
            .push(SubjectAlternativeName::Uri("https://github.com/mallory/widgets".to_owned()));
        it
    };
    all.add_claims(17, "two names in the certificate", two, "cert-profile");
    let person = |it: CertificateClaims| CertificateClaims {
        subject_alternative_names: vec![SubjectAlternativeName::Email("ada@example.com".to_owned())],
        ..it
    };
    all.add_claims(17, "an email address as the name", person, "cert-profile");
    all.add_claims(
        17,
        "two issuers",
        |it| it.with_extension(1, "https://accounts.google.com"),
        "cert-profile",
    );
    all.check_all();
}

#[test]
fn bundles_with_broken_signatures_or_proofs_are_refuted() {
    let mut all = AttackTable::new();
    let payload = "/dsseEnvelope/payload";
    all.add_edited_bundle(22, "a bit of the statement", |it| flip_bit(it, payload, 40), "bundle");
    all.add_edited_bundle(
        22,
        "a bit of the signature",
        |it| flip_bit(it, "/dsseEnvelope/signatures/0/sig", 20),
        "bundle",
    );
    let doubled = |it: &mut Value| {
        let first = it["dsseEnvelope"]["signatures"][0].clone();
        it["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(first);
    };
    all.add_edited_bundle(22, "two signatures", doubled, "bundle");
    all.add_edited_bundle(
        22,
        "another payload type",
        |it| it["dsseEnvelope"]["payloadType"] = "text/plain".into(),
        "bundle",
    );
    let promise = format!("{TLOG_ENTRY_POINTER}/inclusionPromise/signedEntryTimestamp");
    all.add_edited_bundle(23, "the inclusion promise", |it| flip_bit(it, &promise, 20), "tlog");
    all.add_edited_bundle(
        23,
        "the integrated time",
        |it| it["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1780000002".into(),
        "tlog",
    );
    all.add_edited_bundle(
        23,
        "a hash of the proof",
        |it| flip_bit(it, &format!("{TLOG_ENTRY_POINTER}/inclusionProof/hashes/0"), 3),
        "tlog",
    );
    all.add_edited_bundle(
        23,
        "the root of the proof",
        |it| flip_bit(it, &format!("{TLOG_ENTRY_POINTER}/inclusionProof/rootHash"), 3),
        "tlog",
    );
    let checkpoint = |it: &mut Value| {
        let envelope =
            it.pointer_mut(&format!("{TLOG_ENTRY_POINTER}/inclusionProof/checkpoint/envelope")).unwrap();
        let text = envelope.as_str().unwrap();
        // The log signs the origin, and no other field of the bundle repeats it.
        *envelope = Value::from(text.replacen("rekor", "rekox", 1));
    };
    all.add_edited_bundle(23, "the checkpoint", checkpoint, "tlog");
    let (claims, statement) = (release_workflow_run().claims(), all.attested_file.statement());
    let other = all.attested_file.attest(&claims, &statement);
    let foreign = |it: &mut Value| {
        it["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"].clone();
    };
    all.add_edited_bundle(24, "the log entry of another signature", foreign, "entry-mismatch");
    all.check_all();
}

#[test]
fn bundles_without_a_valid_time_or_certificate_are_refuted() {
    let mut all = AttackTable::new();
    let (claims, statement) = (release_workflow_run().claims(), all.attested_file.statement());
    let bare =
        all.attested_file.attest_with(&claims, &statement, |it| BundleSpec { rekor_version: None, ..it });
    all.add_refuted(25, "neither log entry nor timestamp", &bare, "no-trusted-time");
    let late = all
        .attested_file
        .attest_with(&claims, &statement, |it| BundleSpec { logged_after_seconds: 601, ..it });
    all.add_refuted(26, "logged after the certificate expired", &late, "time");
    let early = all
        .attested_file
        .attest_with(&claims, &statement, |it| BundleSpec { logged_after_seconds: -1, ..it });
    all.add_refuted(26, "logged before the certificate is valid", &early, "time");
    let stamped = all
        .attested_file
        .attest_with(&claims, &statement, |it| BundleSpec { timestamped_after_seconds: Some(601), ..it });
    all.add_refuted(26, "timestamped after the certificate expired", &stamped, "time");
    for (what, log) in
        [("no SCT", CertificateLog::None), ("an SCT of an unknown log", CertificateLog::Unlisted)]
    {
        all.add_claims(27, what, |it| CertificateClaims { certificate_log: log, ..it }, "sct");
    }
    all.add_claims(
        28,
        "the authority's name, another key",
        |it| CertificateClaims { forged: true, ..it },
        "chain",
    );
    all.add_claims(
        28,
        "a certificate not for code signing",
        |it| CertificateClaims { code_signing: false, ..it },
        "chain",
    );
    let unknown = |it: &mut Value| {
        let mut entry = it["verificationMaterial"]["tlogEntries"][0].clone();
        entry["logId"]["keyId"] = BASE64.encode([7; 32]).into();
        it["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(entry);
    };
    all.add_edited_bundle(29, "an unknown log beside the known one", unknown, "tlog");
    let twice = |it: &mut Value| {
        let entry = it["verificationMaterial"]["tlogEntries"][0].clone();
        it["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(entry);
    };
    all.add_edited_bundle(29, "a duplicate log entry", twice, "tlog");
    all.check_all();
}

#[test]
fn times_outside_the_validity_are_refuted() {
    let mut all = AttackTable::new();
    let (claims, statement) = (release_workflow_run().claims(), all.attested_file.statement());
    // The year 2046: log entry and certificate are consistent, but both are in the future.
    let mut later = Sigstore::new(2_400_000_000).unwrap();
    let future = later.attest(&claims, &statement).unwrap();
    std::fs::write(all.attested_file.path("later.json"), later.trusted_root().unwrap().to_string()).unwrap();
    let root = all.attested_file.path("later.json");
    let policy = [&RELEASE_POLICY_FLAGS[..], &["--trusted-root", root.to_str().unwrap()]].concat();
    all.add_refuted(26, "signed in the future", &future, "time");
    all.set_arguments(&policy, &RELEASE_POLICY_FLAGS);

    let stamped = |attested_file: &mut AttestedFile| {
        attested_file.attest_with(&claims, &statement, |it| BundleSpec {
            timestamped_after_seconds: Some(2),
            rekor_version: Some(RekorVersion::V2),
            ..it
        })
    };
    let bundle = stamped(&mut all.attested_file);
    all.valid_bundle = bundle.to_string();
    let ended = |all: &AttackTable, what: &str| {
        let mut root = all.attested_file.sigstore.trusted_root().unwrap();
        root[what][0]["validFor"]["end"] = "2026-05-27T23:00:00Z".into();
        let path = all.attested_file.path(&format!("{what}.json"));
        std::fs::write(&path, root.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let root = ended(&all, "timestampAuthorities");
    all.add_refuted(30, "a timestamp of an expired authority", &bundle, "tsa");
    all.set_arguments(
        &[&RELEASE_POLICY_FLAGS[..], &["--trusted-root", &root]].concat(),
        &RELEASE_POLICY_FLAGS,
    );
    let root = ended(&all, "certificateAuthorities");
    all.add_case(35, "an expired trusted root", bundle.to_string(), ("unproven", "trust-root"));
    all.set_arguments(
        &[&RELEASE_POLICY_FLAGS[..], &["--trusted-root", &root]].concat(),
        &RELEASE_POLICY_FLAGS,
    );
    all.add_edited_bundle(
        30,
        "a changed timestamp",
        |it| {
            flip_bit(
                it,
                "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
                100,
            );
        },
        "tsa",
    );
    all.check_all();
}

#[test]
fn bundles_are_parsed_strictly() {
    let mut all = AttackTable::new();
    let good = all.valid_bundle.clone();
    all.add_case(31, "an object after the bundle", format!("{good}{{}}"), ("refuted", "parse"));
    all.add_case(31, "junk after the bundle", format!("{good} x"), ("refuted", "parse"));
    all.add_case(31, "a duplicate key", good.replacen('{', "{\"mediaType\":\"x\",", 1), ("refuted", "parse"));
    all.add_case(
        31,
        "a duplicate unknown key",
        good.replacen('{', "{\"x\":1,\"x\":2,", 1),
        ("refuted", "parse"),
    );
    all.add_case(31, "a truncated bundle", good[..good.len() / 2].to_owned(), ("refuted", "parse"));
    all.add_case(31, "an array", "[]".to_owned(), ("refuted", "parse"));
    let mut many: Value = serde_json::from_str(&good).unwrap();
    let entry = many["verificationMaterial"]["tlogEntries"][0].clone();
    many["verificationMaterial"]["tlogEntries"] = vec![entry; 33].into();
    all.add_case(31, "33 log entries", many.to_string(), ("unproven", "limit"));
    all.add_case(
        31,
        "10,000 nested arrays",
        format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000)),
        ("refuted", "parse"),
    );
    let mut unlike = all.attested_file.statement();
    unlike["subject"][0]["digest"]["sha256"] = "11".repeat(32).into();
    let rerun = all.attested_file.attest(&release_workflow_run().claims(), &unlike).to_string();
    let foreign = good.replace("release-generic", "release-genetic");
    for (number, what, bundles) in [
        (19, "a second run of the workflow attested other bytes", format!("{rerun}\n{good}\n")),
        (32, "only the last bundle is valid", format!("{{}}\n{foreign}x\n{rerun}\n{good}")),
    ] {
        all.add_case(number, what, bundles, ("proven", "ok"));
        all.cases.last_mut().unwrap().bundle_file_name = "bundles.jsonl";
    }
    all.add_case(32, "a file without bundles", "\n".to_owned(), ("unproven", "missing"));
    all.cases.last_mut().unwrap().bundle_file_name = "bundles.jsonl";
    all.check_all();
}

#[test]
fn every_rejected_bundle_is_reported() {
    let mut attested_file = AttestedFile::new();
    let good = attested_file.bundle().to_string();
    let mut unlike = attested_file.statement();
    unlike["subject"][0]["digest"]["sha256"] = "11".repeat(32).into();
    let rerun = attested_file.attest(&release_workflow_run().claims(), &unlike);
    let bundles = format!("{rerun}\n{{}}\n{good}\n");
    let document = run(&mut attested_file.command(&bundles, "all.jsonl", &RELEASE_POLICY_FLAGS)).ok().json();
    let reasons: Vec<&Value> =
        document["subjects"][0]["bundles"].as_array().unwrap().iter().map(|it| &it["reason"]).collect();
    assert_eq!(reasons, ["subject-digest", "parse", "ok"]);
    assert!(
        document["subjects"][0]["findings"][0]["evidence"]
            .as_str()
            .unwrap()
            .ends_with("2 other bundles are not proven")
    );
}

#[test]
fn sha512_subject_needs_the_file() {
    let mut attested_file = AttestedFile::new();
    let sum = run(crate::support::repository::hermetic_command("sha512sum", attested_file.folder.path())
        .arg(attested_file.file_path()))
    .ok();
    let mut statement = attested_file.statement();
    statement["subject"][0]["digest"] = json!({ "sha512": &sum.stdout[..128] });
    let bundle = attested_file.attest(&release_workflow_run().claims(), &statement);
    assert_eq!(
        verify_verdict(&attested_file.verify(&bundle, &RELEASE_POLICY_FLAGS)),
        ("proven".to_owned(), "ok".to_owned())
    );
    statement["subject"][0]["digest"] = json!({ "sha512": "00".repeat(64) });
    let other = attested_file.attest(&release_workflow_run().claims(), &statement);
    assert_eq!(
        verify_verdict(&attested_file.verify(&other, &RELEASE_POLICY_FLAGS)),
        ("refuted".to_owned(), "subject-digest".to_owned())
    );
    // Case 36: if only the SHA-256 of the file is known, its SHA-512 cannot be compared.
    std::fs::write(attested_file.path("bundle.json"), bundle.to_string()).unwrap();
    let mut command = crate::support::repository::xtask(attested_file.folder.path());
    command.args([
        "verify",
        &format!("sha256:{}", attested_file.sha256_hex),
        "-R",
        "acme/widgets",
        "--format",
        "json",
    ]);
    command
        .arg("--bundle")
        .arg(attested_file.path("bundle.json"))
        .arg("--trusted-root")
        .arg(attested_file.path("root.json"));
    assert_eq!(verify_verdict(&run(&mut command)), ("unproven".to_owned(), "unsupported".to_owned()));
    let good = attested_file.bundle();
    std::fs::write(attested_file.path("bundle.json"), good.to_string()).unwrap();
    assert_eq!(verify_verdict(&run(&mut command)).0, "proven");
}
