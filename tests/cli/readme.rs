//! The README's commands do what it says, on the demo repository.

use std::path::{Path, PathBuf};

use emulators::{ActionsRun, Sigstore};

use crate::support::attested_file::{release_run, sha256sum};
use crate::support::repository::{Fixture, hermetic, run, xtask};
use crate::support::test_bed::{World, without_secret};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// After every commit of the demo.
const LATER: i64 = 1_780_500_000;

/// The lines of the README's shell blocks.
fn commands() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|it| it.split("```").next().unwrap());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// The demo repository, in a folder of its own, with an origin.
fn demo() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (bare, demo) = (folder.path().join("origin.git"), folder.path().join("demo"));
    let git = |arguments: &[&str]| run(hermetic("git", folder.path()).args(arguments)).ok();
    git(&["init", "-q", "--bare", "-b", "main", bare.to_str().unwrap()]);
    emulators::create_demo_repository(&bare, include_str!("../../release.toml"), "server/v0.2.0").unwrap();
    git(&["clone", "-q", bare.to_str().unwrap(), demo.to_str().unwrap()]);
    (folder, demo)
}

#[test]
fn every_command_of_the_readme_runs() {
    let (_folder, demo) = demo();
    let world = World::of(Fixture::at(demo));
    world.github.configure(|it| it.now = LATER);
    signing(&world);
    let (mut ran, mut scripts) = (0, 0);
    for command in commands() {
        if let Some(arguments) = command.strip_prefix("cargo xtask ") {
            let arguments = arguments.replace("alibaba/OpenSandbox", "acme/widgets");
            let mut words: Vec<&str> = arguments.split_whitespace().collect();
            let root = world.clone.path().join(".git/root.json");
            if ["audit", "verify"].contains(&words[0]) {
                attest(&world, &root);
                words.extend(["--trusted-root", root.to_str().unwrap()]);
            }
            if words[0] == "config" {
                std::fs::remove_file(world.clone.path().join("release.toml")).unwrap();
            }
            world.github.reset_rate_limit();
            let date = format!("{LATER} +0000");
            let outcome = without_secret(run(world.command(&words).env("GIT_COMMITTER_DATE", date)));
            assert_eq!(outcome.code, 0, "{command}\n{}\n{}", outcome.stdout, outcome.stderr);
            assert!(!outcome.stdout.is_empty(), "{command}");
            ran += 1;
        } else {
            use std::os::unix::fs::PermissionsExt as _;
            let meta = std::fs::metadata(root().join(&command))
                .unwrap_or_else(|_| panic!("{command}: no such script"));
            assert!(meta.permissions().mode() & 0o111 != 0, "{command} cannot be executed");
            scripts += 1;
        }
    }
    assert!(ran >= 18 && scripts == 2, "{ran} commands and {scripts} scripts");
}

/// A key that git signs with, and a catalog at the repository's root that names it.
fn signing(world: &World) {
    let (clone, key) = (&world.clone, world.home.path().join("key"));
    let mut keygen = hermetic("ssh-keygen", world.home.path());
    run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"]).arg(&key)).ok();
    clone.git(["config", "gpg.format", "ssh"]);
    clone.git(["config", "user.signingKey", key.to_str().unwrap()]);
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    clone.write("allowed_signers", format!("ada@example.com {public}").as_bytes());
    let catalog =
        format!("{}\n[signers]\nallowed_signers = \"allowed_signers\"\n", include_str!("../../release.toml"));
    clone.write("release.toml", catalog.as_bytes());
    clone.write(".git/info/exclude", b"release.toml\nallowed_signers\n");
}

#[test]
fn the_suite_is_put_into_a_clone_and_nothing_else_is_changed() {
    let fixture = Fixture::released();
    let script = root().join("scripts/adopt.sh");
    let adopt =
        |folder: &str| run(hermetic("bash", fixture.path()).arg(&script).arg(fixture.path()).arg(folder));
    let status = adopt("release-suite").ok().stdout;
    assert_eq!(status, "?? .cargo/\n?? .github/\n?? release-suite/\n?? scripts/\n");
    let read = |path: &str| std::fs::read_to_string(fixture.path().join(path)).unwrap();
    let committed = run(hermetic("git", &root()).arg("-C").arg(root()).args(["show", "HEAD:./Cargo.toml"]));
    assert_eq!(read("release-suite/Cargo.toml"), committed.ok().stdout);
    assert!(read(".cargo/config.toml").contains("--manifest-path release-suite/Cargo.toml"));
    let workflow = read(".github/workflows/release-generic.yml");
    assert!(workflow.contains("\ndefaults:\n  run:\n    working-directory: release-suite\n"), "{workflow}");
    let mut legacy = hermetic("scripts/release/create-release.sh", fixture.path());
    legacy.current_dir(fixture.path()).env("CARGO_XTASK", env!("CARGO_BIN_EXE_xtask"));
    legacy.args(["--target", "server", "--version", "0.1.1", "--dry-run", "--allow", "clean-tree"]);
    assert!(run(&mut legacy).ok().stdout.contains("Nothing was changed."));
    assert!(adopt("release-suite").stderr.contains("is there already"));
    assert_eq!((adopt("../elsewhere").code, adopt("a b").code), (2, 2));
}

/// Does what the release workflow does: attests the files of the release. The archive is put where a reader would have it.
fn attest(world: &World, root: &Path) {
    let dist = world.clone.path().join("dist/server-v0.2.0");
    let names = ["opensandbox-server-v0.2.0.tar.gz", "SHA256SUMS"];
    for name in names {
        std::fs::copy(dist.join(name), world.clone.path().join(name)).unwrap();
    }
    let digests = names.map(|it| sha256sum(&dist.join(it)));
    let run = ActionsRun { commit: world.clone.git(["rev-parse", "HEAD"]), ..release_run() };
    let statement = run.provenance(&[(names[0], &digests[0]), (names[1], &digests[1])]);
    let mut sigstore = Sigstore::new(LATER + 60).unwrap();
    let bundle = sigstore.attest(&run.claims(), &statement).unwrap();
    std::fs::write(root, sigstore.trusted_root().unwrap().to_string()).unwrap();
    world.github.clear_attestations();
    world.github.add_attestation(&bundle.to_string(), false).unwrap();
}

#[test]
fn the_picture_is_of_a_rehearsal_as_it_is_now() {
    let picture = std::fs::read_to_string(root().join("docs/rehearsal.svg")).unwrap();
    for step in ["world", "release", "attest", "audit", "notes", "untouched"] {
        assert!(picture.contains(step), "no {step} in the picture: run scripts/screenshots.sh");
    }
    let drawn = picture.matches(">ran&#160;").count();
    assert_eq!(drawn, 7, "{drawn} commands ran in the picture, with gh it is 7: run scripts/screenshots.sh");
    let addresses: Vec<&str> =
        picture.split("http").skip(1).map(|it| it.split(['"', '<', '&']).next().unwrap()).collect();
    let own = ["://www.w3.org/2000/svg", "s://github.com/alibaba/OpenSandbox"];
    assert!(addresses.iter().all(|it| own.contains(it)), "the picture asks for {addresses:?}");
}

#[test]
fn the_demo_has_what_the_real_repository_has() {
    let (_folder, demo) = demo();
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
    let fixture = Fixture::at(demo);
    let count = |range: &[&str]| -> usize {
        fixture.git([&["rev-list", "--count"], range].concat()).parse().unwrap()
    };
    assert!(count(&["main"]) > 100, "only {} commits", count(&["main"]));
    assert_eq!(count(&["--merges", "main"]), 1);
    let targets = run(xtask(fixture.path()).args(["targets", "--format", "json"])).ok().json();
    let targets = targets["targets"].as_array().unwrap();
    assert!(targets.len() == 22 && targets.iter().all(|it| it["newest_tag"].is_string()), "{targets:#?}");
    assert_eq!(fixture.git(["fsck", "--strict"]), "");
    let (_again, other) = self::demo();
    assert_eq!(Fixture::at(other).git(["rev-parse", "main"]), fixture.git(["rev-parse", "main"]));
}

#[test]
fn the_set_up_does_nothing_where_nothing_is_missing_and_says_what_to_install_elsewhere() {
    let fixture = Fixture::new();
    let setup = root().join("scripts/setup.sh");
    let here = run(hermetic("bash", fixture.path()).arg(&setup));
    assert_eq!((here.code, here.stdout.as_str(), here.stderr.as_str()), (0, "", ""));
    // A machine that has cargo and the shell's own tools, and no package manager that the script knows.
    let bin = fixture.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    for tool in ["bash", "grep", "tr", "dirname", "cat", "cargo", "git", "gzip"] {
        let path =
            run(hermetic("bash", fixture.path()).args(["-c", &format!("command -v {tool}")])).ok().stdout;
        std::os::unix::fs::symlink(path.trim(), bin.join(tool)).unwrap();
    }
    let elsewhere = run(hermetic(bin.join("bash"), fixture.path()).arg(&setup).env("PATH", &bin));
    assert_eq!(elsewhere.code, 1);
    assert!(
        elsewhere.stderr.contains("missing: cc (gcc): libgit2 is built from source"),
        "{}",
        elsewhere.stderr
    );
    assert!(elsewhere.stderr.contains("This is no Debian system. Install these"), "{}", elsewhere.stderr);
}
