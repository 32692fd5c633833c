//! Ways to "proven" that a review found open, each closed, with what is still proven beside it.

use base64::prelude::{BASE64_STANDARD as BASE64, Engine as _};
use emulators::{
    ActionsRun, BundleContent, BundleSigner, BundleSpec, CertificateClaims, CertificateLog, Sigstore,
};
use serde_json::{Value, json};

use crate::support::attested_file::{FILE, Minted, NOW, POLICY, release_run, verdict};
use crate::support::published_release::{ARCHIVE, FOLDER, Released, filter, open, sums};
use crate::support::repository::{hermetic, run, xtask};
use crate::support::tar_builder::Tarball;
use crate::support::test_bed::TAG;

#[track_caller]
fn expect(minted: &Minted, bundle: &Value, arguments: &[&str], wanted: (&str, &str)) {
    let found = verdict(&minted.verify(bundle, arguments));
    assert_eq!(found, (wanted.0.to_owned(), wanted.1.to_owned()));
}

#[test]
fn a_repository_is_the_same_in_capitals_and_keeps_its_pinned_numbers() {
    let mut minted = Minted::new();
    let bundle = minted.bundle().to_string();
    let catalog = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../release.toml")).unwrap();
    let (head, tail) = (catalog.find("eras = [").unwrap(), catalog.find("[archive]").unwrap());
    let era = "eras = [{ slug = \"acme/widgets\", repository_id = 7 }]\n\n";
    std::fs::write(minted.path("pinned.toml"), format!("{}{era}{}", &catalog[..head], &catalog[tail..]))
        .unwrap();
    std::fs::write(minted.path("bundle.json"), bundle).unwrap();
    for name in ["acme/widgets", "ACME/Widgets"] {
        let mut command = xtask(minted.folder.path());
        command.args(["verify", &minted.file(), "-R", name, "--format", "json", "--config", "pinned.toml"]);
        command.args(["--bundle", "bundle.json", "--trusted-root", "root.json"]);
        assert_eq!(verdict(&run(&mut command)).1, "repo-id", "{name}");
    }
}

#[test]
fn names_belong_to_the_bytes_that_they_stand_beside() {
    let mut minted = Minted::new();
    let other = "b".repeat(64);
    let swapped = release_run().provenance(&[("other.tar.gz", &minted.hex), (FILE, &other)]);
    let bundle = minted.attest(&release_run().claims(), &swapped);
    expect(&minted, &bundle, &POLICY, ("refuted", "subject-name"));
    let right = release_run().provenance(&[("other.tar.gz", &other), (FILE, &minted.hex)]);
    let bundle = minted.attest(&release_run().claims(), &right);
    expect(&minted, &bundle, &POLICY, ("proven", "ok"));
}

#[test]
fn a_log_that_is_not_understood_is_still_one_that_is_asked_for() {
    let mut minted = Minted::of(Sigstore::for_organization("Example", NOW).unwrap());
    let (claims, statement) = (release_run().claims(), minted.statement());
    let logged = minted.bundle();
    let unlogged = minted.mint(&claims, &statement, |it| BundleSpec {
        rekor_version: None,
        timestamped_after_seconds: Some(1),
        ..it
    });
    let mut root = minted.sigstore.trusted_root().unwrap();
    root["tlogs"][0]["publicKey"]["rawBytes"] = BASE64.encode("no key").into();
    std::fs::write(minted.path("unknown.json"), root.to_string()).unwrap();
    let unknown = minted.path("unknown.json");
    let policy = [&POLICY[..], &["--trusted-root", unknown.to_str().unwrap()]].concat();
    assert_ne!(verdict(&minted.verify(&unlogged, &policy)).0, "proven");
    expect(&minted, &logged, &POLICY, ("proven", "ok"));
}

#[test]
fn every_log_entry_needs_its_proof_and_a_known_log() {
    let mut minted = Minted::new();
    let good = minted.bundle();
    let entry = good["verificationMaterial"]["tlogEntries"][0].clone();
    let mut old = good.clone();
    old["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.1".into();
    let without = |key: &str, it: &Value| {
        let mut it = it.clone();
        it.as_object_mut().unwrap().remove(key);
        it
    };
    old["verificationMaterial"]["tlogEntries"][0] = without("inclusionProof", &entry);
    expect(&minted, &old, &POLICY, ("refuted", "tlog"));
    let mut second = without("inclusionPromise", &without("inclusionProof", &entry));
    second["logId"]["keyId"] = BASE64.encode([7; 32]).into();
    let mut third = without("inclusionPromise", &entry);
    third["logId"]["keyId"] = BASE64.encode([7; 32]).into();
    for more in [second, third] {
        let mut bundle = good.clone();
        bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap().push(more);
        expect(&minted, &bundle, &POLICY, ("refuted", "tlog"));
    }
    expect(&minted, &good, &POLICY, ("proven", "ok"));
}

#[test]
fn a_bundle_has_one_content_one_signer_and_nothing_where_it_does_not_belong() {
    let mut minted = Minted::new();
    let good = minted.bundle();
    let changes: [&dyn Fn(&mut Value); 4] = [
        &|it| it["messageSignature"] = json!({ "signature": "AAAA" }),
        &|it| it["verificationMaterial"]["publicKey"] = json!({ "hint": "x" }),
        &|it| it["hashes"] = json!([[]]),
        &|it| it["verificationMaterial"]["payload"] = json!(""),
    ];
    for change in changes {
        let mut bundle = good.clone();
        change(&mut bundle);
        expect(&minted, &bundle, &POLICY, ("refuted", "parse"));
    }
}

#[test]
fn claims_of_any_text_are_refused_and_told_without_harm() {
    let mut minted = Minted::new();
    let statement = minted.statement();
    for commit in ["aaaaaaaaaaa\u{e9}\u{e9}", "", "main"] {
        let bundle = minted.attest(&release_run().claims().with_extension(13, commit), &statement);
        assert_eq!(verdict(&minted.verify(&bundle, &POLICY)).0, "refuted", "{commit}");
        let signer = release_run().build_signer_uri();
        let as_cosign = [
            "--certificate-identity",
            &signer,
            "--certificate-oidc-issuer",
            "https://token.actions.githubusercontent.com",
        ];
        assert!(minted.verify(&bundle, &as_cosign).stderr.is_empty(), "{commit}");
    }
    let mut evil = statement.clone();
    evil["subject"][0]["name"] = "x\n\nproven\n::error::pwned\n\u{1b}[8m ::stop-commands::x".into();
    let bundle = minted.attest(&release_run().claims(), &evil);
    std::fs::write(minted.path("bundle.json"), bundle.to_string()).unwrap();
    let mut command = xtask(minted.folder.path());
    command.args(["verify", &minted.file(), "-R", "acme/widgets", "--bundle", "bundle.json"]);
    let ran = run(command.args(["--trusted-root", "root.json"]));
    assert_eq!(ran.code, 10);
    let lines: Vec<&str> = ran.stdout.lines().map(str::trim).collect();
    assert!(!lines.contains(&"proven") && lines.iter().all(|it| !it.starts_with("::")), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'), "{}", ran.stdout);
}

#[test]
fn statements_of_another_type_are_proven_for_no_kind_of_signer() {
    let mut minted = Minted::new();
    let mut statement = minted.statement();
    statement["_type"] = "https://in-toto.io/Whatever".into();
    let bundle = minted.attest(&release_run().claims(), &statement);
    let signer = release_run().build_signer_uri();
    let issuer = "https://token.actions.githubusercontent.com";
    let as_cosign = ["--certificate-identity", &signer, "--certificate-oidc-issuer", issuer];
    expect(&minted, &bundle, &as_cosign, ("unproven", "unsupported"));
    expect(&minted, &bundle, &POLICY, ("refuted", "statement"));
    let good = minted.bundle();
    expect(&minted, &good, &as_cosign, ("proven", "ok"));
}

#[test]
fn a_tree_that_cannot_be_had_from_a_clone_is_not_proven() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    let empty = released.world.home.path().join("empty");
    run(hermetic("git", released.world.home.path()).args(["init", "-q"]).arg(&empty)).ok();
    let ran = released.audit(&["-C", empty.to_str().unwrap()]);
    assert_eq!(open(&ran), ("unproven".to_owned(), vec!["tree: tree-not-here".to_owned()]));
    assert!(ran.stdout.contains("git fetch origin tag"), "{}", ran.stdout);
    // In the clone that has it, it is compared.
    assert_eq!(open(&released.audit(&[])).0, "proven");
}

#[test]
fn every_run_that_attested_is_looked_at() {
    let mut released = Released::new();
    let good = released.archive();
    let text = sums(&good);
    let before = ActionsRun { commit: released.world.clone.git(["rev-parse", "HEAD^"]), ..released.run() };
    let right = released.run();
    released.publish_as(&good, text.as_bytes());
    released.attest(&[(ARCHIVE, &good)], &right);
    released.attest(&[("SHA256SUMS", text.as_bytes())], &before);
    assert_eq!(open(&released.audit(&[])), ("refuted".to_owned(), vec!["run: commit".to_owned()]));
}

#[test]
fn being_old_excuses_no_foreign_attestation() {
    let mut released = Released::new();
    let good = released.archive();
    let text = sums(&good);
    released.world.github.configure(|it| it.now = 1_777_500_000);
    released.publish_as(&good, text.as_bytes());
    let foreign = ActionsRun { repository: "mallory/widgets".to_owned(), ..released.run() };
    released.attest(&[(ARCHIVE, &good), ("SHA256SUMS", text.as_bytes())], &foreign);
    assert_eq!(open(&released.audit(&[])).1, ["attestation: repo", "attestation: repo"]);
}

#[test]
fn nothing_stands_below_a_file() {
    let mut released = Released::new();
    let mut tar = Tarball::parse(&released.tar());
    tar.add(&format!("{FOLDER}/README.md/below"), b'0', b"x", "");
    let archive = filter("gzip", &["-n"], &tar.bytes());
    released.publish(&archive);
    assert_eq!(open(&released.audit(&[])).1, ["archive: archive"]);
    let mut command =
        released.world.command(&["audit", TAG, "--format", "json", "--trusted-root", "root.json"]);
    command.current_dir(released.world.home.path());
    assert_eq!(open(&run(&mut command)).1, ["archive: archive"]);
}

#[test]
fn lists_without_end_end_and_broken_ones_are_no_lists() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    let page = |status: u16, times: u32| {
        let next = format!(
            "<{}/repos/acme/widgets/attestations/x?page=2>; rel=\"next\"",
            released.world.github.api_url()
        );
        let headers = vec![("link", next)];
        let body = json!({ "attestations": [], "message": "no" }).to_string();
        let what = emulators::FaultKind::CannedResponse {
            status,
            headers,
            body,
            timing: emulators::FaultTiming::Before,
        };
        released
            .world
            .github
            .inject(emulators::Fault { times, ..emulators::Fault::once("GET", "/attestations/", what) });
    };
    page(200, 1);
    page(404, 1);
    assert_eq!(open(&released.audit(&[])).1, ["attestation: unreachable"]);
    page(200, 1000);
    assert_eq!(open(&released.audit(&[])).1, ["attestation: unreachable", "attestation: unreachable"]);
}

#[test]
fn a_foreign_organisation_never_passes_for_the_public_instance() {
    let mut foreign = Minted::of(Sigstore::for_organization("Example", NOW).unwrap());
    let claims = CertificateClaims { certificate_log: CertificateLog::None, ..release_run().claims() };
    let statement = foreign.statement();
    let content = BundleContent::Statement(&statement);
    let bundle = foreign
        .sigstore
        .create_bundle(&BundleSpec::new(BundleSigner::Certificate(&claims), content))
        .unwrap();
    // Its own root lists a certificate log, so a promise of it is wanted.
    expect(&foreign, &bundle, &POLICY, ("refuted", "sct"));
    let mut root = foreign.sigstore.trusted_root().unwrap();
    root["ctlogs"] = json!([]);
    std::fs::write(foreign.path("root.json"), root.to_string()).unwrap();
    expect(&foreign, &bundle, &POLICY, ("proven", "ok"));
    expect(&foreign, &bundle, &[&POLICY[..], &["--offline"]].concat(), ("refuted", "trust-root"));
}
