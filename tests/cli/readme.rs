//! The commands of the README do what it describes, on the demo repository.

use std::path::{Path, PathBuf};

use emulators::{ActionsRun, Sigstore};

use crate::support::attested_file::{release_workflow_run, sha256sum};
use crate::support::repository::{TestRepository, hermetic_command, run, xtask};
use crate::support::test_bed::{TestBed, expect_no_secret};

fn workspace_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Time of release and audit, in seconds since 1970: after every commit of the demo.
const AUDIT_TIME: i64 = 1_780_500_000;

/// Returns the lines of the README's shell blocks.
fn readme_commands() -> Vec<String> {
    let text = std::fs::read_to_string(workspace_root().join("README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|it| it.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// Creates the demo repository in a temporary folder, with its remote.
fn demo_repository() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (bare, demo) = (folder.path().join("origin.git"), folder.path().join("demo"));
    let git = |arguments: &[&str]| run(hermetic_command("git", folder.path()).args(arguments)).ok();
    git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    emulators::create_demo_repository(&bare, include_str!("../../release.toml"), "server/v0.2.0").unwrap();
    git(&["clone", "-q", bare.to_str().unwrap(), demo.to_str().unwrap()]);
    (folder, demo)
}

#[test]
fn every_readme_command_runs() {
    let (_folder, demo) = demo_repository();
    let bed = TestBed::with_clone(TestRepository::open(demo));
    bed.github.configure(|it| it.now = AUDIT_TIME);
    configure_signing(&bed);
    let (mut command_count, mut scripts) = (0, 0);
    for command in readme_commands() {
        if let Some(arguments) = command.strip_prefix("cargo xtask ") {
            let arguments = arguments.replace("alibaba/OpenSandbox", "acme/widgets");
            let mut words: Vec<&str> = arguments.split_whitespace().collect();
            let root = bed.clone.path().join(".git/root.json");
            if ["audit", "verify"].contains(&words[0]) {
                attest_release_files(&bed, &root);
                words.extend(["--trusted-root", root.to_str().unwrap()]);
            }
            if words[0] == "audit" {
                words.extend(["--channel", "source"]);
            }
            if words[0] == "config" {
                std::fs::remove_file(bed.clone.path().join("release.toml")).unwrap();
            }
            bed.github.reset_rate_limit();
            let date = format!("{AUDIT_TIME} +0000");
            let outcome = expect_no_secret(run(bed.command(&words).env("GIT_COMMITTER_DATE", date)));
            assert_eq!(outcome.code, 0, "{command}\n{}\n{}", outcome.stdout, outcome.stderr);
            assert!(!outcome.stdout.is_empty(), "{command}");
            command_count += 1;
        } else {
            use std::os::unix::fs::PermissionsExt as _;
            let meta = std::fs::metadata(workspace_root().join(&command))
                .unwrap_or_else(|_| panic!("{command}: no such script"));
            assert!(meta.permissions().mode() & 0o111 != 0, "{command} cannot be executed");
            scripts += 1;
        }
    }
    assert!(command_count >= 18 && scripts == 2, "{command_count} commands and {scripts} scripts");
}

/// Configures a key that git signs with, and a `release.toml` at the repository's root that trusts it.
fn configure_signing(bed: &TestBed) {
    let (clone, key) = (&bed.clone, bed.home.path().join("key"));
    let mut keygen = hermetic_command("ssh-keygen", bed.home.path());
    run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&key)).ok();
    clone.git(["config", "gpg.format", "ssh"]);
    clone.git(["config", "user.signingKey", key.to_str().unwrap()]);
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    clone.write_file("allowed_signers", format!("ada@example.com {public}").as_bytes());
    let catalog =
        format!("{}\n[signers]\nallowed_signers = \"allowed_signers\"\n", include_str!("../../release.toml"));
    clone.write_file("release.toml", catalog.as_bytes());
    clone.write_file(".git/info/exclude", b"release.toml\nallowed_signers\n");
}

#[test]
fn adopt_script_changes_only_its_files() {
    let fixture = TestRepository::with_release();
    let script = workspace_root().join("scripts/adopt.sh");
    let adopt = |folder: &str| {
        run(hermetic_command("bash", fixture.path()).arg(&script).arg(fixture.path()).arg(folder))
    };
    let status = adopt("release-suite").ok().stdout;
    assert_eq!(status, "?? .cargo/\n?? .github/\n?? release-suite/\n?? scripts/\n");
    let read = |path: &str| std::fs::read_to_string(fixture.path().join(path)).unwrap();
    let committed = run(hermetic_command("git", &workspace_root())
        .arg("-C")
        .arg(workspace_root())
        .args(["show", "HEAD:./Cargo.toml"]));
    assert_eq!(read("release-suite/Cargo.toml"), committed.ok().stdout);
    assert!(read(".cargo/config.toml").contains("--manifest-path release-suite/Cargo.toml"));
    let workflow = read(".github/workflows/release-generic.yml");
    assert!(workflow.contains("\ndefaults:\n  run:\n    working-directory: release-suite\n"), "{workflow}");
    let mut legacy = hermetic_command("scripts/release/create-release.sh", fixture.path());
    legacy.current_dir(fixture.path()).env("CARGO_XTASK", env!("CARGO_BIN_EXE_xtask"));
    legacy.args(["--target", "server", "--version", "0.1.1", "--dry-run", "--allow", "clean-tree"]);
    assert!(run(&mut legacy).ok().stdout.contains("Nothing was changed."));
    assert!(adopt("release-suite").stderr.contains("is there already"));
    assert_eq!((adopt("../elsewhere").code, adopt("a b").code), (2, 2));
}

/// Attests the files of the release, as the release workflow does, and copies them to where a reader would have them.
fn attest_release_files(bed: &TestBed, root: &Path) {
    let dist = bed.clone.path().join("dist/server-v0.2.0");
    let names = ["opensandbox-server-v0.2.0.tar.gz", "SHA256SUMS"];
    for name in names {
        std::fs::copy(dist.join(name), bed.clone.path().join(name)).unwrap();
    }
    let digests = names.map(|it| sha256sum(&dist.join(it)));
    let run = ActionsRun { commit: bed.clone.git(["rev-parse", "HEAD"]), ..release_workflow_run() };
    let statement = run.provenance(&[(names[0], &digests[0]), (names[1], &digests[1])]);
    let mut sigstore = Sigstore::new(AUDIT_TIME + 60).unwrap();
    let bundle = sigstore.attest(&run.claims(), &statement).unwrap();
    std::fs::write(root, sigstore.trusted_root().unwrap().to_string()).unwrap();
    bed.github.clear_attestations();
    bed.github.add_attestation(&bundle.to_string(), false).unwrap();
}

#[test]
fn rehearsal_picture_is_current() {
    let picture = std::fs::read_to_string(workspace_root().join("docs/rehearsal.svg")).unwrap();
    for step in ["world", "release", "attest", "audit", "notes", "untouched"] {
        assert!(picture.contains(step), "no {step} in the picture: run scripts/screenshots.sh");
    }
    let drawn = picture.matches(">ran&#160;").count();
    assert_eq!(drawn, 7, "expected 7 commands in the picture, found {drawn}: run scripts/screenshots.sh");
    let addresses: Vec<&str> =
        picture.split("http").skip(1).map(|it| it.split(['"', '<', '&']).next().unwrap()).collect();
    let allowed_urls = ["://www.w3.org/2000/svg", "s://github.com/alibaba/OpenSandbox"];
    assert!(addresses.iter().all(|it| allowed_urls.contains(it)), "the picture links to {addresses:?}");
}

#[test]
fn demo_repository_covers_every_kind_of_commit() {
    let (_folder, demo) = demo_repository();
    let notes = run(xtask(&demo).args(["notes", "server/v0.2.0"])).ok().stdout;
    for expected in [
        "- perf(server):start in half the time (#10)",
        "- feat(server): keep a pool of warm sandboxes (#4)",
        "- fix(server): do not leak a sandbox when the pool is full (#4)",
        "- feat(server)!: drop the v0 endpoints (#8)",
        "- Fix the fix of the fix\n- Revert \"feat(server): cache everything (#&#8203;6)\" (#7)\n- feat(server): cache everything (#6)\n",
        "- chore(deps): bump @&#8203;scope/example from 1.0 to 1.1 in /server (#5)",
        "- @ada-demo\n- Edsger Démo\n- Grace Demo\n",
        "Automation: demo-bot\\[bot\\]",
    ] {
        assert!(notes.contains(expected), "no {expected:?} in\n{notes}");
    }
    let fixture = TestRepository::open(demo);
    let count = |range: &[&str]| -> usize {
        fixture.git([&["rev-list", "--count"], range].concat()).parse().unwrap()
    };
    assert!(count(&["main"]) > 100, "only {} commits", count(&["main"]));
    assert_eq!(count(&["--merges", "main"]), 1);
    let targets = run(xtask(fixture.path()).args(["targets", "--format", "json"])).ok().json();
    let targets = targets["targets"].as_array().unwrap();
    assert!(targets.len() == 22 && targets.iter().all(|it| it["newest_tag"].is_string()), "{targets:#?}");
    assert_eq!(fixture.git(["fsck", "--strict"]), "");
    let (_again, other) = demo_repository();
    assert_eq!(TestRepository::open(other).git(["rev-parse", "main"]), fixture.git(["rev-parse", "main"]));
}

#[test]
fn setup_script_reports_missing_packages() {
    let fixture = TestRepository::new();
    let setup = workspace_root().join("scripts/setup.sh");
    let with_packages = run(hermetic_command("bash", fixture.path()).arg(&setup));
    assert_eq!(
        (with_packages.code, with_packages.stdout.as_str(), with_packages.stderr.as_str()),
        (0, "", "")
    );
    // A machine with cargo and basic tools, but without a package manager that the script knows.
    let bin = fixture.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for tool in ["bash", "grep", "tr", "dirname", "cat", "cargo", "git", "gzip"] {
        let path = run(hermetic_command("bash", fixture.path()).args(["-c", &format!("command -v {tool}")]))
            .ok()
            .stdout;
        std::os::unix::fs::symlink(path.trim(), bin.join(tool)).unwrap();
    }
    let without_packages =
        run(hermetic_command(bin.join("bash"), fixture.path()).arg(&setup).env("PATH", &bin));
    assert_eq!(without_packages.code, 1);
    assert!(
        without_packages.stderr.contains("missing: cc (gcc): compiles libgit2"),
        "{}",
        without_packages.stderr
    );
    assert!(
        without_packages.stderr.contains("This is no Debian system. Install these"),
        "{}",
        without_packages.stderr
    );
}
