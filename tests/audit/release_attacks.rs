//! Releases that somebody tampered with, by number: what an audit finds of each, and that it proves the right one.

use emulators::ActionsRun;
use serde_json::json;

use crate::support::published_release::{ARCHIVE, Released, filter, open, sha256, sums};
use crate::support::repository::say;
use crate::support::test_bed::TAG;

#[test]
fn sums_that_two_programs_would_read_differently_are_refused() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    let sums = String::from_utf8(released.world.github.asset_bytes(asset(&released, "SHA256SUMS")).unwrap())
        .unwrap();
    let hash = &sums[..64];
    let texts = [
        (40, "a path that leads up", format!("{hash}  ../{ARCHIVE}\n"), "sums-format"),
        (40, "an absolute path", format!("{hash}  /{ARCHIVE}\n"), "sums-format"),
        (40, "a folder", format!("{hash}  a/{ARCHIVE}\n"), "sums-format"),
        (40, "a backslash", format!("{hash}  a\\{ARCHIVE}\n"), "sums-format"),
        (40, "a NUL", format!("{hash}  {ARCHIVE}\0\n"), "sums-format"),
        (40, "an escaped line", format!("\\{hash}  {ARCHIVE}\\n\n"), "sums-format"),
        (41, "a name twice", format!("{sums}{sums}"), "sums-format"),
        (
            41,
            "a name twice, with another hash",
            format!("{sums}{}  {ARCHIVE}\n", "0".repeat(64)),
            "sums-format",
        ),
        (41, "a file that is unknown", format!("{sums}{hash}  other.tar.gz\n"), "sums-content"),
        (41, "a byte order mark", format!("\u{feff}{sums}"), "sums-format"),
        (41, "other line ends", sums.replace('\n', "\r\n"), "sums-format"),
        (41, "capital digits", format!("{}  {ARCHIVE}\n", hash.to_uppercase()), "sums-format"),
        (41, "the binary mark", format!("{hash} *{ARCHIVE}\n"), "sums-format"),
        (41, "no last line end", sums.trim_end().to_owned(), "sums-format"),
        (42, "another archive", format!("{hash}  opensandbox-server-v0.1.0.tar.gz\n"), "sums-content"),
        (42, "another hash", format!("{}  {ARCHIVE}\n", "0".repeat(64)), "sums-content"),
    ];
    let run = released.run();
    let mut table = Vec::new();
    for (number, what, text, reason) in texts {
        assert_ne!(text, sums);
        released.publish_as(&good, text.as_bytes());
        released.attest(&[(ARCHIVE, &good), ("SHA256SUMS", text.as_bytes())], &run);
        let found = open(&released.audit(&[]));
        table.push(format!("{number:>4}  sums: {reason:<14} {:<24} {what}", found.1.join(", ")));
        assert_eq!(found, ("refuted".to_owned(), vec![format!("sums: {reason}")]), "{what}");
    }
    // An empty file cannot be put on GitHub; one of a line end can.
    released.publish_as(&good, b"\n");
    released.attest(&[("SHA256SUMS", b"\n")], &run);
    assert_eq!(open(&released.audit(&[])).1, ["sums: sums-format"]);
    released.publish(&good);
    assert_eq!(open(&released.audit(&[])).0, "proven");
    say(&table.join("\n"));
}

/// The number of an asset.
fn asset(released: &Released, name: &str) -> u64 {
    let release = released.world.release();
    let all = release["assets"].as_array().unwrap();
    all.iter().find(|it| it["name"] == name).unwrap()["id"].as_u64().unwrap()
}

#[test]
fn assets_that_were_replaced_are_not_proven() {
    let mut released = Released::new();
    let good = released.archive();
    // 37 and 38: consistent, and attested by nobody: sums prove nothing alone.
    let repacked = filter("gzip", &["-n", "-1"], &released.tar());
    let sums = sums(&repacked);
    released.publish_as(&repacked, sums.as_bytes());
    let unattested = ["attestation: missing", "attestation: missing"];
    assert_eq!(open(&released.audit(&[])), ("unproven".to_owned(), unattested.map(str::to_owned).to_vec()));
    // 39: other bytes than GitHub says it has.
    released.publish(&good);
    released.world.github.tamper_asset(asset(&released, ARCHIVE), &repacked).unwrap();
    let (verdict, found) = open(&released.audit(&[]));
    assert_eq!(verdict, "refuted");
    assert!(found.contains(&"asset: transport".to_owned()), "{found:?}");
    released.world.github.tamper_asset(asset(&released, ARCHIVE), &good).unwrap();
    assert_eq!(open(&released.audit(&[])).0, "proven");
    // 43: an old release's pair, every signature valid, under a new tag.
    let old = filter("gzip", &["-n"], &released.tar_of("opensandbox-server-v0.1.0", "server/v0.1.0"));
    let old_name = "opensandbox-server-v0.1.0.tar.gz";
    let hash = sha256(&old);
    let old_sums = format!("{hash}  {old_name}\n");
    let run = released.run();
    released.attest(&[(old_name, &old), ("SHA256SUMS", old_sums.as_bytes())], &run);
    released.publish_as(&old, old_sums.as_bytes());
    let (verdict, found) = open(&released.audit(&[]));
    assert_eq!(
        (verdict.as_str(), found),
        (
            "refuted",
            ["sums: sums-content", "tree: commit", "attestation: subject-name"].map(str::to_owned).to_vec()
        )
    );
}

#[test]
fn tags_that_were_moved_and_runs_of_elsewhere_are_refused() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    assert_eq!(open(&released.audit(&[])).0, "proven");
    // 15: the tag was moved to a side branch, and everything was made again for it: a fully valid identity.
    released.world.clone.git(["checkout", "-q", "-b", "side"]);
    released.world.clone.git(["commit", "-q", "--allow-empty", "-m", "evil"]);
    released.world.clone.git(["tag", "-f", "-a", "-m", "release", TAG]);
    released.world.clone.git(["push", "-q", "-f", "origin", TAG, "side"]);
    released.commit = released.world.clone.git(["rev-parse", "HEAD"]);
    let again = released.archive();
    released.publish(&again);
    let (verdict, found) = open(&released.audit(&[]));
    assert_eq!(verdict, "refuted");
    assert_eq!(found, ["run: unreachable-from-main", "branch: unreachable-from-main"]);
}

#[test]
fn the_run_that_attests_must_be_the_release_workflow_and_have_the_commit() {
    let mut released = Released::new();
    let good = released.archive();
    let sums = sums(&good);
    let files: [(&str, &[u8]); 2] = [(ARCHIVE, &good), ("SHA256SUMS", sums.as_bytes())];
    let before = released.world.clone.git(["rev-parse", "HEAD^"]);
    let right = released.run();
    let cases: [(ActionsRun, &[&str]); 6] = [
        (ActionsRun { workflow: "ci.yml".to_owned(), ..right.clone() }, &["attestation: workflow"; 2]),
        (ActionsRun { reference: "refs/heads/side".to_owned(), ..right.clone() }, &["attestation: ref"; 2]),
        (ActionsRun { event: "push".to_owned(), ..right.clone() }, &["attestation: trigger"; 2]),
        (ActionsRun { repository: "mallory/widgets".to_owned(), ..right.clone() }, &["attestation: repo"; 2]),
        // 14: a run of a commit that does not have the tag's.
        (ActionsRun { commit: before, ..right.clone() }, &["run: commit"]),
        (right, &[]),
    ];
    for (run, expected) in cases {
        released.world.github.clear_attestations();
        released.publish_as(&good, sums.as_bytes());
        released.attest(&files, &run);
        let (verdict, found) = open(&released.audit(&[]));
        assert_eq!(found, expected, "{run:?}");
        assert_eq!(verdict, if expected.is_empty() { "proven" } else { "refuted" });
    }
}

#[test]
fn a_later_run_may_release_an_older_tag() {
    let mut released = Released::new();
    let good = released.archive();
    released.world.clone.git(["commit", "-q", "--allow-empty", "-m", "chore: go on"]);
    released.world.clone.git(["push", "-q", "origin", "main"]);
    let sums = sums(&good);
    let later = ActionsRun { commit: released.world.clone.git(["rev-parse", "HEAD"]), ..released.run() };
    released.publish_as(&good, sums.as_bytes());
    released.attest(&[(ARCHIVE, &good), ("SHA256SUMS", sums.as_bytes())], &later);
    assert_eq!(open(&released.audit(&[])), ("proven".to_owned(), Vec::new()));
}

#[test]
fn releases_from_before_attestations_are_unproven_and_not_refuted() {
    let released = Released::new();
    let good = released.archive();
    let sums = sums(&good);
    // 2026-04-30.
    released.world.github.configure(|it| it.now = 1_777_500_000);
    released.publish_as(&good, sums.as_bytes());
    let unproven = ["attestation: predates", "attestation: predates"].map(str::to_owned).to_vec();
    assert_eq!(open(&released.audit(&[])), ("unproven".to_owned(), unproven));
}

#[test]
fn waiting_ends_in_a_verdict() {
    let released = Released::new();
    let good = released.archive();
    let sums = sums(&good);
    released.publish_as(&good, sums.as_bytes());
    let ran = released.audit(&["--wait", "1s"]);
    assert_eq!(open(&ran).0, "unproven");
    assert!(ran.stderr.contains("waiting, "), "{}", ran.stderr);
    assert_eq!(released.audit(&["--wait", "soon"]).code, 2);
}

#[test]
fn every_release_of_a_clone_is_audited_by_itself() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    let all = |arguments: &[&str]| {
        released.world.github.reset_rate_limit();
        let root = released.world.home.path().join("root.json");
        released
            .world
            .run(&[&["audit", "--all", "--trusted-root", root.to_str().unwrap()], arguments].concat())
    };
    // The tag before has no release: that is not proven, and so all are not.
    let ran = all(&["--format", "json"]);
    assert_eq!(ran.code, 11, "{}", ran.stdout);
    let told = ran.json();
    assert_eq!(told["schema"], "opensandbox-release/audit-all/1");
    let audits: Vec<(&str, &str)> = told["audits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["subject"].as_str().unwrap(), it["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(audits, [("server/v0.1.0", "unproven"), (TAG, "proven")]);
    let text = all(&[]).stdout;
    assert!(text.contains("server/v0.1.0") && text.contains("release not-public"), "{text}");
    let mut command = released.world.command(&["audit", "--all"]);
    let ran = crate::support::repository::run(command.current_dir(released.world.home.path()));
    assert_eq!(ran.code, 2, "{}", ran.stderr);
}

#[test]
fn the_summary_of_a_workflows_step_is_a_table() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    let summary = released.world.home.path().join("summary.md");
    let mut command = released.world.command(&["audit", TAG, "--trusted-root"]);
    command.arg(released.world.home.path().join("root.json")).env("GITHUB_STEP_SUMMARY", &summary);
    crate::support::repository::run(&mut command).ok();
    let text = std::fs::read_to_string(&summary).unwrap();
    assert!(text.starts_with(&format!("## Audit of `{TAG}`: proven\n\n| what | verdict |")), "{text}");
    assert!(text.contains("| tree opensandbox-server-v0.1.1.tar.gz | proven | ok | byte by byte"), "{text}");
}

#[test]
fn immutable_releases_are_attested_by_github_itself() {
    let mut released = Released::new();
    let mut internal =
        emulators::Sigstore::for_organization("GitHub, Inc.", crate::support::attested_file::NOW).unwrap();
    let roots =
        format!("{}\n{}", released.sigstore.trusted_root().unwrap(), internal.trusted_root().unwrap());
    std::fs::write(released.world.home.path().join("root.json"), roots).unwrap();
    released.world.github.configure(|it| it.immutable_releases = true);
    let good = released.archive();
    released.publish(&good);
    assert_eq!(open(&released.audit(&[])), ("unproven".to_owned(), vec!["immutable: missing".to_owned()]));
    let object = released.world.clone.git(["rev-parse", TAG]);
    let hash = sha256(&good);
    let mut attest = |tag: &str, sha1: &str, name: &str| {
        let claims = emulators::CertificateClaims {
            subject_alternative_names: vec![emulators::SubjectAlternativeName::Uri(name.to_owned())],
            extensions: Vec::new(),
            certificate_log: emulators::CertificateLog::None,
            ..emulators::CertificateClaims::for_email("", "")
        };
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [
                { "uri": format!("pkg:github/acme/widgets@{tag}"), "digest": { "sha1": sha1 } },
                { "name": ARCHIVE, "digest": { "sha256": hash } },
            ],
            "predicateType": "https://in-toto.io/attestation/release/v0.2",
            "predicate": {
                "ownerId": "4242", "repository": "acme/widgets", "repositoryId": "424242", "tag": tag,
                "purl": format!("pkg:github/acme/widgets@{tag}"), "databaseId": "1", "packageId": "1",
            },
        });
        let content = emulators::BundleContent::Statement(&statement);
        let mint = emulators::BundleSpec::new(emulators::BundleSigner::Certificate(&claims), content);
        let bundle = internal
            .create_bundle(&emulators::BundleSpec {
                rekor_version: None,
                timestamped_after_seconds: Some(1),
                ..mint
            })
            .unwrap();
        // GitHub files it under the tag's object; a wrong one is put there by whoever tampers with the list.
        let text = bundle.to_string();
        released.world.github.add_attestation(&text, true).unwrap();
    };
    let signer = "https://dotcom.releases.github.com";
    attest("server/v0.1.0", &object, signer);
    assert_eq!(open(&released.audit(&[])).1, ["immutable: tag"]);
    attest(TAG, &object, "https://evil.releases.github.com");
    assert_eq!(open(&released.audit(&[])).0, "refuted");
    attest(TAG, &object, signer);
    assert_eq!(open(&released.audit(&[])), ("proven".to_owned(), Vec::new()));
}
