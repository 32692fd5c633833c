//! Attacks on published releases, by their numbers in `docs/attacks.md`: the expected findings, and the proof of the
//! unchanged release.

use emulators::{ActionsRun, Fault, FaultKind, FaultTiming};
use serde_json::json;

use crate::channels::published_packages::{ATTESTING_WORKFLOW, PLAIN_WORKFLOW};
use crate::support::published_release::{
    ARCHIVE_NAME, PublishedRelease, checksum_file, run_filter, sha256_hex, unproven_findings,
};
use crate::support::repository::print_note;
use crate::support::test_bed::TAG;

#[test]
fn ambiguous_checksum_files_are_refuted() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let sums = String::from_utf8(
        published_release.bed.github.asset_bytes(asset_id(&published_release, "SHA256SUMS")).unwrap(),
    )
    .unwrap();
    let hash = &sums[..64];
    let texts = [
        (40, "a path with two dots", format!("{hash}  ../{ARCHIVE_NAME}\n"), "sums-format"),
        (40, "an absolute path", format!("{hash}  /{ARCHIVE_NAME}\n"), "sums-format"),
        (40, "a folder", format!("{hash}  a/{ARCHIVE_NAME}\n"), "sums-format"),
        (40, "a backslash", format!("{hash}  a\\{ARCHIVE_NAME}\n"), "sums-format"),
        (40, "a NUL", format!("{hash}  {ARCHIVE_NAME}\0\n"), "sums-format"),
        (40, "an escaped line", format!("\\{hash}  {ARCHIVE_NAME}\\n\n"), "sums-format"),
        (41, "a duplicate name", format!("{sums}{sums}"), "sums-format"),
        (
            41,
            "a duplicate name with another hash",
            format!("{sums}{}  {ARCHIVE_NAME}\n", "0".repeat(64)),
            "sums-format",
        ),
        (41, "an unknown file", format!("{sums}{hash}  other.tar.gz\n"), "sums-content"),
        (41, "a byte order mark", format!("\u{feff}{sums}"), "sums-format"),
        (41, "other line endings", sums.replace('\n', "\r\n"), "sums-format"),
        (41, "uppercase digits", format!("{}  {ARCHIVE_NAME}\n", hash.to_uppercase()), "sums-format"),
        (41, "the binary mark", format!("{hash} *{ARCHIVE_NAME}\n"), "sums-format"),
        (41, "no final newline", sums.trim_end().to_owned(), "sums-format"),
        (42, "another archive", format!("{hash}  opensandbox-server-v0.1.0.tar.gz\n"), "sums-content"),
        (42, "another hash", format!("{}  {ARCHIVE_NAME}\n", "0".repeat(64)), "sums-content"),
    ];
    let run = published_release.workflow_run();
    let mut table = Vec::new();
    for (number, what, text, reason) in texts {
        assert_ne!(text, sums);
        published_release.publish_unattested(&good, text.as_bytes());
        published_release.attest(&[(ARCHIVE_NAME, &good), ("SHA256SUMS", text.as_bytes())], &run);
        let found = unproven_findings(&published_release.audit(&[]));
        table.push(format!("{number:>4}  sums: {reason:<14} {:<24} {what}", found.1.join(", ")));
        assert_eq!(found, ("refuted".to_owned(), vec![format!("sums: {reason}")]), "{what}");
    }
    // GitHub stores no empty asset. A file with a single newline is the shortest one.
    published_release.publish_unattested(&good, b"\n");
    published_release.attest(&[("SHA256SUMS", b"\n")], &run);
    assert_eq!(unproven_findings(&published_release.audit(&[])).1, ["sums: sums-format"]);
    published_release.publish_attested(&good);
    assert_eq!(unproven_findings(&published_release.audit(&[])).0, "proven");
    print_note(&table.join("\n"));
}

/// Returns the ID of an asset.
fn asset_id(published_release: &PublishedRelease, name: &str) -> u64 {
    let release = published_release.bed.only_release();
    let all = release["assets"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap()["id"].as_u64().unwrap()
}

#[test]
fn assets_of_an_unread_release_are_not_reported_missing() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let assets = || {
        let (verdict, all) = unproven_findings(&published_release.audit(&[]));
        (verdict, all.into_iter().filter(|it| it.starts_with("asset:")).collect::<Vec<_>>())
    };
    assert_eq!(assets(), ("proven".to_owned(), Vec::new()));
    let refused = FaultKind::CannedResponse {
        status: 403,
        headers: Vec::new(),
        body: json!({ "message": "not today" }).to_string(),
        timing: FaultTiming::Before,
    };
    published_release.bed.github.inject(Fault::once("GET", "/releases/tags/", refused));
    let forbidden = vec!["asset: forbidden".to_owned(); 2];
    assert_eq!(assets(), ("unproven".to_owned(), forbidden));
}

#[test]
fn replaced_assets_are_not_proven() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    // 37, 38: consistent, but without attestations: checksums alone prove nothing.
    let repacked = run_filter("gzip", &["-n", "-1"], &published_release.tar());
    let sums = checksum_file(&repacked);
    published_release.publish_unattested(&repacked, sums.as_bytes());
    let unattested = ["attestation: missing", "attestation: missing"];
    assert_eq!(
        unproven_findings(&published_release.audit(&[])),
        ("unproven".to_owned(), unattested.map(str::to_owned).to_vec())
    );
    // 39: the downloaded bytes differ from the digest that GitHub reports.
    published_release.publish_attested(&good);
    published_release.bed.github.tamper_asset(asset_id(&published_release, ARCHIVE_NAME), &repacked).unwrap();
    let (verdict, found) = unproven_findings(&published_release.audit(&[]));
    assert_eq!(verdict, "refuted");
    assert!(found.contains(&"asset: transport".to_owned()), "{found:?}");
    published_release.bed.github.tamper_asset(asset_id(&published_release, ARCHIVE_NAME), &good).unwrap();
    assert_eq!(unproven_findings(&published_release.audit(&[])).0, "proven");
    // 43: archive and checksums of an older release, with valid signatures, under a new tag.
    let old =
        run_filter("gzip", &["-n"], &published_release.tar_of("opensandbox-server-v0.1.0", "server/v0.1.0"));
    let old_name = "opensandbox-server-v0.1.0.tar.gz";
    let hash = sha256_hex(&old);
    let old_sums = format!("{hash}  {old_name}\n");
    let run = published_release.workflow_run();
    published_release.attest(&[(old_name, &old), ("SHA256SUMS", old_sums.as_bytes())], &run);
    published_release.publish_unattested(&old, old_sums.as_bytes());
    let (verdict, found) = unproven_findings(&published_release.audit(&[]));
    assert_eq!(
        (verdict.as_str(), found),
        (
            "refuted",
            ["sums: sums-content", "tree: commit", "attestation: subject-name"].map(str::to_owned).to_vec()
        )
    );
}

#[test]
fn tag_moved_to_a_side_branch_is_refuted() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    assert_eq!(unproven_findings(&published_release.audit(&[])).0, "proven");
    // 15: the tag was moved to a side branch, and everything was rebuilt for it: the identity is fully valid.
    published_release.bed.clone.git(["checkout", "-q", "-b", "side"]);
    published_release.bed.clone.git(["commit", "-q", "--allow-empty", "-m", "evil"]);
    published_release.bed.clone.git(["tag", "-f", "-a", "-m", "release", TAG]);
    published_release.bed.clone.git(["push", "-q", "-f", "origin", TAG, "side"]);
    published_release.commit = published_release.bed.clone.git(["rev-parse", "HEAD"]);
    let again = published_release.archive();
    published_release.publish_attested(&again);
    let (verdict, found) = unproven_findings(&published_release.audit(&[]));
    assert_eq!(verdict, "refuted");
    assert_eq!(found, ["run: unreachable-from-main", "branch: unreachable-from-main"]);
}

#[test]
fn attesting_run_must_match_the_release_workflow() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    let sums = checksum_file(&good);
    let files: [(&str, &[u8]); 2] = [(ARCHIVE_NAME, &good), ("SHA256SUMS", sums.as_bytes())];
    let before = published_release.bed.clone.git(["rev-parse", "HEAD^"]);
    let right = published_release.workflow_run();
    let cases: [(ActionsRun, &[&str]); 6] = [
        (ActionsRun { workflow: "ci.yml".to_owned(), ..right.clone() }, &["attestation: workflow"; 2]),
        (ActionsRun { reference: "refs/heads/side".to_owned(), ..right.clone() }, &["attestation: ref"; 2]),
        (ActionsRun { event: "push".to_owned(), ..right.clone() }, &["attestation: trigger"; 2]),
        (ActionsRun { repository: "mallory/widgets".to_owned(), ..right.clone() }, &["attestation: repo"; 2]),
        // 14: a run on a commit that does not contain the tag's commit.
        (ActionsRun { commit: before, ..right.clone() }, &["run: commit"]),
        (right, &[]),
    ];
    for (run, expected) in cases {
        published_release.bed.github.clear_attestations();
        published_release.publish_unattested(&good, sums.as_bytes());
        published_release.attest(&files, &run);
        let (verdict, found) = unproven_findings(&published_release.audit(&[]));
        assert_eq!(found, expected, "{run:?}");
        assert_eq!(verdict, if expected.is_empty() { "proven" } else { "refuted" });
    }
}

#[test]
fn run_on_a_later_commit_may_attest_an_older_tag() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.bed.clone.git(["commit", "-q", "--allow-empty", "-m", "chore: go on"]);
    published_release.bed.clone.git(["push", "-q", "origin", "main"]);
    let sums = checksum_file(&good);
    let later = ActionsRun {
        commit: published_release.bed.clone.git(["rev-parse", "HEAD"]),
        ..published_release.workflow_run()
    };
    published_release.publish_unattested(&good, sums.as_bytes());
    published_release.attest(&[(ARCHIVE_NAME, &good), ("SHA256SUMS", sums.as_bytes())], &later);
    assert_eq!(unproven_findings(&published_release.audit(&[])), ("proven".to_owned(), Vec::new()));
}

#[test]
fn release_without_attestations_is_unproven() {
    let published_release = PublishedRelease::new();
    let good = published_release.archive();
    let sums = checksum_file(&good);
    published_release.publish_unattested(&good, sums.as_bytes());
    let unproven = ["attestation: missing", "attestation: missing"].map(str::to_owned).to_vec();
    assert_eq!(unproven_findings(&published_release.audit(&[])), ("unproven".to_owned(), unproven));
}

/// Whether an attestation is owed is read from the release workflow in the tag's tree.
#[test]
fn attestations_are_owed_by_the_workflow_in_the_tree() {
    for (workflow, reason) in [(ATTESTING_WORKFLOW, "missing"), (PLAIN_WORKFLOW, "not-owed")] {
        let mut release = PublishedRelease::with_workflow(workflow);
        let good = release.archive();
        release.publish_unattested(&good, checksum_file(&good).as_bytes());
        let unproven = vec![format!("attestation: {reason}"); 2];
        assert_eq!(unproven_findings(&release.audit(&[])), ("unproven".to_owned(), unproven));
        release.publish_attested(&good);
        assert_eq!(unproven_findings(&release.audit(&[])), ("proven".to_owned(), Vec::new()));
    }
}

#[test]
fn wait_timeout_ends_in_a_verdict() {
    let published_release = PublishedRelease::new();
    let good = published_release.archive();
    let sums = checksum_file(&good);
    published_release.publish_unattested(&good, sums.as_bytes());
    let output = published_release.audit(&["--wait", "1s"]);
    assert_eq!(unproven_findings(&output).0, "unproven");
    assert!(output.stderr.contains("waiting, "), "{}", output.stderr);
    assert_eq!(published_release.audit(&["--wait", "soon"]).code, 2);
}

#[test]
fn audit_all_reports_each_release() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let all = |arguments: &[&str]| {
        published_release.bed.github.reset_rate_limit();
        let root = published_release.bed.home.path().join("root.json");
        published_release.bed.run(
            &[
                &["audit", "--all", "--channel", "source", "--trusted-root", root.to_str().unwrap()],
                arguments,
            ]
            .concat(),
        )
    };
    // The previous tag has no release, which is unproven. So the verdict of all releases is unproven.
    let output = all(&["--format", "json"]);
    assert_eq!(output.code, 11, "{}", output.stdout);
    let document = output.json();
    assert_eq!(document["schema"], "opensandbox-release/audit-all/3");
    let audits: Vec<(&str, &str)> = document["audits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["subject"].as_str().unwrap(), it["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(audits, [("server/v0.1.0", "unproven"), (TAG, "proven")]);
    let text = all(&[]).stdout;
    assert!(text.contains("server/v0.1.0") && text.contains("release not-public"), "{text}");
    let mut command = published_release.bed.command(&["audit", "--all", "--channel", "source"]);
    let output = crate::support::repository::run(command.current_dir(published_release.bed.home.path()));
    assert_eq!(output.code, 2, "{}", output.stderr);
}

#[test]
fn step_summary_is_a_table() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let summary = published_release.bed.home.path().join("summary.md");
    let mut command = published_release.bed.command(&["audit", TAG, "--channel", "source", "--trusted-root"]);
    command.arg(published_release.bed.home.path().join("root.json")).env("GITHUB_STEP_SUMMARY", &summary);
    crate::support::repository::run(&mut command).ok();
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with(&format!("## Audit of `{TAG}`: proven\n\n| check | verdict |")), "{text}");
    assert!(text.contains("| tree opensandbox-server-v0.1.1.tar.gz | proven | ok | identical to"), "{text}");
}

/// Returns the statement with which GitHub attests an immutable release.
fn release_statement(tag: &str, sha1: &str, sha256: &str) -> serde_json::Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            { "uri": format!("pkg:github/acme/widgets@{tag}"), "digest": { "sha1": sha1 } },
            { "name": ARCHIVE_NAME, "digest": { "sha256": sha256 } },
        ],
        "predicateType": "https://in-toto.io/attestation/release/v0.2",
        "predicate": {
            "ownerId": "4242", "repository": "acme/widgets", "repositoryId": "424242", "tag": tag,
            "purl": format!("pkg:github/acme/widgets@{tag}"), "databaseId": "1", "packageId": "1",
        },
    })
}

#[test]
fn immutable_release_requires_the_github_attestation() {
    let mut published_release = PublishedRelease::new();
    let mut internal =
        emulators::Sigstore::for_organization("GitHub, Inc.", crate::support::attested_file::SIGNING_TIME)
            .unwrap();
    let roots = format!(
        "{}\n{}",
        published_release.sigstore.trusted_root().unwrap(),
        internal.trusted_root().unwrap()
    );
    std::fs::write(published_release.bed.home.path().join("root.json"), roots).unwrap();
    published_release.bed.github.configure(|it| it.immutable_releases = true);
    let good = published_release.archive();
    published_release.publish_attested(&good);
    assert_eq!(
        unproven_findings(&published_release.audit(&[])),
        ("unproven".to_owned(), vec!["immutable: missing".to_owned()])
    );
    let object = published_release.bed.clone.git(["rev-parse", TAG]);
    let hash = sha256_hex(&good);
    let mut attest = |tag: &str, sha1: &str, name: &str| {
        let claims = emulators::CertificateClaims {
            subject_alternative_names: vec![emulators::SubjectAlternativeName::Uri(name.to_owned())],
            extensions: Vec::new(),
            certificate_log: emulators::CertificateLog::None,
            ..emulators::CertificateClaims::for_email("", "")
        };
        let statement = release_statement(tag, sha1, &hash);
        let content = emulators::BundleContent::Statement(&statement);
        let mint = emulators::BundleSpec::new(emulators::BundleSigner::Certificate(&claims), content);
        let bundle = internal
            .create_bundle(&emulators::BundleSpec {
                rekor_version: None,
                timestamped_after_seconds: Some(1),
                ..mint
            })
            .unwrap();
        // GitHub stores the attestation under the tag's object. An attacker who tampers with the list could put a wrong
        // one there.
        let text = bundle.to_string();
        published_release.bed.github.add_attestation(&text, true).unwrap();
    };
    let signer = "https://dotcom.releases.github.com";
    attest("server/v0.1.0", &object, signer);
    assert_eq!(unproven_findings(&published_release.audit(&[])).1, ["immutable: tag"]);
    attest(TAG, &object, "https://evil.releases.github.com");
    assert_eq!(unproven_findings(&published_release.audit(&[])).0, "refuted");
    attest(TAG, &object, signer);
    assert_eq!(unproven_findings(&published_release.audit(&[])), ("proven".to_owned(), Vec::new()));
}

/// An archive that was replaced together with `SHA256SUMS` and with valid attestations, as by attackers in CI, is not the one
/// that the tag states. The tag has the digests of the archive that the suite makes.
#[test]
fn archives_are_compared_with_the_digests_in_the_tag() {
    let mut published_release = PublishedRelease::new();
    let bed = &published_release.bed;
    bed.run(&["archive", TAG]).ok();
    let made = std::fs::read(bed.clone.path().join("dist/server-v0.1.1").join(ARCHIVE_NAME)).unwrap();
    let tar = published_release.tar();
    assert_eq!(run_filter("gzip", &["-dc"], &made), tar);
    let trailers =
        format!("Archive-SHA256: {}  {ARCHIVE_NAME}\nTar-SHA256: {}", sha256_hex(&made), sha256_hex(&tar));
    bed.clone.git(["tag", "-f", "-a", "-m", "release", "-m", &trailers, TAG]);
    bed.clone.git(["push", "-q", "-f", "origin", TAG]);
    published_release.publish_attested(&made);
    let audited = published_release.audit(&[]);
    assert_eq!(unproven_findings(&audited).0, "proven", "{}", audited.stdout);
    assert!(audited.stdout.contains("the digest that the tag's message states"), "{}", audited.stdout);
    // The same files, compressed by another program.
    let other = published_release.archive();
    published_release.publish_attested(&other);
    let audited = published_release.audit(&[]);
    let expected = ("refuted".to_owned(), vec!["digests: archive-not-in-tag".to_owned()]);
    assert_eq!(unproven_findings(&audited), expected);
    assert!(audited.stdout.contains("so another program or version compressed it"), "{}", audited.stdout);
    let evil = published_release.tar_of("opensandbox-server-v0.1.1", "HEAD~1");
    published_release.publish_attested(&run_filter("gzip", &["-n"], &evil));
    let (verdict, findings) = unproven_findings(&published_release.audit(&[]));
    assert_eq!(verdict, "refuted", "{findings:?}");
    assert!(findings.contains(&"digests: archive-not-in-tag".to_owned()), "{findings:?}");
}
