//! Attacks on bundles, by number: what is wrong with their certificates, logs, times and texts, each with its proven twin.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{
    BundleSpec, CertificateClaims, CertificateLog, RekorVersion, Sigstore, SubjectAlternativeName,
};
use serde_json::{Value, json};

use crate::support::attack_table::{Attacks, flip};
use crate::support::attested_file::{Minted, POLICY, release_run, verdict};
use crate::support::repository::run;

const TLOG: &str = "/verificationMaterial/tlogEntries/0";

#[test]
fn certificates_that_two_readers_would_read_differently_are_refused() {
    let mut all = Attacks::new();
    let twice = |it: CertificateClaims| CertificateClaims {
        raw_extensions: vec![(14, b"\x0c\x0frefs/heads/main".to_vec())],
        ..it
    };
    all.claims(17, "a claim that stands twice", twice, "cert-profile");
    let malformed = |mut it: CertificateClaims| {
        it.extensions.retain(|it| it.0 != 14);
        CertificateClaims { raw_extensions: vec![(14, b"refs/heads/main".to_vec())], ..it }
    };
    all.claims(17, "a claim that is no DER", malformed, "cert-profile");
    let missing = |mut it: CertificateClaims| {
        it.extensions.retain(|it| it.0 != 12);
        it
    };
    all.claims(17, "a claim that is missing", missing, "cert-profile");
    let two = |mut it: CertificateClaims| {
        it.subject_alternative_names
            .push(SubjectAlternativeName::Uri("https://github.com/mallory/widgets".to_owned()));
        it
    };
    all.claims(17, "two names", two, "cert-profile");
    let person = |it: CertificateClaims| CertificateClaims {
        subject_alternative_names: vec![SubjectAlternativeName::Email("ada@example.com".to_owned())],
        ..it
    };
    all.claims(17, "a person's name", person, "cert-profile");
    all.claims(17, "two issuers", |it| it.with_extension(1, "https://accounts.google.com"), "cert-profile");
    all.play();
}

#[test]
fn bundles_that_do_not_hold_are_refused() {
    let mut all = Attacks::new();
    let payload = "/dsseEnvelope/payload";
    all.edited(22, "a byte of the statement", |it| flip(it, payload, 40), "bundle");
    all.edited(22, "a bit of the signature", |it| flip(it, "/dsseEnvelope/signatures/0/sig", 20), "bundle");
    let doubled = |it: &mut Value| {
        let first = it["dsseEnvelope"]["signatures"][0].clone();
        it["dsseEnvelope"]["signatures"].as_array_mut().unwrap().push(first);
    };
    all.edited(22, "two signatures", doubled, "bundle");
    all.edited(
        22,
        "another type of content",
        |it| it["dsseEnvelope"]["payloadType"] = "text/plain".into(),
        "bundle",
    );
    let promise = format!("{TLOG}/inclusionPromise/signedEntryTimestamp");
    all.edited(23, "a promise of the log", |it| flip(it, &promise, 20), "tlog");
    all.edited(
        23,
        "the log's time",
        |it| it["verificationMaterial"]["tlogEntries"][0]["integratedTime"] = "1780000002".into(),
        "tlog",
    );
    all.edited(
        23,
        "a hash of the proof",
        |it| flip(it, &format!("{TLOG}/inclusionProof/hashes/0"), 3),
        "tlog",
    );
    all.edited(
        23,
        "the root of the proof",
        |it| flip(it, &format!("{TLOG}/inclusionProof/rootHash"), 3),
        "tlog",
    );
    let checkpoint = |it: &mut Value| {
        let envelope = it.pointer_mut(&format!("{TLOG}/inclusionProof/checkpoint/envelope")).unwrap();
        let text = envelope.as_str().unwrap();
        // The origin is signed, and nothing else says it.
        *envelope = Value::from(text.replacen("rekor", "rekox", 1));
    };
    all.edited(23, "the checkpoint", checkpoint, "tlog");
    let (claims, statement) = (release_run().claims(), all.minted.statement());
    let other = all.minted.attest(&claims, &statement);
    let foreign = |it: &mut Value| {
        it["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"].clone();
    };
    all.edited(24, "the log entry of another signature", foreign, "entry-mismatch");
    all.play();
}

#[test]
fn certificates_and_times_that_do_not_hold_are_refused() {
    let mut all = Attacks::new();
    let (claims, statement) = (release_run().claims(), all.minted.statement());
    let bare = all.minted.mint(&claims, &statement, |it| BundleSpec { rekor_version: None, ..it });
    all.refuted(25, "neither log nor time", &bare, "no-trusted-time");
    let late = all.minted.mint(&claims, &statement, |it| BundleSpec { logged_after_seconds: 601, ..it });
    all.refuted(26, "written down after the certificate ended", &late, "time");
    let early = all.minted.mint(&claims, &statement, |it| BundleSpec { logged_after_seconds: -1, ..it });
    all.refuted(26, "written down before the certificate began", &early, "time");
    let stamped =
        all.minted.mint(&claims, &statement, |it| BundleSpec { timestamped_after_seconds: Some(601), ..it });
    all.refuted(26, "stamped after the certificate ended", &stamped, "time");
    for (what, log) in
        [("listed by nobody", CertificateLog::None), ("listed by an unknown log", CertificateLog::Unlisted)]
    {
        all.claims(27, what, |it| CertificateClaims { certificate_log: log, ..it }, "sct");
    }
    all.claims(
        28,
        "an authority's name and another key",
        |it| CertificateClaims { forged: true, ..it },
        "chain",
    );
    all.claims(
        28,
        "a certificate for something else",
        |it| CertificateClaims { code_signing: false, ..it },
        "chain",
    );
    let unknown = |it: &mut Value| {
        let mut entry = it["verificationMaterial"]["tlogEntries"][0].clone();
        entry["logId"]["keyId"] = BASE64.encode([7; 32]).into();
        it["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(entry);
    };
    all.edited(29, "an unknown log beside the right one", unknown, "tlog");
    let twice = |it: &mut Value| {
        let entry = it["verificationMaterial"]["tlogEntries"][0].clone();
        it["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(entry);
    };
    all.edited(29, "a log entry that stands twice", twice, "tlog");
    all.play();
}

#[test]
fn times_of_the_future_and_of_ended_authorities_are_refused() {
    let mut all = Attacks::new();
    let (claims, statement) = (release_run().claims(), all.minted.statement());
    // 2046: the log is of then, and so is the certificate.
    let mut later = Sigstore::new(2_400_000_000).unwrap();
    let future = later.attest(&claims, &statement).unwrap();
    std::fs::write(all.minted.path("later.json"), later.trusted_root().unwrap().to_string()).unwrap();
    let root = all.minted.path("later.json");
    let policy = [&POLICY[..], &["--trusted-root", root.to_str().unwrap()]].concat();
    all.refuted(26, "signed in the future", &future, "time");
    all.with(&policy, &POLICY);

    let stamped = |minted: &mut Minted| {
        minted.mint(&claims, &statement, |it| BundleSpec {
            timestamped_after_seconds: Some(2),
            rekor_version: Some(RekorVersion::V2),
            ..it
        })
    };
    let bundle = stamped(&mut all.minted);
    all.good = bundle.to_string();
    let ended = |all: &Attacks, what: &str| {
        let mut root = all.minted.sigstore.trusted_root().unwrap();
        root[what][0]["validFor"]["end"] = "2026-05-27T23:00:00Z".into();
        let path = all.minted.path(&format!("{what}.json"));
        std::fs::write(&path, root.to_string()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let root = ended(&all, "timestampAuthorities");
    all.refuted(30, "a timestamp of an authority that had ended", &bundle, "tsa");
    all.with(&[&POLICY[..], &["--trusted-root", &root]].concat(), &POLICY);
    let root = ended(&all, "certificateAuthorities");
    all.add(35, "a trusted root that had ended", bundle.to_string(), ("unproven", "trust-root"));
    all.with(&[&POLICY[..], &["--trusted-root", &root]].concat(), &POLICY);
    all.edited(
        30,
        "a timestamp that was tampered with",
        |it| {
            flip(
                it,
                "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp",
                100,
            );
        },
        "tsa",
    );
    all.play();
}

#[test]
fn bundles_are_read_strictly_and_within_limits() {
    let mut all = Attacks::new();
    let good = all.good.clone();
    all.add(31, "something behind the bundle", format!("{good}{{}}"), ("refuted", "parse"));
    all.add(31, "junk behind the bundle", format!("{good} x"), ("refuted", "parse"));
    all.add(
        31,
        "a key that stands twice",
        good.replacen('{', "{\"mediaType\":\"x\",", 1),
        ("refuted", "parse"),
    );
    all.add(
        31,
        "an unknown key that stands twice",
        good.replacen('{', "{\"x\":1,\"x\":2,", 1),
        ("refuted", "parse"),
    );
    all.add(31, "cut in the middle", good[..good.len() / 2].to_owned(), ("refuted", "parse"));
    all.add(31, "no bundle at all", "[]".to_owned(), ("refuted", "parse"));
    let mut many: Value = serde_json::from_str(&good).unwrap();
    let entry = many["verificationMaterial"]["tlogEntries"][0].clone();
    many["verificationMaterial"]["tlogEntries"] = vec![entry; 33].into();
    all.add(31, "33 log entries", many.to_string(), ("unproven", "limit"));
    all.add(
        31,
        "nested ten thousand deep",
        format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000)),
        ("refuted", "parse"),
    );
    let mut unlike = all.minted.statement();
    unlike["subject"][0]["digest"]["sha256"] = "11".repeat(32).into();
    let rerun = all.minted.attest(&release_run().claims(), &unlike).to_string();
    let foreign = good.replace("release-generic", "release-genetic");
    for (number, what, bundles) in [
        (19, "a second run of the workflow attested other bytes", format!("{rerun}\n{good}\n")),
        (32, "only the third bundle holds", format!("{{}}\n{foreign}x\n{rerun}\n{good}")),
    ] {
        all.add(number, what, bundles, ("proven", "ok"));
        all.all.last_mut().unwrap().name = "bundles.jsonl";
    }
    all.add(32, "a file of no bundles", "\n".to_owned(), ("unproven", "missing"));
    all.all.last_mut().unwrap().name = "bundles.jsonl";
    all.play();
}

#[test]
fn every_rejected_sibling_is_told() {
    let mut minted = Minted::new();
    let good = minted.bundle().to_string();
    let mut unlike = minted.statement();
    unlike["subject"][0]["digest"]["sha256"] = "11".repeat(32).into();
    let rerun = minted.attest(&release_run().claims(), &unlike);
    let bundles = format!("{rerun}\n{{}}\n{good}\n");
    let told = run(&mut minted.command(&bundles, "all.jsonl", &POLICY)).ok().json();
    let reasons: Vec<&Value> =
        told["subjects"][0]["bundles"].as_array().unwrap().iter().map(|it| &it["reason"]).collect();
    assert_eq!(reasons, ["subject-digest", "parse", "ok"]);
    assert!(
        told["subjects"][0]["findings"][0]["evidence"]
            .as_str()
            .unwrap()
            .ends_with("2 other bundles do not hold")
    );
}

#[test]
fn a_subject_with_another_digest_is_found_where_the_bytes_are_there() {
    let mut minted = Minted::new();
    let sum =
        run(crate::support::repository::hermetic("sha512sum", minted.folder.path()).arg(minted.file())).ok();
    let mut statement = minted.statement();
    statement["subject"][0]["digest"] = json!({ "sha512": &sum.stdout[..128] });
    let bundle = minted.attest(&release_run().claims(), &statement);
    assert_eq!(verdict(&minted.verify(&bundle, &POLICY)), ("proven".to_owned(), "ok".to_owned()));
    statement["subject"][0]["digest"] = json!({ "sha512": "00".repeat(64) });
    let other = minted.attest(&release_run().claims(), &statement);
    assert_eq!(verdict(&minted.verify(&other, &POLICY)), ("refuted".to_owned(), "subject-digest".to_owned()));
    // Case 36: where only the SHA-256 is known, nothing can be said for it.
    std::fs::write(minted.path("bundle.json"), bundle.to_string()).unwrap();
    let mut command = crate::support::repository::xtask(minted.folder.path());
    command.args(["verify", &format!("sha256:{}", minted.hex), "-R", "acme/widgets", "--format", "json"]);
    command
        .arg("--bundle")
        .arg(minted.path("bundle.json"))
        .arg("--trusted-root")
        .arg(minted.path("root.json"));
    assert_eq!(verdict(&run(&mut command)), ("unproven".to_owned(), "unsupported".to_owned()));
    let good = minted.bundle();
    std::fs::write(minted.path("bundle.json"), good.to_string()).unwrap();
    assert_eq!(verdict(&run(&mut command)).0, "proven");
}
