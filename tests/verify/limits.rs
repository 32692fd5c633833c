//! More than anybody needs: bundles, archives and lists of a size that must not take a machine's memory. Each ends in a clear verdict,
//! within 256 MiB.

use std::process::Command;
use std::time::Instant;

use serde_json::json;

use crate::publish::large_assets::noise;
use crate::support::attested_file::{Minted, POLICY, release_run, verdict};
use crate::support::published_release::{Released, filter, open};
use crate::support::repository::{Ran, hermetic, run, say};

/// The most memory that a process may have resident, in KiB.
const MOST: u64 = 256 << 10;

/// Runs a command, and tells how much memory it took at most.
fn measured(what: &str, command: &Command) -> Ran {
    const SCRIPT: &str = "import os, resource, subprocess, sys\n\
        code = subprocess.run(sys.argv[2:]).returncode\n\
        most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n\
        open(sys.argv[1], 'w').write(str(most))\n\
        sys.exit(code)";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("most");
    let mut python = hermetic("python3", folder.path());
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            python.env(key, value);
        }
    }
    if let Some(at) = command.get_current_dir() {
        python.current_dir(at);
    }
    python.args(["-c", SCRIPT]).arg(&file).arg(command.get_program()).args(command.get_args());
    let started = Instant::now();
    let ran = run(&mut python);
    let most: u64 = std::fs::read_to_string(&file).unwrap().parse().unwrap();
    say(&format!("{what}: {:.2?}, at most {} MiB", started.elapsed(), most >> 10));
    assert!(most < MOST, "{what} took {most} KiB");
    ran
}

#[test]
fn a_bundle_of_a_hundred_megabytes() {
    let mut minted = Minted::new();
    let good = minted.bundle().to_string();
    let long = format!("{{\"mediaType\":\"{}\"}}", "x".repeat(100 << 20));
    for name in ["bundle.json", "bundle.jsonl"] {
        let ran = measured("a bundle of 100 MiB", &minted.command(&long, name, &POLICY));
        assert_eq!(verdict(&ran), ("unproven".to_owned(), "limit".to_owned()));
    }
    // What comes first was looked at, and holds.
    let both = format!("{good}\n{long}");
    let ran = measured("a bundle before one of 100 MiB", &minted.command(&both, "bundle.jsonl", &POLICY));
    assert_eq!(verdict(&ran).0, "proven");
}

#[test]
fn ten_thousand_bundles() {
    let mut minted = Minted::new();
    let mut unlike = minted.statement();
    unlike["subject"][0]["digest"]["sha256"] = "11".repeat(32).into();
    let other = minted.attest(&release_run().claims(), &unlike).to_string();
    let good = minted.bundle().to_string();
    let many = format!("{other}\n").repeat(10_000);
    let ran = measured("10,000 bundles", &minted.command(&many, "all.jsonl", &POLICY));
    assert_eq!(verdict(&ran).0, "refuted");
    assert_eq!(ran.json()["subjects"][0]["bundles"].as_array().unwrap().len(), 1001);
    assert_eq!(ran.json()["subjects"][0]["bundles"][1000]["reason"], "limit");
    let ran = measured(
        "a good bundle before 10,000",
        &minted.command(&format!("{good}\n{many}"), "all.jsonl", &POLICY),
    );
    assert_eq!(verdict(&ran).0, "proven");
}

/// `audit` of what was released, measured.
fn audited(released: &Released, what: &str) -> (String, Vec<String>) {
    released.world.github.reset_rate_limit();
    let mut command = released.world.command(&["audit", crate::support::test_bed::TAG, "--format", "json"]);
    command.arg("--trusted-root").arg(released.world.home.path().join("root.json"));
    open(&measured(what, &command))
}

#[test]
fn archives_that_grow_without_end() {
    let mut released = Released::new();
    let zeroes = filter("head", &["-c", &((1_u64 << 30) + (64 << 20)).to_string(), "/dev/zero"], b"");
    let bomb = filter("gzip", &["-n", "-1"], &zeroes);
    drop(zeroes);
    released.publish(&bomb);
    let found = audited(&released, "a gzip bomb");
    assert_eq!(found, ("unproven".to_owned(), vec!["archive: limit".to_owned()]));

    let mut tar = crate::support::tar_builder::Tarball::parse(&released.tar()).bytes();
    let end = tar.len() - 20 * 512;
    tar.truncate(end.max(512 * 4));
    let mut many = crate::support::tar_builder::Tarball::parse(&released.tar());
    for number in 0..600_000 {
        many.add(&format!("{}/{number}", crate::support::published_release::FOLDER), b'0', b"", "");
    }
    let million = filter("gzip", &["-n", "-1"], &many.bytes());
    drop(many);
    released.publish(&million);
    let found = audited(&released, "600,000 members");
    assert_eq!(found, ("unproven".to_owned(), vec!["archive: limit".to_owned()]));

    let good = released.archive();
    released.publish(&good);
    assert_eq!(audited(&released, "a release"), ("proven".to_owned(), Vec::new()));
}

#[test]
fn a_snappy_bomb_and_endless_pages() {
    let mut released = Released::new();
    let good = released.archive();
    released.publish(&good);
    released.world.github.clear_attestations();
    // A block that says that it is 4 GiB long, and has a few bytes.
    let bomb = released.world.github.host_file("bomb", vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0xfe, 1, 0]);
    let endless = released.world.github.host_file("endless", vec![b'{'; 40 << 20]);
    let listed = json!({ "attestations": [
        { "bundle_url": bomb, "repository_id": 424_242 },
        { "bundle_url": endless, "repository_id": 424_242 },
    ] });
    released.world.github.inject(emulators::Fault {
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
    let (verdict, found) = audited(&released, "a snappy bomb");
    assert_eq!((verdict.as_str(), &found[0][..]), ("unproven", "attestation: unreachable"));
}

#[test]
fn how_long_an_audit_of_twenty_megabytes_takes() {
    let mut released = Released::new();
    released.world.clone.git(["config", "core.compression", "0"]);
    for (number, bytes) in noise(20_000_000).chunks(100_000).enumerate() {
        released.world.clone.write(&format!("server/noise/{number}"), bytes);
    }
    released.world.clone.git(["add", "-A"]);
    released.world.clone.git(["commit", "-q", "-m", "feat(server): noise"]);
    released.world.clone.git(["tag", "-f", "-a", "-m", "release", crate::support::test_bed::TAG]);
    released.world.clone.git(["push", "-q", "-f", "origin", "main", crate::support::test_bed::TAG]);
    released.commit = released.world.clone.git(["rev-parse", "HEAD"]);
    let good = released.archive();
    released.publish(&good);
    let file = released.world.home.path().join("archive.tar.gz");
    std::fs::write(&file, &good).unwrap();
    let mut best = [f64::MAX; 2];
    for _ in 0..3 {
        released.world.github.reset_rate_limit();
        let started = Instant::now();
        assert_eq!(open(&released.audit(&[])).0, "proven");
        best[0] = best[0].min(started.elapsed().as_secs_f64());
        let started = Instant::now();
        run(hermetic("sha256sum", released.world.home.path()).arg(&file)).ok();
        run(hermetic("gzip", released.world.home.path()).arg("-t").arg(&file)).ok();
        assert!(!released.tar().is_empty());
        best[1] = best[1].min(started.elapsed().as_secs_f64());
    }
    let [ours, theirs] = best.map(|it| it * 1000.0);
    say(&format!(
        "audit: {} bytes in {ours:.0} ms; sha256sum, gzip -t and git archive in {theirs:.0} ms: {:.2}",
        good.len(),
        ours / theirs
    ));
    assert!(good.len() > 20_000_000);
}
