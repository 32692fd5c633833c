//! Attacks on attestations, by number: each with the verdict that it gets, and with its twin, which differs only in the fault and is
//! proven.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use rehearsal::{CertificateLog, Claims, LogKind, Mint, Name, Run, Sigstore};
use serde_json::{Value, json};

use crate::attacks::{Attacks, flip};
use crate::minted::{FILE, Minted, NOW, POLICY, release_run, verdict};
use crate::support::run;

const TLOG: &str = "/verificationMaterial/tlogEntries/0";

#[test]
fn identities_that_are_not_the_release_workflow_are_refused() {
    let mut all = Attacks::new();
    all.run(1, "a fork, the same commit", |it| it.repository = "mallory/widgets".to_owned(), "repo");
    all.run(2, "another workflow of the repository", |it| it.workflow = "ci.yml".to_owned(), "workflow");
    for name in ["release-generic.yml.evil.yml", "release-genericXyml", "Release-generic.yml"] {
        all.run(3, "a workflow with a similar name", |it| it.workflow = name.to_owned(), "workflow");
    }
    for name in ["acme-x/widgets", "acme/widgets2", "acmex/widgets"] {
        all.run(4, "a repository with a similar name", |it| it.repository = name.to_owned(), "repo");
    }
    all.claims(
        4,
        "a host with a similar name",
        |it| it.with(12, "https://github.com.evil/acme/widgets"),
        "repo",
    );
    all.claims(4, "an owner with a similar name", |it| it.with(16, "https://github.com/acme-x"), "repo");
    all.run(5, "another branch", |it| it.reference = "refs/heads/side".to_owned(), "ref");
    all.run(
        7,
        "a branch that ends like the right one",
        |it| it.reference = "refs/heads/x@refs/heads/main".to_owned(),
        "ref",
    );
    all.run(
        7,
        "a branch that begins like the right one",
        |it| it.reference = "refs/heads/main@refs/heads/x".to_owned(),
        "ref",
    );
    let other = "https://token.actions.githubusercontent.com/slug";
    for issuer in ["https://accounts.google.com", "https://gitlab.com", other] {
        all.claims(8, "another issuer", |it| it.with(1, issuer).with(8, issuer), "issuer");
    }
    all.claims(10, "a repository that was private", |it| it.with(22, "private"), "trust-domain");
    let reused = "https://github.com/acme/tools/.github/workflows/release-generic.yml@refs/heads/main";
    let reuse = |it: Claims| Claims { names: vec![Name::Uri(reused.to_owned())], ..it.with(9, reused) };
    all.claims(16, "a reusable workflow of another repository", reuse, "signer");
    all.claims(16, "a workflow of another commit", |it| it.with(19, &"f".repeat(40)), "signer");
    all.play();
}

#[test]
fn references_of_tags_are_compared_exactly() {
    let mut all = Attacks::new();
    let tagged =
        |tag: &str| Run { reference: format!("refs/tags/{tag}"), event: "push".to_owned(), ..release_run() };
    let right = tagged("server/v0.1.13");
    let statement = right.provenance(&[(FILE, &all.minted.hex)]);
    all.good = all.minted.attest(&right.claims(), &statement).to_string();
    let policy = [POLICY[0], POLICY[1], "--source-ref", "refs/tags/server/v0.1.13"];
    for (number, tag) in [(5, "server/v0.1.12"), (5, "cli/v0.1.13"), (6, "server/V0.1.13")] {
        all.run(number, "the tag of something else", |it| *it = tagged(tag), "ref");
        all.with(&policy, &policy);
    }
    all.run(5, "a branch where a tag is wanted", |_| {}, "ref");
    all.with(&policy, &policy);
    let commit = "fedcba9876543210fedcba9876543210fedcba98";
    let pinned = [&policy[..], &["--source-digest", crate::minted::COMMIT]].concat();
    all.run(
        14,
        "another commit than the tag's",
        |it| *it = Run { commit: commit.to_owned(), ..tagged("server/v0.1.13") },
        "commit",
    );
    all.with(&pinned, &pinned);
    all.play();
}

#[test]
fn runners_numbers_and_trust_domains_are_looked_at() {
    let mut all = Attacks::new();
    let hosted = [&POLICY[..], &["--deny-self-hosted-runners"]].concat();
    let own = release_run().claims().with(11, "self-hosted");
    let mut statement = all.minted.statement();
    statement["predicate"]["buildDefinition"]["internalParameters"]["github"]["runner_environment"] =
        "self-hosted".into();
    let bundle = all.minted.attest(&own, &statement);
    all.refuted(9, "a runner of their own", &bundle, "runner");
    all.with(&hosted, &hosted);

    let mut internal = Sigstore::of("GitHub, Inc.", NOW).unwrap();
    let claims = Claims { log: CertificateLog::None, ..release_run().claims() };
    let statement = all.minted.statement();
    let mint = Mint::new(rehearsal::Signer::Certificate(&claims), rehearsal::Content::Statement(&statement));
    let bundle = internal.mint(&Mint { log: None, stamped: Some(1), ..mint }).unwrap();
    let roots =
        format!("{}\n{}", all.minted.sigstore.trusted_root().unwrap(), internal.trusted_root().unwrap());
    let both = all.minted.path("both.jsonl");
    std::fs::write(&both, roots).unwrap();
    let both = [&POLICY[..], &["--trusted-root", both.to_str().unwrap()]].concat();
    all.refuted(10, "a certificate of GitHub's own instance", &bundle, "trust-domain");
    all.with(&both, &both);

    let mut staging = Sigstore::new(NOW).unwrap();
    let bundle = staging.attest(&release_run().claims(), &statement).unwrap();
    all.refuted(11, "an authority of the same name", &bundle, "trust-root");
    let mut private = Sigstore::of("Example", NOW).unwrap();
    let bundle = private.attest(&release_run().claims(), &statement).unwrap();
    all.refuted(11, "a private authority, and the roots of this program", &bundle, "trust-root");
    all.with(&[&POLICY[..], &["--offline"]].concat(), &POLICY);
    all.add(35, "a trusted root of another authority", bundle.to_string(), ("unproven", "trust-root"));

    let catalog = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../release.toml")).unwrap();
    let (head, tail) = (catalog.find("eras = [").unwrap(), catalog.find("[archive]").unwrap());
    let of = |id: u32, name: &str| {
        let era =
            format!("eras = [{{ slug = \"acme/widgets\", repository_id = {id}, owner_id = 4242 }}]\n\n");
        let path = all.minted.path(name);
        std::fs::write(&path, format!("{}{era}{}", &catalog[..head], &catalog[tail..])).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (other, right) = (of(7, "other.toml"), of(424_242, "right.toml"));
    let good = all.good.clone();
    all.add(18, "a repository that was made anew under the same name", good, ("refuted", "repo-id"));
    all.with(&[&POLICY[..], &["--config", &other]].concat(), &[&POLICY[..], &["--config", &right]].concat());
    all.play();
}

#[test]
fn what_a_statement_says_must_agree_with_its_certificate() {
    let mut all = Attacks::new();
    let github = "/predicate/buildDefinition/internalParameters/github";
    let workflow = "/predicate/buildDefinition/externalParameters/workflow";
    let sources = "/predicate/buildDefinition/resolvedDependencies";
    let lies = [
        (format!("{workflow}/repository"), json!("https://github.com/mallory/widgets")),
        (format!("{workflow}/ref"), json!("refs/heads/other")),
        (format!("{workflow}/path"), json!(".github/workflows/other.yml")),
        (format!("{github}/event_name"), json!("push")),
        (format!("{github}/repository_id"), json!("7")),
        (format!("{github}/repository_owner_id"), json!("7")),
        (format!("{github}/runner_environment"), json!("self-hosted")),
        (format!("{sources}/0/digest/gitCommit"), json!("f".repeat(40))),
        (format!("{sources}/0/uri"), json!("git+https://github.com/acme/widgets@refs/heads/other")),
        (sources.to_owned(), json!([])),
        ("/predicate/runDetails/builder/id".to_owned(), json!("https://github.com/acme/widgets/x")),
        (
            "/predicate/runDetails/metadata/invocationId".to_owned(),
            json!("https://github.com/acme/widgets/actions/runs/7/attempts/1"),
        ),
        ("/predicate/buildDefinition/buildType".to_owned(), json!("https://example.com/build")),
    ];
    for (pointer, value) in lies {
        all.statement(
            12,
            "a statement that says something else of the run",
            (&pointer, value),
            "predicate-mismatch",
        );
    }
    all.statement(
        13,
        "another type of statement",
        ("/predicateType", json!("https://spdx.dev/Document")),
        "missing",
    );
    all.all.last_mut().unwrap().expected.0 = "unproven";
    all.statement(
        21,
        "another name for the same bytes",
        ("/subject/0/name", json!("widgets-server-v0.1.0.tar.gz")),
        "subject-name",
    );
    all.statement(
        21,
        "a statement of another version",
        ("/_type", json!("https://in-toto.io/Statement/v0.1")),
        "statement",
    );
    all.statement(20, "other bytes", ("/subject/0/digest/sha256", json!("00".repeat(32))), "subject-digest");
    all.play();
}

#[test]
fn certificates_that_two_readers_would_read_differently_are_refused() {
    let mut all = Attacks::new();
    let twice = |it: Claims| Claims { raw: vec![(14, b"\x0c\x0frefs/heads/main".to_vec())], ..it };
    all.claims(17, "a claim that stands twice", twice, "cert-profile");
    let malformed = |mut it: Claims| {
        it.extensions.retain(|it| it.0 != 14);
        Claims { raw: vec![(14, b"refs/heads/main".to_vec())], ..it }
    };
    all.claims(17, "a claim that is no DER", malformed, "cert-profile");
    let missing = |mut it: Claims| {
        it.extensions.retain(|it| it.0 != 12);
        it
    };
    all.claims(17, "a claim that is missing", missing, "cert-profile");
    let two = |mut it: Claims| {
        it.names.push(Name::Uri("https://github.com/mallory/widgets".to_owned()));
        it
    };
    all.claims(17, "two names", two, "cert-profile");
    let person = |it: Claims| Claims { names: vec![Name::Email("ada@example.com".to_owned())], ..it };
    all.claims(17, "a person's name", person, "cert-profile");
    all.claims(17, "two issuers", |it| it.with(1, "https://accounts.google.com"), "cert-profile");
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
        "bundle",
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
    let bare = all.minted.mint(&claims, &statement, |it| Mint { log: None, ..it });
    all.refuted(25, "neither log nor time", &bare, "no-trusted-time");
    let late = all.minted.mint(&claims, &statement, |it| Mint { logged: 601, ..it });
    all.refuted(26, "written down after the certificate ended", &late, "time");
    let early = all.minted.mint(&claims, &statement, |it| Mint { logged: -1, ..it });
    all.refuted(26, "written down before the certificate began", &early, "time");
    let stamped = all.minted.mint(&claims, &statement, |it| Mint { stamped: Some(601), ..it });
    all.refuted(26, "stamped after the certificate ended", &stamped, "time");
    for (what, log) in
        [("listed by nobody", CertificateLog::None), ("listed by an unknown log", CertificateLog::Unlisted)]
    {
        all.claims(27, what, |it| Claims { log, ..it }, "sct");
    }
    all.claims(28, "an authority's name and another key", |it| Claims { forged: true, ..it }, "chain");
    all.claims(28, "a certificate for something else", |it| Claims { code_signing: false, ..it }, "chain");
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
        minted.mint(&claims, &statement, |it| Mint { stamped: Some(2), log: Some(LogKind::V2), ..it })
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
    let reasons: Vec<&Value> = told["bundles"].as_array().unwrap().iter().map(|it| &it["reason"]).collect();
    assert_eq!(reasons, ["subject-digest", "parse", "ok"]);
    assert!(told["findings"][0]["evidence"].as_str().unwrap().ends_with("2 other bundles do not hold"));
}

#[test]
fn a_subject_with_another_digest_is_found_where_the_bytes_are_there() {
    let mut minted = Minted::new();
    let sum = run(crate::support::hermetic("sha512sum", minted.folder.path()).arg(minted.file())).ok();
    let mut statement = minted.statement();
    statement["subject"][0]["digest"] = json!({ "sha512": &sum.stdout[..128] });
    let bundle = minted.attest(&release_run().claims(), &statement);
    assert_eq!(verdict(&minted.verify(&bundle, &POLICY)), ("proven".to_owned(), "ok".to_owned()));
    statement["subject"][0]["digest"] = json!({ "sha512": "00".repeat(64) });
    let other = minted.attest(&release_run().claims(), &statement);
    assert_eq!(verdict(&minted.verify(&other, &POLICY)), ("refuted".to_owned(), "subject-digest".to_owned()));
    // Case 36: where only the SHA-256 is known, nothing can be said for it.
    std::fs::write(minted.path("bundle.json"), bundle.to_string()).unwrap();
    let mut command = crate::support::xtask(minted.folder.path());
    command.args(["verify", &format!("sha256:{}", minted.hex), "-R", "acme/widgets", "--format", "json"]);
    command
        .arg("--bundle")
        .arg(minted.path("bundle.json"))
        .arg("--trusted-root")
        .arg(minted.path("root.json"));
    assert_eq!(verdict(&run(&mut command)).0, "refuted");
    let good = minted.bundle();
    std::fs::write(minted.path("bundle.json"), good.to_string()).unwrap();
    assert_eq!(verdict(&run(&mut command)).0, "proven");
}
