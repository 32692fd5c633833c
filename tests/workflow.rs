//! The release workflow for OpenSandbox, step by step as it runs there: draft, attestation, publication, audit. And its inputs, which no
//! shell may read as anything but text.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rehearsal::{Run, Sigstore};

use crate::minted::{NOW, release_run, sha256sum};
use crate::support::{Ran, hermetic, run};
use crate::tools::fetched;
use crate::world::{TAG, TOKEN, World, without_secret};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn workflow() -> String {
    std::fs::read_to_string(root().join(".github/workflows/release-generic.yml")).unwrap()
}

/// A step of the workflow, with `cargo xtask` being the built binary.
fn step(world: &World, line: &str, variables: &[(&str, &str)]) -> Ran {
    let bin = world.home.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let cargo = bin.join("cargo");
    // The repository is not the catalog's own here.
    let xtask = env!("CARGO_BIN_EXE_xtask");
    std::fs::write(&cargo, format!("#!/bin/sh\nshift; exec {xtask} -R acme/widgets \"$@\"\n")).unwrap();
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
    let command = world.command(&[]);
    let mut bash = Command::new("bash");
    bash.env_clear().current_dir(world.clone.path());
    for (key, value) in command.get_envs() {
        if let Some(value) = value {
            bash.env(key, value);
        }
    }
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    bash.env("PATH", path).env("GITHUB_OUTPUT", world.home.path().join("output"));
    bash.args(["-ec", &line.replace("scripts/", &format!("{}/scripts/", root().display()))]);
    without_secret(run(bash.envs(variables.iter().copied())))
}

/// The lines that the workflow runs, in its order.
fn lines() -> Vec<String> {
    let text = workflow();
    let lines = text.lines().filter_map(|it| it.trim().strip_prefix("run: "));
    lines.map(str::to_owned).filter(|it| it != "|").collect()
}

#[test]
fn the_workflow_releases_attests_publishes_and_proves() {
    let world = World::new();
    world.github.set(|it| it.now = NOW);
    // In Actions nobody has a credential helper: the token comes by the environment.
    world.clone.git(["config", "--unset", "credential.helper"]);
    let [plan, draft, publish, audit]: [String; 4] = lines().try_into().unwrap();
    let typed =
        [("TAG", TAG), ("GH_TOKEN", TOKEN), ("NO_PATH_FILTER", "false"), ("INITIAL_RELEASE", "false")];
    step(&world, &plan, &typed).ok();
    assert_eq!(world.github.releases().len(), 0, "the plan changed something");
    step(&world, &draft, &typed).ok();
    assert_eq!(world.release()["draft"], true);
    // The branch goes on meanwhile: what is released stays what the tag names.
    let commit = world.clone.git(["rev-parse", "HEAD"]);
    world.clone.git(["commit", "-q", "--allow-empty", "-m", "chore: go on"]);
    world.clone.git(["push", "-q", world.github.bare().to_str().unwrap(), "main"]);
    let output = std::fs::read_to_string(world.home.path().join("output")).unwrap();
    let of = |key: &str| PathBuf::from(output.lines().rev().find_map(|it| it.strip_prefix(key)).unwrap());
    let files = [of("archive="), of("checksums=")];
    let run = Run { commit, ..release_run() };
    let names = files.each_ref().map(|it| it.file_name().unwrap().to_str().unwrap());
    let digests = files.each_ref().map(|it| sha256sum(it));
    let mut sigstore = Sigstore::new(NOW).unwrap();
    let statement = run.provenance(&[(names[0], &digests[0]), (names[1], &digests[1])]);
    let bundle = sigstore.attest(&run.claims(), &statement).unwrap();
    world.github.attest(&bundle.to_string(), false).unwrap();
    let roots = world.home.path().join("root.json");
    std::fs::write(&roots, sigstore.trusted_root().unwrap().to_string()).unwrap();
    let trusted = format!(" --trusted-root {}", roots.display());
    let told = step(&world, &publish.replace("--push", &format!("--push{trusted}")), &typed).ok().stdout;
    assert_eq!(world.release()["draft"], false);
    assert!(told.contains("attestation"), "what was attested was not looked at:\n{told}");
    world.github.new_hour();
    let audit = audit.replace("--wait 10m", &format!("--wait 10m{trusted}"));
    let told = step(&world, &audit, &[("TAG", TAG)]).ok().stdout;
    assert!(told.contains("byte by byte"), "{told}");
}

#[test]
fn paths_and_flags_that_were_typed_reach_the_notes() {
    let world = World::new();
    let [plan, ..] = &lines()[..] else { panic!("no lines") };
    let typed = [("TAG", TAG), ("GH_TOKEN", TOKEN)];
    let told = |more: &[(&str, &str)]| step(&world, plan, &[&typed[..], more].concat()).ok().stdout;
    assert!(!told(&[]).contains("docs: say so"));
    assert!(told(&[("EXTRA_PATHS", "README.md,server")]).contains("docs: say so"));
    assert!(told(&[("NO_PATH_FILTER", "true")]).contains("docs: say so"));
}

#[test]
fn no_input_is_read_as_a_command_or_a_flag() {
    let world = World::new();
    let before = world.state();
    let [plan, ..] = &lines()[..] else { panic!("no lines") };
    for tag in ["$(touch pwned)", "`touch pwned`", "; touch pwned", "--push", "x\ny", "\"; touch pwned; \""] {
        let typed = [("TAG", tag), ("GH_TOKEN", TOKEN), ("FROM_TAG", tag), ("EXTRA_PATHS", tag)];
        let ran = step(&world, plan, &typed);
        assert_eq!(ran.code, 2, "{tag}: {}\n{}", ran.stdout, ran.stderr);
        assert!(!world.clone.path().join("pwned").exists(), "{tag} was run");
    }
    assert_eq!(world.state(), before);
}

#[test]
fn zizmor_finds_nothing_in_the_workflows() {
    let Some(zizmor) = fetched("zizmor-1.32.0/bin/zizmor", "zizmor_finds_nothing_in_the_workflows") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let check = |files: &Path| {
        let mut command = hermetic(&zizmor, folder.path());
        run(command.args(["--offline", "--no-progress", "--persona=pedantic"]).arg(files))
    };
    let clean = check(&root().join(".github/workflows"));
    assert_eq!(clean.code, 0, "{}\n{}", clean.stdout, clean.stderr);
    // An input that is pasted is found.
    let pasted = workflow()
        .replace("run: scripts/release/workflow.sh --push --dry-run", "run: echo ${{ inputs.tag }}");
    assert_ne!(pasted, workflow());
    let file = folder.path().join("pasted.yml");
    std::fs::write(&file, pasted).unwrap();
    let found = check(&file);
    assert!(
        found.code != 0 && found.stdout.contains("template-injection"),
        "{}\n{}",
        found.stdout,
        found.stderr
    );
}

#[test]
fn the_workflow_pins_its_actions_and_pastes_nothing() {
    let text = workflow();
    for line in text.lines().map(str::trim) {
        if let Some(action) = line.strip_prefix("- uses: ").or(line.strip_prefix("uses: ")) {
            let (_, commit) = action.split_once('@').unwrap();
            let commit = commit.split(' ').next().unwrap();
            assert!(commit.len() == 40 && commit.bytes().all(|it| it.is_ascii_hexdigit()), "{line}");
        }
        if line.starts_with("run:") {
            assert!(!line.contains("${{"), "{line} pastes");
        }
    }
    assert!(text.contains("\npermissions: {}\n"), "the workflow itself has rights");
}
