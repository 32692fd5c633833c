//! Oversized bundles, archives and lists must not exhaust the memory of a machine. Each ends in a clear verdict, within
//! 256 MiB.

use std::process::Command;
use std::time::Instant;

use serde_json::json;

use crate::publish::large_assets::incompressible_bytes;
use crate::support::attested_file::{
    AttestedFile, RELEASE_POLICY_FLAGS, release_workflow_run, verify_verdict,
};
use crate::support::published_release::{PublishedRelease, run_filter, unproven_findings};
use crate::support::repository::{CapturedOutput, hermetic_command, print_note, run};

/// Limit of a process's resident memory, in KiB.
const MAX_RESIDENT_KIB: u64 = 256 << 10;

/// Runs a command and asserts the memory limit. Prints the time and the peak of the memory.
fn run_measured(what: &str, command: &Command) -> CapturedOutput {
    const SCRIPT: &str = "import os, resource, subprocess, sys\n\
        code = subprocess.run(sys.argv[2:]).returncode\n\
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n\
        open(sys.argv[1], 'w').write(str(most))\n\
        sys.exit(code)";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("most");
    let mut python = hermetic_command("python3", folder.path());
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            python.env(key, value);
        }
    }
    if let Some(directory) = command.get_current_dir() {
        python.current_dir(directory);
    }
    python.args(["-c", SCRIPT]).arg(&file).arg(command.get_program()).args(command.get_args());
    let started = Instant::now();
    let output = run(&mut python);
    let peak_kib: u64 = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    print_note(&format!("{what}: {:.2?}, at most {} MiB", started.elapsed(), peak_kib >> 10));
    assert!(peak_kib < MAX_RESIDENT_KIB, "{what} took {peak_kib} KiB");
    output
}

#[test]
fn hundred_megabyte_bundle_is_unproven() {
    let mut attested_file = AttestedFile::new();
    let good = attested_file.bundle().to_string();
    let long = format!("{{\"mediaType\":\"{}\"}}", "x".repeat(100 << 20));
    for name in ["bundle.json", "bundle.jsonl"] {
        let output =
            run_measured("a bundle of 100 MiB", &attested_file.command(&long, name, &RELEASE_POLICY_FLAGS));
        assert_eq!(verify_verdict(&output), ("unproven".to_owned(), "limit".to_owned()));
    }
    // The bundle before the oversized one is checked, and it is valid.
    let both = format!("{good}\n{long}");
    let output = run_measured(
        "a bundle before one of 100 MiB",
        &attested_file.command(&both, "bundle.jsonl", &RELEASE_POLICY_FLAGS),
    );
    assert_eq!(verify_verdict(&output).0, "proven");
}

#[test]
fn bundles_beyond_the_limit_are_not_read() {
    let mut attested_file = AttestedFile::new();
    let mut unlike = attested_file.statement();
    unlike["subject"][0]["digest"]["sha256"] = "11".repeat(32).into();
    let other = attested_file.attest(&release_workflow_run().claims(), &unlike).to_string();
    let good = attested_file.bundle().to_string();
    let many = format!("{other}\n").repeat(10_000);
    let output =
        run_measured("10,000 bundles", &attested_file.command(&many, "all.jsonl", &RELEASE_POLICY_FLAGS));
    assert_eq!(verify_verdict(&output).0, "refuted");
    assert_eq!(output.json()["subjects"][0]["bundles"].as_array().unwrap().len(), 1001);
    assert_eq!(output.json()["subjects"][0]["bundles"][1000]["reason"], "limit");
    let output = run_measured(
        "a valid bundle before 10,000",
        &attested_file.command(&format!("{good}\n{many}"), "all.jsonl", &RELEASE_POLICY_FLAGS),
    );
    assert_eq!(verify_verdict(&output).0, "proven");
}

/// Runs `audit` on the published release and measures it. Returns the verdict and the findings that are not proven.
fn audit_measured(published_release: &PublishedRelease, what: &str) -> (String, Vec<String>) {
    published_release.bed.github.reset_rate_limit();
    let mut command = published_release.bed.command(&[
        "audit",
        crate::support::test_bed::TAG,
        "--channel",
        "source",
        "--format",
        "json",
    ]);
    command.arg("--trusted-root").arg(published_release.bed.home.path().join("root.json"));
    unproven_findings(&run_measured(what, &command))
}

#[test]
fn decompression_bombs_are_unproven() {
    let mut published_release = PublishedRelease::new();
    let zeroes = run_filter("head", &["-c", &((1_u64 << 30) + (64 << 20)).to_string(), "/dev/zero"], b"");
    let bomb = run_filter("gzip", &["-n", "-1"], &zeroes);
    drop(zeroes);
    published_release.publish_attested(&bomb);
    let found = audit_measured(&published_release, "a gzip bomb");
    assert_eq!(found, ("unproven".to_owned(), vec!["archive: limit".to_owned()]));

    let mut tar = crate::support::tar_builder::TarBuilder::parse(&published_release.tar()).to_bytes();
    let end = tar.len() - 20 * 512;
    tar.truncate(end.max(512 * 4));
    let mut many = crate::support::tar_builder::TarBuilder::parse(&published_release.tar());
    for number in 0..600_000 {
        many.add_member(
            &format!("{}/{number}", crate::support::published_release::ARCHIVE_FOLDER),
            b'0',
            b"",
            "",
        );
    }
    let million = run_filter("gzip", &["-n", "-1"], &many.to_bytes());
    drop(many);
    published_release.publish_attested(&million);
    let found = audit_measured(&published_release, "600,000 members");
    assert_eq!(found, ("unproven".to_owned(), vec!["archive: limit".to_owned()]));

    let good = published_release.archive();
    published_release.publish_attested(&good);
    assert_eq!(audit_measured(&published_release, "a release"), ("proven".to_owned(), Vec::new()));
}

#[test]
fn snappy_bomb_is_unproven() {
    let mut published_release = PublishedRelease::new();
    let good = published_release.archive();
    published_release.publish_attested(&good);
    published_release.bed.github.clear_attestations();
    // A snappy block that declares a length of 4 GiB and has a few bytes.
    let bomb = published_release.bed.github.host_file("bomb", vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0xfe, 1, 0]);
    let endless = published_release.bed.github.host_file("endless", vec![b'{'; 40 << 20]);
    let listed = json!({ "attestations": [
        { "bundle_url": bomb, "repository_id": 424_242 },
        { "bundle_url": endless, "repository_id": 424_242 },
    ] });
    published_release.bed.github.inject(emulators::Fault {
        times: 9,
        ..emulators::Fault::once(
            "GET",
            "/attestations/",
            emulators::FaultKind::CannedResponse {
                status: 200,
                headers: Vec::new(),
                body: listed.to_string(),
                timing: emulators::FaultTiming::Before,
            },
        )
    });
    let (verdict, found) = audit_measured(&published_release, "a snappy bomb");
    assert_eq!((verdict.as_str(), &found[0][..]), ("unproven", "attestation: unreachable"));
}

#[test]
fn twenty_megabyte_audit_time_is_reported() {
    let mut published_release = PublishedRelease::new();
    published_release.bed.clone.git(["config", "core.compression", "0"]);
    for (number, bytes) in incompressible_bytes(20_000_000).chunks(100_000).enumerate() {
        published_release.bed.clone.write_file(&format!("server/noise/{number}"), bytes);
    }
    published_release.bed.clone.git(["add", "-A"]);
    published_release.bed.clone.git(["commit", "-q", "-m", "feat(server): noise"]);
    published_release.bed.clone.git(["tag", "-f", "-a", "-m", "release", crate::support::test_bed::TAG]);
    published_release.bed.clone.git(["push", "-q", "-f", "origin", "main", crate::support::test_bed::TAG]);
    published_release.commit = published_release.bed.clone.git(["rev-parse", "HEAD"]);
    let good = published_release.archive();
    published_release.publish_attested(&good);
    let file = published_release.bed.home.path().join("archive.tar.gz");
    std::fs::write(&file, &good).unwrap();
    let mut best = [f64::MAX; 2];
    for _ in 0..3 {
        published_release.bed.github.reset_rate_limit();
        let started = Instant::now();
        assert_eq!(unproven_findings(&published_release.audit(&[])).0, "proven");
        best[0] = best[0].min(started.elapsed().as_secs_f64());
        let started = Instant::now();
        run(hermetic_command("sha256sum", published_release.bed.home.path()).arg(&file)).ok();
        run(hermetic_command("gzip", published_release.bed.home.path()).arg("-t").arg(&file)).ok();
        assert!(!published_release.tar().is_empty());
        best[1] = best[1].min(started.elapsed().as_secs_f64());
    }
    let [ours, theirs] = best.map(|it| it * 1000.0);
    print_note(&format!(
        "audit: {} bytes in {ours:.0} ms; sha256sum, gzip -t and git archive in {theirs:.0} ms: {:.2}",
        good.len(),
        ours / theirs
    ));
    assert!(good.len() > 20_000_000);
}
